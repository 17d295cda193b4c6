"""JSON Web Tokens signed with the secret itself (HS256), as verification links and the cookie cache are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from asgi_auth.crypto import base64url
from asgi_auth.crypto.signing import Signer

_HEADER = base64url.encode(b'{"alg":"HS256"}') + "."


class _Validity(msgspec.Struct, frozen=True):
    exp: int | float
    nbf: int | float = 0


def sign_hs256(claims: Mapping[str, object], secret: str) -> str:
    """A token over the claims in their order, its header exactly ``{"alg":"HS256"}`` (Better Auth contract).

    ``iat`` and ``exp`` are the caller's to set, in seconds; a token without ``exp`` is never accepted back.
    """
    return sign_payload(msgspec.json.encode(claims), Signer([secret]))


def verify_hs256(token: str, secrets: Sequence[str], now: datetime) -> dict[str, object] | None:
    """The claims of a token that one of the secrets signed and that is valid at ``now``, or None.

    Never raises for a bad token. The header must be the very one that ``sign_hs256`` writes, which leaves no
    algorithm to confuse (RFC 8725, 3.1); ``exp`` must be there and in the future, ``nbf``, if any, in the
    past.
    """
    payload = verify_payload(token, Signer(secrets))
    if payload is None:
        return None
    try:
        validity = msgspec.json.decode(payload, type=_Validity)
        claims = msgspec.json.decode(payload, type=dict[str, object])
    except (ValueError, RecursionError):
        return None
    return claims if validity.nbf <= now.timestamp() < validity.exp else None


def sign_payload(payload: bytes, signer: Signer) -> str:
    """The token over claims that are JSON already."""
    signing_input = _HEADER + base64url.encode(payload)
    return f"{signing_input}.{signer.mac(signing_input)}"


def verify_payload(token: str, signer: Signer) -> bytes | None:
    """The JSON of the claims if the signature is right, otherwise None; what they say is not looked at."""
    if len(token) > base64url.MAX_LENGTH or not token.startswith(_HEADER):
        return None
    signing_input, _, signature = token.rpartition(".")
    if not signer.verifies(signing_input, signature):
        return None
    try:
        return base64url.decode(signing_input.removeprefix(_HEADER))
    except ValueError:
        return None
