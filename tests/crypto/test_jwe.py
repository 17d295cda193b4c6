from datetime import UTC, datetime, timedelta

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from asgi_auth.crypto.jwe import ClaimsCipher
from asgi_auth.crypto.keys import ACCOUNT_CACHE_SALT, derive_jwe_key

SECRET = "a secret of some length, as secrets are"
NOW = datetime(2026, 11, 22, 17, 0, 11, 711_000, tzinfo=UTC)
LIFETIME = timedelta(minutes=5)
SECOND = timedelta(seconds=1)


def test_sealed_claims_are_opened_until_a_little_after_they_expired():
    cipher = ClaimsCipher([SECRET], salt=ACCOUNT_CACHE_SALT)
    token = cipher.seal({"accessToken": "José"}, now=NOW, lifetime=LIFETIME)
    opened = cipher.open(token, now=NOW)
    assert list(opened) == ["accessToken", "iat", "exp", "jti"]
    assert opened["accessToken"] == "José"
    assert cipher.open(token, now=NOW + LIFETIME + 14 * SECOND) == opened
    assert cipher.open(token, now=NOW + LIFETIME + 15 * SECOND) is None


def test_claims_sealed_for_one_cookie_do_not_open_as_another():
    token = ClaimsCipher([SECRET]).seal({}, now=NOW, lifetime=LIFETIME)
    assert ClaimsCipher([SECRET], salt=ACCOUNT_CACHE_SALT).open(token, now=NOW) is None


@pytest.mark.parametrize("plaintext", [b"", b"null", b"[]", b"\xff", b"[" * 5_000, b'{"exp":null}', b"{}"])
def test_encrypted_claims_without_an_expiry_are_refused(plaintext):
    key = derive_jwe_key(SECRET)
    header = {"alg": "dir", "enc": "A256CBC-HS512", "kid": key.kid}
    token = jwe.encrypt_compact(header, plaintext, OctKey.import_key(key.key))
    assert ClaimsCipher([SECRET]).open(token, now=NOW) is None


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256CBC-HS512"},
        {"alg": "dir", "enc": "A256CBC-HS512", "kid": "another"},
        {"alg": "dir", "enc": "A256CBC-HS512", "kid": derive_jwe_key(SECRET).kid, "zip": "DEF"},
    ],
    ids=str,
)
def test_any_other_jwe_header_is_refused_even_under_the_right_key(header):
    token = jwe.encrypt_compact(header, b'{"exp":9999999999}', OctKey.import_key(derive_jwe_key(SECRET).key))
    assert ClaimsCipher([SECRET]).open(token, now=NOW) is None


def test_a_claims_cipher_does_not_show_its_secrets():
    assert "hidden" not in repr(ClaimsCipher(["hidden"]))
