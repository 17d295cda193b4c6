"""What matters to security is told once, with who and where from, and with nothing that has to be kept secret."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
import structlog

from asgi_auth import (
    AuditEntry,
    CSRFMiddleware,
    DeletionOptions,
    Forbidden,
    PasswordOptions,
    RateLimit,
    RateLimitOptions,
    SessionMiddleware,
    SessionOptions,
    Unavailable,
)
from asgi_auth.config import MailOptions
from tests.endpoints.limited import client_of
from tests.endpoints.social_trips import trip
from tests.endpoints.wire import exchange, websocket
from tests.mailbox import Mailbox
from tests.middleware.people import welcome
from tests.support import ADA, BOB, PASSWORD, browser, sign_up, user_id, whoami

NEW = "another horse battery"
AGENT = "Firefox/130\x1b[2J\nINFO fake"


def heard(auth):
    """Everything that is told from now on."""
    entries: list[AuditEntry] = []
    auth.services.audit.add_listener(entries.append)
    return entries


def taken(entries):
    seen = [(entry.event, entry.outcome) for entry in entries]
    entries.clear()
    return seen


async def post(client, path, **body):
    return await client.post(f"/api/auth{path}", json=body)


@pytest.fixture
def entries(auth):
    return heard(auth)


@pytest.fixture
def mailbox():
    return Mailbox()


async def test_a_life_with_a_password_is_told(client, entries):
    email = ADA["email"]
    await sign_up(client)
    assert taken(entries) == [("user.created", "success"), ("sign_in.succeeded", "success")]
    ada = await user_id(client)
    await post(client, "/sign-in/email", email=email, password="wrong password")
    (failed,) = entries
    assert (failed.event, failed.outcome, failed.reason) == ("sign_in.failed", "failure", "INVALID_EMAIL_OR_PASSWORD")
    assert (failed.user_id, failed.session_id, failed.method) == (ada, None, "password")
    entries.clear()
    await post(client, "/verify-password", password="wrong password")
    await post(client, "/change-password", currentPassword="wrong password", newPassword=NEW)
    assert taken(entries) == [("password.refused", "failure")] * 2
    await post(client, "/change-password", currentPassword=PASSWORD, newPassword=NEW, revokeOtherSessions=True)
    assert sorted(taken(entries)) == [("password.changed", "success"), ("session.revoked", "success")]
    await post(client, "/sign-out")
    (ended,) = entries
    assert (ended.event, ended.user_id, ended.reason) == ("session.revoked", ada, "sign_out")


async def test_why_a_session_ended_is_told(make_auth, database_url):
    auth = make_auth(database=database_url, session=SessionOptions(max_per_user=1))
    ada = await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    entries = heard(auth)
    signed_in = await auth.services.passwords.sign_in(ADA["email"], PASSWORD)
    await auth.services.sessions.revoke_session(signed_in.session.id)
    ended = [(entry.session_id, entry.reason) for entry in entries if entry.event == "session.revoked"]
    assert ended == [(ada.session.id, "limit"), (signed_in.session.id, "revoked")]


async def test_who_where_and_when_is_told(client, entries, clock):
    await client.post("/api/auth/sign-up/email", json=ADA, headers={"user-agent": AGENT})
    created, entered = entries
    for entry in (created, entered):
        assert (entry.ip_address, entry.user_agent) == ("203.0.113.7", "Firefox/130[2JINFO fake")
        assert (entry.at, entry.user_id) == (clock(), await user_id(client))
    assert entered.method == "password"
    live = (await client.get("/api/auth/get-session")).json()
    assert entered.session_id == live["session"]["id"] != live["session"]["token"]


async def test_what_a_client_says_of_itself_is_cut_and_no_secret_in_it_is_kept(client, entries):
    agent = "Bearer canary-token " + "x" * 1000
    await client.post("/api/auth/sign-up/email", json=ADA, headers={"user-agent": agent})
    assert len(entries[0].user_agent) == 256
    assert "canary" not in entries[0].user_agent


async def test_an_address_that_nobody_has_is_told_without_it(client, entries):
    await post(client, "/sign-in/email", email="nobody@example.com", password=PASSWORD)
    (failed,) = entries
    assert (failed.event, failed.user_id, failed.reason) == ("sign_in.failed", None, "INVALID_EMAIL_OR_PASSWORD")
    assert "nobody" not in repr(failed)


async def test_an_address_that_is_taken_is_told_as_often_as_one_that_is_free(make_auth, database_url):
    auth = make_auth(database=database_url, password=PasswordOptions(signs_in_after_sign_up=False))
    entries = heard(auth)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        assert taken(entries) == [("user.created", "success")]
        await sign_up(client)
        assert [(entry.event, entry.user_id) for entry in entries] == [("sign_up.failed", None)]
    assert entries[0].reason == "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL"


async def test_whom_the_door_refuses_is_told(client, auth, entries):
    await sign_up(client)
    entries.clear()
    errors = [Forbidden(), Unavailable()]

    async def refuse(_attempt):
        raise errors.pop(0)

    auth.services.sign_in.add_step(refuse)
    assert (await post(client, "/sign-in/email", **ADA)).status_code == 403
    (failed,) = entries
    assert (failed.event, failed.reason, failed.user_id) == ("sign_in.failed", "FORBIDDEN", await user_id(client))
    entries.clear()
    assert (await post(client, "/sign-in/email", **ADA)).status_code == 503
    assert taken(entries) == []  # a fault is not a verdict


async def test_a_right_password_before_the_address_is_verified_is_told(make_auth, database_url, mailbox):
    auth = make_auth(
        database=database_url,
        base_url="http://app.test",
        mail=MailOptions(sender=mailbox),
        password=PasswordOptions(requires_verified_email=True),
    )
    entries = heard(auth)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        entries.clear()
        await post(client, "/sign-in/email", **ADA)
    assert [(entry.event, entry.reason) for entry in entries] == [("sign_in.failed", "EMAIL_NOT_VERIFIED")]


async def test_a_reset_is_told_when_it_is_asked_for_and_when_it_is_done(make_auth, database_url, mailbox):
    auth = make_auth(database=database_url, base_url="http://app.test", mail=MailOptions(sender=mailbox))
    entries = heard(auth)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        ada = await user_id(client)
        entries.clear()
        for email in (ADA["email"], BOB["email"]):
            await post(client, "/request-password-reset", email=email)
            await auth.services.mails.settle()
        (mail,) = mailbox.letters
        assert [(entry.event, entry.user_id) for entry in entries] == [
            ("password.reset_requested", ada),
            ("password.reset_requested", None),
        ]
        assert entries[0].ip_address == "203.0.113.7"
        entries.clear()
        assert (await post(client, "/reset-password", newPassword=NEW, token=mail.token)).status_code == 200
    changed = [entry for entry in entries if entry.event == "password.changed"]
    assert [(entry.user_id, entry.method) for entry in changed] == [(ada, "reset")]


async def test_a_user_who_goes_is_told(make_auth, database_url):
    auth = make_auth(database=database_url, deletion=DeletionOptions(is_allowed=True))
    entries = heard(auth)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        entries.clear()
        assert (await post(client, "/delete-user", password=PASSWORD)).status_code == 200
    assert sorted(taken(entries)) == [("session.revoked", "success"), ("user.deleted", "success")]


async def test_a_way_in_by_a_provider_is_told(site, oidc, visitor):
    entries = heard(site)
    await trip(visitor, oidc)
    assert [(entry.event, entry.method) for entry in entries] == [
        ("account.linked", "corp"),
        ("user.created", None),
        ("sign_in.succeeded", "oauth"),
    ]
    assert len({entry.user_id for entry in entries}) == 1
    assert {entry.ip_address for entry in entries} == {"203.0.113.7"}


async def test_an_account_that_is_taken_away_is_told(site, oidc, visitor):
    await trip(visitor, oidc)
    ada = await user_id(visitor)
    (account,) = await site.services.accounts.list_user_accounts(ada)
    await site.services.passwords.set_password(ada, PASSWORD)
    entries = heard(site)
    answer = await post(visitor, "/unlink-account", accountId=account.id)
    assert answer.status_code == 200, answer.text
    assert [(entry.event, entry.method, entry.user_id) for entry in entries] == [("account.unlinked", "corp", ada)]


async def test_whom_a_provider_does_not_vouch_for_is_told(site, oidc, visitor):
    await sign_up(visitor, {**ADA, "email": oidc.person["email"]})
    entries = heard(site)
    async with browser(site.wrap(whoami)) as other:
        await trip(other, oidc)
    assert [(entry.event, entry.method, entry.user_id) for entry in entries] == [("sign_in.failed", "oauth", None)]


async def test_what_another_site_may_have_sent_is_told(client, entries):
    await sign_up(client)
    entries.clear()
    evil = {"origin": "https://evil.test"}
    assert (await client.post("/api/auth/sign-out", json={}, headers=evil)).status_code == 403
    assert (await client.post("/page", headers=evil)).status_code == 403
    assert (await post(client, "/sign-in/email", **ADA, callbackURL="https://evil.test")).status_code == 403
    told = [(entry.event, entry.outcome, entry.reason, entry.ip_address) for entry in entries]
    assert told == [
        ("origin.refused", "failure", "INVALID_ORIGIN", "203.0.113.7"),
        ("origin.refused", "failure", "INVALID_CALLBACK_URL", "203.0.113.7"),
    ]


async def test_the_middleware_of_its_own_tells_it_too(make_auth):
    auth = make_auth()
    ada = await welcome(auth)
    entries = heard(auth)
    app = SessionMiddleware(CSRFMiddleware(whoami, auth.services), auth.services)
    async with browser(app, origin="https://evil.test") as client:
        assert (await client.post("/", headers=dict([ada.cookie]))).status_code == 403
    assert [(entry.event, entry.ip_address) for entry in entries] == [("origin.refused", "203.0.113.7")]


async def test_a_handshake_from_another_site_is_told(make_auth):
    auth = make_auth()
    ada = await welcome(auth)
    entries = heard(auth)
    handshake = websocket(headers=[ada.cookie, ("origin", "https://evil.test")], client=("203.0.113.7", 1))
    await exchange(auth.wrap(whoami), handshake)
    told = [(entry.event, entry.reason, entry.ip_address) for entry in entries]
    assert told == [("origin.refused", "INVALID_ORIGIN", "203.0.113.7")]


async def test_limits_that_are_exceeded_are_told_once_a_minute_of_each_client(make_auth, clock):
    limits = RateLimitOptions(is_enabled=True, rules={"/ok": RateLimit(1, timedelta(hours=1))})
    auth = make_auth(rate_limits=limits)
    entries = heard(auth)
    async with browser(auth.wrap(whoami)) as client:
        for _ in range(5):
            await client.get("/api/auth/ok")
        assert [(entry.event, entry.reason) for entry in entries] == [("rate_limit.exceeded", "/ok")]
        clock.advance(seconds=61)
        await client.get("/api/auth/ok")
        assert len(entries) == 2


async def test_what_the_servers_own_code_does_comes_from_nowhere(auth, entries):
    await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert [(entry.ip_address, entry.user_agent) for entry in entries] == [("", "")] * 2


async def test_requests_at_the_same_time_keep_their_places(auth, entries):
    async def visit(address):
        async with client_of(auth, address) as client:
            await post(client, "/sign-up/email", name=address, email=f"{address}@example.com", password=PASSWORD)

    await asyncio.gather(*(visit(f"198.51.100.{number}") for number in range(8)))
    users = {user.id: user.name for user in await auth.services.engine.users.list()}
    assert len(entries) == 16
    assert all(entry.ip_address == users[entry.user_id] for entry in entries)


async def test_it_is_logged_by_a_logger_of_its_own(guest, quick):
    with structlog.testing.capture_logs() as logs:
        await sign_up(guest)
        await post(guest, "/sign-in/email", email=ADA["email"], password="wrong password")
    told = [entry for entry in logs if "outcome" in entry]
    assert [(entry["event"], entry["log_level"]) for entry in told] == [
        ("user.created", "info"),
        ("sign_in.succeeded", "info"),
        ("sign_in.failed", "warning"),
    ]
    assert told[1]["at"] == quick.services.clock().iso()
    assert told[1]["user_id"] == await user_id(guest)
    assert "None" not in repr(told)
    assert ADA["email"] not in repr(told)


async def test_it_may_be_left_to_others(make_auth):
    auth = make_auth(audit_log=False)
    entries = heard(auth)
    with structlog.testing.capture_logs() as logs:
        await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert [entry for entry in logs if "outcome" in entry] == []
    assert len(entries) == 2
