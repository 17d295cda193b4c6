"""Headers are found whatever their case, and a repeated credential header is refused."""

from __future__ import annotations

import pytest

from asgi_auth.asgi.headers import find_header, header_values, single_header
from asgi_auth.errors import RepeatedHeader

GOOD = (b"authorization", b"Bearer good")
BAD = (b"authorization", b"Bearer bad")


def scope_with(*headers):
    return {"type": "http", "headers": list(headers)}


def test_every_value_is_given_in_the_order_received():
    assert header_values(scope_with(GOOD, (b"accept", b"*/*"), BAD), b"authorization") == [GOOD[1], BAD[1]]


@pytest.mark.parametrize("name", [b"x-api-key", b"X-API-Key", b"X-Api-KEY"])
def test_names_are_compared_in_lower_case(name):
    scope = scope_with((name, b"k"))
    assert header_values(scope, b"x-api-key") == [b"k"]
    assert find_header(scope, b"x-api-key") == "k"
    assert single_header(scope, b"x-api-key") == "k"


def test_a_name_of_the_same_length_is_another_header():
    assert header_values(scope_with((b"x-api-kez", b"k")), b"x-api-key") == []


@pytest.mark.parametrize("scope", [{"type": "lifespan"}, {"headers": None}, {"headers": []}, {"headers": ()}])
def test_a_scope_without_headers_has_none(scope):
    assert header_values(scope, b"cookie") == []
    assert find_header(scope, b"cookie") is None
    assert single_header(scope, b"cookie") is None


def test_header_pairs_may_be_lists_and_come_from_any_iterable():
    assert find_header({"headers": iter([[b"origin", b"http://a.test"]])}, b"origin") == "http://a.test"


def test_values_are_read_as_latin_1():
    assert find_header(scope_with((b"x", b"\xe9\xff")), b"x") == "éÿ"
    assert single_header(scope_with((b"x", b"\xe9\xff")), b"x") == "éÿ"


def test_an_empty_value_is_a_value():
    assert find_header(scope_with((b"x", b"")), b"x") == ""
    assert single_header(scope_with((b"x", b"")), b"x") == ""


def test_the_first_of_several_values_is_found():
    assert find_header(scope_with(GOOD, BAD), b"authorization") == "Bearer good"


@pytest.mark.parametrize("headers", [(GOOD, BAD), (BAD, GOOD), (GOOD, GOOD), (GOOD, (b"Authorization", b""))])
def test_a_header_sent_twice_is_refused_in_any_order_and_case(headers):
    with pytest.raises(RepeatedHeader) as refusal:
        single_header(scope_with(*headers), b"authorization")
    assert refusal.value.status == 400
    assert "authorization" in refusal.value.message
    assert "good" not in str(refusal.value)
