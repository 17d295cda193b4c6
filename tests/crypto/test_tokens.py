import string
from collections import Counter

import pytest

from asgi_auth.crypto import base64url
from asgi_auth.crypto.tokens import (
    DIGITS,
    LETTERS,
    LETTERS_AND_DIGITS,
    LOWERCASE_AND_DIGITS,
    URL_SAFE,
    equal,
    generate_id,
    hash_token,
    random_string,
)


def test_an_id_is_32_letters_and_digits():
    assert len(generate_id()) == 32
    assert set("".join(generate_id() for _ in range(200))) == set(string.ascii_letters + string.digits)


def test_an_id_has_the_length_asked_for():
    assert [len(generate_id(length)) for length in (1, 24, 1000)] == [1, 24, 1000]


@pytest.mark.parametrize(
    ("alphabet", "size"),
    [(DIGITS, 10), (LETTERS, 52), (LOWERCASE_AND_DIGITS, 36), (LETTERS_AND_DIGITS, 62), (URL_SAFE, 64)],
)
def test_a_random_string_uses_the_whole_of_its_alphabet_and_nothing_else(alphabet, size):
    assert len(alphabet) == size
    assert set(random_string(20_000, alphabet)) == set(alphabet)


@pytest.mark.parametrize("alphabet", [DIGITS, LETTERS_AND_DIGITS, "ab", "abc"])
def test_no_character_is_likelier_than_another(alphabet):
    drawn = 200_000
    expected = drawn / len(alphabet)
    counts = Counter(random_string(drawn, alphabet))
    chi_squared = sum((counts[character] - expected) ** 2 / expected for character in alphabet)
    freedom = len(alphabet) - 1
    # a fair draw exceeds seven standard deviations about once in a hundred million runs; modulo bias gives thousands
    assert chi_squared < freedom + 7 * (2 * freedom) ** 0.5 + 30


def test_no_two_ids_are_the_same():
    assert len({generate_id() for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize("length", [0, -1])
def test_an_empty_random_string_is_refused(length):
    with pytest.raises(ValueError, match="at least one character"):
        random_string(length)


@pytest.mark.parametrize("alphabet", ["", "a", "aa", "abca", "äöü"])
def test_an_alphabet_without_a_choice_is_refused(alphabet):
    with pytest.raises(ValueError, match=r"alphabet|ascii"):
        random_string(8, alphabet)


def test_a_token_is_hashed_to_43_url_safe_characters():
    # SHA-256 of "abc", FIPS 180-4
    assert base64url.decode(hash_token("abc")).hex() == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
    assert len(hash_token("é" * 500)) == 43


def test_strings_are_equal_only_if_every_character_is():
    assert equal("zażółć", "zażółć")
    assert not equal("token", "tokem")
    assert not equal("token", "token ")
    assert not equal("", "token")


def test_lone_surrogates_are_compared_and_hashed_without_complaint():
    assert equal("\ud800", "\ud800")
    assert not equal("\ud800", "\ud801")
    assert hash_token("\ud800") != hash_token("\ud801")


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff\xfe", b"\xfb\xef\xbe", bytes(range(256))])
def test_base64url_is_read_back(data):
    text = base64url.encode(data)
    assert base64url.decode(text) == data
    assert set(text) <= set(URL_SAFE)


@pytest.mark.parametrize("text", ["YQ==", "Y", "YWJj ", "YW\nJj", "YW+j", "YW/j", "Zß", "YQ\0", "Y" * (16 * 1024 + 4)])
def test_base64url_that_nobody_writes_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        base64url.decode(text)
