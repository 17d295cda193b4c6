"""Where requests come from and may be sent to is decided as a browser would decide it."""

from __future__ import annotations

from itertools import product

import pytest

from asgi_auth.asgi.origins import is_safe_relative, origin_of, request_origin

BASE = "http://127.0.0.1:4100"


def scope_with(*hosts, scheme="http", kind="http"):
    return {"type": kind, "scheme": scheme, "headers": [(b"host", host.encode("latin-1")) for host in hosts]}


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("http://LOCALHOST:4100/z", "http://localhost:4100"),
        ("https://a.test:443/x?y#z", "https://a.test"),
        ("http://a.test:80", "http://a.test"),
        ("http://a.test:443", "http://a.test:443"),
        ("https://user:pass@a.test", "https://a.test"),
        ("https://a.test\\@evil.test", "https://a.test"),
        ("http://evil.test\\@127.0.0.1:4100/", "http://evil.test"),
        ("http://127.0.0.1:4100@evil.test/", "http://evil.test"),
        ("http://evil.test#@127.0.0.1:4100/", "http://evil.test"),
        ("https:/evil.test", "https://evil.test"),
        ("https:evil.test", "https://evil.test"),
        ("http://\uff45vil.test/", "http://evil.test"),
        ("http://a%2etest/", "http://a.test"),
        ("http://127.1/", "http://127.0.0.1"),
        ("http://0x7f000001", "http://127.0.0.1"),
        ("http://[0:0::1]:8000/", "http://[::1]:8000"),
        ("wss://a.test/x", "wss://a.test"),
    ],
)
def test_an_origin_is_read_as_a_browser_reads_it(url, origin):
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "",
        "null",
        "/x",
        "//a.test",
        "a.test",
        "http://",
        "http://a.test:99999",
        "http://[::1",
        "http://a b/",
        "http://\ud800/",
        "myapp://host/x",
        "javascript:alert(1)",
        "data:text/html,x",
        "blob:https://a.test/1",
        "file:///etc/passwd",
        "about:blank",
    ],
)
def test_what_has_no_origin_has_none(url):
    assert origin_of(url) is None


@pytest.mark.parametrize(
    ("host", "scheme", "origin"),
    [
        ("app.test", "http", "http://app.test"),
        ("APP.test:80", "http", "http://app.test"),
        ("app.test:8000", "https", "https://app.test:8000"),
        ("app.test:443", "wss", "https://app.test"),
        ("app.test", "ws", "http://app.test"),
        ("127.0.0.1:4100", "http", "http://127.0.0.1:4100"),
        ("[::1]:8000", "http", "http://[::1]:8000"),
        ("my_service", "http", "http://my_service"),
    ],
)
def test_a_request_has_the_origin_it_was_sent_to(host, scheme, origin):
    assert request_origin(scope_with(host, scheme=scheme)) == origin


@pytest.mark.parametrize(
    "host",
    [
        "",
        " ",
        "127.0.0.1:4100@evil.test",
        "user@app.test",
        "evil.test#",
        "evil.test?x",
        "app.test/public?x=",
        "app.test\\x",
        "a" * 5000,
        "127.0.0.1:99999",
        "app.test:",
        "app.test:80x",
        "[::1",
        "::1",
        "[::1]x",
        "127.0.0.1:4100, evil.test",
        "a,b",
        "a b",
        "*",
        "*.test",
        "a%2etest",
        "a.test\n",
        "\xe9.test",
        "999.999.999.999",
    ],
)
def test_a_host_that_is_no_plain_authority_gives_no_origin(host):
    assert request_origin(scope_with(host)) is None


@pytest.mark.parametrize("hosts", [(), ("app.test", "evil.test"), ("app.test", "app.test")])
def test_a_missing_or_repeated_host_gives_no_origin(hosts):
    assert request_origin(scope_with(*hosts)) is None


def test_forwarded_hosts_are_not_listened_to():
    scope = scope_with("app.test")
    scope["headers"] += [(b"x-forwarded-host", b"evil.test"), (b"forwarded", b"host=evil.test;proto=https")]
    scope["headers"] += [(b"x-forwarded-proto", b"https"), (b"x-original-host", b"evil.test")]
    assert request_origin(scope) == "http://app.test"


def test_the_scheme_defaults_as_asgi_says_and_an_unknown_one_gives_no_origin():
    headers = [(b"Host", b"app.test")]
    assert request_origin({"type": "http", "headers": headers}) == "http://app.test"
    assert request_origin({"type": "websocket", "headers": headers}) == "http://app.test"
    assert request_origin({"type": "http", "scheme": "gopher", "headers": headers}) is None
    assert request_origin({"type": "lifespan"}) is None


def test_an_odd_path_does_not_reach_the_origin():
    assert request_origin({**scope_with("app.test"), "path": "@evil.test"}) == "http://app.test"


@pytest.mark.parametrize(
    "url",
    [
        "/",
        "/ok",
        "/ok/",
        "/a/b?x=//evil.test",
        "/ok?x=%2f%5c#%2f",
        "/@x",
        "/:x",
        "/é",
        "/a/../b",
        "/a//b",
        "/.//x",
    ],
)
def test_a_path_on_this_site_is_safe(url):
    assert is_safe_relative(url)


UNSAFE_PATHS = [
    "//evil.test",
    "///evil.test",
    "/\\evil.test",
    "\\/evil.test",
    "/\t/evil.test",
    "/\n/evil.test",
    "/\r\nLocation: //evil.test",
    "/%2F%2fevil",
    "/a%5Cb",
    "/a%5cb",
    "/ok?x=\\",
    "/ok\\x",
    "/\x00",
    "/\x7f",
    "/\x85",
    "/\ud800",
    "//127.0.0.1:4100@evil.test",
]


@pytest.mark.parametrize("url", [*UNSAFE_PATHS, "", "ok", " /ok", "?x", "#x", "https://a.test/", "javascript:alert(1)"])
def test_anything_else_is_not(url):
    assert not is_safe_relative(url)


@pytest.mark.parametrize(("first", "second"), list(product(["/", "\\", "\t", "%2f"], repeat=2)))
def test_no_two_characters_reach_another_host(first, second):
    url = first + second + "evil.test"
    if is_safe_relative(url):
        assert origin_of(BASE + url) == BASE
        assert not url.startswith(("//", "/\\"))
