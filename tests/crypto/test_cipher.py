import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asgi_auth.crypto.cipher import Cipher, DecryptionFailed
from asgi_auth.crypto.keys import (
    ACCOUNT_CACHE_SALT,
    derive_jwe_key,
    derive_key,
    derive_purpose_key,
)

cipher = Cipher("a secret")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_decrypted_again(plaintext):
    assert cipher.decrypt(cipher.encrypt(plaintext)) == plaintext


def test_a_ciphertext_is_lower_case_hex_of_nonce_text_and_tag():
    ciphertext = cipher.encrypt("hello")
    assert len(bytes.fromhex(ciphertext)) == 24 + 5 + 16
    assert ciphertext == ciphertext.lower()


def test_the_same_text_is_never_encrypted_alike():
    assert len({cipher.encrypt("hello") for _ in range(100)}) == 100


@pytest.mark.parametrize("place", [0, 30, 50, 89])
def test_a_changed_ciphertext_is_refused(place):
    ciphertext = cipher.encrypt("hello")
    other = "0" if ciphertext[place] != "0" else "1"
    with pytest.raises(DecryptionFailed):
        cipher.decrypt(ciphertext[:place] + other + ciphertext[place + 1 :])


@pytest.mark.parametrize(
    "ciphertext",
    ["", "0", "zz", "00" * 10, "00" * 40, "$ba$", "$ba$1$", "$ba$1$00", "$ba$x$" + "00" * 45, "é", "\ud800", "00 00"],
)
@pytest.mark.parametrize(
    "reader", [cipher, Cipher("new", version=1), Cipher("new", version=2, versions={1: "old"}, legacy="older")]
)
def test_a_malformed_ciphertext_is_refused(ciphertext, reader):
    with pytest.raises(DecryptionFailed):
        reader.decrypt(ciphertext)


@given(st.text() | st.from_regex(r"\$ba\$[0-9]*\$[0-9a-f]*", fullmatch=True))
def test_no_input_raises_anything_else(ciphertext):
    with pytest.raises(DecryptionFailed):
        Cipher("new", version=2, versions={1: "old"}, legacy="older").decrypt(ciphertext)


@pytest.mark.parametrize("ciphertext", ["hidden input", "00" * 50, "$ba$7$" + "00" * 50])
def test_a_refusal_tells_neither_input_nor_secret(ciphertext):
    with pytest.raises(DecryptionFailed) as refusal:
        Cipher("hidden secret", version=1).decrypt(ciphertext)
    told = traceback.format_exception_only(refusal.value)
    assert told == ["asgi_auth.crypto.cipher.DecryptionFailed: the ciphertext cannot be decrypted\n"]
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None or refusal.value.__suppress_context__


def test_text_that_has_no_utf8_is_refused_without_being_told():
    with pytest.raises(ValueError, match="lone surrogate") as refusal:
        cipher.encrypt("hidden \ud800")
    assert "hidden" not in str(refusal.value)


def test_another_secret_does_not_decrypt():
    with pytest.raises(DecryptionFailed):
        Cipher("another secret").decrypt(cipher.encrypt("hello"))


def test_versioned_secrets_write_the_current_version_and_read_every_one():
    old = Cipher("first", version=1)
    new = Cipher("second", version=2, versions={1: "first"})
    assert new.encrypt("hello").startswith("$ba$2$")
    assert new.decrypt(old.encrypt("hello")) == "hello"
    assert new.decrypt(new.encrypt("hello")) == "hello"


def test_a_version_that_is_not_configured_is_refused():
    with pytest.raises(DecryptionFailed):
        Cipher("first", version=1).decrypt(Cipher("second", version=2).encrypt("hello"))


def test_an_envelope_that_names_another_version_is_refused():
    envelope = Cipher("first", version=1).encrypt("hello").replace("$ba$1$", "$ba$2$")
    with pytest.raises(DecryptionFailed):
        Cipher("second", version=2, versions={1: "first"}).decrypt(envelope)


def test_bare_hex_is_read_with_the_legacy_secret_alone_once_versions_are_in_use():
    assert Cipher("new", version=1, legacy="a secret").decrypt(cipher.encrypt("hello")) == "hello"
    with pytest.raises(DecryptionFailed):
        Cipher("a secret", version=1).decrypt(cipher.encrypt("hello"))


def test_without_versions_the_current_secret_comes_before_the_legacy_one():
    both = Cipher("new", legacy="a secret")
    assert both.decrypt(cipher.encrypt("hello")) == "hello"
    assert Cipher("new").decrypt(both.encrypt("hello")) == "hello"


def test_without_versions_an_envelope_is_not_understood():
    with pytest.raises(DecryptionFailed):
        Cipher("first").decrypt(Cipher("first", version=1).encrypt("hello"))


def test_an_unusable_configuration_is_refused():
    with pytest.raises(ValueError, match="empty secret"):
        Cipher("")
    with pytest.raises(ValueError, match="version of the current"):
        Cipher("new", versions={1: "old"})


def test_a_cipher_and_a_key_do_not_show_their_secrets():
    shown = repr(Cipher("hidden", version=1, versions={2: "hidden"}, legacy="hidden"))
    assert "hidden" not in shown
    key = derive_jwe_key("a secret")
    assert repr(key) == f"JweKey(kid={key.kid!r})"


def test_derived_keys_are_hkdf_sha256():
    # RFC 5869, A.3, has bytes that are no text; these were computed with OpenSSL's HKDF
    assert derive_key("secret", salt="salt", info="info", length=16).hex() == "f6d2fcc47cb939deafe3853a1e641a27"


def test_a_key_of_one_purpose_is_not_that_of_another():
    state, link = (
        derive_purpose_key("a secret", purpose) for purpose in ("oauth-state-cookie", "oauth-link-session-token")
    )
    assert len(bytes.fromhex(state)) == 32
    assert state != link
    with pytest.raises(DecryptionFailed):
        Cipher(link).decrypt(Cipher(state).encrypt("hello"))


def test_keys_of_encrypted_cookies_differ_by_salt():
    assert len(derive_jwe_key("a secret").key) == 64
    assert derive_jwe_key("a secret") != derive_jwe_key("a secret", salt=ACCOUNT_CACHE_SALT)


def test_a_key_longer_than_hkdf_gives_is_refused():
    with pytest.raises(ValueError, match="8160"):
        derive_key("a secret", salt="salt", info="info", length=8161)


@pytest.mark.parametrize(
    ("purpose", "key"),
    [
        ("oauth-state-cookie", "85ff94cc3ca3f788f56e8388e98eb31c6b264139ff745de8f1cf5c7181cf19f5"),
        ("oauth-link-session-token", "7706b811b6751436e838c1420292a6461324fde053afa759363ea3dee7bf64ea"),
    ],
)
def test_purpose_keys_are_those_that_better_auth_derives(purpose, key):
    # computed by Better Auth 1.7.24
    assert derive_purpose_key("oracle-test-secret-0123456789abcdefghijklmnop", purpose) == key
