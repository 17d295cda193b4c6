"""Signed tokens and their keys, by the RFCs' examples and by a second implementation."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws as joserfc_jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from asgi_auth.crypto import base64url, jws
from asgi_auth.crypto.jwk import ALGORITHMS, SigningKey, VerificationKey, fitting, parse_key_set
from asgi_auth.errors import InvalidToken

RSA = RSAKey.generate_key(2048)
CURVES = {"Ed25519": OKPKey, "Ed448": OKPKey, "P-256": ECKey, "P-384": ECKey, "P-521": ECKey}
KEYS = {curve: kind.generate_key(curve) for curve, kind in CURVES.items()} | {"RSA": RSA}
OURS = [
    ("EdDSA", "Ed25519"),
    ("EdDSA", "Ed448"),
    ("ES256", "P-256"),
    ("ES512", "P-521"),
    ("PS256", "RSA"),
    ("RS256", "RSA"),
]
FOREIGN = [
    ("Ed25519", "Ed25519"),
    ("Ed448", "Ed448"),
    ("ES384", "P-384"),
    ("RS384", "RSA"),
    ("RS512", "RSA"),
    ("PS384", "RSA"),
    ("PS512", "RSA"),
]
PAYLOAD = b'{"sub":"ada"}'

# RFC 7515, appendices A.2 to A.4, and RFC 8037, appendix A.4
RFC_PAYLOAD = b'{"iss":"joe",\r\n "exp":1300819380,\r\n "http://example.com/is_root":true}'
RFC_TEXT = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
RFC_EXAMPLES = [
    (
        {
            "kty": "RSA",
            "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL"
            "-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB"
            "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj"
            "8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            "e": "AQAB",
        },
        (
            f"eyJhbGciOiJSUzI1NiJ9.{RFC_TEXT}."
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CU"
            "Ar7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_d"
            "O--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0ig"
            "cN_IoypGlUPQGe77Rw"
        ),
        RFC_PAYLOAD,
    ),
    (
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        },
        (
            f"eyJhbGciOiJFUzI1NiJ9.{RFC_TEXT}."
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
        ),
        RFC_PAYLOAD,
    ),
    (
        {
            "kty": "EC",
            "crv": "P-521",
            "x": "AekpBQ8ST8a8VcfVOTNl353vSrDCLLJXmPk06wTjxrrjcBpXp5EOnYG_NjFZ6OvLFV1jSfS9tsz4qUxcWceqwQGk",
            "y": "ADSmRA43Z1DSNx_RvcLI87cdL07l6jQyyBXMoxVg_l2Th-x3S1WDhjDly79ajL4Kkd0AZMaZmh9ubmf63e3kyMj2",
        },
        (
            "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA."
            "AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2Y"
            "BJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn"
        ),
        b"Payload",
    ),
    (
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
        (
            "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        ),
        b"Example of Ed25519 signing",
    ),
]


def private(name):
    return KEYS[name].as_dict(private=True)


def public(name, **fields):
    return {**KEYS[name].as_dict(private=False), **fields}


def with_header(header, *, payload=PAYLOAD, key="Ed25519"):
    """A token of any header at all, rightly signed."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    signed = f"{base64url.encode(text)}.{base64url.encode(payload)}"
    algorithm = "EdDSA" if key == "Ed25519" else "RS256"
    signature = SigningKey(private(key), kid="k", algorithm=algorithm).sign(signed.encode())
    return f"{signed}.{base64url.encode(signature)}"


@pytest.mark.parametrize(("jwk", "token", "payload"), RFC_EXAMPLES, ids=["RS256", "ES256", "ES512", "EdDSA"])
def test_the_examples_of_the_rfcs_are_verified(jwk, token, payload):
    assert jws.split(token).verify(VerificationKey(jwk)) == payload


def test_the_example_of_an_ed25519_signature_is_made():
    jwk, token, _ = RFC_EXAMPLES[-1]
    secret = {**jwk, "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}
    signed, _, signature = token.rpartition(".")
    made = SigningKey(secret, kid="k", algorithm="EdDSA").sign(signed.encode())
    assert base64url.encode(made) == signature


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # of its name alone (RFC 9864)
@pytest.mark.parametrize(("algorithm", "key"), OURS)
def test_what_we_sign_is_verified_by_us_and_by_others(algorithm, key):
    token = jws.sign(PAYLOAD, SigningKey(private(key), kid="k1", algorithm=algorithm))
    assert base64url.decode(token.split(".")[0]) == b'{"alg":"%s","kid":"k1"}' % algorithm.encode()
    assert jws.split(token).verify(VerificationKey(public(key))) == PAYLOAD
    theirs = joserfc_jws.deserialize_compact(token, KEYS[key], algorithms=[algorithm])
    assert (theirs.payload, theirs.headers()) == (PAYLOAD, {"alg": algorithm, "kid": "k1"})


@pytest.mark.parametrize(("algorithm", "key"), OURS + FOREIGN)
def test_what_others_sign_is_verified(algorithm, key):
    header = base64url.encode(json.dumps({"alg": algorithm, "typ": "at+jwt", "x5t": "AA", "unheard-of": {}}).encode())
    signed = f"{header}.{base64url.encode(PAYLOAD)}"
    signature = joserfc_jws.JWSRegistry.algorithms[algorithm].sign(signed.encode(), KEYS[key])
    unverified = jws.split(f"{signed}.{base64url.encode(signature)}")
    assert (unverified.algorithm, unverified.kid, unverified.type) == (algorithm, None, "at+jwt")
    assert unverified.verify(VerificationKey(public(key, alg=algorithm))) == PAYLOAD


@pytest.mark.parametrize("other", KEYS)
@pytest.mark.parametrize(("algorithm", "key"), OURS)
def test_a_key_verifies_nothing_that_another_one_signed(algorithm, key, other):
    token = jws.split(jws.sign(PAYLOAD, SigningKey(private(key), kid="k1", algorithm=algorithm)))
    fresh = RSAKey.generate_key(2048) if other == "RSA" else CURVES[other].generate_key(other)
    with pytest.raises(InvalidToken):
        token.verify(VerificationKey(fresh.as_dict(private=False)))


def test_a_key_verifies_no_other_algorithm_than_its_own():
    token = jws.split(jws.sign(PAYLOAD, SigningKey(private("RSA"), kid="k1", algorithm="PS256")))
    assert token.verify(VerificationKey(public("RSA"))) == PAYLOAD
    for key in (VerificationKey(public("RSA", alg="RS256")), VerificationKey(public("RSA"), algorithm="RS256")):
        with pytest.raises(InvalidToken):
            token.verify(key)


@pytest.mark.parametrize(
    ("name", "algorithm"),
    [
        ("RSA", "HS256"),
        ("RSA", "none"),
        ("RSA", "ES256"),
        ("RSA", "RSA-OAEP"),
        ("P-256", "ES512"),
        ("P-521", "ES256"),
        ("P-256", "EdDSA"),
        ("Ed25519", "HS256"),
        ("Ed25519", "Ed448"),
        ("Ed448", "ES256"),
    ],
)
def test_a_key_for_an_algorithm_of_another_kind_is_none(name, algorithm):
    with pytest.raises(ValueError, match="something else"):
        VerificationKey(public(name, alg=algorithm))
    with pytest.raises(ValueError, match="something else"):
        SigningKey(private(name), kid="k", algorithm=algorithm)


def confusions():
    """The public key as a shared secret, in every form in which it may lie about."""
    key = RSA.public_key
    yield key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    yield key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).strip()
    yield key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    yield key.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    yield json.dumps(public("RSA")).encode()
    yield json.dumps(public("RSA"), separators=(",", ":")).encode()
    yield public("RSA")["n"].encode()
    yield base64url.decode(public("RSA")["n"])


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512", "RS256", "PS256"])
@pytest.mark.parametrize("secret", list(confusions()))
def test_a_public_key_is_never_a_secret(secret, algorithm):
    signed = f"{base64url.encode(json.dumps({'alg': algorithm}).encode())}.{base64url.encode(PAYLOAD)}"
    digest = getattr(hashlib, f"sha{algorithm[2:]}")
    signature = hmac.new(secret, signed.encode(), digest).digest()
    with pytest.raises(InvalidToken):
        jws.split(f"{signed}.{base64url.encode(signature)}").verify(VerificationKey(public("RSA")))


def test_a_shared_secret_is_no_key():
    with pytest.raises(ValueError, match="no key"):
        VerificationKey(OctKey.generate_key(256).as_dict(private=True))


@pytest.mark.parametrize("algorithm", ["none", "NONE", "nOnE", "", "HS256", "hs256", "eddsa", "dir", None, 1, []])
@pytest.mark.parametrize("signature", ["", "AA"])
def test_other_algorithms_are_refused(algorithm, signature):
    header = base64url.encode(json.dumps({"alg": algorithm}).encode())
    with pytest.raises(InvalidToken):
        jws.split(f"{header}.{base64url.encode(PAYLOAD)}.{signature}")


GOOD = {"alg": "EdDSA", "kid": "k"}


def test_a_plain_header_is_taken():
    assert jws.split(with_header(GOOD)).verify(VerificationKey(public("Ed25519"))) == PAYLOAD


@pytest.mark.parametrize(
    "fields",
    [
        {"jku": "https://evil.test/jwks"},
        {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}},
        {"x5u": "https://evil.test/cert"},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": None},
        {"b64": False, "crit": ["b64"]},
        {"b64": True},
        {"enc": "A256GCM"},
        {"typ": 1},
        {"typ": None},
    ],
    ids=str,
)
def test_headers_that_bring_keys_or_rules_of_their_own_are_refused(fields):
    with pytest.raises(InvalidToken):
        jws.split(with_header({**GOOD, **fields}))


@pytest.mark.parametrize("kid", [1, None, [], {}, True, "", "k" * 256, "a\0b", "a\nb", "a\u202eb"])
def test_a_key_id_is_a_short_text(kid):
    with pytest.raises(InvalidToken):
        jws.split(with_header({"alg": "EdDSA", "kid": kid}))


@pytest.mark.parametrize("kid", ["../../dev/null", "' OR 1=1 --", "k1; DROP TABLE jwks", "%00", "clé", "k" * 255])
def test_any_other_text_is_a_key_id_as_it_is(kid):
    assert jws.split(with_header({"alg": "EdDSA", "kid": kid})).kid == kid


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"EdDSA"}',
        b'{"alg":"EdDSA","kid":"a","kid":"b"}',
        b'{"alg":"EdDSA","x":{"a":1,"\\u0061":2}}',
        b'{"alg":"EdDSA","x":NaN}',
        b'{"alg":"EdDSA","x":1e999}',
        b'{"alg":"EdDSA","x":"\\ud800"}',
        b'{"alg":"EdDSA","x":"\xff"}',
        b'\xef\xbb\xbf{"alg":"EdDSA"}',
        b'{"alg":"EdDSA"} {}',
        b'["EdDSA"]',
        b'"EdDSA"',
        b"null",
        b"",
        b"{}",
        b'{"alg":"EdDSA","x":' + b"[" * 16 + b"]" * 16 + b"}",
        b'{"alg":"EdDSA","x":' + b"[" * 2500 + b"]" * 2500 + b"}",
        b'{"alg":"EdDSA","x":' + b'{"x":' * 900 + b"1" + b"}" * 901,
        b'{"alg":"EdDSA","x":' + b"9" * 5000 + b"}",
    ],
    ids=range(18),
)
def test_a_header_is_one_json_object_that_all_read_alike(header):
    with pytest.raises(InvalidToken):
        jws.split(with_header(header))


def variants():
    """Other texts of the same token, for a reader that is not strict."""
    token = with_header(GOOD)
    header, payload, signature = token.split(".")
    yield f"{token}="
    yield f"{token}=="
    yield f"{header}=.{payload}.{signature}"
    yield f"{header}.{payload}=.{signature}"
    yield f" {token}"
    yield f"{token} "
    yield f"{token}\n"
    yield f"{header}.{payload}\n.{signature}"
    yield f"{header}.{payload}.{signature[:40]}\n{signature[40:]}"
    yield f"{header}.{payload}.{signature[:40]}+{signature[41:]}"
    yield f"{header}.{payload}.{signature[:40]}/{signature[41:]}"
    yield f"{header}.{payload}.{signature[:-1]}"
    yield f"{header}.{payload}.{signature}A"
    yield f"{header}.{payload}.{signature}AAAA"
    yield f"{header}.{payload}."
    yield f"{header}.{payload}"
    yield f"{header}..{signature}"
    yield f".{payload}.{signature}"
    yield f"{token}."
    yield f"{token}.{signature}"
    yield f"{header}.{header}.{payload}.{signature}.{signature}"
    yield header
    yield ""
    yield ".."
    yield "...."
    yield token.replace("A", "\N{CYRILLIC CAPITAL LETTER A}")
    yield f"{token}\0"
    yield f"{token}\ud800"
    yield f"{token[:-1]}\N{FULLWIDTH LATIN CAPITAL LETTER A}"


@pytest.mark.parametrize("token", list(variants()), ids=range(len(list(variants()))))
def test_there_is_one_text_for_a_token(token):
    with pytest.raises(InvalidToken):
        jws.split(token).verify(VerificationKey(public("Ed25519")))


@pytest.mark.parametrize(("algorithm", "key"), [*OURS, ("Ed25519", "Ed25519")])
def test_bits_beyond_the_last_byte_are_refused(algorithm, key):
    token = jws.sign(PAYLOAD, SigningKey(private(key), kid="k1", algorithm=algorithm))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for last in set(alphabet) - {token[-1]}:
        with pytest.raises(InvalidToken):
            jws.split(token[:-1] + last).verify(VerificationKey(public(key)))


def test_an_ed25519_signature_has_one_form():
    token = with_header(GOOD)
    signed, _, signature = token.rpartition(".")
    raw = base64url.decode(signature)
    order = 2**252 + 27742317777372353535851937790883648493
    scalar = int.from_bytes(raw[32:], "little") + order
    other = raw[:32] + scalar.to_bytes(32, "little")
    with pytest.raises(InvalidToken):
        jws.split(f"{signed}.{base64url.encode(other)}").verify(VerificationKey(public("Ed25519")))


@pytest.mark.parametrize("signature", [b"\0" * 64, b"\0" * 132, b"\xff" * 64, b"\0" * 256, b"", b"\1"])
@pytest.mark.parametrize(("algorithm", "key"), OURS)
def test_signatures_of_nothing_are_refused(algorithm, key, signature):
    assert not VerificationKey(public(key)).verifies(b"x", signature, algorithm=algorithm)


def test_an_ecdsa_signature_is_no_der():
    made = SigningKey(private("P-256"), kid="k", algorithm="ES256").sign(b"x")
    der = bytes.fromhex("30440220") + made[:32] + bytes.fromhex("0220") + made[32:]
    key = VerificationKey(public("P-256"))
    assert key.verifies(b"x", made, algorithm="ES256")
    assert not key.verifies(b"x", der, algorithm="ES256")


def test_a_token_is_measured_before_it_is_taken_apart():
    header = base64url.encode(b'{"alg":"EdDSA"}')
    room = jws.MAX_LENGTH - len(header) - 2
    assert jws.split(f"{header}.{'A' * (room // 4 * 4)}.").payload
    for most in (room + 4, 10**6, 50 * 10**6):
        with pytest.raises(InvalidToken) as refused:
            jws.split(f"{header}.{'A' * (most // 4 * 4)}.")
        assert refused.value.reason == "a token that is too long"


def test_a_longer_token_is_taken_where_that_is_said():
    header = base64url.encode(b'{"alg":"EdDSA"}')
    assert len(jws.split(f"{header}.{'A' * 60_000}.", most=64 * 1024).payload) == 45_000


def weak_keys():
    yield public("RSA", e=1)
    yield public("RSA", n=1)
    for bits in (512, 1024, 2040):
        numbers = rsa.generate_private_key(65537, max(bits, 1024)).public_key().public_numbers()
        size = bits // 8
        yield {"kty": "RSA", "e": "AQAB", "n": base64url.encode(numbers.n.to_bytes(max(size, 128)))}
        yield {"kty": "RSA", "e": "AQAB", "n": base64url.encode(numbers.n.to_bytes(max(size, 256)))}  # zeros before it
    yield {"kty": "RSA", "e": "AQAB", "n": "A" * 100_000}
    yield public("RSA", e="A" * 20_000 + "AQAB")  # zeros before it, which take long to read
    yield public("P-256", x=base64url.encode(bytes(15_000) + base64url.decode(public("P-256")["x"])))
    yield {"kty": "RSA", "e": "AQAB"}
    yield {"kty": "RSA", "e": "AQ", "n": public("RSA")["n"]}
    yield {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}
    yield {"kty": "EC", "crv": "P-256", "x": public("P-256")["x"], "y": public("P-256")["x"]}  # beside the curve
    yield {"kty": "EC", "crv": "P-192", "x": "AA", "y": "AA"}
    yield public("P-256", crv="secp256k1")
    yield public("P-256", crv="P-521")
    yield public("P-256", crv=["P-256"])
    yield public("Ed25519", crv="X25519")
    yield OKPKey.generate_key("X25519").as_dict(private=False)
    yield public("Ed25519", crv="Ed448")
    yield public("Ed25519", x=public("Ed25519")["x"][:-4])
    yield public("Ed25519", x="\ud800")
    yield {"kty": "OKP"}
    yield {"kty": ["RSA"]}
    yield {"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"}
    yield {}


@pytest.mark.parametrize("jwk", list(weak_keys()), ids=range(len(list(weak_keys()))))
def test_weak_and_odd_keys_are_none(jwk):
    with pytest.raises(ValueError, match=r"key|JWK|base64url"):
        VerificationKey(jwk)
    assert parse_key_set({"keys": [jwk, public("Ed25519")]}) == (VerificationKey(public("Ed25519")),)


def test_a_point_of_small_order_verifies_nothing():
    # The signature R = A = 0, S = 0 holds for it under any message where nobody looks.
    for point in (b"\1" + b"\0" * 31, b"\0" * 32):
        key = VerificationKey({"kty": "OKP", "crv": "Ed25519", "x": base64url.encode(point)})
        for signature in (point + b"\0" * 32, b"\1" + b"\0" * 63, b"\0" * 64):
            assert not key.verifies(b"x", signature, algorithm="EdDSA")


def test_a_set_of_keys_is_read_for_signatures_only():
    keys = [
        public("Ed25519", kid="a"),
        public("P-256", kid="b", use="enc"),
        public("P-256", kid="c", key_ops=["sign"]),
        public("P-256", kid="d", key_ops="verify"),
        public("P-256", kid="e", use="sig", key_ops=["verify"], x5c=["MIIB"], unheard="of"),
        public("P-256", kid=5),
        public("P-256", alg=5),
        "text",
        None,
        OctKey.generate_key(256).as_dict(private=True),
    ]
    assert [key.kid for key in parse_key_set({"keys": keys})] == ["a", "e"]


@pytest.mark.parametrize("document", [{}, {"keys": {}}, {"keys": None}, {"keys": "x"}, {"keys": [{}] * 101}])
def test_a_document_without_a_list_of_keys_is_none(document):
    with pytest.raises(ValueError, match="without keys"):
        parse_key_set(document)


def test_a_token_without_a_key_id_is_for_the_only_key_of_its_algorithm():
    keys = parse_key_set({"keys": [public("Ed25519", kid="a"), public("P-256", kid="b"), public("P-256", kid="c")]})
    assert [key.kid for key in fitting(keys, None, "EdDSA")] == ["a"]
    assert [key.kid for key in fitting(keys, None, "ES256")] == ["b", "c"]
    assert [key.kid for key in fitting(keys, "c", "ES256")] == ["c"]
    assert fitting(keys, "a", "ES256") == []


def test_keys_are_the_same_where_all_that_counts_is():
    key = VerificationKey(public("RSA", kid="a", alg="RS256"))
    assert key == VerificationKey(public("RSA", use="sig"), kid="a", algorithm="RS256")
    others = [public("RSA", kid="b", alg="RS256"), public("RSA", kid="a"), public("P-256", kid="a"), public("RSA")]
    assert key not in {VerificationKey(other) for other in others}
    assert key != "a"


@pytest.mark.parametrize("name", KEYS)
def test_a_public_key_cannot_sign(name):
    algorithm = next(iter(VerificationKey(public(name)).algorithms))
    with pytest.raises(ValueError, match="secret part"):
        SigningKey(public(name), kid="k", algorithm=algorithm)


@pytest.mark.parametrize("name", KEYS)
def test_the_parts_of_a_key_belong_together(name):
    other = RSAKey.generate_key(2048) if name == "RSA" else CURVES[name].generate_key(name)
    mixed = {**private(name), **other.as_dict(private=False)}
    algorithm = next(iter(VerificationKey(public(name)).algorithms))
    with pytest.raises(ValueError, match=r"key|belong"):
        SigningKey(mixed, kid="k", algorithm=algorithm)


@pytest.mark.parametrize(("algorithm", "key"), OURS)
def test_nothing_secret_shows(algorithm, key):
    signing = SigningKey(private(key), kid="k1", algorithm=algorithm)
    token = jws.sign(PAYLOAD, signing)
    shown = repr([signing, signing.public, jws.split(token)])
    assert private(key)["d"] not in shown
    assert not any(part in shown for part in token.split("."))
    assert signing.public == VerificationKey(public(key), kid="k1", algorithm=algorithm)


@given(st.one_of(st.text(), st.from_regex(r"[\w.=-]*", fullmatch=True), st.text(alphabet="ey.J0_-=", max_size=60)))
def test_whatever_is_no_token_is_refused(text):
    with pytest.raises(InvalidToken):
        jws.split(text)


@given(
    header=st.binary()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["alg", "kid", "typ", "x"]) | st.text(), inner),
    )
)
def test_whatever_is_in_a_header_is_taken_or_refused(header):
    try:
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        token = f"{base64url.encode(text)}.AAAA.AAAA"
        assert jws.split(token).algorithm in ALGORITHMS
    except InvalidToken:
        pass
