"""The trusted places are those of the contract's checked table, and no trick leads to another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.asgi.origins import TrustedOrigins, is_safe_relative, origin_of, request_origin

BASE = "http://127.0.0.1:4100"

# The contract's checked table.
TABLE = TrustedOrigins(
    [
        "https://*.example.com",
        "*.foo.com",
        "http://192.168.*:3000",
        "myapp://",
        "other://host/cb",
        "https://exact.org/path",
        "https://port.io:8443",
    ]
)


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example.com/x",
        "https://a.b.example.com",
        "https://x.foo.com",
        "http://x.foo.com",
        "http://192.168.1.5:3000/a",
        "http://192.168.1:3000/",
        "myapp://anything/x",
        "myapp:/x",
        "myapp:x",
        "MYAPP://",
        "other://host/cb",
        "other://HOST/cb",
        "other://host/cb/",
        "other://host/cb/deep",
        "other://host/cb?x#y",
        "other://host/%63b",
        "https://port.io:8443",
        "https://port.io:8443/x",
        "https://a.example.com\\@evil.com",
    ],
)
def test_trusted_places_are_accepted(url):
    assert TABLE.trusts(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "http://a.example.com",
        "https://a.example.com:444/x",
        "http://x.foo.com:99/p",
        "https://foo.com",
        "https://x.foo.com.",
        "http://192.168.evil.com:3000",
        "http://192.168.1.5:3001",
        "https://192.168.1.5:3000",
        "other://host/cbx",
        "other://host/cb/../evil",
        "other://host/cb/%2e%2e/evil",
        "other://host/cb%2f..%2fevil",
        "other://host/cb/x\\..\\..\\evil",
        "other://host/cb/%00",
        "other://host/cb/%ff",
        "other://host/cb%",
        "other://evil/cb",
        "other://host:80/cb",
        "other://user@host/cb",
        "other://host@evil/cb",
        "other:/cb",
        "https://exact.org",
        "https://exact.org/path",
        "https://port.io/x",
        "https://a.example.com@evil.com/",
        "https://*.example.com.evil.com",
        "javascript://x.foo.com/%0aalert(1)",
        "evilapp://x.foo.com/",
        "http://[::1",
        "null",
        "",
        "*",
    ],
)
def test_other_places_are_not(url):
    assert not TABLE.trusts(url)
    assert not TABLE.trusts(url, allow_relative=True)


HOSTILE = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "/\t/evil.test",
    "/%2F%2fevil.test",
    f"//{BASE[7:]}@evil.test",
    "https:/evil.test",
    "https:evil.test",
    "http:\\\\evil.test",
    f"{BASE}@evil.test/",
    f"http://evil.test#@{BASE[7:]}/",
    f"http://evil.test?.{BASE[7:]}",
    f"http://evil.test\\@{BASE[7:]}/",
    f"http://{BASE[7:]}.evil.test",
    "http://\uff45vil.test/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\nscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html;base64,PHNjcmlwdD4=",
    "vbscript:msgbox(1)",
    f"blob:{BASE}/1",
    f"ftp://{BASE[7:]}/",
    f"ws://{BASE[7:]}/",
    f"{BASE}\r\nSet-Cookie: a=b",
    f"ht\ntp://{BASE[7:]}/",
    "ok",
    "%2F%2Fevil.test",
    "http://\ud800/",
]


@pytest.mark.parametrize("url", HOSTILE)
def test_a_redirect_never_leaves_for_a_hostile_place(url):
    assert not TrustedOrigins([BASE]).trusts(url, allow_relative=True)


@pytest.mark.parametrize("url", ["/ok", "/ok?x=1#y", f"{BASE}/x", BASE])
def test_a_redirect_may_stay_on_this_site(url):
    assert TrustedOrigins([BASE]).trusts(url, allow_relative=True)


def test_a_relative_url_is_no_origin():
    assert not TrustedOrigins([BASE]).trusts("/ok")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.test",
        f"{BASE}.evil.test",
        "http://evil-127.0.0.1:4100",
        "https://127.0.0.1:4100",
        "http://127.0.0.1:1",
        "http://127.0.0.1",
        f"{BASE}@evil.test/",
        f"{BASE}, https://evil.test",
        f"{BASE} https://evil.test",
        "null",
        "",
    ],
)
def test_a_foreign_origin_is_not_trusted(origin):
    assert not TrustedOrigins([BASE]).trusts(origin)


@pytest.mark.parametrize(
    "header", [BASE, f"{BASE}/", f"{BASE}/page?x=1#y", "HTTP://127.0.0.1:4100", "http://127.1:4100"]
)
def test_an_origin_or_a_referer_counts_by_its_origin(header):
    assert TrustedOrigins([BASE]).trusts(header)


def test_nothing_is_trusted_without_patterns():
    assert not TrustedOrigins().trusts(BASE)
    assert not TrustedOrigins().trusts("")


def test_the_origin_of_the_request_may_be_trusted_for_the_moment():
    trusted = TrustedOrigins(["https://*.good.test"])
    own = request_origin({"type": "http", "headers": [(b"host", b"app.test")]})
    assert trusted.trusts("http://app.test/x", own_origin=own)
    assert trusted.trusts("https://a.good.test", own_origin=own)
    assert not trusted.trusts("http://app.test/x")
    assert not trusted.trusts("http://app.test/x", own_origin=None)


def test_the_origin_of_the_request_is_never_a_pattern():
    assert not TrustedOrigins().trusts("http://evil.test", own_origin="http://*")


def test_the_patterns_can_be_listed():
    assert TrustedOrigins([BASE]).patterns == (BASE,)
    assert repr(TrustedOrigins([BASE])) == f"TrustedOrigins(('{BASE}',))"


@given(st.text(max_size=30), st.sampled_from(["", "/", "//", "https://", "a://", "http://a.test@", f"{BASE}"]))
def test_no_text_makes_the_judgement_fail(text, start):
    url = start + text
    assert TABLE.trusts(url) in (True, False)
    if TrustedOrigins([BASE]).trusts(url, allow_relative=True):
        assert origin_of(url) == BASE or is_safe_relative(url)


@given(st.text(alphabet="/\\%2f5C\t\x85?#.:@ae", max_size=8))
def test_a_relative_redirect_is_judged_by_its_safety_alone(rest):
    assert TABLE.trusts(f"/{rest}", allow_relative=True) == is_safe_relative(f"/{rest}")
    assert not TABLE.trusts(f"/{rest}")
