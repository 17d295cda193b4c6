"""A new secret signs from the day it is put first, and signs nobody out."""

from __future__ import annotations

import pytest

from asgi_auth import Secret
from asgi_auth.errors import InvalidToken
from tests.support import ADA, BASE_URL, PASSWORD, SESSION_COOKIE, browser, cookie_header, whoami

OLD, NEW = "old-secret-0123456789-0123456789-0123456789", "new-secret-0123456789-0123456789-0123456789"


@pytest.fixture
def before(make_auth, sqlite_url):
    """The Auth before the rotation."""
    return make_auth(database=sqlite_url, secret=OLD)


@pytest.fixture
def after(make_auth, sqlite_url):
    """The Auth after it: the new secret first, the old one still known."""
    return make_auth(database=sqlite_url, secret=None, secrets=(Secret(NEW, 2), Secret(OLD, 1)))


@pytest.fixture
async def session(before):
    return (await before.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")).session


async def test_a_cookie_signed_before_still_holds(before, after, session):
    async with browser(after.wrap(whoami)) as client:
        answer = await client.get("/", headers={"cookie": cookie_header(before, session.token)})
    assert answer.json()["email"] == ADA["email"]


async def test_a_token_signed_before_still_holds(before, after, session):
    live = await after.services.bearer_tokens.get_session_from_bearer(before.services.signer.sign(session.token))
    assert live.session == session


async def test_what_is_signed_now_is_signed_with_the_new_secret(before, after, session):
    async with browser(after.wrap(whoami)) as client:
        answer = await client.post("/api/auth/sign-in/email", json={"email": ADA["email"], "password": PASSWORD})
        assert answer.status_code == 200
        assert client.cookies[SESSION_COOKIE]
        kept = f"{SESSION_COOKIE}={client.cookies[SESSION_COOKIE]}"
    with pytest.raises(InvalidToken):
        await before.services.bearer_tokens.get_session_from_bearer(answer.headers["set-auth-token"])
    async with browser(before.wrap(whoami), base_url=BASE_URL) as client:
        assert (await client.get("/", headers={"cookie": kept})).json()["error"] == "UNAUTHORIZED"


async def test_once_the_old_secret_is_dropped_what_it_signed_is_refused(make_auth, before, session, sqlite_url):
    later = make_auth(database=sqlite_url, secret=NEW)
    with pytest.raises(InvalidToken):
        await later.services.bearer_tokens.get_session_from_bearer(before.services.signer.sign(session.token))
    assert (await later.services.sessions.get_session(session.token)).session == session


def test_secrets_are_shown_nowhere(after):
    services = after.services
    shown = "".join(map(repr, (after.config, services.signer, services.config.all_secrets, vars(services))))
    assert OLD not in shown
    assert NEW not in shown
