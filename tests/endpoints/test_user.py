"""What users change of themselves: /update-user, /change-password, /verify-password."""

from typing import Annotated

import pytest

from asgi_auth import FieldRules, SessionOptions, User
from tests.support import ADA, PASSWORD, SESSION_COOKIE, browser, me, sign_up, whoami

UPDATE = "/api/auth/update-user"
CHANGE = "/api/auth/change-password"
VERIFY = "/api/auth/verify-password"
NEW = "another horse entirely"

CHANGED = {"currentPassword": PASSWORD, "newPassword": NEW}

IMAGES = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>1</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "data:image/png,raw",
    "ftp://x.test/a.png",
    "vbscript:x",
    "//x.test/a.png",
    "/a.png",
    "a.png",
    "https://",
    "x" * 10_000,
    5,
    True,
    [],
    {"url": "https://x.test"},
]

NAMES = [("Ada Lovelace", "Ada Lovelace"), ("", ""), (5, "5"), (1234567, "1234567"), (1.5, "1.5"), (-0.25, "-0.25")]

UPDATE_REFUSALS = [
    ({}, {"message": "No fields to update"}),
    ({"id": "x", "emailVerified": True, "createdAt": 1}, {"message": "No fields to update"}),
    ({"email": "x@y.zz"}, {"message": "Email can not be updated", "code": "EMAIL_CAN_NOT_BE_UPDATED"}),
    ({"email": "x@y.zz", "name": "A"}, {"message": "Email can not be updated", "code": "EMAIL_CAN_NOT_BE_UPDATED"}),
    ({"email": None}, {"message": "No fields to update"}),
    ({"email": ""}, {"message": "No fields to update"}),
    (
        {"name": None},
        {"message": "[body.name] Invalid input: expected string, received null", "code": "VALIDATION_ERROR"},
    ),
    (
        {"name": [1]},
        {"message": "[body.name] Invalid input: expected string, received array", "code": "VALIDATION_ERROR"},
    ),
    ([], {"message": "[body] Invalid input: expected record, received array", "code": "VALIDATION_ERROR"}),
    ("x", {"message": "[body] Invalid input: expected record, received string", "code": "VALIDATION_ERROR"}),
    ({"role": "admin"}, {"message": "role is not allowed to be set", "code": "FIELD_NOT_ALLOWED"}),
    ({"role": None}, {"message": "No fields to update"}),
    ({"role": ""}, {"message": "No fields to update"}),
]


class Employee(User, frozen=True, kw_only=True):
    """A user with fields of the application's own."""

    nickname: str | None = None
    role: Annotated[str, FieldRules(input=False)] = "user"


async def user(client):
    return (await client.get("/api/auth/get-session")).json()["user"]


async def test_name_and_picture_change_and_the_cookie_is_sent_again(ada, clock):
    clock.advance(minutes=1)
    response = await ada.post(UPDATE, json={"name": "Ada L.", "image": "https://x.test/a.png"})

    assert (response.status_code, response.json()) == (200, {"status": True})
    (cookie,) = response.headers.get_list("set-cookie")
    assert cookie.endswith("; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax")
    assert response.headers["set-auth-token"]
    assert response.headers["cache-control"] == "no-store"
    changed = await user(ada)
    assert (changed["name"], changed["image"]) == ("Ada L.", "https://x.test/a.png")
    assert changed["updatedAt"] == "2026-11-22T12:01:00.123Z"


async def test_only_what_is_given_changes_and_null_takes_the_picture_away(member):
    await member.post(UPDATE, json={"image": "https://x.test/a.png"})
    assert (await user(member))["name"] == "Ada"
    await member.post(UPDATE, json={"image": None})
    assert (await user(member))["image"] is None


@pytest.mark.parametrize(("given", "stored"), NAMES)
async def test_a_name_may_be_any_text_and_numbers_become_one(member, given, stored):
    assert (await member.post(UPDATE, json={"name": given})).status_code == 200
    assert (await user(member))["name"] == stored


async def test_a_picture_that_could_run_or_is_no_address_is_refused(member):
    for image in IMAGES:
        response = await member.post(UPDATE, json={"image": image})
        assert response.status_code == 400, image
        assert response.json() == {"message": "[body.image] Invalid input", "code": "VALIDATION_ERROR"}
    assert (await user(member))["image"] is None


@pytest.mark.parametrize(("body", "answer"), UPDATE_REFUSALS)
async def test_an_update_that_may_not_be_is_refused(make_auth, body, answer):
    async with browser(make_auth(user_model=Employee).wrap(whoami)) as client:
        await sign_up(client)
        before = await user(client)
        response = await client.post(UPDATE, json=body)

        assert (response.status_code, response.json()) == (400, answer)
        assert "set-cookie" not in response.headers
        assert await user(client) == before


async def test_additional_fields_change_as_declared(make_auth):
    async with browser(make_auth(user_model=Employee).wrap(whoami)) as client:
        await sign_up(client)
        assert (await client.post(UPDATE, json={"nickname": "Countess", "x": 1})).json() == {"status": True}
        assert (await user(client))["nickname"] == "Countess"
        wrong = await client.post(UPDATE, json={"nickname": 5})
        assert (wrong.status_code, wrong.json()["code"]) == (400, "VALIDATION_ERROR")


async def test_by_bearer_token_the_same_user_changes(guest):
    token = (await sign_up(guest)).json()["token"]
    guest.cookies.clear()
    headers = {"authorization": f"Bearer {token}"}
    response = await guest.post(UPDATE, json={"name": "A"}, headers=headers)

    assert response.json() == {"status": True}
    assert response.headers["set-auth-token"].startswith(f"{token}.")


async def test_a_password_changes_and_the_session_stays(ada):
    before = ada.cookies[SESSION_COOKIE]
    response = await ada.post(CHANGE, json=CHANGED)

    assert response.status_code == 200
    assert list(response.json()) == ["token", "user"]
    assert response.json()["token"] is None
    assert response.json()["user"]["email"] == ADA["email"]
    assert "set-cookie" not in response.headers
    assert response.headers["cache-control"] == "no-store"
    assert ada.cookies[SESSION_COOKIE] == before
    assert (await me(ada))["email"] == ADA["email"]
    assert (await sign_in_with(ada, PASSWORD)).status_code == 401
    assert (await sign_in_with(ada, NEW)).status_code == 200


async def sign_in_with(client, password):
    return await client.post("/api/auth/sign-in/email", json={"email": ADA["email"], "password": password})


async def test_a_change_can_end_all_sessions_and_begin_a_new_one(auth, ada):
    old = ada.cookies[SESSION_COOKIE].partition(".")[0]
    async with browser(auth.wrap(whoami)) as elsewhere:
        await sign_in_with(elsewhere, PASSWORD)
        response = await ada.post(CHANGE, json={**CHANGED, "revokeOtherSessions": True})

        token = response.json()["token"]
        assert token != old
        assert ada.cookies[SESSION_COOKIE].startswith(f"{token}.")
        assert response.headers["set-auth-token"].startswith(f"{token}.")
        assert (await me(elsewhere))["email"] is None
    assert (await me(ada))["email"] == ADA["email"]
    assert await auth.services.engine.sessions.find(token=old) is None


async def test_the_new_session_is_remembered_as_the_old_one_was(member):
    await member.post(
        "/api/auth/sign-in/email", json={"email": ADA["email"], "password": PASSWORD, "rememberMe": False}
    )
    response = await member.post(CHANGE, json={**CHANGED, "revokeOtherSessions": True})

    token_cookie, mark = response.headers.get_list("set-cookie")
    assert "Max-Age" not in token_cookie
    assert mark.startswith("better-auth.dont_remember=true.")
    session = (await member.get("/api/auth/get-session")).json()["session"]
    assert session["expiresAt"] == "2026-11-23T12:00:00.123Z"


CHANGE_REFUSALS = [
    ({"newPassword": "short"}, "PASSWORD_TOO_SHORT", "Password too short"),
    ({"newPassword": "x" * 129}, "PASSWORD_TOO_LONG", "Password too long"),
    ({"currentPassword": "x" * 129}, "PASSWORD_TOO_LONG", "Password too long"),
    ({"currentPassword": "wrong"}, "INVALID_PASSWORD", "Invalid password"),
    ({"currentPassword": ""}, "INVALID_PASSWORD", "Invalid password"),
    ({"currentPassword": "wrong", "newPassword": "short"}, "PASSWORD_TOO_SHORT", "Password too short"),
]


@pytest.mark.parametrize(("given", "code", "message"), CHANGE_REFUSALS)
async def test_a_refused_change_changes_nothing(member, given, code, message):
    response = await member.post(CHANGE, json={**CHANGED, "revokeOtherSessions": True, **given})

    assert (response.status_code, response.json()) == (400, {"message": message, "code": code})
    assert "set-cookie" not in response.headers
    assert (await me(member))["email"] == ADA["email"]
    assert (await sign_in_with(member, PASSWORD)).status_code == 200


async def test_every_place_that_does_not_fit_is_named(member):
    body = {"newPassword": 1, "currentPassword": None, "revokeOtherSessions": "yes"}
    response = await member.post(CHANGE, json=body)
    assert response.json()["message"] == (
        "[body.newPassword] Invalid input: expected string, received number; "
        "[body.currentPassword] Invalid input: expected string, received null; "
        "[body.revokeOtherSessions] Invalid input: expected boolean, received string"
    )


async def test_a_change_can_ask_for_a_fresh_session(make_auth, clock):
    options = SessionOptions(require_fresh_for=frozenset({"password"}))
    async with browser(make_auth(session=options).wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(days=1)
        response = await client.post(CHANGE, json=CHANGED)
    assert (response.status_code, response.json()["code"]) == (403, "SESSION_NOT_FRESH")


async def test_a_user_without_a_password_has_none_to_change(auth, ada):
    owner = await user(ada)
    await auth.services.engine.accounts.remove(user_id=owner["id"])
    response = await ada.post(CHANGE, json=CHANGED)

    assert response.status_code == 400
    assert response.json() == {"message": "Credential account not found", "code": "CREDENTIAL_ACCOUNT_NOT_FOUND"}
    assert (await ada.post(VERIFY, json={"password": PASSWORD})).json()["code"] == "INVALID_PASSWORD"


async def test_the_password_can_be_asked_for_again(member):
    right = await member.post(VERIFY, json={"password": PASSWORD})
    wrong = await member.post(VERIFY, json={"password": "wrong"})

    assert (right.status_code, right.json()) == (200, {"status": True})
    assert (wrong.status_code, wrong.json()) == (400, {"message": "Invalid password", "code": "INVALID_PASSWORD"})
    assert "set-cookie" not in right.headers
