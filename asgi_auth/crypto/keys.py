"""Keys derived from the secret, so that one secret never serves two purposes with the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from asgi_auth.crypto import base64url

SESSION_CACHE_SALT = "better-auth-session"
"""Salt of the key that encrypts the session_data cookie (Better Auth contract)."""
ACCOUNT_CACHE_SALT = "better-auth-account"
"""Salt of the key that encrypts the account_data cookie (Better Auth contract)."""


@dataclass(frozen=True, slots=True)
class JweKey:
    """A content encryption key of 64 bytes and the id that names it in a JWE header."""

    key: bytes = field(repr=False)
    kid: str


def checked_secrets(secrets: Sequence[str]) -> Sequence[str]:
    """The secrets as given; raises ValueError for none, an empty one, or a string instead of a sequence."""
    if isinstance(secrets, str) or not secrets or not all(secrets):
        raise ValueError("secrets is a sequence of one or more strings, newest first, none of them empty")
    return secrets


def derive_key(secret: str, *, salt: str, info: str, length: int) -> bytes:
    """``length`` bytes of HKDF-SHA256 (RFC 5869) over the secret; 1 to 8160, otherwise ValueError."""
    return HKDF(algorithm=SHA256(), length=length, salt=salt.encode(), info=info.encode()).derive(secret.encode())


def derive_purpose_key(secret: str, purpose: str) -> str:
    """The secret for one purpose, 64 hex characters that are given to ``Cipher`` as its secret.

    Purposes of the Better Auth contract: ``oauth-state-cookie`` and ``oauth-link-session-token``.
    """
    salt, info = "better-auth:oauth-encryption:v1", f"better-auth:{purpose}:v1"
    return derive_key(secret, salt=salt, info=info, length=32).hex()


def derive_jwe_key(secret: str, *, salt: str = SESSION_CACHE_SALT) -> JweKey:
    """The key of an encrypted cookie (A256CBC-HS512) with its RFC 7638 thumbprint as key id."""
    key = derive_key(secret, salt=salt, info="BetterAuth.js Generated Encryption Key", length=64)
    thumbprint = f'{{"k":"{base64url.encode(key)}","kty":"oct"}}'
    return JweKey(key, base64url.encode(hashlib.sha256(thumbprint.encode()).digest()))
