"""New pairs of keys to sign with, as JSON Web Keys (RFC 7517)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from joserfc.jwk import ECKey, OKPKey, RSAKey

SigningAlgorithm = Literal["EdDSA", "ES256", "ES512", "PS256", "RS256"]
"""What is signed with (Better Auth contract)."""

EdwardsCurve = Literal["Ed25519", "Ed448"]

MODULUS_LENGTH = 2048
"""Bits of an RSA key (Better Auth contract; RFC 7518, 3.3)."""

_CURVES: Mapping[str, Literal["P-256", "P-521"]] = {"ES256": "P-256", "ES512": "P-521"}
# The orders in which Better Auth writes the fields.
_PUBLIC: Mapping[str, tuple[str, ...]] = {
    "OKP": ("crv", "x", "kty"),
    "EC": ("kty", "x", "y", "crv"),
    "RSA": ("kty", "n", "e"),
}
_PRIVATE: Mapping[str, tuple[str, ...]] = {
    "OKP": ("crv", "d", "x", "kty"),
    "EC": ("kty", "x", "y", "crv", "d"),
    "RSA": ("kty", "n", "e", "d", "p", "q", "dp", "dq", "qi"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A new key.

    Attributes:
        algorithm: what it signs with.
        curve: its curve; None for RSA.
        public: its JSON form without, and ``private`` with, what is secret.
    """

    algorithm: str
    curve: str | None
    public: Mapping[str, str]
    private: Mapping[str, str] = field(repr=False)


def generate_pair(
    algorithm: SigningAlgorithm, *, curve: EdwardsCurve = "Ed25519", modulus_length: int = MODULUS_LENGTH
) -> KeyPair:
    """A new key for an algorithm; ``curve`` is for EdDSA, ``modulus_length`` for RSA.

    RSA takes up to a second: not on the event loop.
    """
    key = _generate(algorithm, curve, modulus_length)
    fields = {name: str(value) for name, value in key.as_dict(private=True).items()}
    kind = fields["kty"]
    return KeyPair(
        algorithm=algorithm,
        curve=fields.get("crv"),
        public={name: fields[name] for name in _PUBLIC[kind]},
        private={name: fields[name] for name in _PRIVATE[kind]},
    )


def _generate(algorithm: SigningAlgorithm, curve: EdwardsCurve, modulus_length: int) -> OKPKey | ECKey | RSAKey:
    if algorithm == "EdDSA":
        return OKPKey.generate_key(curve)
    if algorithm in _CURVES:
        return ECKey.generate_key(_CURVES[algorithm])
    return RSAKey.generate_key(modulus_length)
