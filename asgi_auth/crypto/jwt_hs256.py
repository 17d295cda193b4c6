"""JSON Web Tokens signed with the secret itself (HS256), as verification links and the cookie cache are."""

from __future__ import annotations

from asgi_auth.crypto import base64url
from asgi_auth.crypto.signing import Signer

_HEADER = base64url.encode(b'{"alg":"HS256"}') + "."


def sign_payload(payload: bytes, signer: Signer) -> str:
    """A token over claims that are JSON already, its header exactly ``{"alg":"HS256"}`` (Better Auth contract)."""
    signing_input = _HEADER + base64url.encode(payload)
    return f"{signing_input}.{signer.mac(signing_input)}"


def verify_payload(token: str, signer: Signer) -> bytes | None:
    """The JSON of the claims if the signature is right, otherwise None; what they say, ``exp`` too, is the caller's.

    The header must be the very one that ``sign_payload`` writes, which leaves no algorithm to confuse (RFC 8725,
    3.1).
    """
    if len(token) > base64url.MAX_LENGTH or not token.startswith(_HEADER):
        return None
    signing_input, _, signature = token.rpartition(".")
    if not signer.verifies(signing_input, signature):
        return None
    try:
        return base64url.decode(signing_input.removeprefix(_HEADER))
    except ValueError:
        return None
