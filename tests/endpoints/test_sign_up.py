"""POST /sign-up/email: a user, a session, and what is said of addresses that are taken."""

import asyncio
from typing import Annotated
from urllib.parse import unquote

import pytest

from asgi_auth import FieldRules, PasswordOptions, User
from tests.support import ADA, PASSWORD, SESSION_COOKIE, browser, me, sign_up, whoami

PATH = "/api/auth/sign-up/email"

USER_KEYS = ["name", "email", "emailVerified", "image", "createdAt", "updatedAt", "id"]
NOW = "2026-11-22T12:00:00.123Z"

UNDEFINED = "Invalid input: expected string, received undefined"
COMPLAINTS = [
    ({}, f"[body.name] {UNDEFINED}; [body.email] {UNDEFINED}; [body.password] {UNDEFINED}"),
    ({**ADA, "name": 5}, "[body.name] Invalid input: expected string, received number"),
    ({**ADA, "name": None}, "[body.name] Invalid input: expected string, received null"),
    ({**ADA, "email": ["a@example.com"]}, "[body.email] Invalid input: expected string, received array"),
    ({**ADA, "email": "a@b.c"}, "[body.email] Invalid email address"),
    ({**ADA, "email": "ä@example.com"}, "[body.email] Invalid email address"),
    ({**ADA, "password": ""}, "[body.password] Too small: expected string to have >=1 characters"),
    ({**ADA, "password": {"length": 9}}, "[body.password] Invalid input: expected string, received object"),
    ({**ADA, "password": 12345678}, "[body.password] Invalid input: expected string, received number"),
    ({**ADA, "password": True}, "[body.password] Invalid input: expected string, received boolean"),
    ({**ADA, "image": None}, "[body.image] Invalid input: expected string, received null"),
    ({**ADA, "rememberMe": "false"}, "[body.rememberMe] Invalid input: expected boolean, received string"),
    ({**ADA, "callbackURL": None}, "[body.callbackURL] Invalid input: expected string, received null"),
    (
        {"name": "A", "email": "bad", "password": ""},
        "[body.email] Invalid email address; [body.password] Too small: expected string to have >=1 characters",
    ),
]

NO_OBJECTS = [("[]", "array"), ("null", "null"), ('"x"', "string"), ("5", "number"), ("true", "boolean")]


class Employee(User, frozen=True, kw_only=True):
    """A user with fields of the application's own."""

    company: str
    nickname: str | None = None
    role: Annotated[str, FieldRules(input=False)] = "user"
    badge: Annotated[str | None, FieldRules(input=False)] = None
    salary: Annotated[int, FieldRules(returned=False)] = 0


async def test_a_new_user_is_answered_whole_and_signed_in(client):
    response = await client.post(PATH, json={**ADA, "email": "Ada@Example.COM", "image": "https://x.test/a.png"})

    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["token", "user"]
    assert list(body["user"]) == USER_KEYS
    user_id = body["user"].pop("id")
    assert len(user_id) == 32
    assert body["user"] == {
        "name": "Ada",
        "email": "ada@example.com",
        "emailVerified": False,
        "image": "https://x.test/a.png",
        "createdAt": NOW,
        "updatedAt": NOW,
    }
    assert (await me(client))["subject"] == user_id


async def test_the_answer_carries_one_cookie_and_the_token_for_clients_without_cookies(guest):
    response = await sign_up(guest)

    token = response.json()["token"]
    (cookie,) = response.headers.get_list("set-cookie")
    value, attributes = cookie.split("; ", 1)
    assert attributes == "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax"
    assert value.startswith(f"{SESSION_COOKIE}={token}.")
    assert response.headers["set-auth-token"] == unquote(value.removeprefix(f"{SESSION_COOKIE}="))
    assert response.headers["access-control-expose-headers"] == "set-auth-token"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"


async def test_who_does_not_want_to_be_remembered_gets_a_day_and_cookies_that_end_with_the_browser(auth, client):
    response = await client.post(PATH, json={**ADA, "rememberMe": False})

    token_cookie, mark = response.headers.get_list("set-cookie")
    assert token_cookie.split("; ", 1)[1] == "Path=/; HttpOnly; SameSite=Lax"
    assert mark.startswith("better-auth.dont_remember=true.")
    assert mark.split("; ", 1)[1] == "Path=/; HttpOnly; SameSite=Lax"
    live = await auth.services.sessions.get_session(response.json()["token"], refreshes=False)
    assert live.session.expires_at.iso() == "2026-11-23T12:00:00.123Z"


async def test_a_taken_address_is_refused_whatever_its_letter_case(ada):
    response = await ada.post(PATH, json={**ADA, "email": "ADA@example.com"})

    assert response.status_code == 422
    assert response.json() == {
        "message": "User already exists. Use another email.",
        "code": "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL",
    }
    assert "set-cookie" not in response.headers
    assert "set-auth-token" not in response.headers


@pytest.mark.parametrize(("body", "message"), COMPLAINTS)
async def test_a_body_that_does_not_fit_is_answered_with_every_place_that_does_not(guest, body, message):
    response = await guest.post(PATH, json=body)

    assert response.status_code == 400
    assert response.json() == {"message": message, "code": "VALIDATION_ERROR"}


@pytest.mark.parametrize(("body", "kind"), NO_OBJECTS)
async def test_what_is_no_object_breaks_two_rules(guest, body, kind):
    response = await guest.post(PATH, content=body, headers={"content-type": "application/json"})

    assert response.status_code == 400
    assert response.json()["message"] == (
        f"[body] Invalid input: expected object, received {kind}; "
        f"[body] Invalid input: expected record, received {kind}"
    )


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("1234567", "PASSWORD_TOO_SHORT"),
        ("x" * 129, "PASSWORD_TOO_LONG"),
        ("😀" * 65, "PASSWORD_TOO_LONG"),  # counted as JavaScript does: two units each
        ("😀" * 3, "PASSWORD_TOO_SHORT"),
    ],
)
async def test_passwords_have_a_length(guest, password, code):
    response = await guest.post(PATH, json={**ADA, "password": password})

    assert response.status_code == 400
    assert response.json()["code"] == code


@pytest.mark.parametrize("password", ["12345678", "x" * 64, "x" * 128, "😀" * 64, "pass\tword \u2028"])
async def test_any_password_of_good_length_works(guest, password):
    assert (await guest.post(PATH, json={**ADA, "password": password})).status_code == 200
    guest.cookies.clear()
    signed_in = await guest.post("/api/auth/sign-in/email", json={"email": ADA["email"], "password": password})
    assert signed_in.status_code == 200


async def test_the_order_of_refusals_is_shape_then_password_then_fields_then_address(make_auth):
    async with browser(make_auth(user_model=Employee).wrap(whoami)) as client:
        known = {**ADA, "company": "X"}
        assert (await client.post(PATH, json=known)).status_code == 200
        short = {**ADA, "password": "x"}

        assert (await client.post(PATH, json={**short, "email": "bad"})).json()["code"] == "VALIDATION_ERROR"
        assert (await client.post(PATH, json=short)).json()["code"] == "PASSWORD_TOO_SHORT"
        assert (await client.post(PATH, json=ADA)).json()["code"] == "MISSING_FIELD"
        assert (await client.post(PATH, json=known)).status_code == 422


async def test_additional_fields_are_taken_kept_back_and_refused_as_declared(make_auth):
    async with browser(make_auth(user_model=Employee).wrap(whoami)) as client:
        missing = await client.post(PATH, json=ADA)
        assert missing.json() == {"message": "company is required", "code": "MISSING_FIELD"}

        claimed = await client.post(PATH, json={**ADA, "company": "X", "badge": "7"})
        assert claimed.json() == {"message": "badge is not allowed to be set", "code": "FIELD_NOT_ALLOWED"}

        taken = await client.post(PATH, json={**ADA, "company": "Ö & co", "role": "admin", "salary": 7, "x": 1})
        user = taken.json()["user"]
        assert list(user) == [*USER_KEYS[:-1], "company", "nickname", "role", "badge", "id"]
        assert (user["company"], user["nickname"], user["role"], user["badge"]) == ("Ö & co", None, "user", None)


async def test_nobody_chooses_an_id_or_verifies_an_address_at_sign_up(guest):
    claimed = {"id": "x" * 32, "emailVerified": True, "createdAt": "2000-01-01T00:00:00.000Z", "__proto__": {"a": 1}}
    user = (await guest.post(PATH, json={**ADA, **claimed})).json()["user"]

    assert user["id"] != "x" * 32
    assert user["emailVerified"] is False
    assert user["createdAt"] == NOW


@pytest.mark.parametrize("image", ["https://x.test/a.png", "http://x.test/a", "data:image/png;base64,AA=="])
async def test_a_picture_is_a_web_address_or_image_data(guest, image):
    assert (await guest.post(PATH, json={**ADA, "image": image})).json()["user"]["image"] == image


async def test_an_empty_picture_is_none(guest):
    assert (await guest.post(PATH, json={**ADA, "image": ""})).json()["user"]["image"] is None


async def test_a_form_signs_up_as_well(guest):
    response = await guest.post(PATH, data=ADA)

    assert response.status_code == 200
    assert response.json()["user"]["name"] == "Ada"


async def test_names_come_back_as_they_were_written(guest):
    name = "José 👩‍💻 \u2028<b> 日本"
    assert (await guest.post(PATH, json={**ADA, "name": name})).json()["user"]["name"] == name


async def test_sign_up_can_be_switched_off(make_auth):
    for options in (PasswordOptions(is_enabled=False), PasswordOptions(allows_sign_up=False)):
        async with browser(make_auth(password=options).wrap(whoami)) as client:
            response = await client.post(PATH, json=ADA)
            assert response.status_code == 400
            assert response.json() == {
                "message": "Email and password sign up is not enabled",
                "code": "EMAIL_PASSWORD_SIGN_UP_DISABLED",
            }


QUIET = [PasswordOptions(signs_in_after_sign_up=False), PasswordOptions(requires_verified_email=True)]


@pytest.mark.parametrize("options", QUIET)
async def test_without_signing_in_nobody_learns_who_has_an_account(make_auth, database_url, options):
    auth = make_auth(database=database_url, password=options)
    async with browser(auth.wrap(whoami)) as client:
        first = await client.post(PATH, json=ADA)
        again = await client.post(PATH, json={**ADA, "name": "Eve"})

        for response, name in ((first, "Ada"), (again, "Eve")):
            assert response.status_code == 200
            assert response.json()["token"] is None
            assert list(response.json()["user"]) == USER_KEYS
            assert response.json()["user"]["name"] == name
            assert "set-cookie" not in response.headers
            assert "set-auth-token" not in response.headers
        assert first.json()["user"]["id"] != again.json()["user"]["id"]
        stored = await auth.services.users.find_by_email(ADA["email"])
        assert stored is not None
        assert stored.name == "Ada"


async def test_common_passwords_can_be_refused(make_auth):
    options = PasswordOptions(blocklist=frozenset({PASSWORD}))
    async with browser(make_auth(password=options).wrap(whoami)) as client:
        response = await client.post(PATH, json={**ADA, "password": PASSWORD.upper()})
        assert response.status_code == 400
        assert response.json()["code"] == "PASSWORD_COMPROMISED"


async def test_of_many_at_once_with_one_address_exactly_one_gets_in(client):
    responses = await asyncio.gather(*(client.post(PATH, json=ADA) for _ in range(8)))
    assert sorted(response.status_code for response in responses) == [200] + [422] * 7
