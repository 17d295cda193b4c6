"""HMAC-SHA256 under the secret: signed cookie values and bare codes, verified with every secret in use."""

from __future__ import annotations

import binascii
import hashlib
import hmac
from collections.abc import Sequence

from asgi_auth.crypto import base64url
from asgi_auth.crypto.keys import checked_secrets

_BLOCK = 64
_SIGNATURE_LENGTH = 44


class Signer:
    """Signs with the newest secret and verifies with all of them, so that a rotation signs nobody out.

    ``secrets`` are given newest first; their UTF-8 bytes are the HMAC keys (Better Auth contract). Raises
    ValueError for no secret or an empty one.
    """

    __slots__ = ("_keys",)

    def __init__(self, secrets: Sequence[str]) -> None:
        self._keys = tuple(_PreparedKey(secret.encode()) for secret in checked_secrets(secrets))

    def sign(self, value: str) -> str:
        """``value.signature``, the signature in padded standard base64; not percent-encoded."""
        return f"{value}.{_base64(self._keys[0].digest(value.encode()))}"

    def unsign(self, signed: str) -> str | None:
        """The value of a ``value.signature`` that one of the secrets made, otherwise None; never raises.

        The last dot divides, the value is not empty, and the signature must be the very 44 characters that
        ``sign`` writes: base64 that merely decodes to the same bytes is refused.
        """
        value, _, signature = signed.rpartition(".")
        if not value or len(signature) != _SIGNATURE_LENGTH or signature[-1] != "=":
            return None
        try:
            message = value.encode()
        except UnicodeEncodeError:
            return None
        offered = signature.encode("utf-8", "surrogatepass")
        for key in self._keys:
            if hmac.compare_digest(_base64(key.digest(message)).encode(), offered):
                return value
        return None

    def mac(self, value: str) -> str:
        """The code of a value in unpadded base64url, made with the newest secret."""
        return base64url.encode(self._keys[0].digest(value.encode()))

    def verifies(self, value: str, mac: str) -> bool:
        """Whether one of the secrets made this code of this value; never raises."""
        try:
            message = value.encode()
        except UnicodeEncodeError:
            return False
        offered = mac.encode("utf-8", "surrogatepass")
        return any(hmac.compare_digest(base64url.encode(key.digest(message)).encode(), offered) for key in self._keys)

    def __repr__(self) -> str:
        return f"<Signer with {len(self._keys)} secrets>"


class _PreparedKey:
    """HMAC (RFC 2104) whose two key blocks are hashed once: a third of the time of ``hmac.digest``."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        block = (key if len(key) <= _BLOCK else hashlib.sha256(key).digest()).ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in block))

    def digest(self, message: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def _base64(digest: bytes) -> str:
    return binascii.b2a_base64(digest, newline=False).decode("ascii")
