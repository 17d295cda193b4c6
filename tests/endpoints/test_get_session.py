"""GET and POST /get-session: who is there, extended when due."""

from datetime import timedelta

import pytest

from asgi_auth import SessionOptions
from tests.support import ADA, PASSWORD, SESSION_COOKIE, browser, cookie_header, sign_up, whoami

pytestmark = pytest.mark.every_storage

PATH = "/api/auth/get-session"

SESSION_KEYS = ["expiresAt", "token", "createdAt", "updatedAt", "ipAddress", "userAgent", "userId", "id"]
USER_KEYS = ["name", "email", "emailVerified", "image", "createdAt", "updatedAt", "id"]

CLEARED = [
    "better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
]

DEFERRED = SessionOptions(defers_refresh=True)


def not_stored(response):
    return (response.headers["cache-control"], response.headers["pragma"]) == ("no-store", "no-cache")


async def test_a_session_is_answered_whole(member):
    response = await member.get(PATH, headers={"user-agent": "Browser/1.0"})

    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert not_stored(response)
    assert "set-cookie" not in response.headers
    body = response.json()
    assert list(body) == ["session", "user"]
    assert list(body["session"]) == SESSION_KEYS
    assert list(body["user"]) == USER_KEYS
    assert body["session"]["expiresAt"] == "2026-11-29T12:00:00.123Z"
    assert body["session"]["ipAddress"] == "203.0.113.7"
    assert body["session"]["userId"] == body["user"]["id"]
    assert member.cookies[SESSION_COOKIE].startswith(body["session"]["token"])


async def test_without_a_session_the_answer_is_null(guest):
    response = await guest.get(PATH)

    assert (response.status_code, response.content) == (200, b"null")
    assert response.headers["content-type"] == "application/json"
    assert not_stored(response)
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("value", ["", "x", "x.y", f"{'x' * 32}.{'A' * 43}=", "%00", "é", '"', "a=b.c=", ".", "%"])
async def test_a_cookie_whose_signature_does_not_hold_is_no_session_and_left_alone(guest, value):
    header = f"{SESSION_COOKIE}={value}".encode("latin-1")
    response = await guest.get(PATH, headers={"cookie": header})

    assert response.content == b"null"
    assert "set-cookie" not in response.headers


async def test_the_cookie_of_a_session_that_is_gone_is_cleared(quick, guest):
    response = await guest.get(PATH, headers={"cookie": cookie_header(quick, "x" * 32)})

    assert response.content == b"null"
    assert not_stored(response)
    assert response.headers.get_list("set-cookie") == CLEARED


async def test_an_expired_session_is_gone_for_good(auth, ada, clock):
    clock.advance(days=7, seconds=1)
    token = ada.cookies[SESSION_COOKIE].partition(".")[0]
    response = await ada.get(PATH)

    assert response.content == b"null"
    assert response.headers.get_list("set-cookie") == CLEARED
    assert await auth.services.engine.sessions.find(token=token) is None


async def test_a_session_is_extended_a_day_after_it_was_last(ada, clock):
    clock.advance(hours=23, minutes=59)
    early = await ada.get(PATH)
    assert "set-cookie" not in early.headers

    clock.advance(minutes=1)
    due = await ada.get(PATH)
    assert due.json()["session"]["expiresAt"] == "2026-11-30T12:00:00.123Z"
    assert due.json()["session"]["updatedAt"] == "2026-11-23T12:00:00.123Z"
    (cookie,) = due.headers.get_list("set-cookie")
    assert cookie.endswith("; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
    assert due.headers["set-auth-token"].startswith(due.json()["session"]["token"])
    assert not_stored(due)

    again = await ada.get(PATH)
    assert "set-cookie" not in again.headers
    assert "set-auth-token" not in again.headers


@pytest.mark.parametrize("query", ["disableRefresh=true", "disableRefresh=false", "disableRefresh=0"])
async def test_any_text_that_is_not_empty_switches_extending_off(member, clock, query):
    clock.advance(days=2)
    response = await member.get(f"{PATH}?{query}")

    assert response.json()["session"]["expiresAt"] == "2026-11-29T12:00:00.123Z"
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("query", ["disableRefresh=", "disableRefresh", "disablerefresh=1", "x=1"])
async def test_an_empty_or_unknown_query_changes_nothing(member, clock, query):
    clock.advance(days=2)
    assert "set-cookie" in (await member.get(f"{PATH}?{query}")).headers


async def test_a_repeated_query_field_counts_as_given(member, clock):
    clock.advance(days=2)
    response = await member.get(f"{PATH}?disableRefresh=1&disableRefresh=2")

    assert response.status_code == 200
    assert "set-cookie" not in response.headers


async def test_a_session_that_is_not_to_be_remembered_is_never_extended(client, clock):
    await client.post("/api/auth/sign-up/email", json={**ADA, "rememberMe": False})
    clock.advance(hours=23)
    response = await client.get(PATH)

    assert response.json()["session"]["expiresAt"] == "2026-11-23T12:00:00.123Z"
    assert "set-cookie" not in response.headers
    clock.advance(hours=1, seconds=1)
    assert (await client.get(PATH)).content == b"null"


async def test_posting_needs_deferred_refresh(member):
    for body in ({"content": b"{"}, {"json": {}}, {}):
        response = await member.post(PATH, **body)
        assert response.status_code == 405
        assert response.json() == {
            "message": "POST method requires deferSessionRefresh to be enabled in session config",
            "code": "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED",
        }
        assert not_stored(response)


async def test_with_deferred_refresh_reading_writes_nothing_and_says_what_is_due(make_auth, database_url, clock):
    auth = make_auth(database=database_url, session=DEFERRED)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        assert (await client.get(PATH)).json()["needsRefresh"] is False

        clock.advance(days=1)
        read = await client.get(PATH)
        assert list(read.json()) == ["session", "user", "needsRefresh"]
        assert read.json()["needsRefresh"] is True
        assert "set-cookie" not in read.headers

        listed = await client.post("/api/auth/revoke-other-sessions")
        assert "set-cookie" not in listed.headers

        posted = await client.post(PATH)
        assert list(posted.json()) == ["session", "user"]
        assert posted.json()["session"]["expiresAt"] == "2026-11-30T12:00:00.123Z"
        assert "Max-Age=604800" in posted.headers["set-cookie"]
        assert not_stored(posted)
        assert (await client.get(PATH)).json()["needsRefresh"] is False


async def test_posting_for_nobody_is_null(make_auth):
    async with browser(make_auth(session=DEFERRED).wrap(whoami)) as client:
        assert (await client.post(PATH)).content == b"null"


async def test_posting_never_reads_the_body(make_auth):
    async with browser(make_auth(session=DEFERRED).wrap(whoami)) as client:
        response = await client.post(PATH, content=b"{" * 10, headers={"content-type": "text/plain"})
        assert (response.status_code, response.content) == (200, b"null")


async def test_lifetimes_are_as_configured(make_auth, clock):
    options = SessionOptions(lifetime=timedelta(hours=1), refresh_after=timedelta())
    async with browser(make_auth(session=options).wrap(whoami)) as client:
        signed_up = await sign_up(client)
        assert "Max-Age=3600" in signed_up.headers["set-cookie"]

        clock.advance(minutes=59)
        response = await client.get(PATH)
        assert response.json()["session"]["expiresAt"] == "2026-11-22T13:59:00.123Z"
        assert "Max-Age=3600" in response.headers["set-cookie"]


async def test_sessions_need_not_slide(make_auth, clock):
    async with browser(make_auth(session=SessionOptions(is_refreshed=False)).wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(days=6)
        assert "set-cookie" not in (await client.get(PATH)).headers


async def test_a_session_route_extends_the_session_too(member, clock):
    clock.advance(days=1)
    response = await member.post("/api/auth/verify-password", json={"password": PASSWORD})

    assert response.json() == {"status": True}
    assert "Max-Age=604800" in response.headers["set-cookie"]
    assert response.headers["cache-control"] == "no-store"


async def test_a_session_route_clears_the_cookie_of_a_session_that_is_gone(quick, guest):
    headers = {"cookie": cookie_header(quick, "x" * 32)}
    response = await guest.get("/api/auth/list-sessions", headers=headers)

    assert response.status_code == 401
    assert response.json() == {"message": "Unauthorized", "code": "UNAUTHORIZED"}
    assert response.headers.get_list("set-cookie") == CLEARED
    assert response.headers["cache-control"] == "no-store"


async def test_what_the_device_says_of_itself_is_kept_within_bounds(client):
    await client.post("/api/auth/sign-up/email", json=ADA, headers={"user-agent": b"\xe9" + b"x" * 5000})
    session = (await client.get(PATH)).json()["session"]
    assert session["userAgent"] == "é" + "x" * 1023
