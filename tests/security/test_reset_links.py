"""Attacks on links in letters: another host in them, another purpose, another user, another moment."""

import pytest

from asgi_auth import EmailOptions, MailOptions, SmtpSender
from tests.contracts.rows import verification_row
from tests.endpoints.wire import exchange, http, request
from tests.mailbox import Mailbox
from tests.security.canaries import leaks
from tests.support import ADA, BASE_URL, BOB, PASSWORD, browser, me, sign_up, whoami

NEW = "another horse battery"
JSON = ("content-type", "application/json")
BODY = b'{"email":"ada@example.com","redirectTo":"/reset"}'

HOSTS = [
    "evil.test",
    "app.test@evil.test",
    "evil.test#",
    "evil.test/app.test",
    "a" * 5000,
    "app.test:99999",
    "[::1",
    "app.test, evil.test",
    "app.test\\@evil.test",
    "",
]
FORWARDED = [
    ("x-forwarded-host", "evil.test"),
    ("x-forwarded-proto", "evil"),
    ("forwarded", "host=evil.test"),
    ("x-original-host", "evil.test"),
    ("x-host", "evil.test"),
]
NO_TOKENS = [
    "' OR 1=1--",
    "%",
    "_" * 24,
    "reset-password:" + "a" * 24,
    "\x00" * 24,
    "é" * 24,
    "a" * 10_000,
    "*",
    "../error",
]


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
async def auth(make_auth, mailbox):
    """An Auth that sends letters, with Ada signed up."""
    auth = make_auth(
        mail=mailbox.options,
        base_url=BASE_URL,
        email=EmailOptions(allows_change=True, changes_unverified_at_once=True),
    )
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
    return auth


@pytest.fixture
async def client(auth):
    async with browser(auth.wrap(whoami)) as client:
        yield client


@pytest.fixture
async def token(auth, client, mailbox):
    """What Ada has been sent."""
    await client.post("/api/auth/request-password-reset", json={"email": ADA["email"]})
    return (await mailbox.link(auth)).token


async def reset(client, token, password=NEW):
    return await client.post("/api/auth/reset-password", json={"newPassword": password, "token": token})


async def sign_in(client, password):
    return (await client.post("/api/auth/sign-in/email", json={**ADA, "password": password})).status_code


@pytest.mark.parametrize("headers", [[("host", host)] for host in HOSTS] + [[header] for header in FORWARDED])
async def test_no_header_decides_where_the_link_in_a_letter_leads(auth, mailbox, headers):
    mailbox.letters.clear()
    scope = http("POST", "/api/auth/request-password-reset", [JSON, *headers])
    answer = await exchange(auth.wrap(whoami), scope, request(BODY))
    assert answer.status == 200
    (letter,) = await mailbox.arrived(auth)
    assert letter.url.startswith(f"{BASE_URL}/api/auth/reset-password/")
    assert "evil" not in letter.text.replace(letter.token, "")


@pytest.mark.parametrize("headers", [[("host", host)] for host in HOSTS])
async def test_no_header_decides_where_a_link_leads_on_to(auth, token, headers):
    scope = http(path=f"/api/auth/reset-password/{token}", headers=headers, query_string=b"callbackURL=/reset")
    (location,) = (await exchange(auth.wrap(whoami), scope)).header("location")
    assert location == f"{BASE_URL}/reset?token={token}"


async def test_a_secret_for_another_purpose_chooses_no_password_and_stays_good(auth, client, clock):
    user = await auth.services.users.find_by_email(ADA["email"])
    clock_row = {"value": user.id, "expires_at": clock.now.replace(year=2030)}
    for prefix in ("delete-account-", "magic-link:", "two-factor:", "reset-password", "change-email:", ""):
        row = verification_row(clock, prefix + "a" * 24, **clock_row)
        await auth.services.engine.verifications.add(row)
        for offered in ("a" * 24, row.identifier, row.identifier[-24:]):
            assert (await reset(client, offered)).json()["code"] == "INVALID_TOKEN"
        assert await auth.services.engine.verifications.take(id=row.id) is not None
    assert await sign_in(client, PASSWORD) == 200


async def test_a_reset_token_opens_nothing_else(auth, client, token):
    refused = await client.get(f"/api/auth/verify-email?token={token}")
    assert (refused.status_code, refused.json()["code"]) == (401, "INVALID_TOKEN")
    signed = auth.services.signer.sign(token)
    for headers in ({"authorization": f"Bearer {token}"}, {"cookie": f"better-auth.session_token={signed}"}):
        assert (await me(client, headers=headers))["email"] is None
    assert (await reset(client, token)).status_code == 200


@pytest.mark.parametrize("offered", NO_TOKENS)
async def test_what_is_no_token_is_an_invalid_one(client, token, offered):
    refused = await reset(client, offered)
    assert refused.status_code == 400
    assert refused.json()["code"] in ("INVALID_TOKEN", "BAD_REQUEST")
    assert (await reset(client, token)).status_code == 200


async def test_the_token_of_one_user_changes_no_other(auth, client, token, make_auth):
    async with browser(auth.wrap(whoami)) as bobs:
        await sign_up(bobs, BOB)
        claims = {"userId": "x", "email": BOB["email"], "user": {"email": BOB["email"]}}
        body = {"newPassword": NEW, "token": token, **claims}
        assert (await bobs.post("/api/auth/reset-password", json=body)).status_code == 200
        assert (await me(bobs))["email"] == BOB["email"]
        bobs.cookies.clear()
        assert (await bobs.post("/api/auth/sign-in/email", json=BOB)).status_code == 200
    assert await sign_in(client, NEW) == 200


async def test_a_link_sent_to_an_address_that_was_given_up_is_worthless(client, token):
    assert await sign_in(client, PASSWORD) == 200
    changed = await client.post("/api/auth/change-email", json={"newEmail": "new@example.com"})
    assert changed.status_code == 200
    assert (await reset(client, token)).json()["code"] == "INVALID_TOKEN"


async def test_whoever_takes_an_address_over_is_not_reached_by_an_older_link(auth, client, token):
    await auth.services.engine.users.remove(email=ADA["email"])
    await sign_up(client, {**ADA, "name": "Another Ada"})
    assert (await reset(client, token)).json()["code"] == "USER_NOT_FOUND"
    assert await sign_in(client, PASSWORD) == 200


async def test_another_site_cannot_have_a_password_reset_or_a_letter_sent_with_a_visitors_cookies(auth, mailbox, token):
    before = len(mailbox.letters)
    async with browser(auth.wrap(whoami), origin="https://evil.test") as evil:
        headers = {"cookie": "theme=dark"}
        asked = await evil.post("/api/auth/request-password-reset", json={"email": ADA["email"]}, headers=headers)
        done = await evil.post("/api/auth/reset-password", json={"newPassword": NEW, "token": token}, headers=headers)
    assert (asked.status_code, done.status_code) == (403, 403)
    assert len(await mailbox.arrived(auth)) == before


async def test_no_log_holds_a_link_a_token_or_a_new_password(auth, client, mailbox, listening):
    await client.post("/api/auth/request-password-reset", json={"email": ADA["email"], "redirectTo": "/canary-page"})
    token = (await mailbox.link(auth)).token
    for password in ("short", NEW, NEW):
        # not by the client, which writes each URL to a log of its own
        link = http(path=f"/api/auth/reset-password/{token}", query_string=b"callbackURL=/reset")
        assert (await exchange(auth.wrap(whoami), link)).status == 302
        await reset(client, token, password)
    written = listening()
    assert "password.changed" in written
    assert leaks(written, {"token": token, "password": NEW, "address": ADA["email"]}) == []


async def test_nor_where_the_letter_cannot_be_sent(make_auth, listening):
    sender = SmtpSender(host="127.0.0.1", port=1, sender="a@app.test", encryption="none")
    auth = make_auth(mail=MailOptions(sender=sender), base_url=BASE_URL)
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        await client.post("/api/auth/request-password-reset", json={"email": ADA["email"]})
        await auth.services.mails.settle()
    rows = await auth.services.engine.verifications.list()
    written = listening()
    assert "mail.not_sent" in written
    token = rows[0].identifier.removeprefix("reset-password:")
    assert leaks(written, {"token": token, "address": ADA["email"]}) == []
