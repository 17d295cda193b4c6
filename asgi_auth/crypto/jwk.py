"""Keys that sign and verify, each for the algorithms of its own kind and no others (RFC 7517; RFC 8725, 3.1)."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey
from joserfc.jws import JWSRegistry
from nacl import signing
from nacl.exceptions import CryptoError

from asgi_auth.crypto import base64url

_Key = RSAKey | ECKey | OKPKey
_Verifies = Callable[[bytes, bytes], bool]

_OF_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
# The algorithms of a curve; EdDSA is the older name of two that are told apart since RFC 9864.
_OF_CURVE: Mapping[str, frozenset[str]] = {
    "Ed25519": frozenset({"EdDSA", "Ed25519"}),
    "Ed448": frozenset({"EdDSA", "Ed448"}),
    "P-256": frozenset({"ES256"}),
    "P-384": frozenset({"ES384"}),
    "P-521": frozenset({"ES512"}),
}

ALGORITHMS = _OF_RSA.union(*_OF_CURVE.values())
"""What signatures are verified with: public keys only, so that no public key can ever serve as a secret."""

SECRET_FIELDS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Fields of a JWK that nobody else may know (RFC 7518, 6)."""

_PUBLIC_FIELDS = frozenset({"kty", "crv", "x", "y", "n", "e"})
_PRIVATE_FIELDS = _PUBLIC_FIELDS | SECRET_FIELDS - {"oth", "k"}

_RSA_BITS = range(2048, 16384 + 1)


class VerificationKey:
    """A public key; what it verifies are signatures of the algorithms that its type, curve and ``alg`` allow.

    Args:
        jwk: its JSON form (RFC 7517); a private one's secret parts are not looked at.
        kid: its id (default: the JWK's, if it has one).
        algorithm: the only one it is for (default: the JWK's ``alg``; where there is none, those of its type and
            curve). For Ed25519 and Ed448 the curve's name and ``EdDSA`` are the same algorithm.

    Attributes:
        kid: as above.
        algorithms: the values of ``alg`` that a token verified by it may have.
        thumbprint: of RFC 7638 with SHA-256: two keys are the same where it is.

    Raises ValueError for what is no public key of a signature: other types and curves, points beside the curve, RSA
    below 2048 bits (RFC 7518, 3.3), an algorithm of another type of key.
    """

    __slots__ = ("_verifies", "algorithms", "kid", "thumbprint")

    def __init__(self, jwk: Mapping[str, object], *, kid: str | None = None, algorithm: str | None = None) -> None:
        key = _import(jwk, _PUBLIC_FIELDS)
        self.kid = kid if kid is not None else _text(jwk, "kid")
        self.algorithms = _allowed(key, algorithm if algorithm is not None else _text(jwk, "alg"))
        self.thumbprint = key.thumbprint()
        self._verifies: Mapping[str, _Verifies] = {name: _verifier(key, name) for name in self.algorithms}

    def verifies(self, signed: bytes, signature: bytes, *, algorithm: str) -> bool:
        """Whether the signature is this key's of these bytes; False for an algorithm that is not its own."""
        verifies = self._verifies.get(algorithm)
        return verifies is not None and verifies(signed, signature)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerificationKey) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[object, ...]:
        return self.kid, self.algorithms, self.thumbprint

    def __repr__(self) -> str:
        return f"<VerificationKey {self.kid!r} for {', '.join(sorted(self.algorithms))}>"


class SigningKey:
    """A private key, for one algorithm.

    Args:
        jwk: its JSON form with the secret parts.
        kid: its id.
        algorithm: what it signs with.

    Raises ValueError as VerificationKey does, and for a key without, or with a wrong, secret part.
    """

    __slots__ = ("_sign", "algorithm", "kid", "public")

    def __init__(self, jwk: Mapping[str, object], *, kid: str, algorithm: str) -> None:
        key = _import(jwk, _PRIVATE_FIELDS)
        if not key.is_private:
            raise ValueError("a key without its secret part cannot sign")
        self.kid = kid
        self.algorithm = algorithm
        self.public = VerificationKey(jwk, kid=kid, algorithm=algorithm)
        self._sign = _signer(key, jwk, algorithm)

    def sign(self, data: bytes) -> bytes:
        """The signature of these bytes."""
        return self._sign(data)

    def __repr__(self) -> str:
        return f"<SigningKey {self.kid!r} for {self.algorithm}>"


MOST_KEYS = 100
"""Keys in a document; one with more is not read."""


def parse_key_set(document: Mapping[str, object]) -> Sequence[VerificationKey]:
    """The keys of a document that verify signatures; those that we cannot use are left out (RFC 7517, 5).

    Raises ValueError for a document without a list of keys, or with more than MOST_KEYS.
    """
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise ValueError("a document without keys")
    keys = (_parsed(each) for each in listed if isinstance(each, dict))
    return tuple(key for key in keys if key is not None)


def fitting(keys: Sequence[VerificationKey], kid: str | None, algorithm: str) -> Sequence[VerificationKey]:
    """Those of the keys that a token of this header may be signed with: all of that algorithm where it names none."""
    return [key for key in keys if kid in (None, key.kid) and algorithm in key.algorithms]


def _parsed(jwk: dict[str, object]) -> VerificationKey | None:
    operations = jwk.get("key_ops")
    is_for_this = operations is None or (isinstance(operations, list) and "verify" in operations)
    if not is_for_this or jwk.get("use", "sig") != "sig":
        return None
    try:
        return VerificationKey(jwk)
    except ValueError:
        return None


def _import(jwk: Mapping[str, object], names: frozenset[str]) -> _Key:
    fields = {name: value for name, value in jwk.items() if name in names}
    if not all(isinstance(value, str) and len(value) <= base64url.MAX_LENGTH for value in fields.values()):
        raise ValueError("a JWK whose fields are no text, or too long")
    if fields.get("kty") == RSAKey.key_type:
        _check_strength(str(fields.get("n", "")))
    try:
        key = JWKRegistry.import_key(fields)  # type: ignore[arg-type]  # it checks the fields itself
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, OverflowError):
        raise ValueError("a JWK that is no key") from None
    if not isinstance(key, RSAKey | ECKey | OKPKey):  # a shared secret, for one
        raise ValueError("a key that is no pair of a public and a private one")  # noqa: TRY004  (a wrong value)
    return key


def _check_strength(modulus: str) -> None:
    # The length alone says little: zeros may come first.
    if int.from_bytes(base64url.decode(modulus)).bit_length() not in _RSA_BITS:
        raise ValueError("an RSA key of fewer than 2048 bits, or of too many")


def _text(jwk: Mapping[str, object], name: str) -> str | None:
    value = jwk.get(name)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"a JWK whose {name} is no text")


def _allowed(key: _Key, algorithm: str | None) -> frozenset[str]:
    algorithms = _OF_RSA if isinstance(key, RSAKey) else _OF_CURVE.get(key.curve_name, frozenset())
    if not algorithms or (algorithm is not None and algorithm not in algorithms):
        raise ValueError("a key for something else")
    return frozenset({algorithm}) if algorithm is not None and isinstance(key, RSAKey) else algorithms


def _verifier(key: _Key, algorithm: str) -> _Verifies:
    if isinstance(key, OKPKey) and isinstance(key.public_key, Ed25519PublicKey):
        return _ed25519_verifier(key.public_key.public_bytes_raw())
    model = JWSRegistry.algorithms[algorithm]

    def verifies(signed: bytes, signature: bytes) -> bool:
        return model.verify(signed, signature, key)

    return verifies


def _ed25519_verifier(public: bytes) -> _Verifies:
    # libsodium takes two thirds of OpenSSL's time.
    verify = signing.VerifyKey(public).verify

    def verifies(signed: bytes, signature: bytes) -> bool:
        try:
            verify(signed, signature)
        except CryptoError:
            return False
        return True

    return verifies


def _signer(key: _Key, jwk: Mapping[str, object], algorithm: str) -> Callable[[bytes], bytes]:
    if isinstance(key, OKPKey):
        _check_pair(key, jwk)
    model = JWSRegistry.algorithms[algorithm]

    def sign(data: bytes) -> bytes:
        return model.sign(data, key)

    return sign


def _check_pair(key: OKPKey, jwk: Mapping[str, object]) -> None:
    """The secret part alone is read, and would sign what the public part does not verify."""
    public = base64url.encode(key.public_key.public_bytes_raw())
    if not hmac.compare_digest(public.encode(), str(jwk.get("x")).encode("utf-8", "surrogatepass")):
        raise ValueError("a key whose parts do not belong together")
