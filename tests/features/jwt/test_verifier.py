"""Tokens of several issuers, and what attackers make of them."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import zlib

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from asgi_auth.crypto import base64url
from asgi_auth.crypto.jwk import VerificationKey
from asgi_auth.errors import InvalidToken, Unavailable
from asgi_auth.features.jwt.claims import own_rules
from asgi_auth.features.jwt.issuer_keys import trusted
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.keys import KnownKey, TrustedIssuer
from asgi_auth.features.jwt.verifier import JWTVerifier
from tests.servers.issuer import AUDIENCE, SUBJECT, new_key, public, running_issuer, signed, with_header

RSA = {**RSAKey.generate_key(2048).as_dict(private=True), "alg": "RS256", "kid": "rsa"}
EVERY_ALGORITHM = {
    "EdDSA": OKPKey.generate_key("Ed25519"),
    "Ed25519": OKPKey.generate_key("Ed25519"),
    "Ed448": OKPKey.generate_key("Ed448"),
    "ES256": ECKey.generate_key("P-256"),
    "ES384": ECKey.generate_key("P-384"),
    "ES512": ECKey.generate_key("P-521"),
    **{f"{family}{size}": RSAKey.import_key(RSA) for family in ("RS", "PS") for size in (256, 384, 512)},
}


async def refusal(verifier, token):
    """Why a token is refused; an answer that tells clients no more than that."""
    with pytest.raises(InvalidToken) as refused:
        await verifier.verify(token)
    assert refused.value.body == {"message": "Unauthorized", "code": "UNAUTHORIZED"}
    return refused.value.reason


async def test_a_verified_token_says_who_it_stands_for(verifier, issuer, clock):
    known = await verifier.verify(issuer.token(scope="read write", name="Ada", address={"country": "GB"}))
    assert (known.subject, known.issuer) == (SUBJECT, issuer.url)
    assert known.scopes == {"read", "write"}
    assert known.expires_at == int(clock().timestamp()) + 900
    assert known.claims["address"]["country"] == "GB"
    assert list(known.claims)[:5] == ["iat", "sub", "exp", "iss", "aud"]
    with pytest.raises(TypeError):
        known.claims["sub"] = "grace"


async def test_nothing_of_a_token_shows(verifier, issuer):
    known = await verifier.verify(issuer.token(email="ada@example.com"))
    assert "ada@example.com" not in repr(known)


@pytest.mark.parametrize("algorithm", EVERY_ALGORITHM)
@pytest.mark.parametrize("names_algorithm", [True, False])
async def test_every_algorithm_of_public_keys_is_taken(make_verifier, issuer, algorithm, names_algorithm):
    key = {**EVERY_ALGORITHM[algorithm].as_dict(private=True), "alg": algorithm, "kid": "k"}
    published = public(key)
    if not names_algorithm:
        del published["alg"]
    issuer.keys = [published]
    known = await make_verifier(issuer).verify(signed(issuer.claims(), key))
    assert known.subject == SUBJECT
    others = tuple(set(EVERY_ALGORITHM) - {algorithm})
    assert "algorithm" in await refusal(make_verifier(issuer, algorithms=others), signed(issuer.claims(), key))


async def test_issuers_are_told_apart(clock, issuer):
    async with running_issuer(clock) as other:
        verifier = JWTVerifier([trusted(declared(each), clock=clock) for each in (issuer, other)], clock=clock)
        for server in (issuer, other):
            assert (await verifier.verify(server.token())).issuer == server.url
        stolen = signed(issuer.claims(), other.keys[0])
        assert await refusal(verifier, stolen) == "a bad signature"
        issuer.answers["/api/auth/jwks"] = await issuer._missing(None)
        assert (await verifier.verify(other.token())).issuer == other.url
        await verifier.close()


def declared(server):
    return Issuer(server.url, audience=AUDIENCE, jwks_url=server.jwks_url, allows_private_addresses=True)


class OurKeys:
    """A KeySource that holds one key, as ours will."""

    def __init__(self, key):
        self.key = VerificationKey(public(key))

    async def get(self, kid, algorithm):
        if kid != self.key.kid or algorithm not in self.key.algorithms:
            raise InvalidToken
        return KnownKey(self.key)

    async def close(self):
        pass


async def test_our_own_keys_are_a_source_like_others(clock, issuer):
    key = new_key("ours")
    ours = TrustedIssuer(
        rules=own_rules(issuer="https://ours.test", audiences=frozenset({AUDIENCE})), keys=OurKeys(key)
    )
    verifier = JWTVerifier([ours, trusted(declared(issuer), clock=clock)], clock=clock)
    known = await verifier.verify(signed(issuer.claims(iss="https://ours.test"), key))
    assert (known.issuer, known.standing) == ("https://ours.test", None)
    assert await refusal(verifier, signed(issuer.claims(), key)) is not None
    await verifier.close()


# Attacks. None of them may be accepted, and none may have anybody asked but the issuer.


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, [], {}, "HS256", "dir", "A256KW"])
async def test_unsigned_tokens_are_refused(verifier, issuer, algorithm):
    parts = (json.dumps({"alg": algorithm, "kid": "first"}).encode(), json.dumps(issuer.claims()).encode())
    text = ".".join(map(base64url.encode, parts))
    signature = issuer.token().rpartition(".")[2]
    for token in (f"{text}.", text, f"{text}.{signature}", f"{text}.AA"):
        await refusal(verifier, token)
    assert issuer.requests == []


async def test_a_signature_taken_away_or_moved_is_none(verifier, issuer):
    header, payload, signature = issuer.token().split(".")
    _, other, _ = issuer.token(sub="grace").split(".")
    for token in (f"{header}.{payload}.", f"{header}.{other}.{signature}", f"{header}.{payload}.{signature[:-2]}"):
        await refusal(verifier, token)


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "RS256"])
async def test_a_public_key_is_never_a_secret(make_verifier, issuer, algorithm):
    issuer.keys = [RSA]
    verifier = make_verifier(issuer)
    assert (await verifier.verify(issuer.token())).subject == SUBJECT
    key = RSAKey.import_key(public(RSA)).public_key
    secrets = [
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip(),
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        key.public_bytes(Encoding.PEM, PublicFormat.PKCS1),
        json.dumps(public(RSA)).encode(),
        json.dumps({"keys": [public(RSA)]}).encode(),
        RSA["n"].encode(),
        base64url.decode(RSA["n"]),
        b"",
    ]
    digest = getattr(hashlib, f"sha{algorithm[2:]}")
    parts = (json.dumps({"alg": algorithm, "kid": "rsa"}).encode(), json.dumps(issuer.claims()).encode())
    text = ".".join(map(base64url.encode, parts))
    for secret in secrets:
        mac = hmac.new(secret, text.encode(), digest).digest()
        await refusal(verifier, f"{text}.{base64url.encode(mac)}")


async def test_a_key_of_a_set_that_is_a_secret_verifies_nothing(make_verifier, issuer):
    secret = OctKey.generate_key(256, {"kid": "oct", "alg": "HS256"}).as_dict(private=True)
    issuer.keys = [secret]
    text = ".".join(base64url.encode(json.dumps(part).encode()) for part in ({"alg": "HS256"}, issuer.claims()))
    mac = hmac.new(base64url.decode(secret["k"]), text.encode(), hashlib.sha256).digest()
    await refusal(make_verifier(issuer), f"{text}.{base64url.encode(mac)}")


KIDS = [
    "../../../../dev/null", "/dev/null", "file:///etc/passwd", "' OR '1'='1", "x'; DROP TABLE jwks; --", "%00",
    "first%00", "FIRST", "first ", " first", "\uff46irst", "first\u0301", "${jndi:ldap://x}", "{{7*7}}", "__proto__",
    "constructor", "http://127.0.0.1/jwks", "k" * 255,
]  # fmt: skip


@pytest.mark.parametrize("kid", KIDS)
async def test_a_key_id_is_compared_and_nothing_else(verifier, issuer, clock, kid):
    await verifier.verify(issuer.token())
    clock.advance(seconds=11)
    assert (
        await refusal(verifier, signed(issuer.claims(), {**issuer.keys[0], "kid": kid})) == "a token of an unknown key"
    )
    assert set(issuer.requests) == {"/api/auth/jwks"}


@pytest.mark.parametrize(
    "kid", [0, 1, -1, 1.5, True, None, [], ["first"], {}, {"first": 1}, "", "k" * 256, "\0", "first\0"]
)
async def test_what_is_no_key_id_is_refused(verifier, issuer, kid):
    await refusal(verifier, with_header({"alg": "EdDSA", "kid": kid}, issuer.claims(), issuer.keys[0]))
    assert issuer.requests == []


@pytest.mark.parametrize("names", ["jku", "x5u", "jwk", "x5c", "crit", "b64", "enc", "all"])
async def test_a_token_brings_no_key_and_nobody_asks_where_it_says(verifier, issuer, clock, names):
    async with running_issuer(clock) as attacker:
        brought = {
            "jku": attacker.jwks_url,
            "x5u": f"{attacker.url}/cert.pem",
            "jwk": public(attacker.keys[0]),
            "x5c": ["MIIB"],
            "crit": ["exp"],
            "b64": False,
            "enc": "A256GCM",
        }
        more = brought if names == "all" else {names: brought[names]}
        for key in (attacker.keys[0], issuer.keys[0]):
            header = {"alg": "EdDSA", "kid": "first", **more}
            await refusal(verifier, with_header(header, issuer.claims(), key))
        assert (attacker.requests, issuer.requests) == ([], [])


async def test_nobody_asks_an_issuer_that_a_token_made_up(verifier, issuer, clock):
    async with running_issuer(clock) as attacker:
        for url in (
            attacker.url,
            f"{issuer.url}@{attacker.url}",
            f"{issuer.url}/../",
            f"{issuer.url}/",
            attacker.jwks_url,
        ):
            assert await refusal(verifier, attacker.token(iss=url)) == "a token of an unknown issuer"
        for said in (None, 1, [], [issuer.url], {"iss": issuer.url}, ""):
            await refusal(verifier, signed({**attacker.claims(), "iss": said}, issuer.keys[0]))
        assert (attacker.requests, issuer.requests) == ([], [])


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"EdDSA","kid":"first"}',
        b'{"alg":"EdDSA","alg":"none","kid":"first"}',
        b'{"alg":"EdDSA","kid":"second","kid":"first"}',
        b'{"alg":"EdDSA","kid":"first","\\u006bid":"x"}',
        b'{"alg":"EdDSA","kid":"first","crit":[],"crit":null}',
        b'\xef\xbb\xbf{"alg":"EdDSA","kid":"first"}',
        b'[{"alg":"EdDSA","kid":"first"}]',
        b'{"alg":"EdDSA","kid":"first"}\0',
    ],
)
async def test_a_header_that_can_be_read_in_two_ways_is_refused(verifier, issuer, header):
    await refusal(verifier, with_header(header, issuer.claims(), issuer.keys[0]))


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "scope", "more"])
@pytest.mark.parametrize("level", [0, 1, 3])
async def test_a_claim_that_is_there_twice_is_refused(verifier, issuer, name, level):
    twice = f'"{name}":"a","{name}":"b"'
    text = json.dumps(issuer.claims())[:-1] + (
        f",{twice}}}" if not level else f',"x":{"[" * level}{{{twice}}}{"]" * level}}}'
    )
    assert await refusal(verifier, signed(text.encode(), issuer.keys[0])) == "a token whose claims cannot be read"


@pytest.mark.parametrize(
    "more",
    [
        '"x":NaN',
        '"x":Infinity',
        '"x":1e400',
        '"x":"\\ud800"',
        '"\\udc00":1',
        '"exp":NaN',
        '"exp":1e999',
        '"x":' + "9" * 5000,
    ],
    ids=range(8),
)
async def test_claims_that_are_no_json_are_refused(verifier, issuer, more):
    text = json.dumps({name: value for name, value in issuer.claims().items() if f'"{name}"' not in more})
    assert await refusal(verifier, signed(f"{text[:-1]},{more}}}".encode(), issuer.keys[0])) is not None


@pytest.mark.parametrize("levels", [17, 100, 990, 1500])
async def test_nested_claims_are_refused(verifier, issuer, levels):
    for opening, closing in (("[", "]"), ('{"":', "}")):
        text = f'{json.dumps(issuer.claims())[:-1]},"x":{opening * levels}1{closing * levels}}}'
        await refusal(verifier, signed(text.encode(), issuer.keys[0]))
    assert issuer.requests == []


@pytest.mark.parametrize("size", [8_000, 64_000, 1_000_000, 50_000_000])
async def test_huge_tokens_are_refused_unread(verifier, issuer, size):
    header, payload, signature = issuer.token(x="x" * size).split(".")
    for token in (
        f"{header}.{payload}.{signature}",
        f"{header}.{payload[:20]}.{'A' * size * 2}",
        "." * max(size, 9000),
        "A" * max(size, 9000),
    ):
        assert await refusal(verifier, token) == "a token that is too long"
    assert issuer.requests == []


async def test_a_longer_token_is_taken_where_that_is_wanted(issuer, clock):
    verifier = JWTVerifier([trusted(declared(issuer), clock=clock)], clock=clock, max_length=16_384)
    assert (await verifier.verify(issuer.token(x="x" * 8000))).subject == SUBJECT
    await verifier.close()


async def test_encrypted_tokens_are_refused_undecrypted(verifier, issuer):
    bomb = zlib.compress(b"{" + b" " * 100_000_000)
    key = OctKey.generate_key(256)
    small = jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM"}, json.dumps(issuer.claims()), key)
    header = base64url.encode(b'{"alg":"dir","enc":"A256GCM","zip":"DEF"}')
    for token in (small, f"{header}..AAAA.{base64url.encode(bomb[:5000])}.AAAA", f"{header}.AAAA.AAAA"):
        await refusal(verifier, token)
    # A signed token whose payload is compressed is none either.
    packed = with_header({"alg": "EdDSA", "kid": "first", "zip": "DEF"}, bomb[:4000], issuer.keys[0])
    await refusal(verifier, packed)


async def test_a_token_in_a_token_is_none(verifier, issuer):
    nested = with_header({"alg": "EdDSA", "kid": "first", "cty": "JWT"}, issuer.token().encode(), issuer.keys[0])
    assert await refusal(verifier, nested) == "a token whose claims cannot be read"


@pytest.mark.parametrize("kind", ["logout+jwt", "secevent+jwt", "dpop+jwt", "entity-statement+jwt", "JOSE", 1, None])
async def test_tokens_for_something_else_are_refused(verifier, issuer, kind):
    await refusal(verifier, with_header({"alg": "EdDSA", "kid": "first", "typ": kind}, issuer.claims(), issuer.keys[0]))


async def test_an_access_token_says_so_where_that_is_asked(make_verifier, issuer):
    verifier = make_verifier(issuer, types=("application/at+JWT",))
    assert "something else" in await refusal(verifier, issuer.token())
    token = with_header({"alg": "EdDSA", "kid": "first", "typ": "at+jwt"}, issuer.claims(), issuer.keys[0])
    assert (await verifier.verify(token)).subject == SUBJECT


@pytest.mark.parametrize("bits", [512, 1024, 2040])
async def test_a_weak_key_of_an_issuer_is_none(make_verifier, issuer, bits):
    # Its length alone is what is looked at, so that none has to be made; zeros before it make it no stronger.
    for zeros in (0, 256 - bits // 8):
        modulus = base64url.encode(b"\0" * zeros + b"\xff" * (bits // 8))
        issuer.keys = [{"kty": "RSA", "kid": "first", "alg": "RS256", "n": modulus, "e": "AQAB"}]
        token = with_header({"alg": "RS256", "kid": "first"}, issuer.claims(), RSA)
        assert await refusal(make_verifier(issuer), token) == "a token of an unknown key"


async def test_a_key_of_another_curve_verifies_nothing(make_verifier, issuer):
    small = {**ECKey.generate_key("P-256").as_dict(private=True), "alg": "ES256", "kid": "k"}
    token = signed(issuer.claims(), small)
    for odd in (
        {"crv": "P-521"},
        {"crv": "secp256k1"},
        {"alg": "ES512"},
        {"x": small["y"]},
        {"kty": "OKP"},
        {"use": "enc"},
    ):
        issuer.keys = [{**public(small), **odd}]
        assert await refusal(make_verifier(issuer), token) == "a token of an unknown key"


async def test_an_issuers_key_for_another_algorithm_verifies_nothing(make_verifier, issuer):
    issuer.keys = [{**public(RSA), "alg": "RS256"}]
    token = signed(issuer.claims(), {**RSA, "alg": "PS256"})
    assert await refusal(make_verifier(issuer), token) == "a token of an unknown key"


def spoiled(token):
    header, payload, signature = token.split(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    last = alphabet[alphabet.index(signature[-1]) + 1]  # other bits beyond the last byte
    yield from (
        f"{token}=",
        f"{token}==",
        f"{header}=.{payload}.{signature}",
        f"{header}.{payload}.{signature[:-1]}{last}",
    )
    yield from (f" {token}", f"{token} ", f"{token}\n", f"{token}\t", f"{token}\0", f"\ufeff{token}", f"{token}\ud800")
    yield from (f"{header}..{signature}", f".{payload}.{signature}", "..", ".", "", "a.b.c", "....", f"{token}.")
    yield from (f"{token}.{token}", f"{header}.{payload}", f"{token}, {token}", f"Bearer {token}", token.swapcase())
    yield from (token.replace(".", "\u2024"), token.replace(".", "%2E"), token.encode().hex(), f"{token}\N{SNOWMAN}")
    yield from (
        token.replace(header[:2], "\N{FULLWIDTH LATIN SMALL LETTER E}y", 1),
        re.sub(r"(.{60})", r"\1\r\n", token),
    )


async def test_there_is_one_text_for_a_token(verifier, issuer):
    token = issuer.token()
    assert (await verifier.verify(token)).subject == SUBJECT
    for text in spoiled(token):
        await refusal(verifier, text)


async def test_every_changed_character_is_noticed(verifier, issuer):
    token = issuer.token()
    for at, character in enumerate(token):
        if character != ".":
            await refusal(verifier, f"{token[:at]}{'A' if character != 'A' else 'B'}{token[at + 1 :]}")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_whatever_is_offered_is_accepted_or_refused(issuer, clock, data):
    verifier = JWTVerifier([trusted(declared(issuer), clock=clock)], clock=clock)
    value = st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from([issuer.url, AUDIENCE, "EdDSA"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
        max_leaves=6,
    )
    names = st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nbf", "alg", "kid", "typ", "scope"])
    claims = data.draw(st.dictionaries(names, value))
    header = {"alg": "EdDSA", "kid": "first"} | data.draw(st.dictionaries(names, value, max_size=2))
    token = with_header(header, {**issuer.claims(), **claims}, issuer.keys[0])
    try:
        known = await verifier.verify(token)
    except (InvalidToken, Unavailable):
        return
    assert known.issuer == issuer.url
