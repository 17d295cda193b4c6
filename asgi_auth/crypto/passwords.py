"""Password hashing: new hashes in Better Auth's format, those of other systems verified until replaced."""

from __future__ import annotations

from passlib.context import CryptContext
from passlib.utils import MAX_PASSWORD_SIZE

from asgi_auth.crypto.password_schemes import (
    CONTRACT_ROUNDS,
    better_auth_scrypt,
    django_argon2,
    django_scrypt,
)
from asgi_auth.crypto.stored_hashes import scheme_of

CONTRACT_COST = 1 << CONTRACT_ROUNDS
"""scrypt's N in every hash that Better Auth makes and reads: 16384."""
_COSTS = frozenset(1 << rounds for rounds in range(better_auth_scrypt.min_rounds, better_auth_scrypt.max_rounds + 1))
_VERIFIED_ONLY = (
    "argon2",
    "bcrypt",
    "pbkdf2_sha256",
    "pbkdf2_sha512",
    "scrypt",
    "django_pbkdf2_sha256",
    "django_pbkdf2_sha1",
    "django_bcrypt",
    "django_bcrypt_sha256",
    django_argon2,
    django_scrypt,
)
_PLAIN_BCRYPT = ("bcrypt", "django_bcrypt")
_BCRYPT_LIMIT = 72


class PasswordContext(CryptContext):
    """A passlib context to which a stored hash is data, not a promise.

    ``verify`` and ``verify_and_update`` never raise for a bad hash (None, empty, garbled, of an unknown
    scheme, or refused by ``stored_hashes.scheme_of`` for its cost), nor for a password that no hash could be
    of. They answer False after the work of one verification in the default scheme: time does not tell.
    """

    def __init__(self, *, cost: int = CONTRACT_COST) -> None:
        if cost not in _COSTS:
            raise ValueError("cost is a power of two from 2 to 65536")
        rounds = cost.bit_length() - 1
        self._stand_in = f"ln={rounds}:{'0' * 32}:{'0' * 128}"
        schemes = [better_auth_scrypt.using(rounds=rounds), *_VERIFIED_ONLY]
        super().__init__(schemes=schemes, deprecated="auto")  # type: ignore[no-untyped-call]

    def hash(self, secret: str) -> str:  # type: ignore[override] # scheme= is deprecated
        """A new hash; raises ValueError for a password over 4096 characters or with a lone surrogate."""
        return str(super().hash(secret))  # type: ignore[no-untyped-call]

    def verify(self, secret: str, stored: str | None) -> bool:  # type: ignore[override] # as above
        """Whether the stored hash is of this password."""
        if not _is_verifiable(secret, stored):
            return self.dummy_verify()
        try:
            return bool(super().verify(secret, stored))  # type: ignore[no-untyped-call]
        except (ValueError, TypeError):  # it only looked right: passlib found the base64 or the settings bad
            return False

    def verify_and_update(  # type: ignore[override] # as above
        self, secret: str, stored: str | None
    ) -> tuple[bool, str | None]:
        """Whether the stored hash is of this password and, if so but outdated, the hash to store instead."""
        if not self.verify(secret, stored):
            return False, None
        is_outdated = self.needs_update(stored)  # type: ignore[no-untyped-call]
        return True, self.hash(secret) if is_outdated else None

    def dummy_verify(self) -> bool:
        """The work of verifying the password of an account that is not there; always False."""
        super().verify("", self._stand_in)  # type: ignore[no-untyped-call]
        return False


def password_context(*, cost: int = CONTRACT_COST) -> PasswordContext:
    """The context whose new hashes are Better Auth's, and that verifies, and asks to replace, these as well.

    - argon2id, argon2i and argon2d in PHC form (argon2-cffi, libpass, libsodium)
    - bcrypt ``$2a$``, ``$2b$``, ``$2y$`` of passwords up to 72 bytes and without NUL: a longer password
      matches nothing, rather than everything that begins like it
    - passlib's ``$pbkdf2-sha256$``, ``$pbkdf2-sha512$`` and ``$scrypt$`` (keys of 32 bytes)
    - Django's ``pbkdf2_sha256$``, ``pbkdf2_sha1$``, ``bcrypt$$2b$`` and ``bcrypt_sha256$$2b$``, through
      passlib, ``argon2$argon2id$`` and ``scrypt$``, through handlers of ours

    ``stored_hashes.scheme_of`` tells what each may cost at most.

    ``cost`` is scrypt's N in new hashes, a power of two from 2 to 65536, otherwise ValueError. With any other
    than 16384 a hash says which it is, and Better Auth cannot read it: lower for tests, 65536 to reach the
    work that OWASP's Password Storage Cheat Sheet recommends. Hashes of every cost verify; those of another
    than this are replaced.
    """
    return PasswordContext(cost=cost)


def _is_verifiable(secret: str, stored: str | None) -> bool:
    """Whether the hash is one that we verify, and the password one that it could be of."""
    scheme = scheme_of(stored)
    if scheme is None or len(secret) > MAX_PASSWORD_SIZE:
        return False
    try:
        encoded = secret.encode()
    except UnicodeEncodeError:
        return False
    return scheme not in _PLAIN_BCRYPT or (len(encoded) <= _BCRYPT_LIMIT and b"\0" not in encoded)
