"""Long values are cut into several cookies and put together again, whatever a request makes of them."""

from __future__ import annotations

import pytest

from asgi_auth.asgi.chunked_cookies import MAX_LENGTH, ChunkedCookie
from asgi_auth.asgi.cookies import CookieAttributes
from tests.endpoints.wire import http

NAME = "better-auth.session_data"
COOKIE = ChunkedCookie(NAME, CookieAttributes())
ATTRIBUTES = "; Max-Age=300; Path=/; HttpOnly; SameSite=Lax"
WHOLE = 4050 - len(f"{NAME}=") - len(ATTRIBUTES)
PIECE = WHOLE - len(".99")


def request(*pairs):
    return http(headers=[("cookie", "; ".join(f"{name}={value}" for name, value in pairs))] if pairs else [])


def write(value, *pairs):
    written = COOKIE.write(value, scope=request(*pairs), max_age=300)
    return [tuple(cookie.decode().split("=", 1)) for cookie in written]


def sent_back(value):
    """The cookies of a browser that was sent ``value``."""
    return [(name, rest.partition(";")[0]) for name, rest in write(value)]


def test_a_value_that_fits_is_one_cookie_of_the_bare_name():
    assert write("v" * WHOLE) == [(NAME, "v" * WHOLE + ATTRIBUTES)]


def test_one_character_more_makes_two_whose_longest_leaves_room_for_a_number_of_two_digits():
    assert write("v" * WHOLE + "w") == [
        (f"{NAME}.0", "v" * PIECE + ATTRIBUTES),
        (f"{NAME}.1", "vvvw" + ATTRIBUTES),
    ]


@pytest.mark.parametrize("length", [1, WHOLE, WHOLE + 1, PIECE * 2, PIECE * 2 + 1, MAX_LENGTH])
def test_what_was_written_is_read_back(length):
    value = ("0123456789" * (length // 10 + 1))[:length]
    assert COOKIE.read(request(*sent_back(value))) == value


def test_chunks_are_joined_by_number_in_whatever_order_they_come():
    value = "a" * PIECE + "b" * PIECE + "c"
    assert COOKIE.read(request(*reversed(sent_back(value)))) == value


def test_the_bare_name_counts_before_chunks():
    assert COOKIE.read(request((f"{NAME}.0", "chunk"), (NAME, "bare"))) == "bare"


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        (("other", "x"),),
        ((NAME, ""),),
        ((f"{NAME}.1", "x"),),
        ((f"{NAME}.0", "x"), (f"{NAME}.2", "y")),
        ((f"{NAME}.00", "x"),),
        ((f"{NAME}.\N{ARABIC-INDIC DIGIT ZERO}", "x"),),
        ((f"{NAME}.-0", "x"),),
        ((f"{NAME}.", "x"),),
        ((f"{NAME}.0.0", "x"),),
        ((f"{NAME}.100", "x"),),
        ((f"{NAME}.0", ""),),
        ((f"x{NAME}.0", "x"),),
    ],
)
def test_what_is_not_whole_is_nothing(pairs):
    pairs = [(name.encode().decode("latin-1"), value) for name, value in pairs]
    assert COOKIE.read(request(*pairs)) is None


def test_of_two_chunks_of_one_number_the_first_counts():
    assert COOKIE.read(request((f"{NAME}.0", "first"), (f"{NAME}.0", "second"))) == "first"


def test_chunks_that_are_too_long_together_are_nothing():
    pairs = [(f"{NAME}.{number}", "v" * 4000) for number in range(5)]
    assert COOKIE.read(request(*pairs)) is None


def test_hundreds_of_chunks_and_huge_numbers_cost_one_pass_and_a_hundred_clearings_at_most():
    pairs = [(f"{NAME}.{number}", "v") for number in range(1000)]
    pairs += [(f"{NAME}.{'9' * 5000}", "v"), (f"{NAME}.7", "w")]
    assert COOKIE.read(request(*pairs)) == "v" * 100
    assert len(COOKIE.clear(request(*pairs))) == 101


def test_older_chunks_are_cleared_when_the_value_fits_into_one_cookie_again():
    assert write("short", (f"{NAME}.0", "x"), (f"{NAME}.1", "y")) == [
        (f"{NAME}.0", "; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"),
        (f"{NAME}.1", "; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"),
        (NAME, "short" + ATTRIBUTES),
    ]


def test_the_one_cookie_and_chunks_that_are_no_longer_needed_are_cleared_when_it_becomes_several():
    written = write("v" * (WHOLE + 1), (NAME, "x"), (f"{NAME}.1", "y"), (f"{NAME}.2", "z"))
    assert [name for name, _ in written] == [NAME, f"{NAME}.2", f"{NAME}.0", f"{NAME}.1"]
    assert [rest.startswith(";") for _, rest in written] == [True, True, False, False]


def test_a_value_that_is_too_long_is_not_written_and_leaves_nothing_older_behind():
    assert write("v" * (MAX_LENGTH + 1)) == []
    assert write("v" * (MAX_LENGTH + 1), (NAME, "older")) == [(NAME, "; Max-Age=0; Path=/; HttpOnly; SameSite=Lax")]


def test_a_value_in_need_of_more_than_a_hundred_chunks_is_not_written():
    narrow = ChunkedCookie(NAME, CookieAttributes(path="/" + "p" * 3900))
    assert narrow.write("v" * 200, scope=request()) != []
    assert narrow.write("v" * MAX_LENGTH, scope=request()) == []


def test_clearing_takes_the_bare_name_and_the_chunks_that_came_along():
    cleared = COOKIE.clear(request((f"{NAME}.1", "x"), (f"{NAME}.0", "y")))
    assert [cookie.split(b"=")[0].decode() for cookie in cleared] == [NAME, f"{NAME}.0", f"{NAME}.1"]
    assert [cookie.split(b"=")[0].decode() for cookie in COOKIE.clear(request())] == [NAME]
