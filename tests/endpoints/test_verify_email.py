"""POST /send-verification-email and GET /verify-email: addresses proved with a letter."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from asgi_auth import EmailOptions, PasswordOptions
from asgi_auth.mails import VerifyEmailMail
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, BOB, PASSWORD, SECRET, SESSION_COOKIE, browser, session_user, sign_up, whoami
from tests.tokens import claims, jwt, read

SEND = "/api/auth/send-verification-email"
VERIFY = "/api/auth/verify-email"
AT_ONCE = timedelta()

DONE = {"status": True, "user": None}
INVALID = {"message": "Invalid token", "code": "INVALID_TOKEN"}
EXPIRED = {"message": "Token expired", "code": "TOKEN_EXPIRED"}
UNKNOWN = {"message": "User not found", "code": "USER_NOT_FOUND"}

COMPLAINTS = [
    ({}, "[body.email] Invalid input: expected string, received undefined"),
    ({"email": ""}, "[body.email] Invalid email address"),
    ({"email": "bad"}, "[body.email] Invalid email address"),
    ({"email": 5}, "[body.email] Invalid input: expected string, received number"),
    ({"email": [ADA["email"]]}, "[body.email] Invalid input: expected string, received array"),
    ({**ADA, "callbackURL": None}, "[body.callbackURL] Invalid input: expected string, received null"),
    ([], "[body] Invalid input: expected object, received array"),
]

QUERY_COMPLAINTS = [
    ("", "[query.token] Invalid input: expected string, received undefined"),
    ("?callbackURL=/cb", "[query.token] Invalid input: expected string, received undefined"),
    ("?token=a&token=b", "[query.token] Invalid input: expected string, received array"),
    ("?token=a&callbackURL=/a&callbackURL=/b", "[query.callbackURL] Invalid input: expected string, received array"),
]

LED_TO = [
    ("/cb", "/cb?error=%s"),
    ("/cb?x=1", "/cb?x=1&error=%s"),
    ("/cb#there", "/cb?error=%s#there"),
    ("/cb?x=1#there", "/cb?x=1&error=%s#there"),
    (f"{BASE_URL}/cb?error=no", f"{BASE_URL}/cb?error=no&error=%s"),
]

ELSEWHERE = [
    "https://evil.test/",
    "//evil.test",
    "/\\evil.test",
    "javascript:alert(1)",
    "%2Fcb",
    "cb",
    f"{BASE_URL}@evil.test/",
    "/%2f%2fevil.test",
    "/\t/evil.test",
]


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def make(make_auth, mailbox):
    """A factory of Auths that send letters, in memory; ``email`` are fields of EmailOptions."""

    def make(*, email=None, **options):
        options.setdefault("base_url", BASE_URL)
        email = EmailOptions(**{"answers_strangers_after": AT_ONCE, **(email or {})})
        return make_auth(mail=mailbox.options, email=email, **options)

    return make


@pytest.fixture
def auth(make):
    return make()


@pytest.fixture
async def guest(auth):
    async with browser(auth.wrap(whoami)) as client:
        yield client


@pytest.fixture
async def ada(guest):
    """Ada's browser, signed in; her address is not verified."""
    await sign_up(guest)
    return guest


@pytest.fixture
async def stranger(auth, ada):
    async with browser(auth.wrap(whoami)) as client:
        yield client


async def user_of(auth, email=ADA["email"]):
    return await auth.services.users.find_by_email(email)


# asking for a letter


async def test_the_letter_of_a_signed_in_user_holds_a_link_with_a_token_of_the_contract(auth, ada, mailbox, clock):
    response = await ada.post(SEND, json={"email": "ADA@Example.com", "callbackURL": "/done?x=1#there"})

    assert (response.status_code, response.json()) == (200, {"status": True})
    letter = await mailbox.link(auth)
    user, now = await user_of(auth), int(clock().timestamp())
    assert isinstance(letter, VerifyEmailMail)
    assert (letter.to, letter.user) == (ADA["email"], user)
    assert letter.url == f"{BASE_URL}{VERIFY}?token={letter.token}&callbackURL=%2Fdone%3Fx%3D1%23there"
    assert list(read(letter.token).items()) == [
        ("email", ADA["email"]),
        ("userId", user.id),
        ("iat", now),
        ("exp", now + 3600),
    ]


@pytest.mark.parametrize("body", [{}, {"callbackURL": ""}])
async def test_a_link_leads_to_the_root_unless_it_was_said(auth, ada, mailbox, body):
    await ada.post(SEND, json={"email": ADA["email"], **body})
    assert (await mailbox.link(auth)).url.endswith("&callbackURL=%2F")


async def test_a_stranger_learns_nothing_of_an_address_and_its_owner_gets_the_letter(auth, stranger, mailbox):
    known = await stranger.post(SEND, json={"email": ADA["email"]})
    assert len(await mailbox.arrived(auth)) == 1
    unknown = await stranger.post(SEND, json={"email": "ghost@example.com"})
    await auth.services.users.change((await user_of(auth)).id, email_verified=True)
    verified = await stranger.post(SEND, json={"email": ADA["email"]})

    assert len(await mailbox.arrived(auth)) == 1
    for answer in (known, unknown, verified):
        assert (answer.status_code, answer.json()) == (200, {"status": True})
        assert answer.headers.raw == known.headers.raw


async def test_a_signed_in_user_asks_for_its_own_address_only_and_only_while_it_is_not_verified(auth, ada, mailbox):
    other = await ada.post(SEND, json={"email": BOB["email"]})
    await auth.services.users.change((await user_of(auth)).id, email_verified=True)
    again = await ada.post(SEND, json={"email": ADA["email"]})

    assert (other.status_code, other.json()) == (400, {"message": "Email mismatch", "code": "EMAIL_MISMATCH"})
    assert again.status_code == 400
    assert again.json() == {"message": "Email is already verified", "code": "EMAIL_ALREADY_VERIFIED"}
    assert await mailbox.arrived(auth) == []


async def test_a_refused_bearer_token_makes_a_stranger_of_whoever_has_a_cookie(auth, ada, mailbox):
    answer = await ada.post(SEND, json={"email": BOB["email"]}, headers={"authorization": f"Bearer {'x' * 32}"})
    assert answer.json() == {"status": True}
    assert await mailbox.arrived(auth) == []


async def test_where_nobody_sends_letters_there_are_none_for_anybody(make_auth):
    async with browser(make_auth().wrap(whoami)) as client:
        for _ in range(2):
            response = await client.post(SEND, json={"email": ADA["email"]})
            assert response.status_code == 400
            assert response.json() == {
                "message": "Verification email isn't enabled",
                "code": "VERIFICATION_EMAIL_NOT_ENABLED",
            }
            await client.post("/api/auth/sign-up/email", json=ADA)


@pytest.mark.parametrize(("body", "complaint"), COMPLAINTS)
async def test_what_is_wrong_with_a_request_is_told(ada, body, complaint):
    response = await ada.post(SEND, json=body)
    assert (response.status_code, response.json()) == (400, {"message": complaint, "code": "VALIDATION_ERROR"})


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_no_letter_leads_elsewhere(auth, ada, mailbox, url):
    response = await ada.post(SEND, json={"email": ADA["email"], "callbackURL": url})
    assert (response.status_code, response.json()["code"]) == (403, "INVALID_CALLBACK_URL")
    assert await mailbox.arrived(auth) == []


# following the link


@pytest.mark.parametrize("opener", ["ada", "stranger"])
async def test_a_link_verifies_the_address_whoever_opens_it_and_signs_nobody_in(
    auth, ada, stranger, mailbox, request, opener
):
    await ada.post(SEND, json={"email": ADA["email"], "callbackURL": "/done?x=1"})
    letter = await mailbox.link(auth)
    response = await request.getfixturevalue(opener).get(letter.url)

    assert (response.status_code, response.headers["location"]) == (302, "/done?x=1")
    assert "set-cookie" not in response.headers
    assert (await session_user(ada))["emailVerified"] is True
    assert await session_user(stranger) is None


async def test_without_a_page_to_go_to_the_answer_is_json_and_the_same_the_second_time(auth, stranger, mailbox):
    await stranger.post(SEND, json={"email": ADA["email"]})
    token = (await mailbox.link(auth)).token
    for url in (f"{VERIFY}?token={token}", f"{VERIFY}?token={token}&callbackURL="):
        response = await stranger.get(url)
        assert (response.status_code, response.json()) == (200, DONE)
        assert response.headers["cache-control"] == "no-store"


async def test_a_token_of_better_auth_with_the_same_secret_is_accepted(auth, stranger, clock):
    user = await user_of(auth)
    response = await stranger.get(VERIFY, params={"token": jwt(claims(clock, ADA["email"], user.id))})
    assert response.json() == DONE
    assert (await user_of(auth)).email_verified


async def test_a_link_ends_at_its_hour(auth, stranger, mailbox, clock):
    await stranger.post(SEND, json={"email": ADA["email"]})
    token = (await mailbox.link(auth)).token
    clock.advance(seconds=3599)
    assert (await stranger.get(VERIFY, params={"token": token})).status_code == 200
    clock.advance(seconds=1)
    response = await stranger.get(VERIFY, params={"token": token})
    assert (response.status_code, response.json()) == (401, EXPIRED)


async def test_the_moment_in_which_a_token_ends_is_too_late(auth, stranger, clock):
    user = await user_of(auth)
    token = jwt(claims(clock, ADA["email"], user.id, exp=clock().timestamp()))
    response = await stranger.get(VERIFY, params={"token": token})
    assert (response.status_code, response.json()) == (401, EXPIRED)


@pytest.mark.parametrize(("url", "led_to"), LED_TO)
async def test_what_is_wrong_with_a_link_goes_to_its_page(auth, stranger, clock, url, led_to):
    user = await user_of(auth)
    tokens = {
        "INVALID_TOKEN": "garbage",
        "TOKEN_EXPIRED": jwt(claims(clock, ADA["email"], user.id, exp=1)),
        "USER_NOT_FOUND": jwt(claims(clock, "ghost@example.com", user.id)),
    }
    for code, token in tokens.items():
        response = await stranger.get(VERIFY, params={"token": token, "callbackURL": url})
        assert (response.status_code, response.headers["location"]) == (302, led_to % code)


@pytest.mark.parametrize("url", ELSEWHERE)
async def test_no_link_leads_elsewhere_be_it_good_or_bad(auth, stranger, clock, url):
    user = await user_of(auth)
    for token in ("garbage", jwt(claims(clock, ADA["email"], user.id))):
        response = await stranger.get(VERIFY, params={"token": token, "callbackURL": url})
        assert response.status_code == 403
        assert response.json() == {"message": "Invalid callbackURL", "code": "INVALID_CALLBACK_URL"}
        assert "location" not in response.headers
    assert not (await user_of(auth)).email_verified


@pytest.mark.parametrize(("query", "complaint"), QUERY_COMPLAINTS)
async def test_what_is_wrong_with_a_query_is_told(guest, query, complaint):
    response = await guest.get(VERIFY + query)
    assert (response.status_code, response.json()) == (400, {"message": complaint, "code": "VALIDATION_ERROR"})


async def test_a_link_is_followed_by_get_alone(guest):
    for method in ("HEAD", "POST", "PUT"):
        assert (await guest.request(method, f"{VERIFY}?token=x")).status_code == 404


async def test_no_forged_or_foreign_token_verifies_anything(auth, ada, stranger, clock):
    user, bob = await user_of(auth), await user_of(auth, BOB["email"])
    assert bob is None
    good = claims(clock, ADA["email"], user.id)
    head, payload, signature = jwt(good).split(".")
    refused = {
        "no signature": f"{head}.{payload}.",
        "none": jwt(good, header={"alg": "none"}),
        "none, unsigned": jwt(good, header={"alg": "none"}).rpartition(".")[0] + ".",
        "another algorithm": jwt(good, header={"alg": "RS256"}),
        "a key of its own": jwt(good, header={"alg": "HS256", "kid": "../../dev/null"}),
        "another secret": jwt(good, secret=SECRET + "x"),
        "an empty secret": jwt(good, secret=""),
        "a changed signature": f"{head}.{payload}.{signature[::-1]}",
        "no user": jwt({name: value for name, value in good.items() if name != "userId"}),
        "another user": jwt({**good, "userId": "x" * 32}),
        "no address": jwt({name: value for name, value in good.items() if name != "email"}),
        "an address of another type": jwt({**good, "email": [ADA["email"]]}),
        "no end": jwt({name: value for name, value in good.items() if name != "exp"}),
        "an end that is no number": jwt({**good, "exp": "9999999999"}),
        "not yet": jwt({**good, "nbf": good["iat"] + 60}),
        "a step of a change without an address": jwt({**good, "requestType": "change-email-verification"}),
        "an unknown step": jwt({**good, "requestType": "admin"}),
        "the cookie cache": jwt({"session": {"userId": user.id}, "user": {"email": ADA["email"]}, "exp": good["exp"]}),
        "a list": jwt([good]),
        "a text": jwt("token"),
        "null": jwt(None),
        "nothing": "",
        "dots": "...",
        "not ASCII": "ü.ü.ü",
        "a session": ada.cookies[SESSION_COOKIE],
    }
    for name, token in refused.items():
        response = await stranger.get(VERIFY, params={"token": token})
        assert (response.status_code, response.json()) == (401, INVALID), name
    assert not (await user_of(auth)).email_verified


async def test_a_user_who_is_gone_or_came_back_with_the_same_address_is_not_verified_by_an_old_link(
    auth, stranger, mailbox
):
    await stranger.post(SEND, json={"email": ADA["email"]})
    token = (await mailbox.link(auth)).token
    await auth.services.deletions.delete((await user_of(auth)).id)
    gone = await stranger.get(VERIFY, params={"token": token})
    await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada again")
    back = await stranger.get(VERIFY, params={"token": token})

    assert (gone.status_code, gone.json()) == (401, UNKNOWN)
    assert (back.status_code, back.json()) == (401, INVALID)
    assert not (await user_of(auth)).email_verified


# signing in with it


async def test_the_first_who_verifies_an_address_is_signed_in_where_that_is_configured(make, mailbox):
    auth = make(email={"signs_in_after_verification": True}, password=PasswordOptions(requires_verified_email=True))
    async with browser(auth.wrap(whoami)) as client, browser(auth.wrap(whoami)) as other:
        answer = await client.post("/api/auth/sign-up/email", json={**ADA, "callbackURL": "/welcome"})
        assert answer.json()["token"] is None
        letter = await mailbox.link(auth)
        assert parse_qs(urlsplit(letter.url).query)["callbackURL"] == ["/welcome"]
        first = await client.get(letter.url)
        second = await other.get(letter.url)

        assert (first.status_code, first.headers["location"]) == (302, "/welcome")
        assert first.headers["set-auth-token"]
        assert (second.status_code, "set-cookie" in second.headers) == (302, False)
        assert (await session_user(client))["email"] == ADA["email"]
        assert await session_user(other) is None


async def test_whoever_is_signed_in_keeps_the_session_and_somebody_else_gets_a_new_one(make, mailbox):
    auth = make(email={"signs_in_after_verification": True, "verifies_on_sign_up": True})
    async with browser(auth.wrap(whoami)) as ada, browser(auth.wrap(whoami)) as bob:
        await sign_up(ada)
        adas = await mailbox.link(auth)
        await sign_up(bob, BOB)
        token = ada.cookies[SESSION_COOKIE]
        own = await ada.get(adas.url)
        bobs = await ada.get((await mailbox.link(auth)).url)

        assert ada.cookies[SESSION_COOKIE] != token
        assert f"{SESSION_COOKIE}={token}" in own.headers["set-cookie"]
        assert SESSION_COOKIE in bobs.headers["set-cookie"]
        assert (await session_user(ada))["email"] == BOB["email"]


# letters that nobody asked for


@pytest.mark.parametrize(
    ("email", "password", "is_sent"),
    [
        ({}, {}, False),
        ({}, {"requires_verified_email": True}, True),
        ({"verifies_on_sign_up": True}, {}, True),
        ({"verifies_on_sign_up": False}, {"requires_verified_email": True}, False),
    ],
)
async def test_new_users_get_a_letter_where_configured(make, mailbox, email, password, is_sent):
    auth = make(email=email, password=PasswordOptions(**password))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
    assert [letter.kind for letter in await mailbox.arrived(auth)] == ["verify-email"] * is_sent


async def test_somebody_who_signs_up_with_a_taken_address_sends_its_owner_no_link(make, mailbox):
    auth = make(password=PasswordOptions(requires_verified_email=True))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        await sign_up(client, {**ADA, "password": "another horse entirely"})
    assert len(await mailbox.arrived(auth)) == 1


async def test_the_right_password_of_an_unverified_user_brings_a_letter_where_configured(make, mailbox):
    auth = make(
        email={"verifies_on_sign_in": True, "verifies_on_sign_up": False},
        password=PasswordOptions(requires_verified_email=True),
    )
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        wrong = {"email": ADA["email"], "password": "wrong password"}
        assert (await client.post("/api/auth/sign-in/email", json=wrong)).status_code == 401
        assert await mailbox.arrived(auth) == []
        answer = await client.post("/api/auth/sign-in/email", json={**ADA, "callbackURL": "/in"})

        assert (answer.status_code, answer.json()["code"]) == (403, "EMAIL_NOT_VERIFIED")
        assert (await mailbox.link(auth)).url.endswith("&callbackURL=%2Fin")
