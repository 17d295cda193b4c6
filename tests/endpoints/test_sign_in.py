"""POST /sign-in/email and POST /sign-out."""

import asyncio

import pytest

from asgi_auth import HashingOptions, PasswordOptions
from tests.support import ADA, BOB, PASSWORD, SESSION_COOKIE, browser, cookie_header, me, sign_up, whoami

PATH = "/api/auth/sign-in/email"
CREDENTIALS = {"email": ADA["email"], "password": PASSWORD}
FORM = "application/x-www-form-urlencoded"

CLEARED = [
    "better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    "better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
]

COMPLAINTS = [
    (
        {"email": 1.5, "password": True, "callbackURL": None, "rememberMe": "x"},
        (
            "[body.email] Invalid input: expected string, received number; "
            "[body.password] Invalid input: expected string, received boolean; "
            "[body.callbackURL] Invalid input: expected string, received null; "
            "[body.rememberMe] Invalid input: expected boolean, received string"
        ),
    ),
    ({**CREDENTIALS, "rememberMe": None}, "[body.rememberMe] Invalid input: expected boolean, received null"),
    ({**CREDENTIALS, "rememberMe": 0}, "[body.rememberMe] Invalid input: expected boolean, received number"),
]

REFUSALS = [
    ({"email": "bad", "password": PASSWORD}, 400, "INVALID_EMAIL", "Invalid email"),
    ({"email": "", "password": ""}, 400, "INVALID_EMAIL", "Invalid email"),
    ({**CREDENTIALS, "password": "x" * 129}, 400, "PASSWORD_TOO_LONG", "Password too long"),
    ({**CREDENTIALS, "password": "wrong"}, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"),
    ({**CREDENTIALS, "password": ""}, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"),
    ({**CREDENTIALS, "email": "no@x.test"}, 401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password"),
]


@pytest.mark.every_storage
async def test_signing_in_answers_token_and_user_and_starts_a_session(ada):
    first = dict(ada.cookies)
    ada.cookies.clear()
    response = await ada.post(PATH, json=CREDENTIALS)

    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["redirect", "token", "user"]
    assert body["redirect"] is False
    assert list(body["user"])[-1] == "id"
    assert response.headers["set-auth-token"].startswith(f"{body['token']}.")
    assert response.headers["access-control-expose-headers"] == "set-auth-token"
    assert response.headers["cache-control"] == "no-store"
    assert "location" not in response.headers
    assert dict(ada.cookies) != first
    assert (await me(ada))["email"] == ADA["email"]


async def test_the_address_may_be_written_in_any_letter_case(member):
    response = await member.post(PATH, json={**CREDENTIALS, "email": "ADA@EXAMPLE.COM"})
    assert response.status_code == 200


async def test_a_callback_comes_back_in_body_and_header_and_the_status_stays_200(member):
    response = await member.post(PATH, json={**CREDENTIALS, "callbackURL": "/dash?tab=1#top"})

    assert response.status_code == 200
    assert list(response.json()) == ["redirect", "token", "url", "user"]
    assert response.json()["redirect"] is True
    assert response.json()["url"] == "/dash?tab=1#top"
    assert response.headers["location"] == "/dash?tab=1#top"


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/日本", "/%E6%97%A5%E6%9C%AC"),
        ("/é", "/%C3%A9"),
        ("http://app.test/日?q=ü", "http://app.test/%E6%97%A5?q=%C3%BC"),
    ],
)
async def test_a_callback_in_any_script_fits_into_the_header(member, url, location):
    response = await member.post(PATH, json={**CREDENTIALS, "callbackURL": url})

    assert response.status_code == 200
    assert response.json()["url"] == url
    assert response.headers["location"] == location


async def test_an_empty_callback_is_none(member):
    response = await member.post(PATH, json={**CREDENTIALS, "callbackURL": ""})

    assert response.json()["redirect"] is False
    assert "url" not in response.json()
    assert "location" not in response.headers


@pytest.mark.parametrize(("body", "message"), COMPLAINTS)
async def test_wrong_types_are_named_in_the_order_of_the_contract(guest, body, message):
    response = await guest.post(PATH, json=body)
    assert (response.status_code, response.json()) == (400, {"message": message, "code": "VALIDATION_ERROR"})


@pytest.mark.parametrize(("body", "status", "code", "message"), REFUSALS)
async def test_who_is_refused_gets_no_session(member, body, status, code, message):
    response = await member.post(PATH, json=body)

    assert response.status_code == status
    assert response.json() == {"message": message, "code": code}
    assert "set-cookie" not in response.headers
    assert "set-auth-token" not in response.headers


async def test_a_wrong_password_and_an_unknown_address_are_answered_alike(member):
    wrong = await member.post(PATH, json={**CREDENTIALS, "password": "wrong password"})
    unknown = await member.post(PATH, json={**CREDENTIALS, "email": "nobody@example.com"})

    assert wrong.status_code == unknown.status_code
    assert wrong.content == unknown.content
    assert wrong.headers.raw == unknown.headers.raw


async def test_an_unverified_address_is_told_only_to_who_knows_the_password(make_auth, database_url):
    auth = make_auth(database=database_url, password=PasswordOptions(requires_verified_email=True))
    async with browser(auth.wrap(whoami)) as client:
        await client.post("/api/auth/sign-up/email", json=ADA)
        right = await client.post(PATH, json=CREDENTIALS)
        wrong = await client.post(PATH, json={**CREDENTIALS, "password": "wrong password"})

    assert (right.status_code, right.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")
    assert (wrong.status_code, wrong.json()["code"]) == (401, "INVALID_EMAIL_OR_PASSWORD")


async def test_passwords_can_be_switched_off(make_auth):
    async with browser(make_auth(password=PasswordOptions(is_enabled=False)).wrap(whoami)) as client:
        response = await client.post(PATH, json=CREDENTIALS)
    assert response.status_code == 400
    assert response.json() == {"message": "Email and password is not enabled", "code": "EMAIL_PASSWORD_DISABLED"}


async def test_signing_in_to_be_remembered_clears_the_mark_of_the_last_time(member):
    await member.post(PATH, json={**CREDENTIALS, "rememberMe": False})
    response = await member.post(PATH, json=CREDENTIALS)

    token_cookie, mark = response.headers.get_list("set-cookie")
    assert "Max-Age=604800" in token_cookie
    assert mark == CLEARED[2]


async def test_a_mark_that_is_not_signed_is_no_mark(member):
    response = await member.post(PATH, json=CREDENTIALS, headers={"cookie": "better-auth.dont_remember=true.forged"})
    assert len(response.headers.get_list("set-cookie")) == 1


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper()])
async def test_a_form_signs_in_as_well(member, content_type):
    body = f"email=ada%40example.com&password={PASSWORD.replace(' ', '+')}&callbackURL=%2Fx"
    response = await member.post(PATH, content=body, headers={"content-type": content_type})

    assert response.status_code == 200
    assert response.json()["url"] == "/x"


async def test_every_value_of_a_form_is_a_text(member):
    response = await member.post(PATH, data={**CREDENTIALS, "rememberMe": "false"})
    assert response.json()["message"] == "[body.rememberMe] Invalid input: expected boolean, received string"


async def test_of_a_repeated_form_field_the_last_counts(member):
    body = f"email=ada%40example.com&password=wrong&password={PASSWORD.replace(' ', '+')}&callbackURL=/x&callbackURL=/y"
    response = await member.post(PATH, content=body, headers={"content-type": FORM})

    assert response.status_code == 200
    assert response.json()["url"] == "/y"


async def test_the_last_of_repeated_callbacks_is_the_one_that_is_checked(member):
    body = f"email=ada%40example.com&password={PASSWORD.replace(' ', '+')}&callbackURL=/x&callbackURL=//evil.test"
    response = await member.post(PATH, content=body, headers={"content-type": FORM})
    assert (response.status_code, response.json()["code"]) == (403, "INVALID_CALLBACK_URL")


async def test_what_waits_too_long_to_be_hashed_is_told_to_come_back(make_auth):
    auth = make_auth(hashing=HashingOptions(workers=1, max_queue=0, cost=16384))
    async with browser(auth.wrap(whoami)) as client:
        responses = await asyncio.gather(*(client.post(PATH, json=CREDENTIALS) for _ in range(4)))

    refused = [response for response in responses if response.status_code == 503]
    assert refused
    for response in refused:
        assert response.json()["code"] == "SERVICE_UNAVAILABLE"
        assert int(response.headers["retry-after"]) > 0
        assert response.headers["cache-control"] == "no-store"
        assert "set-cookie" not in response.headers


@pytest.mark.every_storage
async def test_signing_out_ends_the_session_and_clears_its_cookies(auth, ada):
    token_cookie = ada.cookies[SESSION_COOKIE]
    response = await ada.post("/api/auth/sign-out", json={})

    assert response.status_code == 200
    assert response.json() == {"success": True}
    assert response.headers.get_list("set-cookie") == CLEARED
    assert response.headers["cache-control"] == "no-store"
    assert "set-auth-token" not in response.headers
    assert SESSION_COOKIE not in ada.cookies
    replayed = await ada.get("/api/auth/list-sessions", headers={"cookie": f"{SESSION_COOKIE}={token_cookie}"})
    assert replayed.status_code == 401


@pytest.mark.parametrize("headers", [{}, {"cookie": f"{SESSION_COOKIE}=forged.AAAA"}, {"cookie": "other=1"}])
async def test_signing_out_without_a_session_works_too(guest, headers):
    response = await guest.post("/api/auth/sign-out", headers=headers)

    assert (response.status_code, response.json()) == (200, {"success": True})
    assert response.headers.get_list("set-cookie") == CLEARED


@pytest.mark.every_storage
async def test_signing_out_by_bearer_token_ends_that_session(guest):
    token = (await sign_up(guest)).json()["token"]
    guest.cookies.clear()
    headers = {"authorization": f"Bearer {token}"}

    assert (await guest.post("/api/auth/sign-out", headers=headers)).json() == {"success": True}
    assert (await guest.get("/api/auth/get-session", headers=headers)).json() is None


async def test_a_refused_bearer_token_signs_nobody_else_out(member):
    response = await member.post("/api/auth/sign-out", headers={"authorization": "Bearer unknown"})

    assert response.json() == {"success": True}
    assert "set-cookie" not in response.headers
    assert (await me(member))["email"] == ADA["email"]


@pytest.mark.every_storage
async def test_signing_out_leaves_other_sessions_and_other_users_alone(quick, member):
    async with browser(quick.wrap(whoami)) as elsewhere, browser(quick.wrap(whoami)) as other:
        await elsewhere.post(PATH, json=CREDENTIALS)
        await sign_up(other, BOB)
        await member.post("/api/auth/sign-out")

        assert (await me(elsewhere))["email"] == ADA["email"]
        assert (await me(other))["email"] == BOB["email"]


SIGN_OUT_COMPLAINTS = [
    ("[]", "[body] Invalid input: expected object, received array"),
    ("null", "[body] Invalid input: expected object, received null"),
    ('"x"', "[body] Invalid input: expected object, received string"),
    ('{"disableRedirect":5}', "[body.disableRedirect] Invalid input: expected boolean, received number"),
    (
        '{"state":5,"disableRedirect":null}',
        (
            "[body.disableRedirect] Invalid input: expected boolean, received null; "
            "[body.state] Invalid input: expected string, received number"
        ),
    ),
]


@pytest.mark.parametrize(("body", "message"), SIGN_OUT_COMPLAINTS)
async def test_a_body_is_optional_at_sign_out_but_checked_where_there_is_one(member, body, message):
    response = await member.post("/api/auth/sign-out", content=body, headers={"content-type": "application/json"})

    assert (response.status_code, response.json()) == (400, {"message": message, "code": "VALIDATION_ERROR"})
    assert (await me(member))["email"] == ADA["email"]


async def test_the_cookie_of_a_session_that_ended_elsewhere_is_cleared_at_sign_out(quick, guest):
    response = await guest.post("/api/auth/sign-out", headers={"cookie": cookie_header(quick, "x" * 32)})
    assert response.headers.get_list("set-cookie") == CLEARED
