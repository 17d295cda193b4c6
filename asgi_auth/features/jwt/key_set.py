"""Our keys as they are stored: which of them verify, which are published, which one signs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from math import inf

import structlog

from asgi_auth.clock import Timestamp
from asgi_auth.crypto.cipher import Cipher
from asgi_auth.crypto.jwk import SECRET_FIELDS, SigningKey, VerificationKey
from asgi_auth.crypto.strict_json import parse_object
from asgi_auth.features.jwt.errors import SigningKeyUnreadable
from asgi_auth.features.jwt.models import StoredKey

_logger = structlog.get_logger("asgi_auth.jwt")


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnKey:
    """A key of ours that can be used.

    Attributes:
        stored: its row.
        algorithm: what it signs with.
        key: what verifies.
        published: its public JWK, its fields in the order of Better Auth's.
        until: when it stops verifying and being published, in seconds since 1970.
    """

    stored: StoredKey = field(repr=False)
    algorithm: str
    key: VerificationKey
    published: Mapping[str, object] = field(repr=False)
    until: float

    def signs_at(self, now: Timestamp) -> bool:
        """Whether new tokens may be signed with it."""
        return self.stored.expires_at is None or self.stored.expires_at > now


class KeySet:
    """All of our keys.

    Args:
        rows: as stored, oldest first. What is no key of a signature is left out, and logged.
        algorithm: what a key is for where its row does not say.
        grace: how long a key goes on verifying after it has stopped signing.
    """

    def __init__(self, rows: Sequence[StoredKey], *, algorithm: str, grace: timedelta) -> None:
        self.rows = tuple(rows)
        self._algorithm = algorithm
        self._grace = grace
        usable = (self._usable(row) for row in rows)
        self._keys = {key.stored.id: key for key in usable if key is not None}
        self._opened: dict[str, SigningKey] = {}

    def has(self, kid: str) -> bool:
        """Whether there is such a key, whatever it is good for."""
        return any(row.id == kid for row in self.rows)

    def find(self, kid: str | None, *, algorithm: str, now: float) -> OwnKey | None:
        """The key that a token's header names, if it verifies at ``now`` (seconds since 1970)."""
        key = self._keys.get(kid or "")
        if key is None or algorithm not in key.key.algorithms or key.until <= now:
            return None
        return key

    def published(self, now: float) -> list[Mapping[str, object]]:
        """The public keys, oldest first: exactly those that verify."""
        return [key.published for key in self._keys.values() if key.until > now]

    def signing(self, now: Timestamp) -> OwnKey | None:
        """The newest key that signs, of the configured algorithm, else of any; None where there is none (contract)."""
        signing = [key for key in self._keys.values() if key.signs_at(now)]
        preferred = [key for key in signing if key.algorithm == self._algorithm]
        return max(preferred or signing, key=_age, default=None)

    def opened(self, own: OwnKey, cipher: Cipher) -> SigningKey:
        """What signs with a key, read once; raises SigningKeyUnreadable."""
        kid = own.stored.id
        opened = self._opened.get(kid)
        if opened is None:
            opened = _opened(own, cipher)
            if opened is None:  # and whoever shows the variables of a traceback shows no secret
                raise SigningKeyUnreadable(kid)
            self._opened[kid] = opened
        return opened

    def _usable(self, row: StoredKey) -> OwnKey | None:
        try:
            public = parse_object(row.public_key.encode())
            key = VerificationKey(public, kid=row.id, algorithm=row.alg or self._algorithm)
        except ValueError:
            _logger.warning("jwt.key_left_out", kid=row.id, reason="no public key of a signature")
            return None
        algorithm = row.alg or self._algorithm
        curve = {} if row.crv is None else {"crv": row.crv}
        told = {name: value for name, value in public.items() if name not in SECRET_FIELDS}
        until = inf if row.expires_at is None else (row.expires_at + self._grace).timestamp()
        return OwnKey(
            stored=row,
            algorithm=algorithm,
            key=key,
            published={"alg": algorithm, **curve, **told, "kid": row.id},
            until=until,
        )


def _age(key: OwnKey) -> tuple[Timestamp, str]:
    return key.stored.created_at, key.stored.id


def _opened(own: OwnKey, cipher: Cipher) -> SigningKey | None:
    row = own.stored
    try:
        stored = json.loads(row.private_key)
        private = _object(cipher.decrypt(stored)) if isinstance(stored, str) else _object(row.private_key)
        key = SigningKey(private, kid=row.id, algorithm=own.algorithm)
    except (ValueError, RecursionError):
        return None
    # What another key signs nobody could verify.
    return key if key.public.thumbprint == own.key.thumbprint else None


def _object(text: str) -> dict[str, object]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("a JWK that is no object")  # noqa: TRY004  (a wrong value)
    return value
