import json
from datetime import UTC, datetime

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from asgi_auth.crypto import base64url
from asgi_auth.crypto.jwt_hs256 import sign_hs256, sign_payload, verify_hs256
from asgi_auth.crypto.signing import Signer

SECRET = "a secret of some length, as secrets are"
NOW = datetime(2026, 11, 22, 17, 0, 11, 711_000, tzinfo=UTC)


def jwt_like(header, payload, secret=SECRET):
    text = f"{base64url.encode(json.dumps(header).encode())}.{base64url.encode(json.dumps(payload).encode())}"
    return f"{text}.{Signer([secret]).mac(text)}"


def claims_at(**claims):
    return {"a": 1, "exp": int(NOW.timestamp()) + 60, **claims}


def test_the_header_names_the_algorithm_and_nothing_else():
    token = sign_hs256({"a": 1}, SECRET)
    assert base64url.decode(token.split(".")[0]) == b'{"alg":"HS256"}'


def test_other_libraries_verify_our_tokens():
    token = sign_hs256(claims_at(name="José"), SECRET)
    assert jwt.decode(token, OctKey.import_key(SECRET), algorithms=["HS256"]).claims == claims_at(name="José")


def test_any_of_the_secrets_verifies():
    token = sign_hs256(claims_at(), SECRET)
    assert verify_hs256(token, ["newest", SECRET], NOW) == claims_at()
    assert verify_hs256(token, ["newest"], NOW) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"exp": int(NOW.timestamp())},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"nbf": int(NOW.timestamp()) + 1},
        {"nbf": "now"},
    ],
    ids=str,
)
def test_claims_that_are_not_valid_now_are_refused(claims):
    assert verify_hs256(sign_hs256(claims_at(**claims), SECRET), [SECRET], NOW) is None


def test_a_token_that_never_expires_is_refused():
    assert verify_hs256(sign_hs256({"a": 1}, SECRET), [SECRET], NOW) is None


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS512"},
        {"alg": "RS256"},
        {"alg": "HS256", "typ": "JWT"},
        {"alg": "HS256", "crit": ["x"]},
        {},
        [],
    ],
    ids=str,
)
def test_any_other_header_is_refused_even_with_the_right_signature(header):
    assert verify_hs256(jwt_like(header, claims_at()), [SECRET], NOW) is None


@pytest.mark.parametrize("payload", [b"", b"null", b"[]", b'"text"', b"\xff", b"{", b"[" * 5_000, b'{"exp":NaN}'])
def test_signed_claims_that_are_no_object_are_refused(payload):
    assert verify_hs256(sign_payload(payload, Signer([SECRET])), [SECRET], NOW) is None


def test_an_unsigned_token_is_refused():
    header, payload, _ = sign_hs256(claims_at(), SECRET).split(".")
    for token in (f"{header}.{payload}.", f"{header}.{payload}", header, f"{header}."):
        assert verify_hs256(token, [SECRET], NOW) is None
