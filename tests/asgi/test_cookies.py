"""Cookies are found among whatever else a browser sends, and Set-Cookie is written to the letter."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.asgi.cookies import (
    MAX_AGE_LIMIT,
    CookieAttributes,
    clear_cookie,
    cookie_values,
    cookies_under,
    find_cookie,
    has_cookie_header,
    set_cookie,
)

NAME = "better-auth.session_token"
TOKEN = "DFLBuH1HZtwNQCo2shFORnke2j9pwC8x.HNVXpr6SnSChkmC5xZr9cfyyYr+L/AGgYJ/G8ZoSldM="
ENCODED = "DFLBuH1HZtwNQCo2shFORnke2j9pwC8x.HNVXpr6SnSChkmC5xZr9cfyyYr%2BL%2FAGgYJ%2FG8ZoSldM%3D"
SESSION = f"{NAME}={ENCODED}"

any_text = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


def scope_with(*headers):
    """A request with these Cookie headers."""
    values = [value if isinstance(value, bytes) else value.encode("latin-1") for value in headers]
    return {"type": "http", "headers": [(b"host", b"app.test"), *((b"cookie", value) for value in values)]}


@pytest.mark.parametrize(
    "header",
    [
        SESSION,
        f"x[1]=2; {SESSION}",
        f'j={{"a":1}}; {SESSION}',
        f"n=é; {SESSION}",
        f"flag; {SESSION}",
        f"p=a b; {SESSION}",
        f"path=/; {SESSION}",
        f"=x; {SESSION}",
        f"; ;;{SESSION};",
        f"a=1;{SESSION}",
        f"a=1;\t{SESSION}\t; b=2",
        f"{NAME}_multi-abc=other; {SESSION}",
        f"x-{NAME}=other; {SESSION}",
        f"a={NAME}=other; {SESSION}",
        f"{NAME}; {SESSION}",
        f'{NAME}="{ENCODED}"',
        f'{NAME}="{TOKEN}"',
        f"{NAME}={TOKEN}",
        f"{NAME}={ENCODED.replace('%3D', '%3d')}",
        f"{NAME} = {ENCODED} ",
    ],
)
def test_the_session_is_found_whatever_stands_beside_it(header):
    assert find_cookie(scope_with(header), NAME) == TOKEN


@pytest.mark.parametrize(
    "header",
    [
        "",
        "flag",
        NAME,
        f"a={SESSION}",
        f"a=1, {SESSION}",
        SESSION.upper(),
        f"x{SESSION}",
        f"{NAME}_multi-abc={ENCODED}",
        f"\xa0{SESSION}",
        f"\x85{SESSION}",
        f"\x0b{SESSION}",
    ],
)
def test_a_look_alike_is_not_the_session(header):
    assert find_cookie(scope_with(header), NAME) is None
    assert cookie_values(scope_with(header), NAME) == []


@pytest.mark.parametrize("headers", [("a=1", SESSION), (SESSION, "a=1"), ("a=1", "b=2", SESSION)])
def test_cookie_headers_split_by_http_2_are_read_as_one(headers):
    assert find_cookie(scope_with(*headers), NAME) == TOKEN


def test_the_first_of_several_counts_and_all_can_be_tried():
    scope = scope_with(f"{NAME}=forged.x; {SESSION}", f"{NAME}=third")
    assert find_cookie(scope, NAME) == "forged.x"
    assert cookie_values(scope, NAME) == ["forged.x", TOKEN, "third"]


def test_an_empty_cookie_is_there_and_comes_first():
    assert find_cookie(scope_with(f"{NAME}=; {SESSION}"), NAME) == ""


@pytest.mark.parametrize("raw", ["100%", "%zz", "%FF", '"open', 'shut"', '"', "a b", "x=y"])
def test_what_cannot_be_decoded_is_left_as_it_is(raw):
    assert find_cookie(scope_with(f"n={raw}"), "n") == raw


def test_a_decoded_value_may_hold_anything():
    assert find_cookie(scope_with("n=%3B%20%C3%A9%22%00"), "n") == '; é"\x00'


def test_a_name_no_header_can_hold_is_not_found():
    assert find_cookie(scope_with("a=1"), "日\ud800") is None
    assert cookie_values(scope_with("a=1"), "日") == []


def test_requests_without_cookies_have_none():
    for scope in ({"type": "lifespan"}, scope_with()):
        assert find_cookie(scope, NAME) is None
        assert cookie_values(scope, NAME) == []
        assert not has_cookie_header(scope)


@pytest.mark.parametrize("header", ["", " ", "a", "unrelated=1"])
def test_any_cookie_header_counts_as_one_even_an_empty_one(header):
    assert has_cookie_header(scope_with(header))


def test_a_name_may_hold_what_a_header_can():
    scope = scope_with("better-auth.session_data.1=b; flag; a = 1", "better-auth.session_data.0=a; a=2; n\xe9=1")
    assert find_cookie(scope, "né") == "1"


@given(st.binary(max_size=200), st.text(max_size=5))
def test_no_header_makes_the_reader_fail(header, name):
    scope = scope_with(header)
    first = cookie_values(scope, name)[:1]
    assert first == ([] if (found := find_cookie(scope, name)) is None else [found])
    assert all(find_cookie(scope, known) is not None for known in cookies_under(scope, ""))


@given(any_text, any_text)
def test_a_value_written_is_read_back(value, neighbour):
    written = set_cookie("n", value, CookieAttributes()).split(b"; ")[0]
    beside = set_cookie("m", neighbour, CookieAttributes()).split(b"; ")[0]
    assert find_cookie(scope_with(beside + b"; " + written), "n") == value


def test_a_session_cookie_is_written_as_the_contract_writes_it():
    written = set_cookie("better-auth.session_token", TOKEN, CookieAttributes(), max_age=604800)
    assert written == f"{SESSION}; Max-Age=604800; Path=/; HttpOnly; SameSite=Lax".encode()


def test_every_attribute_stands_in_the_order_of_the_contract():
    attributes = CookieAttributes(domain=".example.com", path="/app", secure=True, same_site="Strict", partitioned=True)
    assert set_cookie("a", "b", attributes, max_age=1000) == (
        b"a=b; Max-Age=1000; Domain=.example.com; Path=/app; HttpOnly; Secure; SameSite=Strict; Partitioned"
    )


def test_a_cookie_may_be_readable_by_scripts():
    assert set_cookie("a", "b", CookieAttributes(http_only=False)) == b"a=b; Path=/; SameSite=Lax"


def test_without_a_lifetime_it_lasts_until_the_browser_closes():
    assert b"Max-Age" not in set_cookie("a", "b", CookieAttributes())


def test_clearing_repeats_name_path_and_domain():
    assert clear_cookie("a", CookieAttributes()) == b"a=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"
    assert clear_cookie("a", CookieAttributes(domain=".example.com", path="/x")) == (
        b"a=; Max-Age=0; Domain=.example.com; Path=/x; HttpOnly; SameSite=Lax"
    )


@pytest.mark.parametrize("attributes", [CookieAttributes(same_site="None"), CookieAttributes(partitioned=True)])
def test_cookies_for_other_sites_are_always_secure(attributes):
    assert attributes.secure
    assert b"; Secure; " in set_cookie("a", "b", attributes)


def test_secure_cannot_be_replaced_away_while_it_is_needed():
    assert dataclasses.replace(CookieAttributes(same_site="None"), secure=False).secure


def test_attributes_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        CookieAttributes().secure = True


def test_lifetimes_end_at_400_days():
    assert b"Max-Age=34560000" in set_cookie("a", "b", CookieAttributes(), max_age=MAX_AGE_LIMIT)
    with pytest.raises(ValueError, match="400 days"):
        set_cookie("a", "b", CookieAttributes(), max_age=MAX_AGE_LIMIT + 1)


@pytest.mark.parametrize("evil", ["a\r\nSet-Cookie: x=y", "a\n", "a\r", "a\0", "a;b", "", "é"])
def test_nothing_can_be_smuggled_into_the_header(evil):
    with pytest.raises(ValueError, match="name"):
        set_cookie(evil, "v", CookieAttributes())
    with pytest.raises(ValueError, match="name"):
        clear_cookie(evil, CookieAttributes())
    with pytest.raises(ValueError, match="domain"):
        CookieAttributes(domain=evil)
    with pytest.raises(ValueError, match="path"):
        CookieAttributes(path=f"/{evil}" if evil else evil)


@pytest.mark.parametrize("name", ["a=b", "a b", "a,b", 'a"b', "a\tb"])
def test_a_name_is_an_http_token(name):
    with pytest.raises(ValueError, match="token"):
        set_cookie(name, "v", CookieAttributes())


def test_a_path_starts_with_a_slash():
    with pytest.raises(ValueError, match="path"):
        CookieAttributes(path="api")


def test_an_unknown_same_site_is_refused():
    with pytest.raises(ValueError, match="same_site"):
        CookieAttributes(same_site="lax")


@given(any_text)
def test_a_value_never_ends_the_header_or_the_cookie(value):
    written = set_cookie("n", value, CookieAttributes())
    assert written.endswith(b"; Path=/; HttpOnly; SameSite=Lax")
    assert written.count(b";") == 3
    assert not set(written) & {0, 10, 13}
