from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.crypto.strict_json import MOST_LEVELS, parse_object

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_an_object_is_read_as_it_was_written(value):
    assert parse_object(json.dumps(value).encode()) == value


@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=4), st.integers(min_value=0, max_value=4))
def test_a_name_twice_is_refused_wherever_it_is(value, levels):
    twice = json.dumps(value)[:-1] + "," + json.dumps(value)[1:]
    text = '[{"x":' * levels + twice + "}]" * levels
    with pytest.raises(ValueError, match="twice"):
        parse_object(b'{"here":%s}' % text.encode())


@pytest.mark.parametrize("names", [r'"a":1,"\u0061":2', r'"é":1,"\u00e9":2', '"":1,"":1', '"a":1,"b":2,"a":{}'])
def test_names_are_the_same_however_they_are_written(names):
    with pytest.raises(ValueError, match="twice"):
        parse_object(f"{{{names}}}".encode())


def test_names_that_merely_look_alike_are_two():
    names = ["A", "a", "\u00e9", "e\u0301", "\u0430"]
    assert list(parse_object(json.dumps(dict.fromkeys(names)).encode())) == names


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"null", b"true", b"1", b'"x"', b"[]", b"[{}]", b"{", b"}", b"{}{}", b"{} x", b"{}\0",
        b"\xef\xbb\xbf{}",
        b"{'a':1}", b'{"a":1,}', b"{a:1}", b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":1e400}',
        b'{"a":-1e999}', b'{"a":01}', b'{"a":+1}', b'{"a":.5}', b'{"a":"\\ud800"}', b'{"\\udfff":1}',
        b'{"a":"\\ud800x"}',
        b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\x80"}', b'{"a":"\t"}', b'{"a":/**/1}',
        b'{"a":' + b"9" * 5000 + b"}", b'{"a":' + b"[" * 100_000, "{}".encode("utf-16"),
    ],
    ids=lambda text: repr(text[:20]),
)  # fmt: skip
def test_what_is_no_object_that_all_read_alike_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011  (whichever decoder finds it first)
        parse_object(text)


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"x":', "}")])
def test_levels_are_counted(opening, closing):
    def nested(levels):
        return f'{{"x":{opening * (levels - 1)}1{closing * (levels - 1)}}}'.encode()

    assert parse_object(nested(MOST_LEVELS))
    for levels in (MOST_LEVELS + 1, 200, 900, 3000, 100_000):
        with pytest.raises(ValueError, match="deep"):
            parse_object(nested(levels))


@given(st.binary() | st.text().map(str.encode))
def test_whatever_is_given_nothing_else_is_raised(data):
    with suppress(ValueError):
        assert isinstance(parse_object(data), dict)
