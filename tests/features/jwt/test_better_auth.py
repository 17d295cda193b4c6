"""Tokens that a Better Auth server (1.7.24) has signed, with the keys that it published, one of each algorithm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asgi_auth.crypto import base64url, jws
from asgi_auth.crypto.jwk import fitting, parse_key_set
from asgi_auth.errors import InvalidToken
from asgi_auth.features.jwt.claims import TokenRules, own_rules, parse_claims, validate_jwt_claims

RECORDED = json.loads((Path(__file__).parent / "better_auth_tokens.json").read_text())
ISSUER = RECORDED["issuer"]
EACH = [pytest.param(each["token"], each["jwks"], id=each["jwks"]["keys"][0]["alg"]) for each in RECORDED["tokens"]]


@pytest.mark.parametrize(("token", "published"), EACH)
def test_they_are_verified(token, published):
    parts = jws.split(token)
    [key] = fitting(parse_key_set(published), parts.kid, parts.algorithm)
    claims = parse_claims(parts.verify(key))
    audiences = frozenset({ISSUER})
    for rules in (TokenRules(issuer=ISSUER, audiences=audiences), own_rules(issuer=ISSUER, audiences=audiences)):
        validate_jwt_claims(claims, rules=rules, now=claims["iat"])
        assert rules.takes_type(parts.type)
        with pytest.raises(InvalidToken):
            validate_jwt_claims(claims, rules=rules, now=claims["exp"] + 60)
    assert (claims["email"], claims["sub"]) == ("ada@example.com", claims["id"])


@pytest.mark.parametrize(("token", "published"), EACH)
def test_they_have_the_header_that_ours_have(token, published):
    key = published["keys"][0]
    assert base64url.decode(token.split(".")[0]) == b'{"alg":"%s","kid":"%s"}' % (
        key["alg"].encode(),
        key["kid"].encode(),
    )


@pytest.mark.parametrize(("token", "published"), EACH)
def test_the_keys_of_another_server_verify_none_of_them(token, published):
    others = [each["jwks"]["keys"][0] for each in RECORDED["tokens"] if each["jwks"] != published]
    parts = jws.split(token)
    for other in parse_key_set({"keys": others}):
        with pytest.raises(InvalidToken):
            parts.verify(other)
