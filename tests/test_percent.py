"""Percent-encoding gives and takes exactly what JavaScript does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.percent import decode_component, encode_component


def test_the_unreserved_marks_of_javascript_stay():
    assert encode_component("AZaz09-_.!~*'()") == "AZaz09-_.!~*'()"


def test_everything_else_becomes_utf_8_in_upper_case_digits():
    assert encode_component('a+/= ;,"%é€') == "a%2B%2F%3D%20%3B%2C%22%25%C3%A9%E2%82%AC"


def test_a_lone_surrogate_cannot_be_encoded():
    with pytest.raises(ValueError, match="surrogates"):
        encode_component("\ud800")


@pytest.mark.parametrize(("text", "decoded"), [("a%2bB%2F", "a+B/"), ("%C3%A9", "é"), ("é%41", "éA"), ("", "")])
def test_escapes_are_decoded(text, decoded):
    assert decode_component(text) == decoded


@pytest.mark.parametrize("text", ["%", "a%2", "%zz", "100% %41", "%C3", "%FF", "%ED%A0%80", "%C0%AF"])
def test_what_javascript_would_throw_at_is_none(text):
    assert decode_component(text) is None


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_decoding_undoes_encoding(text):
    assert decode_component(encode_component(text)) == text
