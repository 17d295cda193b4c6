"""Which origins one configuration trusts, for requests, redirects and handshakes."""

import pytest

from asgi_auth import AuthConfig
from asgi_auth.errors import InvalidOrigin, MissingOrigin
from asgi_auth.origin_policy import SAFE_METHODS, OriginPolicy
from tests.endpoints.wire import http, websocket
from tests.support import SECRET

PARTNERS = ("https://*.partner.test", "https://exact.test", "*.host.test", "myapp://")


def policy(**options):
    return OriginPolicy(AuthConfig.testing(**options))


def verdict(policy, scope):
    try:
        policy.check(scope)
    except (InvalidOrigin, MissingOrigin) as refusal:
        return type(refusal)
    return None


TRUSTED = [
    # base_url, scheme, host, origin, verdict
    ("https://app.test", "http", "internal:8000", "https://app.test", None),
    ("https://app.test", "http", "internal:8000", "https://APP.test:443", None),
    ("https://app.test", "http", "internal:8000", "http://internal:8000", InvalidOrigin),
    ("https://app.test", "http", "evil.test", "http://evil.test", InvalidOrigin),
    ("https://app.test/api/auth", "http", "x", "https://app.test", None),
    (None, "http", "app.test", "http://app.test", None),
    (None, "http", "app.test", "https://app.test", InvalidOrigin),
    (None, "https", "app.test", "https://app.test", None),
    (None, "http", "app.test:8000", "http://app.test:8000", None),
    (None, "http", "app.test:8000", "http://app.test", InvalidOrigin),
    (None, "http", "[::1]:8000", "http://[::1]:8000", None),
    (None, "http", "APP.test", "http://app.test", None),
    (None, "http", "app.test@evil.test", "http://evil.test", InvalidOrigin),
    (None, "http", "", "http://", InvalidOrigin),
    (None, "http", "app.test/x", "http://app.test", InvalidOrigin),
    (None, "gopher", "app.test", "http://app.test", InvalidOrigin),
]


@pytest.mark.parametrize(("base_url", "scheme", "host", "origin", "expected"), TRUSTED)
def test_the_own_origin_is_that_of_base_url_or_else_that_of_the_request(base_url, scheme, host, origin, expected):
    scope = http(headers=[("host", host), ("origin", origin)], scheme=scheme)
    assert verdict(policy(base_url=base_url), scope) is expected


def test_two_hosts_are_no_host():
    scope = http(headers=[("host", "app.test"), ("host", "evil.test"), ("origin", "http://app.test")])
    assert verdict(policy(), scope) is InvalidOrigin


def test_no_host_at_all_trusts_nothing_but_what_is_configured():
    scope = {"type": "http", "headers": [(b"origin", b"http://app.test")]}
    assert verdict(policy(), scope) is InvalidOrigin
    assert verdict(policy(trusted_origins=("http://app.test",)), scope) is None


ORIGINS = [
    ("https://a.partner.test", None),
    ("https://a.b.partner.test", None),
    ("https://exact.test", None),
    ("http://x.host.test", None),
    ("myapp://anything", None),
    ("https://partner.test", InvalidOrigin),
    ("http://a.partner.test", InvalidOrigin),
    ("https://a.partner.test:444", InvalidOrigin),
    ("https://a.partner.test.evil.test", InvalidOrigin),
    ("https://exactXtest", InvalidOrigin),
    ("https://exact.test.evil.test", InvalidOrigin),
    ("http://x.host.test:99", InvalidOrigin),
    ("/relative", InvalidOrigin),
    ("relative", InvalidOrigin),
    ("*", InvalidOrigin),
    ("https://*.partner.test", None),  # no browser can be there
    ("javascript:alert(1)", InvalidOrigin),
    ("data:text/html,x", InvalidOrigin),
    ("https://exact.test\n", InvalidOrigin),
    ("https://\xe9vil.test", InvalidOrigin),
    ("null", MissingOrigin),
    ("", MissingOrigin),
]


@pytest.mark.parametrize(("origin", "expected"), ORIGINS)
def test_further_origins_are_trusted_as_listed(origin, expected):
    own = policy(base_url="https://app.test", trusted_origins=PARTNERS)
    assert verdict(own, http(headers=[("origin", origin)])) is expected


REFERERS = [
    # origin, referer, sec-fetch-site, verdict
    (None, "https://app.test/page?x", None, None),
    (None, "https://exact.test", None, None),
    (None, "https://evil.test/https://app.test/", None, InvalidOrigin),
    (None, "null", None, MissingOrigin),
    (None, "/page", None, InvalidOrigin),
    ("https://evil.test", "https://app.test/", None, InvalidOrigin),
    ("https://app.test", "https://evil.test/", None, None),
    ("null", "https://app.test/", None, MissingOrigin),
    ("null", None, "same-origin", None),
    ("null", "https://evil.test/", "same-origin", None),
    ("null", None, "none", MissingOrigin),
    ("", None, "same-origin", MissingOrigin),
    (None, None, "same-origin", MissingOrigin),
]


@pytest.mark.parametrize(("origin", "referer", "site", "expected"), REFERERS)
def test_the_referer_speaks_where_no_origin_does(origin, referer, site, expected):
    named = [("origin", origin), ("referer", referer), ("sec-fetch-site", site)]
    headers = [(name, value) for name, value in named if value is not None]
    own = policy(base_url="https://app.test", trusted_origins=PARTNERS)
    assert verdict(own, http(headers=headers)) is expected


@pytest.mark.parametrize("pair", [("https://app.test",) * 2, ("https://app.test", "https://evil.test"), ("", "")])
def test_two_origins_are_never_trusted(pair):
    scope = http(headers=[("origin", origin) for origin in pair])
    assert verdict(policy(base_url="https://app.test"), scope) is InvalidOrigin


def test_a_handshake_counts_as_http_or_https():
    for scheme, origin in (("ws", "http://app.test"), ("wss", "https://app.test")):
        assert verdict(policy(), websocket(headers=[("origin", origin)], scheme=scheme)) is None
    assert verdict(policy(), websocket(headers=[("origin", "https://app.test")], scheme="ws")) is InvalidOrigin


def test_a_handshake_without_a_scheme_is_not_encrypted():
    scope = websocket(headers=[("origin", "http://app.test")])
    del scope["scheme"]
    assert verdict(policy(), scope) is None


def test_paths_are_for_redirects_only():
    own = policy(base_url="https://app.test")
    assert own.trusts(http(), "/ok", allow_relative=True)
    assert not own.trusts(http(), "/ok")
    assert not own.trusts(http(), "//evil.test", allow_relative=True)


def test_the_patterns_are_the_own_origin_and_the_listed_ones():
    assert policy(base_url="https://APP.test:443/", trusted_origins=PARTNERS).patterns == (
        "https://app.test",
        *PARTNERS,
    )
    assert policy(trusted_origins=PARTNERS).patterns == PARTNERS


def test_development_trusts_ones_own_machine_on_every_port():
    own = OriginPolicy(AuthConfig.development(secret=SECRET, database="sqlite://", base_url="http://localhost:8000"))
    for origin in ("http://localhost:5173", "http://127.0.0.1:8000", "http://localhost", "http://127.0.0.1"):
        assert verdict(own, http(headers=[("origin", origin)])) is None
    for origin in (
        "http://localhost.evil.test",
        "https://localhost:5173",
        "http://127.0.0.1.evil.test:80",
        "http://[::1]",
    ):
        assert verdict(own, http(headers=[("origin", origin)])) is InvalidOrigin


def test_safe_methods_are_those_that_change_nothing():
    assert {"GET", "HEAD", "OPTIONS"} == SAFE_METHODS
