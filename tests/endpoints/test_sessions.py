"""Listing and ending sessions, and their additional fields."""

from datetime import timedelta
from typing import Annotated

import pytest

from asgi_auth import FieldRules, Session, SessionOptions
from tests.support import ADA, BOB, PASSWORD, SESSION_COOKIE, browser, me, sign_up, whoami

pytestmark = pytest.mark.every_storage

CREDENTIALS = {"email": ADA["email"], "password": PASSWORD}
SESSION_KEYS = ["expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId", "id"]

CLEARED = [
    "better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
]

GUARDED = [
    ("GET", "/list-sessions", None),
    ("POST", "/revoke-session", {"token": "x"}),
    ("POST", "/revoke-sessions", {}),
    ("POST", "/revoke-other-sessions", {}),
    ("POST", "/update-session", {"theme": "dark"}),
    ("POST", "/update-user", {"name": "x"}),
    ("POST", "/change-password", {"currentPassword": "x", "newPassword": "long enough"}),
    ("POST", "/verify-password", {"password": "x"}),
]


class Themed(Session, frozen=True, kw_only=True):
    """A session with fields of the application's own."""

    theme: str | None = None
    tab_count: int = 0
    tenant: Annotated[str | None, FieldRules(input=False)] = None
    note: Annotated[str | None, FieldRules(returned=False)] = None


async def sign_in(client):
    response = await client.post("/api/auth/sign-in/email", json=CREDENTIALS)
    assert response.status_code == 200
    return response.json()["token"]


@pytest.mark.parametrize(("method", "path", "body"), GUARDED)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer unknown"}, {"cookie": f"{SESSION_COOKIE}=x.y"}])
async def test_without_a_session_the_answer_is_401(guest, method, path, body, headers):
    response = await guest.request(method, f"/api/auth{path}", json=body, headers=headers)

    assert response.status_code == 401
    assert response.json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}
    assert "set-cookie" not in response.headers


async def test_all_sessions_of_the_user_that_hold_are_listed_oldest_first(auth, ada, clock):
    first = ada.cookies[SESSION_COOKIE].partition(".")[0]
    async with browser(auth.wrap(whoami)) as elsewhere, browser(auth.wrap(whoami)) as other:
        await sign_up(other, BOB)
        clock.advance(hours=1)
        second = await sign_in(elsewhere)
        response = await elsewhere.get("/api/auth/list-sessions")

    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert [session["token"] for session in response.json()] == [first, second]
    assert all(list(session) == SESSION_KEYS for session in response.json())


async def test_expired_sessions_are_not_listed(auth, ada, clock):
    clock.advance(days=6, hours=23)
    async with browser(auth.wrap(whoami)) as elsewhere:
        token = await sign_in(elsewhere)
        clock.advance(hours=2)
        listed = (await elsewhere.get("/api/auth/list-sessions")).json()
    assert [session["token"] for session in listed] == [token]


async def test_listing_asks_for_a_session_of_the_last_day(ada, clock):
    clock.advance(hours=23, minutes=59)
    assert (await ada.get("/api/auth/list-sessions")).status_code == 200
    clock.advance(minutes=1)
    response = await ada.get("/api/auth/list-sessions")
    assert response.status_code == 403
    assert response.json() == {"message": "Session is not fresh", "code": "SESSION_NOT_FRESH"}


async def test_being_extended_does_not_make_a_session_fresh(member, clock):
    clock.advance(days=1)
    assert "set-cookie" in (await member.get("/api/auth/get-session")).headers
    assert (await member.get("/api/auth/list-sessions")).status_code == 403


async def test_freshness_can_be_switched_off(make_auth, clock):
    async with browser(make_auth(session=SessionOptions(fresh_for=timedelta())).wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(days=3)
        assert (await client.get("/api/auth/list-sessions")).status_code == 200


async def test_one_of_the_own_sessions_can_be_ended(auth, ada):
    async with browser(auth.wrap(whoami)) as elsewhere:
        token = await sign_in(elsewhere)
        response = await ada.post("/api/auth/revoke-session", json={"token": token})

        assert (response.status_code, response.json()) == (200, {"status": True})
        assert "set-cookie" not in response.headers
        assert (await me(elsewhere))["email"] is None
    assert (await me(ada))["email"] == ADA["email"]


async def test_ending_the_current_session_clears_its_cookies(member):
    token = member.cookies[SESSION_COOKIE].partition(".")[0]
    response = await member.post("/api/auth/revoke-session", json={"token": token})

    assert response.json() == {"status": True}
    assert response.headers.get_list("set-cookie") == CLEARED
    assert (await member.get("/api/auth/get-session")).content == b"null"


async def test_sessions_of_others_cannot_be_ended_and_the_answer_does_not_tell(quick, member):
    async with browser(quick.wrap(whoami)) as other:
        theirs = (await sign_up(other, BOB)).json()["token"]
        answers = [
            await member.post("/api/auth/revoke-session", json={"token": token})
            for token in (theirs, "unknown", "", f"{theirs}.sig", "é" * 100)
        ]
        assert (await me(other))["email"] == BOB["email"]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b'{"status":true}')}


@pytest.mark.parametrize("token", [None, 5, ["x"], {"x": 1}, True])
async def test_the_token_to_revoke_is_a_text(member, token):
    response = await member.post("/api/auth/revoke-session", json={"token": token})
    assert response.status_code == 400
    assert response.json()["message"].startswith("[body.token] Invalid input: expected string, received ")


async def test_all_sessions_can_be_ended(quick, member):
    async with browser(quick.wrap(whoami)) as elsewhere, browser(quick.wrap(whoami)) as other:
        await sign_in(elsewhere)
        await sign_up(other, BOB)
        response = await member.post("/api/auth/revoke-sessions")

        assert response.json() == {"status": True}
        assert response.headers.get_list("set-cookie") == CLEARED
        assert (await me(elsewhere))["email"] is None
        assert (await me(other))["email"] == BOB["email"]


async def test_all_other_sessions_can_be_ended(auth, ada):
    async with browser(auth.wrap(whoami)) as elsewhere, browser(auth.wrap(whoami)) as other:
        await sign_in(elsewhere)
        await sign_up(other, BOB)
        response = await ada.post("/api/auth/revoke-other-sessions")

        assert response.json() == {"status": True}
        assert "set-cookie" not in response.headers
        assert (await me(elsewhere))["email"] is None
        assert (await me(other))["email"] == BOB["email"]
    assert (await me(ada))["email"] == ADA["email"]


@pytest.mark.parametrize("body", ["{}", "[]", '"x"', "null", "5"])
@pytest.mark.parametrize("path", ["/revoke-sessions", "/revoke-other-sessions"])
async def test_these_two_look_at_no_body(member, path, body):
    response = await member.post(f"/api/auth{path}", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()) == (200, {"status": True})


async def test_a_session_extended_and_ended_at_once_leaves_no_cookie_and_no_token(member, clock):
    clock.advance(days=1)
    response = await member.post("/api/auth/revoke-sessions")
    assert response.headers.get_list("set-cookie") == CLEARED
    assert "set-auth-token" not in response.headers


async def test_fields_of_the_session_can_be_changed(make_auth, database_url):
    auth = make_auth(database=database_url, session_model=Themed)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        body = {"theme": "dark", "tabCount": 3, "note": "n", "token": "stolen", "userId": "x", "expiresAt": "9999"}
        response = await client.post("/api/auth/update-session", json=body)

        assert response.status_code == 200
        session = response.json()["session"]
        assert list(session) == [*SESSION_KEYS[:-1], "theme", "tabCount", "tenant", "id"]
        assert (session["theme"], session["tabCount"], session["tenant"]) == ("dark", 3, None)
        assert session["token"] == client.cookies[SESSION_COOKIE].partition(".")[0]
        assert session["expiresAt"] == "2026-11-29T12:00:00.123Z"
        assert "Max-Age=604800" in response.headers["set-cookie"]
        assert response.headers["cache-control"] == "no-store"
        assert (await client.get("/api/auth/get-session")).json()["session"] == session


UPDATE_REFUSALS = [
    ({}, {"message": "No fields to update"}),
    ({"x": 1, "token": "x"}, {"message": "No fields to update"}),
    ({"tenant": "t"}, {"message": "tenant is not allowed to be set", "code": "FIELD_NOT_ALLOWED"}),
    ({"tenant": None}, {"message": "No fields to update"}),
    ([], {"message": "[body] Invalid input: expected record, received array", "code": "VALIDATION_ERROR"}),
    (None, {"message": "[body] Invalid input: expected record, received null", "code": "VALIDATION_ERROR"}),
]


@pytest.mark.parametrize(("body", "answer"), UPDATE_REFUSALS)
async def test_an_update_without_a_field_to_set_is_refused(make_auth, body, answer):
    async with browser(make_auth(session_model=Themed).wrap(whoami)) as client:
        await sign_up(client)
        content = b"null" if body is None else None
        sent = {"content": content, "headers": {"content-type": "application/json"}} if content else {"json": body}
        response = await client.post("/api/auth/update-session", **sent)
    assert (response.status_code, response.json()) == (400, answer)


async def test_an_update_of_a_session_not_to_be_remembered_keeps_it_so(make_auth):
    async with browser(make_auth(session_model=Themed).wrap(whoami)) as client:
        await client.post("/api/auth/sign-up/email", json={**ADA, "rememberMe": False})
        response = await client.post("/api/auth/update-session", json={"theme": "dark"})

    token_cookie, mark = response.headers.get_list("set-cookie")
    assert "Max-Age" not in token_cookie
    assert mark.startswith("better-auth.dont_remember=true.")


async def test_a_whole_number_has_32_bits_as_the_columns_for_it_do(make_auth, database_url):
    auth = make_auth(database=database_url, session_model=Themed)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        for count in (2**31 - 1, -(2**31), 0):
            response = await client.post("/api/auth/update-session", json={"tabCount": count})
            assert response.json()["session"]["tabCount"] == count
        for count in (2**31, -(2**31) - 1, 2**63 - 1, 1.5, "1", True, None):
            response = await client.post("/api/auth/update-session", json={"tabCount": count})
            assert (response.status_code, response.json()["code"]) == (400, "VALIDATION_ERROR"), count


@pytest.mark.parametrize("count", [str(2**63), str(-(2**63) - 1), str(2**64), "9" * 400, "9" * 5000, "1e400"])
async def test_a_number_of_more_than_64_bits_is_no_json_of_ours(make_auth, count):
    async with browser(make_auth(session_model=Themed).wrap(whoami)) as client:
        await sign_up(client)
        headers = {"content-type": "application/json"}
        response = await client.post("/api/auth/update-session", content=f'{{"tabCount":{count}}}', headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "BAD_REQUEST")
