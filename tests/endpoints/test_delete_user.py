"""POST /delete-user and GET /delete-user/callback."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import pytest

from asgi_auth import CookieCacheOptions, DeletionOptions, EmailOptions, SessionOptions
from asgi_auth.mails import DeleteAccountMail
from tests.mailbox import Mailbox
from tests.support import ADA, BASE_URL, BOB, PASSWORD, SESSION_COOKIE, browser, sign_up, whoami

DELETE = "/api/auth/delete-user"
CALLBACK = "/api/auth/delete-user/callback"

DELETED = {"success": True, "message": "User deleted"}
SENT = {"success": True, "message": "Verification email sent"}
INVALID_TOKEN = {"message": "Invalid token", "code": "INVALID_TOKEN"}
INVALID_PASSWORD = {"message": "Invalid password", "code": "INVALID_PASSWORD"}
STALE = {"message": "Session expired. Re-authenticate to perform this action.", "code": "SESSION_EXPIRED"}
UNKNOWN = "z" * 32

COMPLAINTS = [
    ({"password": 5}, "[body.password] Invalid input: expected string, received number"),
    ({"password": None}, "[body.password] Invalid input: expected string, received null"),
    ({"token": 5}, "[body.token] Invalid input: expected string, received number"),
    ([], "[body] Invalid input: expected object, received array"),
    ("s", "[body] Invalid input: expected object, received string"),
]

QUERY_COMPLAINTS = [
    ("", "[query.token] Invalid input: expected string, received undefined"),
    ("?token=a&token=b", "[query.token] Invalid input: expected string, received array"),
    ("?token=a&callbackURL=/a&callbackURL=/b", "[query.callbackURL] Invalid input: expected string, received array"),
]


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def make(make_auth, mailbox):
    """A factory of Auths whose users may delete themselves; arguments that are not known are DeletionOptions'."""

    def make(*, database=None, session=None, **deletion):
        options = {} if database is None else {"database": database}
        options |= {} if session is None else {"session": session}
        deletion = DeletionOptions(**{"is_allowed": True, **deletion})
        return make_auth(base_url=BASE_URL, mail=mailbox.options, deletion=deletion, **options)

    return make


@pytest.fixture
def auth(make):
    return make()


@pytest.fixture
def confirmed(make):
    """An Auth that sends a letter first."""
    return make(is_confirmed=True)


@pytest.fixture
async def ada(auth):
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        yield client


async def is_there(auth, email=ADA["email"]):
    return await auth.services.users.find_by_email(email) is not None


def cleared(response):
    return [cookie.partition("=")[0] for cookie in response.headers.get_list("set-cookie") if "Max-Age=0" in cookie]


async def test_a_user_who_has_just_signed_in_is_deleted_with_everything(make, database_url, clock):
    auth = make(database=database_url)
    async with browser(auth.wrap(whoami)) as ada, browser(auth.wrap(whoami)) as elsewhere:
        await sign_up(ada)
        await elsewhere.post("/api/auth/sign-in/email", json=ADA)
        response = await ada.post(DELETE, json={})

        assert (response.status_code, response.json()) == (200, DELETED)
        assert cleared(response)[0] == SESSION_COOKIE
        assert "set-auth-token" not in response.headers
        for client in (ada, elsewhere):
            assert (await client.get("/api/auth/get-session")).json() is None
        again = await ada.post("/api/auth/sign-in/email", json=ADA)
        assert again.json()["code"] == "INVALID_EMAIL_OR_PASSWORD"
        await sign_up(ada)
    engine = auth.services.engine
    assert await engine.users.count() == await engine.accounts.count() == await engine.sessions.count() == 1


@pytest.mark.every_storage
async def test_with_a_stale_session_it_takes_the_password(make, clock):
    auth = make(session=SessionOptions(fresh_for=timedelta(hours=1)))
    async with browser(auth.wrap(whoami)) as ada:
        await sign_up(ada)
        clock.advance(hours=1)
        for body in ({}, {"password": ""}, {"token": ""}):
            stale = await ada.post(DELETE, json=body)
            assert (stale.status_code, stale.json()) == (400, STALE)
        assert await is_there(auth)
        assert (await ada.post(DELETE, json={"password": PASSWORD})).json() == DELETED
    assert not await is_there(auth)


@pytest.mark.parametrize(
    ("body", "status", "answer"),
    [
        ({"password": "wrong password"}, 400, INVALID_PASSWORD),
        ({"password": "x" * 200}, 400, {"message": "Password too long", "code": "PASSWORD_TOO_LONG"}),
        ({"token": "nope"}, 404, INVALID_TOKEN),
        ({"token": UNKNOWN, "password": "wrong password"}, 400, INVALID_PASSWORD),
        ({"token": UNKNOWN, "password": PASSWORD}, 404, INVALID_TOKEN),
        ({"callbackURL": 5}, 400, {"message": "Invalid callbackURL: expected a string"}),
        ({"callbackURL": "//evil.test"}, 403, {"message": "Invalid callbackURL", "code": "INVALID_CALLBACK_URL"}),
    ],
)
async def test_a_wrong_proof_deletes_nobody(auth, ada, body, status, answer):
    response = await ada.post(DELETE, json=body)
    assert (response.status_code, response.json()) == (status, answer)
    assert cleared(response) == []
    assert await is_there(auth)


async def test_a_user_without_a_password_cannot_have_given_a_right_one(auth, ada):
    user = await auth.services.users.find_by_email(ADA["email"])
    await auth.services.engine.accounts.remove(user_id=user.id)
    response = await ada.post(DELETE, json={"password": PASSWORD})
    assert response.status_code == 400
    assert response.json() == {"message": "Credential account not found", "code": "CREDENTIAL_ACCOUNT_NOT_FOUND"}
    assert (await ada.post(DELETE, json={})).json() == DELETED


@pytest.mark.parametrize("password", [None, PASSWORD])
async def test_where_configured_a_letter_comes_first(confirmed, mailbox, password):
    async with browser(confirmed.wrap(whoami)) as ada:
        await sign_up(ada)
        body = {"callbackURL": "/bye?x=1"} | ({"password": password} if password else {})
        response = await ada.post(DELETE, json=body)
        assert (response.status_code, response.json()) == (200, SENT)
        assert await is_there(confirmed)
        letter = await mailbox.link(confirmed)
        assert isinstance(letter, DeleteAccountMail)
        assert letter.to == ADA["email"]
        assert re.fullmatch("[0-9a-z]{32}", letter.token)
        assert letter.url == f"{BASE_URL}{CALLBACK}?token={letter.token}&callbackURL=%2Fbye%3Fx%3D1"
        followed = await ada.get(letter.url)

        assert (followed.status_code, followed.headers["location"]) == (302, "/bye?x=1")
        assert cleared(followed)[0] == SESSION_COOKIE
        assert not await is_there(confirmed)
        after = await ada.get(letter.url)
        assert after.json() == {"message": "Failed to get user info", "code": "FAILED_TO_GET_USER_INFO"}


async def test_the_token_of_a_letter_can_be_sent_by_the_application_as_well(confirmed, mailbox):
    async with browser(confirmed.wrap(whoami)) as ada:
        await sign_up(ada)
        await ada.post(DELETE, json={})
        letter = await mailbox.link(confirmed)
        assert letter.url.endswith("&callbackURL=%2F")
        wrong = await ada.post(DELETE, json={"token": letter.token, "password": "wrong password"})
        assert wrong.json() == INVALID_PASSWORD
        assert (await ada.post(DELETE, json={"token": letter.token})).json() == DELETED


async def test_without_a_page_to_go_to_the_answer_is_json(confirmed, mailbox):
    async with browser(confirmed.wrap(whoami)) as ada:
        await sign_up(ada)
        await ada.post(DELETE, json={})
        response = await ada.get(CALLBACK, params={"token": (await mailbox.link(confirmed)).token, "callbackURL": ""})
    assert (response.status_code, response.json()) == (200, DELETED)


@pytest.mark.every_storage
async def test_a_link_deletes_its_owner_alone_and_others_do_not_use_it_up(make, database_url, mailbox):
    auth = make(database=database_url, is_confirmed=True)
    async with browser(auth.wrap(whoami)) as ada, browser(auth.wrap(whoami)) as bob:
        await sign_up(ada)
        await sign_up(bob, BOB)
        await ada.post(DELETE, json={})
        letter = await mailbox.link(auth)
        followed = await bob.get(letter.url)
        posted = await bob.post(DELETE, json={"token": letter.token})
        for response in (followed, posted):
            assert (response.status_code, response.json()) == (404, INVALID_TOKEN)
            assert cleared(response) == []
        assert (await ada.get(letter.url)).status_code == 302
        assert await is_there(auth, BOB["email"])
        assert not await is_there(auth)


@pytest.mark.every_storage
async def test_a_link_ends_when_its_time_is_over(confirmed, mailbox, clock):
    async with browser(confirmed.wrap(whoami)) as ada:
        await sign_up(ada)
        await ada.post(DELETE, json={})
        clock.advance(days=1, seconds=1)
        response = await ada.get((await mailbox.link(confirmed)).url)
    assert (response.status_code, response.json()) == (404, INVALID_TOKEN)
    assert await is_there(confirmed)


@pytest.mark.every_storage
async def test_a_secret_of_another_purpose_deletes_nobody_and_stays_good(confirmed, mailbox):
    async with browser(confirmed.wrap(whoami)) as ada:
        await sign_up(ada)
        await ada.post("/api/auth/request-password-reset", json={"email": ADA["email"]})
        reset = (await mailbox.link(confirmed)).token
        await ada.post(DELETE, json={})
        deletion = (await mailbox.link(confirmed)).token
        for token in (reset, f"../reset-password:{reset}", f"reset-password:{reset}"):
            assert (await ada.get(CALLBACK, params={"token": token})).json() == INVALID_TOKEN
        body = {"newPassword": "another horse entirely"}
        refused = await ada.post("/api/auth/reset-password", json={**body, "token": deletion})
        assert (refused.status_code, refused.json()["code"]) == (400, "INVALID_TOKEN")
        assert (await ada.post("/api/auth/reset-password", json={**body, "token": reset})).json() == {"status": True}
    assert await is_there(confirmed)


async def test_the_link_works_only_where_its_user_is_signed_in(confirmed, mailbox):
    async with browser(confirmed.wrap(whoami)) as ada, browser(confirmed.wrap(whoami)) as guest:
        await sign_up(ada)
        await ada.post(DELETE, json={})
        letter = await mailbox.link(confirmed)
        response = await guest.get(letter.url)
        assert response.status_code == 404
        assert response.json() == {"message": "Failed to get user info", "code": "FAILED_TO_GET_USER_INFO"}
        assert (await ada.get(letter.url)).status_code == 302


@pytest.mark.parametrize("url", ["https://evil.test/", "//evil.test", "/\\evil.test", "javascript:alert(1)", "bye"])
async def test_no_link_leads_elsewhere_and_such_a_one_deletes_nobody(confirmed, mailbox, url):
    async with browser(confirmed.wrap(whoami)) as ada:
        await sign_up(ada)
        asked = await ada.post(DELETE, json={"callbackURL": url})
        await ada.post(DELETE, json={})
        token = (await mailbox.link(confirmed)).token
        response = await ada.get(CALLBACK, params={"token": token, "callbackURL": url})
    for answer in (asked, response):
        assert (answer.status_code, answer.json()["code"]) == (403, "INVALID_CALLBACK_URL")
    assert len(await mailbox.arrived(confirmed)) == 1
    assert await is_there(confirmed)


@pytest.mark.every_storage
async def test_of_many_who_follow_a_link_at_once_none_gets_an_error_of_ours(make, database_url, mailbox):
    auth = make(database=database_url, is_confirmed=True)
    async with browser(auth.wrap(whoami)) as ada:
        await sign_up(ada)
        await ada.post(DELETE, json={})
        letter = await mailbox.link(auth)
        cookie = f"{SESSION_COOKIE}={ada.cookies[SESSION_COOKIE]}"
        async with browser(auth.wrap(whoami)) as others:
            opened = (others.get(letter.url, headers={"cookie": cookie}) for _ in range(8))
            statuses = sorted(response.status_code for response in await asyncio.gather(*opened))
    assert statuses == [302] + [404] * 7
    assert not await is_there(auth)


@pytest.mark.every_storage
async def test_parallel_deletions_are_one(make, database_url):
    auth = make(database=database_url)
    async with browser(auth.wrap(whoami)) as ada:
        await sign_up(ada)
        headers = {"cookie": f"{SESSION_COOKIE}={ada.cookies[SESSION_COOKIE]}"}
        async with browser(auth.wrap(whoami)) as others:
            asked = (others.post(DELETE, json={}, headers=headers) for _ in range(8))
            statuses = {response.status_code for response in await asyncio.gather(*asked)}
    assert statuses <= {200, 401}
    assert not await is_there(auth)


async def test_where_users_may_not_delete_themselves_there_is_no_such_thing(make):
    auth = make(is_allowed=False)
    async with browser(auth.wrap(whoami)) as ada:
        missing = {"message": "Not found", "code": "NOT_FOUND"}
        assert (await ada.get(CALLBACK, params={"token": UNKNOWN})).json() == missing
        await sign_up(ada)
        for body in ({}, {"password": PASSWORD}, {"token": UNKNOWN}):
            response = await ada.post(DELETE, json=body)
            assert (response.status_code, response.content) == (404, b"")
        followed = await ada.get(CALLBACK, params={"token": UNKNOWN})
        assert (followed.status_code, followed.json()) == (404, missing)
    assert await is_there(auth)


@pytest.mark.parametrize(("body", "complaint"), COMPLAINTS)
async def test_what_is_wrong_with_a_request_is_told(auth, ada, body, complaint):
    response = await ada.post(DELETE, json=body)
    assert (response.status_code, response.json()) == (400, {"message": complaint, "code": "VALIDATION_ERROR"})
    assert await is_there(auth)


@pytest.mark.parametrize(("query", "complaint"), QUERY_COMPLAINTS)
async def test_what_is_wrong_with_a_query_is_told(ada, query, complaint):
    response = await ada.get(CALLBACK + query)
    assert (response.status_code, response.json()) == (400, {"message": complaint, "code": "VALIDATION_ERROR"})


async def test_nobody_is_deleted_without_a_session_or_from_elsewhere(auth, ada):
    cookie = {"cookie": f"{SESSION_COOKIE}={ada.cookies[SESSION_COOKIE]}"}
    async with browser(auth.wrap(whoami), origin=None) as outside:
        assert (await outside.post(DELETE, json={})).status_code == 401
        assert (await outside.post(DELETE, json={}, headers=cookie)).status_code == 403
        evil = await outside.post(DELETE, json={}, headers={**cookie, "origin": "https://evil.test"})
        assert (evil.status_code, evil.json()["code"]) == (403, "INVALID_ORIGIN")
        form = await outside.post(DELETE, data={"password": PASSWORD})
        assert form.status_code == 415
    assert await is_there(auth)


@pytest.mark.parametrize("path", [DELETE, "/api/auth/change-email"])
async def test_a_session_that_ended_elsewhere_changes_no_credential_whatever_its_cookie_remembers(
    make_auth, mailbox, path
):
    auth = make_auth(
        base_url=BASE_URL,
        mail=mailbox.options,
        cookie_cache=CookieCacheOptions(is_enabled=True),
        deletion=DeletionOptions(is_allowed=True),
        email=EmailOptions(allows_change=True),
    )
    async with browser(auth.wrap(whoami)) as ada:
        await sign_up(ada)
        user = await auth.services.users.find_by_email(ADA["email"])
        await auth.services.engine.sessions.remove(user_id=user.id)
        response = await ada.post(path, json={"newEmail": "countess@example.com"})
    assert (response.status_code, response.json()["code"]) == (401, "UNAUTHORIZED")
    assert await is_there(auth)
    assert await mailbox.arrived(auth) == []
