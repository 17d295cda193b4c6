"""What an ID token must say before it is believed."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import json
import math

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey
from starlette.responses import JSONResponse

from asgi_auth.oauth.errors import ProviderFailed
from asgi_auth.oauth.id_token import _HASHES, ALGORITHMS, MAX_LENGTH

KEYS = {
    "RS256": lambda: RSAKey.generate_key(2048, {"kid": "first"}),
    "RS512": lambda: RSAKey.generate_key(2048, {"kid": "first"}),
    "PS256": lambda: RSAKey.generate_key(2048, {"kid": "first"}),
    "ES256": lambda: ECKey.generate_key("P-256", {"kid": "first"}),
    "ES384": lambda: ECKey.generate_key("P-384", {"kid": "first"}),
    "ES512": lambda: ECKey.generate_key("P-521", {"kid": "first"}),
    "EdDSA": lambda: OKPKey.generate_key("Ed25519", {"kid": "first"}),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519", {"kid": "first"}),
}


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def raw(header, claims, signature=b""):
    """A token that no library would make."""
    return ".".join((b64(json.dumps(header).encode()), b64(json.dumps(claims).encode()), b64(signature)))


def claims_of(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.parametrize("algorithm", KEYS)
async def test_a_token_signed_by_the_providers_key_is_believed(client, provider, oidc, algorithm):
    oidc.key = KEYS[algorithm]()
    claims = await client.verify_id_token(provider, oidc.id_token(header={"alg": algorithm}))
    assert claims["sub"] == "grace-1"


def test_only_algorithms_with_public_keys_are_taken():
    assert {name[:2] for name in ALGORITHMS} == {"RS", "PS", "ES", "Ed"}


async def refused(client, provider, token, *, match, **options):
    with pytest.raises(ProviderFailed, match=match) as caught:
        await client.verify_id_token(provider, token, **options)
    assert token[:20] not in str(caught.value)


async def test_a_signature_of_another_key_is_refused(client, provider, oidc):
    other = ECKey.generate_key("P-256", {"kid": "first"})
    await refused(client, provider, oidc.id_token(key=other), match="signature")


async def test_changed_claims_are_refused(client, provider, oidc):
    header, _, signature = oidc.id_token().split(".")
    changed = b64(json.dumps({**claims_of(oidc.id_token()), "sub": "mallory"}).encode())
    await refused(client, provider, f"{header}.{changed}.{signature}", match="signature")


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE"])
async def test_a_token_without_a_signature_is_refused(client, provider, oidc, name):
    await refused(client, provider, raw({"alg": name, "kid": "first"}, claims_of(oidc.id_token())), match="is none")


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
async def test_the_public_key_is_no_secret_to_sign_with(client, provider, oidc, algorithm):
    header, claims = {"alg": algorithm, "kid": "first"}, claims_of(oidc.id_token())
    signed = ".".join((b64(json.dumps(header).encode()), b64(json.dumps(claims).encode())))
    for secret in (oidc.key.as_pem(private=False), json.dumps(oidc.key.as_dict(private=False)).encode()):
        mac = hmac.new(secret, signed.encode(), "sha" + algorithm[2:]).digest()
        await refused(client, provider, f"{signed}.{b64(mac)}", match="is none")


async def test_a_symmetric_key_among_the_providers_keys_is_no_key(client, provider, oidc):
    secret = OctKey.generate_key(256, {"kid": "first"})
    oidc.answer_with("/jwks", JSONResponse({"keys": [secret.as_dict()]}))
    await refused(client, provider, oidc.id_token(key=secret, header={"alg": "HS256"}), match="is none")
    await refused(client, provider, oidc.id_token(), match="unknown key")


async def test_a_key_that_says_its_algorithm_serves_no_other(client, provider, oidc):
    oidc.key = RSAKey.generate_key(2048, {"kid": "first"})
    oidc.answer_with("/jwks", JSONResponse({"keys": [{**oidc.key.as_dict(private=False), "alg": "RS256"}]}))
    await client.verify_id_token(provider, oidc.id_token(header={"alg": "RS256"}))
    await refused(client, provider, oidc.id_token(header={"alg": "RS512"}), match="unknown key")


async def test_a_claim_that_is_there_twice_is_refused(client, provider, oidc):
    header = b64(json.dumps({"alg": "ES256", "kid": "first"}).encode())
    claims = json.dumps(claims_of(oidc.id_token()))[:-1] + ',"sub":"mallory"}'
    message = f"{header}.{b64(claims.encode())}"
    r, s = decode_dss_signature(oidc.key.private_key.sign(message.encode(), ECDSA(SHA256())))
    token = f"{message}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    await refused(client, provider, token, match="claims")


async def test_an_algorithm_of_another_kind_of_key_is_refused(client, provider, oidc):
    other = RSAKey.generate_key(2048, {"kid": "first"})
    await refused(client, provider, oidc.id_token(key=other, header={"alg": "RS256"}), match="unknown key")


@pytest.mark.parametrize("fields", [{"use": "enc"}, {"key_ops": ["sign"]}, {"key_ops": "verify"}])
async def test_a_key_for_something_else_is_no_key(client, provider, oidc, fields):
    published = {name: value for name, value in oidc.key.as_dict(private=False).items() if name != "use"}
    oidc.answer_with("/jwks", JSONResponse({"keys": [{**published, **fields}]}))
    await refused(client, provider, oidc.id_token(), match="unknown key")


async def test_a_weak_key_is_no_key(client, provider, oidc):
    private = rsa.generate_private_key(65537, 1024)
    with pytest.warns(match="2048"):
        weak = RSAKey.import_key(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    oidc.answer_with("/jwks", JSONResponse({"keys": [{**weak.as_dict(private=False), "kid": "first"}]}))
    token = oidc.id_token(key=weak, header={"alg": "RS256", "kid": "first"})
    await refused(client, provider, token, match="unknown key")


async def test_zeros_before_a_weak_key_make_it_no_stronger(client, provider, oidc):
    modulus = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n
    weak = {"kty": "RSA", "kid": "first", "e": "AQAB", "n": b64(modulus.to_bytes(256))}
    oidc.answer_with("/jwks", JSONResponse({"keys": [weak]}))
    token = oidc.id_token(key=RSAKey.generate_key(2048), header={"alg": "RS256", "kid": "first"})
    await refused(client, provider, token, match="unknown key")


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "crit", "b64"])
async def test_a_token_brings_no_key_and_no_rules_of_its_own(client, provider, oidc, name):
    mine = ECKey.generate_key("P-256", {"kid": "first"})
    value = {"jwk": mine.as_dict(private=False), "crit": ["exp"], "b64": False}.get(name, f"{oidc.url}/mine")
    header = {"alg": "ES256", "kid": "first", name: value}
    for key in (mine, oidc.key):
        signature = signed_by(key, header, claims_of(oidc.id_token()))
        await refused(client, provider, signature, match="is none")
    assert oidc.count("/mine") == 0


def signed_by(key, header, claims):
    """A token whose header no library would write."""
    message = raw(header, claims).rpartition(".")[0]
    r, s = decode_dss_signature(key.private_key.sign(message.encode(), ECDSA(SHA256())))
    return f"{message}.{b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


@pytest.mark.parametrize("more", [{"x-own": 1}, {"x5t": "AA"}, {"x5c": ["MIIB"]}], ids=str)
async def test_a_header_that_nobody_needs_is_of_no_account(client, provider, oidc, more):
    token = signed_by(oidc.key, {"alg": "ES256", "kid": "first", **more}, claims_of(oidc.id_token()))
    assert (await client.verify_id_token(provider, token))["sub"] == "grace-1"


@pytest.mark.parametrize("issuer", ["https://evil.test", "", "{url}/", "{url}.evil.test", "{url}x", "HTTP://127.0.0.1"])
async def test_another_issuer_is_refused(client, provider, oidc, issuer):
    await refused(client, provider, oidc.id_token(iss=issuer.format(url=oidc.url)), match="issuer")


async def test_a_declared_issuer_is_taken_beside_the_discovered_one(make_client, provider, oidc):
    provider = dataclasses.replace(provider, issuers=("accounts.corp.test",))
    client = make_client(provider)
    for issuer in ("accounts.corp.test", oidc.url):
        assert await client.verify_id_token(provider, oidc.id_token(iss=issuer))


@pytest.mark.parametrize("audience", ["other", ["other"], [], "", "tests ", "test"])
async def test_a_token_for_another_application_is_refused(client, provider, oidc, audience):
    await refused(client, provider, oidc.id_token(aud=audience), match="another application")


async def test_among_several_audiences_the_token_must_have_been_given_to_us(client, provider, oidc):
    both = ["tests", "other"]
    await refused(client, provider, oidc.id_token(aud=both), match="another application")
    await refused(client, provider, oidc.id_token(aud=both, azp="other"), match="another application")
    await refused(client, provider, oidc.id_token(azp="other"), match="another application")
    assert await client.verify_id_token(provider, oidc.id_token(aud=both, azp="tests"))


async def test_tokens_of_ones_own_mobile_applications_are_taken(make_client, provider, oidc):
    provider = dataclasses.replace(provider, more_client_ids=("android",))
    client = make_client(provider)
    assert await client.verify_id_token(provider, oidc.id_token(azp="android"))
    assert await client.verify_id_token(provider, oidc.id_token(aud="android"))
    await refused(client, provider, oidc.id_token(azp="other"), match="another application")


@pytest.mark.parametrize("claims", [{"exp": -61}, {"iat": 61}, {"nbf": 61}, {"iat": -700, "exp": -100}])
async def test_a_token_of_another_time_is_refused(client, provider, oidc, clock, claims):
    now = int(clock().timestamp())
    token = oidc.id_token(**{name: now + seconds for name, seconds in claims.items()})
    await refused(client, provider, token, match="expired|future")


@pytest.mark.parametrize("claims", [{"exp": -59}, {"iat": 59}, {"nbf": 59}])
async def test_clocks_may_be_a_minute_apart(client, provider, oidc, clock, claims):
    now = int(clock().timestamp())
    token = oidc.id_token(**{name: now + seconds for name, seconds in claims.items()})
    assert await client.verify_id_token(provider, token)


@pytest.mark.parametrize("missing", ["iss", "sub", "aud", "exp", "iat"])
async def test_a_token_without_a_claim_that_it_must_have_is_refused(client, provider, oidc, missing):
    await refused(client, provider, oidc.id_token(**{missing: None}), match="claims|issuer")


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"exp": "4102444800"},
        {"exp": True},
        {"exp": math.inf},
        {"iat": math.nan},
        {"iat": []},
        {"iss": ["a"]},
        {"aud": {"tests": 1}},
        {"azp": 1},
        {"nonce": 1},
        {"at_hash": 1},
        {"name": "\ud800"},
    ],
)
async def test_claims_of_other_types_are_refused(client, provider, oidc, claims):
    token = signed_by(oidc.key, {"alg": "ES256", "kid": "first"}, {**claims_of(oidc.id_token()), **claims})
    await refused(client, provider, token, match="claims|nobody")


async def test_the_nonce_must_be_the_one_that_was_sent(client, provider, oidc):
    assert await client.verify_id_token(provider, oidc.id_token(nonce="mine"), nonce="mine")
    await refused(client, provider, oidc.id_token(nonce="other"), match="nonce", nonce="mine")
    await refused(client, provider, oidc.id_token(), match="nonce", nonce="mine")


@pytest.mark.parametrize("algorithm", KEYS)
async def test_an_access_token_that_came_with_it_must_be_the_one_it_is_of(client, provider, oidc, algorithm):
    oidc.key = KEYS[algorithm]()
    digest = hashlib.new(_HASHES[algorithm], b"an-access-token").digest()
    token = oidc.id_token(header={"alg": algorithm}, at_hash=b64(digest[: len(digest) // 2]))
    assert await client.verify_id_token(provider, token, access_token="an-access-token")
    await refused(client, provider, token, match="access token", access_token="another")


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "..",
        "...",
        "a.b",
        "a.b.c",
        "a.b.c.d.e",
        "\u00e9.b.c",
        "e30.e30.",
        b64(b"[" * 2000) + ".e30.e30",
        b64(b'{"alg":["ES256"]}') + ".e30.e30",
        b64(b'{"alg":"ES256","kid":{}}') + ".e30.e30",
        b64(b'{"alg":"ES256","kid":"first"}') + ".e30.!!!!",
        b64(b'{"alg":"dir","enc":"A128GCM"}') + "..e30.e30.e30",
    ],
)
async def test_what_is_no_token_is_refused(client, provider, oidc, token):
    with pytest.raises(ProviderFailed):
        await client.verify_id_token(provider, token)


async def test_signed_claims_that_are_none_are_refused(client, provider, oidc):
    for payload in (b"", b"null", b"[]", b"[" * 5000, b'"text"', b"\xff", b'{"iss":'):
        token = jws.serialize_compact({"alg": "ES256", "kid": "first"}, payload, oidc.key)
        await refused(client, provider, token, match="claims")


async def test_a_long_token_is_not_even_decoded(client, provider, oidc):
    await refused(client, provider, oidc.id_token(more="x" * MAX_LENGTH), match="too long")
    assert oidc.requests == []
