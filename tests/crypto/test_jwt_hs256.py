import json

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from asgi_auth.crypto import base64url
from asgi_auth.crypto.jwt_hs256 import sign_payload, verify_payload
from asgi_auth.crypto.signing import Signer

SECRET = "a secret of some length, as secrets are"
SIGNER = Signer([SECRET])
CLAIMS = {"name": "José", "exp": 4102444800}
PAYLOAD = json.dumps(CLAIMS).encode()


def jwt_like(header):
    text = f"{base64url.encode(json.dumps(header).encode())}.{base64url.encode(PAYLOAD)}"
    return f"{text}.{SIGNER.mac(text)}"


def test_the_header_names_the_algorithm_and_nothing_else():
    token = sign_payload(PAYLOAD, SIGNER)
    assert base64url.decode(token.split(".")[0]) == b'{"alg":"HS256"}'


def test_other_libraries_verify_our_tokens():
    token = sign_payload(PAYLOAD, SIGNER)
    assert jwt.decode(token, OctKey.import_key(SECRET), algorithms=["HS256"]).claims == CLAIMS


def test_any_of_the_secrets_verifies():
    token = sign_payload(PAYLOAD, SIGNER)
    assert verify_payload(token, Signer(["newest", SECRET])) == PAYLOAD
    assert verify_payload(token, Signer(["newest"])) is None


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
    assert verify_payload(jwt_like(header), SIGNER) is None


def test_an_unsigned_token_is_refused():
    header, payload, _ = sign_payload(PAYLOAD, SIGNER).split(".")
    for token in (f"{header}.{payload}.", f"{header}.{payload}", header, f"{header}."):
        assert verify_payload(token, SIGNER) is None
