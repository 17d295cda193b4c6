"""A pattern covers what it says, character by character, and nothing that merely looks like it."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.asgi.origins import TrustedOrigins


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/.good.test",
        "https://evil.test?.good.test",
        "https://x.good.test.evil.test/",
        "https://evil.test#.good.test",
        "https://xgood.test/",
        "http://a.good.test/",
        "https://good.test/",
    ],
)
def test_a_wildcard_is_held_against_the_parsed_origin(url):
    assert not TrustedOrigins(["https://*.good.test"]).trusts(url)


def test_a_wildcard_crosses_dots():
    assert TrustedOrigins(["https://*.good.test"]).trusts("https://a.b.good.test/")


def test_characters_of_regular_expressions_mean_themselves():
    assert not TrustedOrigins(["https://good.test"]).trusts("https://goodXtest/")
    assert not TrustedOrigins(["https://*.good.test"]).trusts("https://a.goodXtest/")
    assert not TrustedOrigins(["https://(a|b)*.test"]).trusts("https://a.test/")


def test_a_question_mark_is_one_character():
    one = TrustedOrigins(["https://app?.test"])
    assert one.trusts("https://app1.test")
    assert not one.trusts("https://app.test")
    assert not one.trusts("https://app12.test")


def test_a_backslash_makes_a_wildcard_a_character():
    literal = TrustedOrigins(["https://a\\*b.test"])
    assert literal.trusts("https://a*b.test")
    assert not literal.trusts("https://axb.test")


def test_a_numeric_pattern_is_met_by_addresses_only():
    numeric = TrustedOrigins(["10.*"])
    assert numeric.trusts("http://10.1.2.3/")
    assert numeric.trusts("http://10.1.2.3:81/")
    assert not numeric.trusts("http://10.evil.test/")
    assert not TrustedOrigins(["exp://192.168.*.*:*"]).trusts("exp://192.168.1.evil:8081")


def test_wildcards_alone_are_no_numeric_pattern():
    assert TrustedOrigins(["https://*"]).trusts("https://any.test/")
    assert not TrustedOrigins(["https://*"]).trusts("http://any.test/")


@pytest.mark.parametrize(
    "pattern", ["bare.test", "https://bare.test/", "https://Bare.test", "https://bare.test:443", ""]
)
def test_a_pattern_that_is_no_origin_is_met_by_nothing(pattern):
    assert not TrustedOrigins([pattern]).trusts("https://bare.test")
    assert not TrustedOrigins([pattern]).trusts(pattern)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "javascript://x/", "data:x", "vbscript:x", "blob:https://a.test/1"]
)
def test_no_pattern_makes_a_script_a_place_to_go(url):
    scheme = url.split(":")[0]
    assert not TrustedOrigins([f"{scheme}://", f"{scheme}://*", "*", "*://*"]).trusts(url)


APPS = TrustedOrigins(
    [
        "a://*.host.test",
        "b://*.host.test/p",
        "c://*.host.test/*",
        "exp://192.168.*.*:*/**",
        "d://**",
        "e://host/p/*",
        "f://host/",
        "g:///cb",
        "h://host/a/**",
        "i://host/a/**/z",
        "j://user@host",
        "k://host/x/../y",
    ]
)


@pytest.mark.parametrize(
    "url",
    [
        "a://x.host.test",
        "a://X.HOST.test/any/path",
        "b://x.host.test/p",
        "c://x.host.test",
        "c://x.host.test/one",
        "exp://192.168.1.5:8081",
        "exp://192.168.1.5:8081/deep/path",
        "d://anything/x",
        "e://host/p/x",
        "f://host",
        "f://host/x",
        "g:///cb",
        "g://any/cb/x",
        "g:/cb",
        "h://host/a",
        "h://host/a/b/c",
        "i://host/a/z",
        "i://host/a/b/c/z",
        "j://user@host/x",
        "k://host/y/z",
    ],
)
def test_an_application_is_opened_at_the_declared_places(url):
    assert APPS.trusts(url)


@pytest.mark.parametrize(
    "url",
    [
        "a://x@y.host.test",
        "a://x.host.test:5",
        "a://x.host.test.evil",
        "a://evil/x.host.test",
        "a://evil?.host.test",
        "a:/x",
        "b://x.host.test/p/x",
        "b://x.host.test/px",
        "c://x.host.test/one/two",
        "exp://192.168.1.5/x",
        "exp://evil/192.168.1.5:80/x",
        "d://user@anything",
        "e://host/p",
        "e://host/p/x/y",
        "f://hostx",
        "h://host/ab",
        "h://host/a/../b",
        "i://host/a/b",
        "j://host",
        "k://host/x/y",
        "l://host",
    ],
)
def test_an_application_is_opened_nowhere_else(url):
    assert not APPS.trusts(url)


def test_a_long_url_is_answered_without_delay_and_without_trust():
    greedy = TrustedOrigins(["https://*.*.*.*.good.test", "x://h/**/a/**/b", "*a*a*a*a*b"])
    assert not greedy.trusts("https://" + "a." * 20_000 + "evil.test")
    assert not greedy.trusts("https://" + "a" * 240 + ".evil.test")
    assert not greedy.trusts("x://h/" + "a/" * 20_000)


@given(st.text(alphabet="ab.*?", min_size=1, max_size=8), st.text(alphabet="ab.", min_size=1, max_size=8))
def test_a_glob_means_what_globs_mean(pattern, host):
    trusted = TrustedOrigins([f"https://{pattern}.test"])
    if "*" in pattern or "?" in pattern:
        assert trusted.trusts(f"https://{host}.test/x") == fnmatchcase(host, pattern)
