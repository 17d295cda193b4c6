import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.crypto.signing import Signer

signer = Signer(["a secret of some length, as secrets are"])


def test_what_was_signed_is_read_back():
    assert signer.unsign(signer.sign("value")) == "value"


def test_a_value_may_hold_dots():
    assert signer.unsign(signer.sign("a.b..c")) == "a.b..c"


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_text_is_read_back(value):
    assert signer.unsign(signer.sign(value)) == value


@pytest.mark.parametrize("secret", ["short", "x" * 64, "y" * 65, "z" * 500, "zażółć"])
def test_a_signature_is_the_standard_hmac_whatever_the_length_of_the_secret(secret):
    expected = hmac.digest(secret.encode(), "vałue".encode(), hashlib.sha256)
    assert hmac.compare_digest(Signer([secret])._keys[0].digest("vałue".encode()), expected)


def test_a_changed_value_is_refused():
    assert signer.unsign("x" + signer.sign("value")) is None


def test_each_changed_character_of_a_signature_is_refused():
    signed = signer.sign("value")
    for place in range(len("value."), len(signed) - 1):
        other = "A" if signed[place] != "A" else "B"
        assert signer.unsign(signed[:place] + other + signed[place + 1 :]) is None


def test_a_signature_that_only_decodes_to_the_same_bytes_is_refused():
    signed = signer.sign("value")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    same_bytes = alphabet[alphabet.index(signed[-2]) ^ 1]
    assert signer.unsign(f"{signed[:-2]}{same_bytes}=") is None


@pytest.mark.parametrize(
    "signed",
    [
        "",
        ".",
        "value",
        "value.",
        ".signature",
        "value." + "A" * 43 + "=",
        "value." + "A" * 44,
        "value." + "A" * 42 + "=",
        "value." + "é" * 43 + "=",
        "value." + "\ud800" * 43 + "=",
        "\ud800." + "A" * 43 + "=",
        "value\0." + "A" * 43 + "=",
        "." * 100,
        "x" * 1_000_000,
    ],
)
def test_what_nobody_signed_is_refused(signed):
    assert signer.unsign(signed) is None


def test_an_empty_value_is_not_accepted_even_with_its_right_signature():
    assert signer.unsign(signer.sign("")) is None


@given(st.text())
def test_no_text_makes_unsign_raise(text):
    assert signer.unsign(text) is None
    assert signer.unsign(f"{text}.{'A' * 43}=") is None
    assert not signer.verifies(text, text)


def test_the_newest_secret_signs_and_each_one_verifies():
    old, both = Signer(["old"]), Signer(["new", "old"])
    assert both.unsign(old.sign("value")) == "value"
    assert both.sign("value") == Signer(["new"]).sign("value")
    assert old.unsign(both.sign("value")) is None


def test_codes_are_unpadded_base64url_and_verify_with_each_secret():
    old, both = Signer(["old"]), Signer(["new", "old"])
    mac = old.mac("user!device")
    assert len(mac) == 43
    assert both.verifies("user!device", mac)
    assert not both.verifies("user!other", mac)
    assert not both.verifies("user!device", mac + "=")
    assert not old.verifies("user!device", both.mac("user!device"))


@pytest.mark.parametrize("secrets", [[], [""], ["good", ""], "a secret by itself"])
def test_a_signer_without_proper_secrets_is_refused(secrets):
    with pytest.raises(ValueError, match="newest first"):
        Signer(secrets)


def test_a_signer_does_not_show_its_secrets():
    assert "hidden" not in repr(Signer(["hidden"]))
