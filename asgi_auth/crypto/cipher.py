"""Encryption of what only we read again: XChaCha20-Poly1305 under the secret, versioned for rotation."""

from __future__ import annotations

import binascii
import hashlib
import re
import secrets
from collections.abc import Mapping

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
)
from nacl.exceptions import CryptoError

_NONCE = 24
_ENVELOPE = re.compile(r"\$ba\$([0-9]{1,9})\$(.*)", re.DOTALL)


class DecryptionFailed(ValueError):
    """A ciphertext is malformed, forged, or was made under a secret that is not in use."""

    def __init__(self) -> None:
        super().__init__("the ciphertext cannot be decrypted")


class Cipher:
    """Encrypts text under the current secret and decrypts what the listed secrets encrypted.

    The key is SHA-256 of the secret, the output lower-case hex of nonce, ciphertext and tag, without
    associated data (Better Auth contract: TOTP secrets, backup codes, private signing keys, OAuth tokens).

    Without ``version`` the output is bare hex, and bare hex is read with ``current`` (then ``legacy``).
    With it the output is ``$ba$<version>$<hex>``, read with the secret of that version among ``versions`` and
    ``current``; bare hex is what was written before versions were in use, and is read with ``legacy``.

    Raises ValueError for an empty secret, or ``versions`` without ``version``.
    """

    __slots__ = ("_bare", "_current", "_prefix", "_versioned")

    def __init__(
        self,
        current: str,
        *,
        version: int | None = None,
        versions: Mapping[int, str] | None = None,
        legacy: str | None = None,
    ) -> None:
        if version is None and versions:
            raise ValueError("versioned secrets need the version of the current one")
        self._current = _key(current)
        older = [] if legacy is None else [_key(legacy)]
        if version is None:
            self._prefix, self._bare, self._versioned = "", [self._current, *older], {}
        else:
            listed = {number: _key(secret) for number, secret in (versions or {}).items()}
            self._prefix, self._bare, self._versioned = (
                f"$ba${version}$",
                older,
                {**listed, version: self._current},
            )

    def encrypt(self, plaintext: str) -> str:
        """The plaintext encrypted under the current secret, with a fresh random nonce each time."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = crypto_aead_xchacha20poly1305_ietf_encrypt(_utf8(plaintext), None, nonce, self._current)
        return self._prefix + (nonce + sealed).hex()

    def decrypt(self, ciphertext: str) -> str:
        """The plaintext; raises DecryptionFailed for anything that no secret in use has encrypted."""
        keys, text = self._bare, ciphertext
        if self._prefix and (envelope := _ENVELOPE.fullmatch(ciphertext)):
            key = self._versioned.get(int(envelope[1]))
            keys, text = [] if key is None else [key], envelope[2]
        sealed = _unhex(text)
        for key in keys:
            plaintext = _open(sealed, key)
            if plaintext is not None:
                return plaintext
        raise DecryptionFailed

    def __repr__(self) -> str:
        return f"<Cipher, new values as {self._prefix or 'bare '}hex>"


def _key(secret: str) -> bytes:
    if not secret:
        raise ValueError("an empty secret encrypts nothing")
    return hashlib.sha256(secret.encode()).digest()


def _utf8(plaintext: str) -> bytes:
    try:
        return plaintext.encode()
    except UnicodeEncodeError:
        # the original exception carries the whole plaintext
        raise ValueError("the plaintext holds a lone surrogate and has no UTF-8") from None


def _unhex(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:
        raise DecryptionFailed from None


def _open(sealed: bytes, key: bytes) -> str | None:
    nonce, body = sealed[:_NONCE], sealed[_NONCE:]
    try:
        return crypto_aead_xchacha20poly1305_ietf_decrypt(body, None, nonce, key).decode()
    except (CryptoError, ValueError):
        return None
