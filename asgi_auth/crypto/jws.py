"""Signed tokens in three parts (RFC 7515, compact serialization): taken apart, verified, made."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import msgspec

from asgi_auth.crypto import base64url
from asgi_auth.crypto.jwk import ALGORITHMS, SigningKey, VerificationKey
from asgi_auth.crypto.strict_json import parse_object
from asgi_auth.errors import InvalidToken

MAX_LENGTH = 8192
"""Characters of a token; a longer one is not even taken apart."""

MAX_KID_LENGTH = 255
"""Characters of a key's id."""

_REFUSED_FIELDS = frozenset({"jku", "jwk", "x5u", "x5c", "crit", "b64", "enc"})
"""What a header must not have.

``jku``, ``jwk``, ``x5u`` and ``x5c`` bring a key along, or say where one is, and keys come from the issuer alone
(RFC 8725, 3.10). ``crit`` lists extensions without which the token must be refused, and we know none (RFC 7515,
4.1.11); ``b64`` is such a one (RFC 7797). ``enc`` is an encrypted token's (RFC 7516).

``x5t`` and ``x5t#S256`` are let through and ignored, like all that we do not know (RFC 7515, 4): they are digests of a
certificate, no key and no place, and large issuers send them with every token.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unverified:
    """A token taken apart, of which nothing is to be believed yet.

    Attributes:
        algorithm: one of ``jwk.ALGORITHMS``.
        kid: the id of the key it names, printable, of up to MAX_KID_LENGTH characters; None where it names none.
        type: ``typ``, or None.
        payload: its bytes.
        signed: what the signature is of.
        signature: its bytes.
    """

    algorithm: str
    kid: str | None
    type: str | None
    payload: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def verify(self, key: VerificationKey) -> bytes:
        """The payload; raises InvalidToken unless the signature is this key's, by an algorithm that is the key's."""
        if not key.verifies(self.signed, self.signature, algorithm=self.algorithm):
            raise InvalidToken(reason="a bad signature")
        return self.payload


def split(token: str, *, most: int = MAX_LENGTH, ignored: AbstractSet[str] = frozenset()) -> Unverified:
    """A token's parts; raises InvalidToken for what is none, or of a kind that is not taken.

    Three parts of base64url, each the only text for its bytes, in up to ``most`` characters; a header that is a JSON
    object with unique names and an algorithm of public keys. ``ignored`` names what a header may have though others
    are refused for it.
    """
    if len(token) > most:
        raise InvalidToken(reason="a token that is too long")
    parts = token.split(".", 3)
    if len(parts) != 3:
        raise InvalidToken(reason="a token that has not three parts")
    try:
        header, payload, signature = (base64url.decode(part, most=most) for part in parts)
        fields = parse_object(header)
    except ValueError:
        raise InvalidToken(reason="a token that cannot be read") from None
    _check_header(fields, ignored)
    return Unverified(
        algorithm=str(fields["alg"]),
        kid=_text(fields, "kid"),
        type=_text(fields, "typ"),
        payload=payload,
        signed=token.rpartition(".")[0].encode(),
        signature=signature,
    )


def sign(payload: bytes, key: SigningKey) -> str:
    """A token over a payload as it is, its header exactly ``{"alg":...,"kid":...}`` (Better Auth contract)."""
    header = msgspec.json.encode({"alg": key.algorithm, "kid": key.kid})
    signed = f"{base64url.encode(header)}.{base64url.encode(payload)}"
    return f"{signed}.{base64url.encode(key.sign(signed.encode()))}"


def _check_header(fields: Mapping[str, object], ignored: AbstractSet[str]) -> None:
    algorithm, kid = fields.get("alg"), _text(fields, "kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise InvalidToken(reason="a token of an algorithm that is not taken")
    if not (_REFUSED_FIELDS - ignored).isdisjoint(fields):
        raise InvalidToken(reason="a token with a header that is not taken")
    if kid is not None and not (0 < len(kid) <= MAX_KID_LENGTH and kid.isprintable()):
        raise InvalidToken(reason="a token that names no key's id")


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None and name not in fields:
        return None
    if not isinstance(value, str):
        raise InvalidToken(reason=f"a token whose {name} is no text")
    return value
