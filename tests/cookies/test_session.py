"""The session's cookies: names, attributes, signatures, and what is read back."""

from datetime import timedelta

import pytest

from asgi_auth import AuthConfig, CookieOptions, CookieOverride, Secret, SessionOptions
from asgi_auth.clock import Timestamp
from asgi_auth.cookies.session import SessionCookies
from asgi_auth.crypto.signing import Signer
from asgi_auth.models import Session
from tests.endpoints.wire import http
from tests.support import SECRET

NOW = Timestamp.parse("2026-11-22T12:00:00.000Z")
TOKEN = "abcdefghijklmnopqrstuvwxyzABCDEF"
SESSION = Session(expires_at=NOW, token=TOKEN, created_at=NOW, updated_at=NOW, user_id="u", id="s")

# HMAC-SHA256 of the token with the tests' secret, made once with openssl.
SIGNATURE = "eWAUOtouYQtUANBH4Yb%2BkpJl%2FYJieflQDcwdEe7fn8M%3D"

CASES = [
    # options of AuthConfig, name, attributes
    ({}, "better-auth.session_token", "Path=/; HttpOnly; SameSite=Lax"),
    ({"base_url": "http://app.test"}, "better-auth.session_token", "Path=/; HttpOnly; SameSite=Lax"),
    ({"base_url": "https://app.test"}, "__Secure-better-auth.session_token", "Path=/; HttpOnly; Secure; SameSite=Lax"),
    (
        {"cookies": CookieOptions(is_secure=True)},
        "__Secure-better-auth.session_token",
        "Path=/; HttpOnly; Secure; SameSite=Lax",
    ),
    (
        {"base_url": "https://app.test", "cookies": CookieOptions(is_secure=False)},
        "better-auth.session_token",
        "Path=/; HttpOnly; SameSite=Lax",
    ),
    ({"cookies": CookieOptions(prefix="acme")}, "acme.session_token", "Path=/; HttpOnly; SameSite=Lax"),
    ({"cookies": CookieOptions(same_site="Strict")}, "better-auth.session_token", "Path=/; HttpOnly; SameSite=Strict"),
    (
        {"cookies": CookieOptions(same_site="None")},
        "better-auth.session_token",
        "Path=/; HttpOnly; Secure; SameSite=None",
    ),
    (
        {"cookies": CookieOptions(is_partitioned=True)},
        "better-auth.session_token",
        "Path=/; HttpOnly; Secure; SameSite=Lax; Partitioned",
    ),
    (
        {"base_url": "https://www.app.test:8443", "cookies": CookieOptions(spans_subdomains=True)},
        "__Secure-better-auth.session_token",
        "Domain=www.app.test; Path=/; HttpOnly; Secure; SameSite=Lax",
    ),
    (
        {"cookies": CookieOptions(spans_subdomains=True, domain=".app.test")},
        "better-auth.session_token",
        "Domain=.app.test; Path=/; HttpOnly; SameSite=Lax",
    ),
    (
        {"cookies": CookieOptions(overrides={"session_token": CookieOverride(name="sid", path="/app")})},
        "sid",
        "Path=/app; HttpOnly; SameSite=Lax",
    ),
    (
        {
            "base_url": "https://app.test",
            "cookies": CookieOptions(
                overrides={"session_token": CookieOverride(name="sid", domain="app.test", same_site="Strict")}
            ),
        },
        "__Secure-sid",
        "Domain=app.test; Path=/; HttpOnly; Secure; SameSite=Strict",
    ),
]


def cookies_for(token_name=None, **options):
    config = AuthConfig.testing(**{"secret": SECRET, **options})
    return SessionCookies(config, Signer([secret.value for secret in config.all_secrets]), token_name=token_name)


def with_cookie(value):
    return http(headers=[("cookie", value)])


def test_a_remembered_session_has_one_cookie_byte_for_byte():
    (cookie,) = cookies_for().start(SESSION, is_remembered=True, scope=http())
    assert cookie == (
        f"better-auth.session_token={TOKEN}.{SIGNATURE}; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax".encode()
    )


def test_one_not_to_be_remembered_has_two_that_end_with_the_browser():
    token, mark = cookies_for().start(SESSION, is_remembered=False, scope=http())
    assert token == f"better-auth.session_token={TOKEN}.{SIGNATURE}; Path=/; HttpOnly; SameSite=Lax".encode()
    assert mark.startswith(b"better-auth.dont_remember=true.")
    assert mark.endswith(b"; Path=/; HttpOnly; SameSite=Lax")
    assert b"Max-Age" not in mark


def test_clearing_names_every_cookie_in_the_order_of_the_contract():
    assert cookies_for().clear(http()) == [
        b"better-auth.session_token=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
        b"better-auth.session_data=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
        b"better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax",
    ]


@pytest.mark.parametrize(("options", "name", "attributes"), CASES)
def test_names_and_attributes_are_as_configured_when_set_and_when_cleared(options, name, attributes):
    cookies = cookies_for(**options)
    (set_one,) = cookies.start(SESSION, is_remembered=True, scope=http())
    assert set_one.decode() == f"{name}={TOKEN}.{SIGNATURE}; Max-Age=604800; {attributes}"
    assert cookies.clear(http())[0].decode() == f"{name}=; Max-Age=0; {attributes}"
    assert cookies.refresh(SESSION) == (set_one,)
    assert cookies.offered(with_cookie(set_one.decode().partition(";")[0])) == [f"{TOKEN}.{unescaped(SIGNATURE)}"]


def unescaped(signature):
    return signature.replace("%2B", "+").replace("%2F", "/").replace("%3D", "=")


def test_max_age_is_the_lifetime_in_seconds():
    options = SessionOptions(lifetime=timedelta(hours=1, milliseconds=900))
    (cookie,) = cookies_for(session=options).start(SESSION, is_remembered=True, scope=http())
    assert b"; Max-Age=3600;" in cookie


def test_a_mark_left_from_last_time_is_cleared_and_a_forged_one_is_none():
    cookies = cookies_for()
    mark = cookies.start(SESSION, is_remembered=False, scope=http())[1].partition(b";")[0].decode()
    started = cookies.start(SESSION, is_remembered=True, scope=with_cookie(mark))
    assert started[1:] == [b"better-auth.dont_remember=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"]
    assert not cookies.is_remembered(with_cookie(mark))
    for forged in ("better-auth.dont_remember=true", "better-auth.dont_remember=true.AAAA", mark[:-1], f"x{mark}"):
        assert cookies.is_remembered(with_cookie(forged))
        assert len(cookies.start(SESSION, is_remembered=True, scope=with_cookie(forged))) == 1


def test_what_was_set_is_read_back():
    cookies = cookies_for()
    (cookie,) = cookies.refresh(SESSION)
    scope = with_cookie(cookie.partition(b";")[0].decode())
    assert cookies.unsign(cookies.offered(scope)) == TOKEN


def test_of_several_the_first_whose_signature_holds_counts():
    cookies = cookies_for()
    good = f"{TOKEN}.{unescaped(SIGNATURE)}"
    assert cookies.unsign(["forged.AAAA", "", good]) == TOKEN
    assert cookies.unsign([good, "forged.AAAA"]) == TOKEN
    assert cookies.unsign(["forged.AAAA", ""]) is None
    assert cookies.unsign([]) is None


def test_another_name_for_the_token_leaves_the_others():
    cookies = cookies_for("sid")
    names = [cookie.partition(b"=")[0] for cookie in cookies.clear(http())]
    assert names == [b"sid", b"better-auth.session_data", b"better-auth.dont_remember"]
    assert cookies.refresh(SESSION)[0].startswith(b"sid=")
    assert cookies.offered(with_cookie("better-auth.session_token=x; sid=y")) == ["y"]


def test_after_a_rotation_old_cookies_hold_and_new_ones_are_signed_with_the_new_secret():
    newest = "the newest secret of all, 0123456789"
    old = cookies_for()
    rotated = cookies_for(secret=None, secrets=(Secret(newest, 2), Secret(SECRET, 1)))
    (before,) = old.refresh(SESSION)
    (after,) = rotated.refresh(SESSION)

    assert before != after
    for cookie in (before, after):
        assert rotated.unsign(rotated.offered(with_cookie(cookie.partition(b";")[0].decode()))) == TOKEN
    assert old.unsign(old.offered(with_cookie(after.partition(b";")[0].decode()))) is None
