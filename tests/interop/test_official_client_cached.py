"""The official JavaScript client, unmodified, must be content with a session that is also kept in a cookie."""

from __future__ import annotations

from asgi_auth import Auth, AuthConfig, CookieCacheOptions, RateLimitOptions
from tests.servers.live import serve
from tests.servers.node import better_auth_server, run_client
from tests.support import whoami

SECRET = "a secret for the interoperability tests, 48 chars"
SCRIPT = "cached.mjs"
THEIRS = {"session": {"cookieCache": {"enabled": True}}}


async def test_the_official_client_against_asgi_auth(database_url):
    config = AuthConfig.development(
        secret=SECRET,
        database=database_url,
        cookie_cache=CookieCacheOptions(is_enabled=True, instant_revocation=False),
        rate_limits=RateLimitOptions(is_enabled=False),
    )
    async with serve(Auth(config).wrap(whoami)) as base_url:
        assert_the_client_is_content(await run_client(base_url, script=SCRIPT))


async def test_the_official_client_against_better_auths_own_server(tmp_path):
    with better_auth_server(tmp_path / "better-auth.sqlite", secret=SECRET, options=THEIRS) as base_url:
        assert_the_client_is_content(await run_client(base_url, script=SCRIPT))


def assert_the_client_is_content(results):
    """What `cached.mjs` must report of any server that speaks the protocol."""
    assert results["cookies"] == ["better-auth.session_token", "better-auth.session_data"]
    signed_up = _same(results["signedUp"])
    _assert_a_browser_sees_its_own_changes(results, signed_up)
    _assert_a_browser_sees_others_changes_when_it_looks(results)
    assert results["sensitive"]["error"] is None
    replaced = _same(results["replaced"])
    assert replaced["session"]["token"] == results["sensitive"]["data"]["token"] != signed_up["session"]["token"]
    assert results["signedOut"] == {"cached": None, "stored": None}
    assert results["cookiesAtLast"] == []


def _assert_a_browser_sees_its_own_changes(results, signed_up):
    updated = _same(results["updated"])
    assert updated["session"] == signed_up["session"]
    shown = {"name": "Ada Lovelace", "image": "https://example.com/ada.png"}
    assert updated["user"] == {**signed_up["user"], **shown, "updatedAt": updated["user"]["updatedAt"]}


def _assert_a_browser_sees_others_changes_when_it_looks(results):
    phone, elsewhere = _same(results["phone"]), results["changedElsewhere"]
    assert elsewhere["cached"] == phone
    assert elsewhere["stored"]["user"]["name"] == "Countess"
    # whoever has looked has it in the cookie from then on
    assert _same(results["changedThen"]) == elsewhere["stored"]
    assert results["revokedElsewhere"] == {"cached": elsewhere["stored"], "stored": None}
    assert results["cookiesOfRevoked"] == []


def _same(session):
    """What both the cookie and the database say."""
    assert session["cached"] == session["stored"] is not None
    return session["stored"]
