"""New keys sign and verify what they are for, and are written as Better Auth writes them."""

from __future__ import annotations

import pytest

from asgi_auth.crypto.jwk import SigningKey
from asgi_auth.crypto.key_pairs import generate_pair

PUBLIC = {
    "EdDSA": ["crv", "x", "kty"],
    "ES256": ["kty", "x", "y", "crv"],
    "ES512": ["kty", "x", "y", "crv"],
    "PS256": ["kty", "n", "e"],
    "RS256": ["kty", "n", "e"],
}


@pytest.mark.parametrize("algorithm", PUBLIC)
def test_a_new_key_signs_what_it_verifies(algorithm):
    pair = generate_pair(algorithm)
    key = SigningKey(pair.private, kid="a", algorithm=algorithm)
    assert key.public.verifies(b"data", key.sign(b"data"), algorithm=algorithm)
    assert not key.public.verifies(b"other data", key.sign(b"data"), algorithm=algorithm)


@pytest.mark.parametrize(("algorithm", "names"), PUBLIC.items())
def test_the_public_part_has_nothing_secret_and_the_order_of_better_auth(algorithm, names):
    pair = generate_pair(algorithm)
    assert list(pair.public) == names
    assert dict(pair.public).items() <= dict(pair.private).items()
    assert "d" in pair.private


def test_the_curve_of_eddsa_may_be_the_longer_one():
    pair = generate_pair("EdDSA", curve="Ed448")
    assert (pair.curve, pair.public["crv"]) == ("Ed448", "Ed448")
    key = SigningKey(pair.private, kid="a", algorithm="EdDSA")
    assert key.public.verifies(b"data", key.sign(b"data"), algorithm="EdDSA")


def test_an_rsa_key_is_as_long_as_was_asked():
    assert generate_pair("RS256").curve is None
    assert len(generate_pair("RS256", modulus_length=3072).public["n"]) == 512


def test_no_repr_shows_the_secret_part():
    pair = generate_pair("EdDSA")
    assert pair.private["d"] not in repr(pair)
