"""Every cryptographic fact among the values that Better Auth 1.7.24 itself produced."""

import base64
import json
from datetime import UTC, datetime, timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from asgi_auth.crypto import base64url
from asgi_auth.crypto.cipher import Cipher
from asgi_auth.crypto.jwe import ClaimsCipher
from asgi_auth.crypto.jwt_hs256 import sign_payload, verify_payload
from asgi_auth.crypto.keys import derive_jwe_key
from asgi_auth.crypto.passwords import password_context
from asgi_auth.crypto.session_cache import session_cache_codec
from asgi_auth.crypto.signing import Signer
from asgi_auth.crypto.tokens import hash_token

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
SECRET = VECTORS["secret"]
VERSIONED = VECTORS["versionedSecrets"]
CACHE_LIFETIME = timedelta(seconds=300)


def cookie_pairs(headers):
    return [header.split(";")[0].split("=", 1) for header in headers]


def recorded_headers(node):
    """Every Set-Cookie header anywhere in the vectors but in the part with other secrets."""
    if isinstance(node, list):
        return [header for item in node for header in recorded_headers(item)]
    if not isinstance(node, dict):
        return []
    own = node.get("setCookie", [])
    inner = [header for key, item in node.items() if key != "versionedSecrets" for header in recorded_headers(item)]
    return [*([own] if isinstance(own, str) else own), *inner]


def signed_cookies():
    pairs = cookie_pairs(recorded_headers(VECTORS))
    return [(name, unquote(value)) for name, value in pairs if value and not name.endswith("_data")]


def at(milliseconds):
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=milliseconds)


def jwt_parts(token):
    header, payload, signature = token.split(".")
    return (
        json.loads(base64url.decode(header)),
        json.loads(base64url.decode(payload)),
        f"{header}.{payload}".encode(),
        base64url.decode(signature),
    )


def private_key_at_rest(row):
    return json.loads(Cipher(SECRET).decrypt(json.loads(row["privateKey"])))


# passwords


@pytest.mark.parametrize("vector", VECTORS["passwords"], ids=lambda vector: vector["passwordCodepoints"][:23])
def test_a_recorded_hash_verifies_its_password_and_no_other(vector):
    context = password_context()
    assert context.verify_and_update(vector["password"], vector["hash"]) == (vector["verifies"], None)
    assert not context.verify(vector["password"] + " ", vector["hash"])


def test_the_composed_form_of_a_password_verifies_as_the_typed_one():
    compatibility_forms = VECTORS["passwords"][2]
    assert compatibility_forms["nfkc"] != compatibility_forms["password"]
    assert password_context().verify(compatibility_forms["nfkc"], compatibility_forms["hash"])


def test_the_account_that_signed_up_has_a_hash_of_its_password():
    assert password_context().verify("password1234", VECTORS["accountRow"]["password"])


# signed cookies


@pytest.mark.parametrize("vector", VECTORS["signedCookies"], ids=lambda vector: vector["value"])
def test_a_signed_cookie_is_written_as_recorded(vector):
    signed = Signer([SECRET]).sign(vector["value"])
    assert signed == f"{vector['value']}.{vector['signature']}"
    encoded = quote(signed, safe="-_.!~*'()")
    assert f"n={encoded}; Path=/" == vector["setCookie"]


@pytest.mark.parametrize("vector", VECTORS["signedCookies"], ids=lambda vector: vector["value"])
def test_a_recorded_cookie_is_read_back(vector):
    value = unquote(SimpleCookie(vector["setCookie"])["n"].value)
    assert Signer([SECRET]).unsign(value) == vector["value"]


def test_every_signed_cookie_of_the_recorded_answers_verifies():
    cookies = signed_cookies()
    assert {name.removeprefix("better-auth.").partition("_multi-")[0] for name, _ in cookies} >= {
        "session_token",
        "two_factor",
        "trust_device",
    }
    assert [name for name, value in cookies if Signer([SECRET]).unsign(value) is None] == []


def test_the_session_cookie_holds_the_session_token():
    cookie = VECTORS["sessionCookie"]
    assert unquote(cookie["cookieRaw"]) == cookie["cookieDecoded"]
    assert Signer([SECRET]).unsign(cookie["cookieDecoded"]) == cookie["token"]


def test_the_trust_cookie_binds_the_device_to_the_user():
    answer = VECTORS["twoFactorVerifyTrust"]
    cookie = dict(cookie_pairs(answer["setCookie"]))["better-auth.trust_device"]
    mac, _, device = Signer([SECRET]).unsign(unquote(cookie)).partition("!")
    bound = f"{answer['body']['user']['id']}!{device}"
    assert device == answer["trustRows"][0]["identifier"]
    assert Signer([SECRET]).mac(bound) == mac
    assert Signer([SECRET]).verifies(bound, mac)


# encryption


@pytest.mark.parametrize("vector", VECTORS["symmetric"], ids=lambda vector: vector["plaintext"] or "empty")
def test_a_recorded_ciphertext_decrypts(vector):
    assert Cipher(SECRET).decrypt(vector["ciphertext"]) == vector["plaintext"] == vector["roundtrip"]


def versioned_cipher():
    return Cipher(
        VERSIONED["ctxSecret"],
        version=VERSIONED["currentVersion"],
        versions={secret["version"]: secret["value"] for secret in VERSIONED["secrets"]},
        legacy=VERSIONED["legacySecret"],
    )


@pytest.mark.parametrize(
    "vector", [*VERSIONED["encrypted"], VERSIONED["oldEncrypted"]], ids=lambda vector: vector["plaintext"]
)
def test_an_envelope_of_any_version_decrypts(vector):
    assert versioned_cipher().decrypt(vector["ciphertext"]) == vector["plaintext"]


@pytest.mark.parametrize("vector", VECTORS["symmetric"], ids=lambda vector: vector["plaintext"] or "empty")
def test_what_was_encrypted_before_versions_decrypts_with_the_legacy_secret(vector):
    assert versioned_cipher().decrypt(vector["ciphertext"]) == vector["plaintext"]


def test_the_session_cookie_of_versioned_secrets_is_signed_with_the_current_one():
    recorded = VERSIONED["sessionCookie"]
    cookie = dict(cookie_pairs([recorded["setCookie"]]))["better-auth.session_token"]
    assert Signer([VERSIONED["ctxSecret"]]).sign(recorded["token"]) == unquote(cookie)
    assert Signer(["something newer", VERSIONED["ctxSecret"]]).unsign(unquote(cookie)) == recorded["token"]


def test_the_totp_secret_and_the_backup_codes_decrypt_from_their_row():
    totp = VECTORS["totp"]
    cipher = Cipher(SECRET)
    assert cipher.decrypt(totp["row"]["secret"]) == totp["secretPlain"]
    codes = json.loads(cipher.decrypt(totp["row"]["backupCodes"]))
    assert codes == totp["backupCodesPlain"] == totp["enableResponse"]["backupCodes"]


def test_the_decrypted_totp_secret_gives_the_recorded_code_and_uri():
    totp = VECTORS["totp"]
    secret = Cipher(SECRET).decrypt(totp["row"]["secret"]).encode()
    generator = TOTP(secret, 6, SHA1(), 30)
    assert generator.generate(totp["codeAtMs"] // 1000).decode() == totp["code"]
    query = parse_qs(urlsplit(totp["enableResponse"]["totpURI"]).query)
    assert query["secret"] == [base64.b32encode(secret).decode().rstrip("=")]


# tokens


@pytest.mark.parametrize("vector", VECTORS["apiKeys"], ids=lambda vector: vector["response"]["name"])
def test_an_api_key_is_stored_as_its_hash(vector):
    assert hash_token(vector["response"]["key"]) == vector["row"]["key"]


@pytest.mark.parametrize("name", ["hs256", "emailVerificationToken"])
def test_an_hs256_token_is_verified_and_signed_as_recorded(name):
    token = VECTORS[name]["token"]
    payload = verify_payload(token, Signer([SECRET]))
    assert payload is not None
    assert sign_payload(payload, Signer([SECRET])) == token
    claims = json.loads(payload)
    assert claims.items() >= VECTORS[name].get("claims", VECTORS[name].get("payload")).items()
    assert sign_payload(json.dumps(claims, separators=(",", ":")).encode(), Signer([SECRET])) == token


@pytest.mark.parametrize("vector", VECTORS["jwe"], ids=lambda vector: vector["salt"])
def test_encrypted_claims_open_under_the_key_of_their_salt(vector):
    header = json.loads(base64url.decode(vector["token"].split(".")[0]))
    assert header["kid"] == derive_jwe_key(SECRET, salt=vector["salt"]).kid
    claims = json.loads(ClaimsCipher([SECRET], salt=vector["salt"]).decrypt(vector["token"]))
    assert claims.items() >= vector["payload"].items()
    assert ClaimsCipher([SECRET], salt=vector["salt"]).open(vector["token"], now=at(claims["iat"] * 1000)) == claims


def test_the_signing_key_decrypts_from_its_row():
    jwks = VECTORS["jwks"]
    assert private_key_at_rest(jwks["row"]) == jwks["privateJwk"]
    assert json.loads(jwks["row"]["publicKey"]).items() <= jwks["jwksResponse"]["keys"][0].items()


@pytest.mark.parametrize(
    ("token", "row"),
    [
        (VECTORS["jwks"]["token"], VECTORS["jwks"]["row"]),
        (VECTORS["getSession"]["headers"]["set-auth-jwt"], VECTORS["jwks"]["row"]),
        (VECTORS["cookieCache_jwks"]["cookieValue"], VECTORS["cookieCache_jwks"]["jwksRows"][0]),
    ],
    ids=["token", "set-auth-jwt", "session_data"],
)
def test_an_eddsa_token_verifies_and_the_key_at_rest_makes_the_same_signature(token, row):
    header, _, signing_input, signature = jwt_parts(token)
    assert header["kid"] == row["id"]
    public = base64url.decode(json.loads(row["publicKey"])["x"])
    Ed25519PublicKey.from_public_bytes(public).verify(signature, signing_input)
    private = base64url.decode(private_key_at_rest(row)["d"])
    assert Ed25519PrivateKey.from_private_bytes(private).sign(signing_input) == signature


@pytest.mark.parametrize("name", ["jwks", "cookieCache_jwt", "cookieCache_jwks"])
def test_a_recorded_token_says_what_was_recorded(name):
    vector = VECTORS[name]
    assert jwt_parts(vector.get("token") or vector["cookieValue"])[:2] == (vector["header"], vector["payload"])


# the cookie cache


@pytest.mark.parametrize("strategy", ["compact", "jwt", "jwe"])
def test_the_cookie_cache_decodes_to_the_recorded_session(strategy):
    vector = VECTORS[f"cookieCache_{strategy}"]
    payload = vector["decoded"]["session"] if strategy == "compact" else vector["payload"]
    cached = session_cache_codec(strategy, [SECRET]).decode(vector["cookieValue"], now=at(payload["updatedAt"]))
    assert cached is not None
    assert json.loads(bytes(cached.session)) == vector["getSession"]["session"] == payload["session"]
    assert json.loads(bytes(cached.user)) == vector["getSession"]["user"] == payload["user"]
    assert cached.updated_at == at(payload["updatedAt"])
    assert cached.version == payload["version"]
    assert cached.expires_at == at(vector["decoded"]["expiresAt"] if strategy == "compact" else payload["exp"] * 1000)


@pytest.mark.parametrize("strategy", ["compact", "jwt"])
def test_the_cookie_cache_is_encoded_byte_for_byte_as_recorded(strategy):
    vector = VECTORS[f"cookieCache_{strategy}"]
    payload = vector["decoded"]["session"] if strategy == "compact" else vector["payload"]
    encoded = session_cache_codec(strategy, [SECRET]).encode(
        session=payload["session"], user=payload["user"], now=at(payload["updatedAt"]), lifetime=CACHE_LIFETIME
    )
    assert encoded == vector["cookieValue"]
    assert encoded == dict(cookie_pairs(vector["setCookie"]))["better-auth.session_data"]


def test_the_signature_of_the_compact_cache_is_over_the_recorded_text():
    vector = VECTORS["cookieCache_compact"]
    assert Signer([SECRET]).mac(vector["signedText"]) == vector["decoded"]["signature"]
    assert base64url.encode(vector["decodedText"].encode()) == vector["cookieValue"]


def test_the_encrypted_cache_is_encoded_with_the_recorded_header_and_claims():
    vector = VECTORS["cookieCache_jwe"]
    payload = vector["payload"]
    encoded = session_cache_codec("jwe", [SECRET]).encode(
        session=payload["session"], user=payload["user"], now=at(payload["updatedAt"]), lifetime=CACHE_LIFETIME
    )
    assert encoded.split(".")[:2] == vector["cookieValue"].split(".")[:2]
    assert json.loads(base64url.decode(encoded.split(".")[0])) == vector["header"]
    claims = json.loads(ClaimsCipher([SECRET]).decrypt(encoded))
    assert list(claims) == list(payload)
    assert {**claims, "jti": payload["jti"]} == payload
