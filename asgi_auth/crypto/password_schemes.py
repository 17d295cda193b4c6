"""The passlib handlers that passlib itself lacks: Better Auth's scrypt, and Django's scrypt and argon2id."""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from typing import Any, Self

import passlib.utils.handlers as uh
from passlib.handlers.argon2 import argon2
from passlib.utils.binary import LOWER_HEX_CHARS, PADDED_BASE64_CHARS

from asgi_auth.crypto.stored_hashes import BETTER_AUTH_SCRYPT

CONTRACT_ROUNDS = 14
"""The logarithm of scrypt's N in every hash that Better Auth makes and reads."""
_HASH = re.compile(BETTER_AUTH_SCRYPT, re.ASCII)


class better_auth_scrypt(  # type: ignore[misc]  # noqa: N801 - passlib mixes and names its handlers like this
    uh.HasRounds, uh.HasSalt, uh.GenericHandler
):
    """Better Auth's password hash: ``<salt, 32 hex>:<key, 128 hex>``.

    scrypt over the NFKC form of the password in UTF-8, salted with the ASCII of the hex text, N=16384, r=16,
    p=1, 64 bytes (Better Auth contract). ``rounds`` is the logarithm of N; a hash made with any other than 14
    says so in front, ``ln=<rounds>:<salt>:<key>``, which asgi_auth verifies and Better Auth does not.
    """

    name = "better_auth_scrypt"
    setting_kwds = ("salt", "rounds")
    checksum_chars = LOWER_HEX_CHARS
    checksum_size = 128
    min_salt_size = max_salt_size = 32
    salt_chars = LOWER_HEX_CHARS
    default_rounds = CONTRACT_ROUNDS
    min_rounds = 1
    max_rounds = 16
    rounds_cost = "log2"

    rounds: int
    salt: str

    @classmethod
    def identify(cls, stored: object) -> bool:
        """Whether this is a hash in this format."""
        return isinstance(stored, str) and _HASH.fullmatch(stored) is not None

    @classmethod
    def from_string(cls, stored: str) -> Self:  # type: ignore[override] # no context in this format
        """The parts of a hash; raises ValueError for anything else."""
        found = _HASH.fullmatch(stored)
        if found is None:
            raise ValueError("not a hash of Better Auth")
        rounds, salt, checksum = found.groups()
        return cls(rounds=int(rounds or CONTRACT_ROUNDS), salt=salt, checksum=checksum)

    def to_string(self) -> str:
        """The hash as it is stored."""
        prefix = "" if self.rounds == CONTRACT_ROUNDS else f"ln={self.rounds}:"
        return f"{prefix}{self.salt}:{self.checksum}"

    def _calc_checksum(self, secret: str | bytes) -> str:
        return _scrypt(_normalized(secret), self.salt, n=1 << self.rounds, r=16, p=1).hex()


class django_scrypt(uh.GenericHandler):  # noqa: N801 - as above
    """Django's ScryptPasswordHasher: ``scrypt$<N>$<salt>$<r>$<p>$<base64 key>``; verified, never made."""

    name = "django_scrypt"
    setting_kwds = ()
    ident = "scrypt$"
    checksum_chars = PADDED_BASE64_CHARS
    checksum_size = 88

    def __init__(self, *, n: int, salt: str, r: int, p: int, checksum: str) -> None:
        self.n, self.salt, self.r, self.p = n, salt, r, p
        parent: Any = super()
        parent.__init__(checksum=checksum)

    @classmethod
    def from_string(cls, stored: str) -> Self:  # type: ignore[override] # no context in this format
        """The parts of a hash; raises ValueError for anything else."""
        _, n, salt, r, p, checksum = stored.split("$")
        return cls(n=int(n), salt=salt, r=int(r), p=int(p), checksum=checksum)

    def to_string(self) -> str:
        """The hash as it is stored."""
        return f"scrypt${self.n}${self.salt}${self.r}${self.p}${self.checksum}"

    def _calc_checksum(self, secret: str | bytes) -> str:
        password = secret.encode() if isinstance(secret, str) else secret
        return base64.b64encode(_scrypt(password, self.salt, n=self.n, r=self.r, p=self.p)).decode("ascii")


django_argon2 = uh.PrefixWrapper(  # type: ignore[no-untyped-call]
    "django_argon2", argon2, prefix="argon2", ident="argon2$argon2"
)
"""Django's Argon2PasswordHasher with any type of argon2; passlib's own handler knows only argon2i."""


def _scrypt(password: bytes, salt: str, *, n: int, r: int, p: int) -> bytes:
    needed = 128 * r * (n + p + 2)
    return hashlib.scrypt(password, salt=salt.encode(), n=n, r=r, p=p, maxmem=2 * needed, dklen=64)


def _normalized(secret: str | bytes) -> bytes:
    text = secret.decode() if isinstance(secret, bytes) else secret
    try:
        return unicodedata.normalize("NFKC", text).encode()
    except UnicodeEncodeError:
        # the original exception carries the password
        raise ValueError("the password holds a lone surrogate and has no UTF-8") from None
