"""POST /change-email, and the links that finish a change."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth import EmailOptions, SessionOptions
from asgi_auth.mails import ConfirmEmailChangeMail, VerifyEmailMail
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, BOB, SESSION_COOKIE, browser, session_user, sign_up, whoami
from tests.tokens import claims, jwt, read

CHANGE = "/api/auth/change-email"
VERIFY = "/api/auth/verify-email"
NEW = "countess@example.com"

OK = {"status": True}
INVALID = {"message": "Invalid token", "code": "INVALID_TOKEN"}

COMPLAINTS = [
    ({}, "[body.newEmail] Invalid input: expected string, received undefined"),
    ({"newEmail": "bad"}, "[body.newEmail] Invalid email address"),
    ({"newEmail": 5}, "[body.newEmail] Invalid input: expected string, received number"),
    ({"newEmail": f"{NEW},{BOB['email']}"}, "[body.newEmail] Invalid email address"),
    ({"newEmail": NEW, "callbackURL": None}, "[body.callbackURL] Invalid input: expected string, received null"),
    ([], "[body] Invalid input: expected object, received array"),
]


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def make(make_auth, mailbox):
    """A factory of Auths whose users may change their address; ``email`` are fields of EmailOptions."""

    def make(*, email=None, **options):
        email = EmailOptions(**{"allows_change": True, **(email or {})})
        return make_auth(base_url=BASE_URL, mail=mailbox.options, email=email, **options)

    return make


@pytest.fixture
def auth(make, database_url):
    return make(database=database_url)


@pytest.fixture
async def ada(auth):
    """Ada's browser, signed in; her address is not verified."""
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        yield client


@pytest.fixture
async def bob(auth):
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, BOB)
        yield client


@pytest.fixture
async def guest(auth):
    async with browser(auth.wrap(whoami)) as client:
        yield client


async def user_of(auth, email=ADA["email"]):
    return await auth.services.users.find_by_email(email)


async def verified(auth):
    user = await user_of(auth)
    return await auth.services.users.change(user.id, email_verified=True)


async def test_the_new_address_proves_itself_and_takes_the_place_of_the_old_one(auth, ada, guest, mailbox, clock):
    await verified(auth)
    response = await ada.post(CHANGE, json={"newEmail": NEW.upper(), "callbackURL": "/done"})
    assert (response.status_code, response.json()) == (200, OK)
    assert "set-cookie" not in response.headers
    letter = await mailbox.link(auth)
    user, now = await user_of(auth), int(clock().timestamp())
    assert isinstance(letter, VerifyEmailMail)
    assert (letter.to, letter.user.email, letter.user.id) == (NEW, NEW, user.id)
    assert letter.url == f"{BASE_URL}{VERIFY}?token={letter.token}&callbackURL=%2Fdone"
    assert list(read(letter.token).items()) == [
        ("email", ADA["email"]),
        ("updateTo", NEW),
        ("requestType", "change-email-verification"),
        ("userId", user.id),
        ("iat", now),
        ("exp", now + 3600),
    ]
    followed = await guest.get(letter.url)

    assert (followed.status_code, followed.headers["location"]) == (302, "/done")
    assert "set-cookie" not in followed.headers
    assert await session_user(guest) is None
    shown = await session_user(ada)
    assert (shown["email"], shown["emailVerified"]) == (NEW, True)
    assert (await ada.get(letter.url)).headers["location"] == "/done?error=INVALID_TOKEN"


async def test_a_new_address_is_as_verified_as_the_old_one_was(auth, ada, mailbox):
    await ada.post(CHANGE, json={"newEmail": NEW})
    token = (await mailbox.link(auth)).token
    response = await ada.get(VERIFY, params={"token": token})

    assert response.status_code == 200
    assert response.json() == {"status": True, "user": await session_user(ada)}
    assert (response.json()["user"]["email"], response.json()["user"]["emailVerified"]) == (NEW, False)
    assert SESSION_COOKIE in response.headers["set-cookie"]


async def test_the_old_address_agrees_first_where_that_is_configured(make, mailbox):
    auth = make(email={"confirms_change": True})
    async with browser(auth.wrap(whoami)) as ada, browser(auth.wrap(whoami)) as guest:
        await sign_up(ada)
        await verified(auth)
        assert (await ada.post(CHANGE, json={"newEmail": NEW})).json() == OK
        first = await mailbox.link(auth)
        assert isinstance(first, ConfirmEmailChangeMail)
        assert (first.to, first.new_email) == (ADA["email"], NEW)
        assert read(first.token)["requestType"] == "change-email-confirmation"
        agreed = await guest.get(VERIFY, params={"token": first.token})

        assert (agreed.status_code, agreed.json()) == (200, OK)
        assert (await session_user(ada))["email"] == ADA["email"]
        second = await mailbox.link(auth)
        assert isinstance(second, VerifyEmailMail)
        assert second.to == NEW
        assert (await ada.get(VERIFY, params={"token": second.token})).status_code == 200
        assert (await session_user(ada))["email"] == NEW
        assert (await guest.get(VERIFY, params={"token": first.token})).json() == INVALID


async def test_an_address_that_was_never_verified_need_not_agree(make, mailbox):
    auth = make(email={"confirms_change": True})
    async with browser(auth.wrap(whoami)) as ada:
        await sign_up(ada)
        await ada.post(CHANGE, json={"newEmail": NEW})
    assert (await mailbox.link(auth)).to == NEW


async def test_an_address_that_was_never_verified_is_replaced_at_once_where_that_is_configured(make, mailbox):
    auth = make(email={"changes_unverified_at_once": True})
    async with browser(auth.wrap(whoami)) as ada:
        await sign_up(ada)
        response = await ada.post(CHANGE, json={"newEmail": NEW})
        assert response.json() == OK
        assert SESSION_COOKIE in response.headers["set-cookie"]
        assert (await session_user(ada))["email"] == NEW
        letter = await mailbox.link(auth)
        assert (letter.to, "updateTo" in read(letter.token)) == (NEW, False)

        await ada.get(letter.url)
        await ada.post(CHANGE, json={"newEmail": "third@example.com"})
        assert (await session_user(ada))["email"] == NEW


async def test_a_taken_address_is_answered_as_a_free_one_and_nothing_is_sent(auth, ada, bob, mailbox):
    free = await ada.post(CHANGE, json={"newEmail": NEW})
    assert len(await mailbox.arrived(auth)) == 1
    taken = await ada.post(CHANGE, json={"newEmail": BOB["email"].upper()})

    assert (taken.status_code, taken.json(), taken.headers.raw) == (200, OK, free.headers.raw)
    assert len(await mailbox.arrived(auth)) == 1
    assert (await session_user(bob))["email"] == BOB["email"]


async def test_an_address_that_was_taken_meanwhile_stays_its_owners(auth, ada, guest, mailbox):
    await ada.post(CHANGE, json={"newEmail": NEW})
    token = (await mailbox.link(auth)).token
    await sign_up(guest, {**BOB, "email": NEW})
    response = await ada.get(VERIFY, params={"token": token})
    led = await ada.get(VERIFY, params={"token": token, "callbackURL": "/cb"})

    assert (response.status_code, response.json()["code"]) == (422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL")
    assert led.headers["location"] == "/cb?error=USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"
    assert (await session_user(ada))["email"] == ADA["email"]
    assert (await session_user(guest))["name"] == "Bob"


async def test_an_agreement_to_an_address_that_was_taken_meanwhile_sends_nothing(make, mailbox):
    auth = make(email={"confirms_change": True})
    async with browser(auth.wrap(whoami)) as ada, browser(auth.wrap(whoami)) as bob:
        await sign_up(ada)
        await verified(auth)
        await ada.post(CHANGE, json={"newEmail": BOB["email"]})
        token = (await mailbox.link(auth)).token
        await sign_up(bob, BOB)
        response = await ada.get(VERIFY, params={"token": token})

    assert (response.status_code, response.json()) == (200, OK)
    assert len(await mailbox.arrived(auth)) == 1


async def test_a_link_to_change_an_address_is_refused_to_somebody_else_who_is_signed_in(auth, ada, bob, mailbox):
    await ada.post(CHANGE, json={"newEmail": NEW})
    token = (await mailbox.link(auth)).token
    response = await bob.get(VERIFY, params={"token": token})
    led = await bob.get(VERIFY, params={"token": token, "callbackURL": "/cb"})

    assert (response.status_code, response.json()) == (401, {"message": "Invalid user", "code": "INVALID_USER"})
    assert led.headers["location"] == "/cb?error=INVALID_USER"
    assert (await session_user(ada))["email"] == ADA["email"]
    assert (await session_user(bob))["email"] == BOB["email"]


async def test_once_the_address_has_changed_links_to_the_old_one_are_worthless(auth, ada, guest, mailbox):
    await ada.post(CHANGE, json={"newEmail": "second@example.com"})
    rival = await mailbox.link(auth)
    await ada.post("/api/auth/send-verification-email", json={"email": ADA["email"]})
    plain = await mailbox.link(auth)
    await ada.post(CHANGE, json={"newEmail": NEW})
    await guest.get((await mailbox.link(auth)).url)

    assert (await guest.get(VERIFY, params={"token": rival.token})).json() == INVALID
    unknown = await guest.get(VERIFY, params={"token": plain.token})
    assert (unknown.status_code, unknown.json()["code"]) == (401, "USER_NOT_FOUND")
    user = await user_of(auth, NEW)
    assert not user.email_verified


async def test_a_token_for_one_step_is_none_for_another(auth, ada, guest, mailbox, clock):
    await ada.post("/api/auth/send-verification-email", json={"email": ADA["email"]})
    plain = read((await mailbox.link(auth)).token)
    user = await user_of(auth)
    refused = {
        "no user": {name: value for name, value in plain.items() if name != "userId"} | {"updateTo": NEW},
        "another user": claims(clock, ADA["email"], "x" * 32, updateTo=NEW, requestType="change-email-verification"),
        "another old address": claims(clock, "x@example.com", user.id, updateTo=NEW),
        "no address": claims(clock, ADA["email"], user.id, updateTo="bad"),
        "null": claims(clock, ADA["email"], user.id, updateTo=None),
        "empty": claims(clock, ADA["email"], user.id, updateTo=""),
        "an unknown step": claims(clock, ADA["email"], user.id, updateTo=NEW, requestType="sign-in"),
        "a step alone": claims(clock, ADA["email"], user.id, requestType="change-email-confirmation"),
    }
    for name, said in refused.items():
        response = await guest.get(VERIFY, params={"token": jwt(said)})
        assert (response.status_code, response.json()) == (401, INVALID), name
    shown = await session_user(ada)
    assert (shown["email"], shown["emailVerified"]) == (ADA["email"], False)


async def test_a_change_without_a_step_is_made_at_once_and_the_new_address_gets_a_letter(
    auth, ada, guest, mailbox, clock
):
    user = await verified(auth)
    response = await guest.get(VERIFY, params={"token": jwt(claims(clock, ADA["email"], user.id, updateTo=NEW))})

    assert response.status_code == 200
    assert (response.json()["user"]["email"], response.json()["user"]["emailVerified"]) == (NEW, False)
    letter = await mailbox.link(auth)
    assert (letter.to, read(letter.token)["email"]) == (NEW, NEW)
    assert (await session_user(ada))["email"] == NEW


async def test_links_to_choose_a_new_password_do_not_outlive_the_address_they_were_sent_to(auth, ada, mailbox):
    await ada.post("/api/auth/request-password-reset", json={"email": ADA["email"]})
    reset = (await mailbox.link(auth)).token
    await ada.post(CHANGE, json={"newEmail": NEW})
    await ada.get((await mailbox.link(auth)).url)

    body = {"newPassword": "another horse entirely", "token": reset}
    assert (await ada.post("/api/auth/reset-password", json=body)).json() == INVALID


@pytest.mark.parametrize("email", [ADA["email"], ADA["email"].upper()])
async def test_the_same_address_is_no_change(make, email):
    async with browser(make().wrap(whoami)) as ada:
        await sign_up(ada)
        response = await ada.post(CHANGE, json={"newEmail": email})
    assert (response.status_code, response.json()) == (400, {"message": "Email is the same"})


@pytest.mark.parametrize(("body", "complaint"), COMPLAINTS)
async def test_what_is_wrong_with_a_request_is_told(make, body, complaint):
    async with browser(make().wrap(whoami)) as ada:
        await sign_up(ada)
        response = await ada.post(CHANGE, json=body)
    assert (response.status_code, response.json()) == (400, {"message": complaint, "code": "VALIDATION_ERROR"})


async def test_nothing_changes_without_a_session_elsewhere_from_or_to(make, mailbox):
    auth = make()
    async with browser(auth.wrap(whoami)) as client:
        assert (await client.post(CHANGE, json={"newEmail": NEW})).status_code == 401
        await sign_up(client)
        body = {"newEmail": NEW}
        evil = await client.post(CHANGE, json=body, headers={"origin": "https://evil.test"})
        led = await client.post(CHANGE, json={**body, "callbackURL": "https://evil.test/"})
        assert (evil.status_code, led.status_code) == (403, 403)
    assert await mailbox.arrived(auth) == []


async def test_a_session_left_open_begins_no_change_where_a_fresh_one_is_asked_for(make, mailbox, clock):
    auth = make(session=SessionOptions(require_fresh_for=frozenset({"email"}), fresh_for=timedelta(hours=1)))
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        clock.advance(hours=1)
        stale = await client.post(CHANGE, json={"newEmail": NEW})
        assert (stale.status_code, stale.json()["code"]) == (403, "SESSION_NOT_FRESH")
        assert await mailbox.arrived(auth) == []
        await client.post("/api/auth/sign-in/email", json=ADA)
        assert (await client.post(CHANGE, json={"newEmail": NEW})).json() == OK
    assert len(await mailbox.arrived(auth)) == 1


async def test_addresses_stay_where_users_may_not_change_them(make_auth, mailbox):
    auth = make_auth(base_url=BASE_URL, mail=mailbox.options)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        for email in (NEW, ADA["email"]):
            response = await client.post(CHANGE, json={"newEmail": email})
            assert response.status_code == 400
            assert response.json() == {"message": "Change email is disabled", "code": "CHANGE_EMAIL_DISABLED"}


async def test_without_letters_an_address_changes_only_where_none_is_needed(make_auth):
    for is_at_once, status in ((False, 400), (True, 200)):
        email = EmailOptions(allows_change=True, changes_unverified_at_once=is_at_once)
        async with browser(make_auth(email=email).wrap(whoami)) as client:
            await sign_up(client)
            response = await client.post(CHANGE, json={"newEmail": NEW})
            assert response.status_code == status
            assert response.json() == (OK if is_at_once else {"message": "Verification email isn't enabled"})


async def test_by_bearer_token_the_same_user_changes_its_address(make):
    async with browser(make(email={"changes_unverified_at_once": True}).wrap(whoami)) as client:
        token = (await sign_up(client)).json()["token"]
        client.cookies.clear()
        headers = {"authorization": f"Bearer {token}"}
        response = await client.post(CHANGE, json={"newEmail": NEW}, headers=headers)
    assert response.json() == OK
    assert response.headers["set-auth-token"]


def test_a_stranger_waits_half_a_second_unless_configured_otherwise():
    assert EmailOptions().answers_strangers_after == timedelta(milliseconds=500)


@pytest.mark.parametrize("way", ["change", "reset"])
async def test_a_change_begun_before_the_password_was_replaced_is_not_finished(auth, ada, guest, mailbox, clock, way):
    """Whoever had the account for a moment must not take it back with a link that is under way."""
    await ada.post(CHANGE, json={"newEmail": NEW})
    begun = await mailbox.link(auth)
    clock.advance(minutes=1)
    passwords = auth.services.passwords
    user = await user_of(auth)
    if way == "change":
        await passwords.change_password(user.id, ADA["password"], "another horse battery")
    else:
        await passwords.forget_password(ADA["email"])
        await passwords.reset_password((await mailbox.link(auth)).token, "another horse battery")
    refused = await guest.get(VERIFY, params={"token": begun.token})
    assert (refused.status_code, refused.json()["code"]) == (401, "INVALID_TOKEN")
    assert await user_of(auth) == user

    await ada.post(CHANGE, json={"newEmail": NEW})
    await ada.get(VERIFY, params={"token": (await mailbox.link(auth)).token})
    assert (await user_of(auth, NEW)).id == user.id
