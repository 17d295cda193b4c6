"""Random identifiers and tokens, their hashes, and how two of them are compared."""

from __future__ import annotations

import functools
import hashlib
import hmac
import secrets
import string

from asgi_auth.crypto import base64url

DIGITS = string.digits
"""One-time codes."""
LETTERS = string.ascii_letters
"""API keys."""
LOWERCASE_AND_DIGITS = string.ascii_lowercase + string.digits
"""Tokens of account deletion."""
LETTERS_AND_DIGITS = string.ascii_letters + string.digits
"""Row ids, session and reset tokens, backup codes."""
URL_SAFE = string.ascii_letters + string.digits + "-_"
"""OAuth states, PKCE verifiers, two-factor secrets, one-time tokens."""


def generate_id(length: int = 32) -> str:
    """A random identifier of ``length`` characters a-zA-Z0-9 (Better Auth contract: row ids, session tokens).

    32 characters hold 190 bits, more than the 128 that OWASP ASVS 5.0 (V7.2.3) asks of a session token.
    """
    return random_string(length, LETTERS_AND_DIGITS)


def random_string(length: int, alphabet: str = URL_SAFE) -> str:
    """``length`` characters, each drawn uniformly from ``alphabet`` by the system's generator.

    Raises ValueError for a length below 1 or an alphabet that is not 2 to 128 different ASCII characters.
    """
    if length < 1:
        raise ValueError("a random string needs at least one character")
    letters, biased = _sieve(alphabet)
    drawn = b""
    while len(drawn) < length:
        drawn += secrets.token_bytes(2 * length).translate(letters, biased)
    return drawn[:length].decode("ascii")


def hash_token(token: str) -> str:
    """Base64url SHA-256 of a token: how API keys and hashed identifiers are stored (Better Auth contract).

    Only for values with the entropy of a random token; a password needs ``PasswordHasher``.
    """
    return base64url.encode(hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest())


def equal(a: str, b: str) -> bool:
    """Whether two strings are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass"))


@functools.lru_cache(maxsize=16)  # a memo of a pure function: the table costs more than the token
def _sieve(alphabet: str) -> tuple[bytes, bytes]:
    """The character of each byte value, and the bytes to throw away so that no character is likelier."""
    characters = alphabet.encode("ascii")
    size = len(characters)
    if size < 2 or len(set(characters)) != size:
        raise ValueError("an alphabet is 2 to 128 different ASCII characters")
    fair = 256 - 256 % size
    return bytes(characters[byte % size] for byte in range(256)), bytes(range(fair, 256))
