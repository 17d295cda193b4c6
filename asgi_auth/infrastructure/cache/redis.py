"""What all processes remember together, in Redis: sealed, and void as soon as what it rests on changes."""

from __future__ import annotations

import base64
import secrets
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import structlog
from cachetools import TTLCache
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as open_sealed
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as seal
from nacl.exceptions import CryptoError

from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.cache.attendance import Attendance
from asgi_auth.infrastructure.cache.base import Seconds, Tag
from asgi_auth.infrastructure.cache.recent import REMEMBERED_FOR
from asgi_auth.infrastructure.cache.redis_scripts import DIGEST, FIND, FORGET, PUT
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.redis_client import RedisClient

FORMAT: Final = b"1"
NONCE: Final = 24
MOST_TAGS: Final = 255
"""Tags of one entry."""

MOST_AT_ONCE: Final = 500
"""Tags that one run of a script changes: nobody else is served meanwhile."""

MOST_READS: Final = 10_000
"""Reads under way in this process, at a time."""

_UNTIL = struct.Struct(">d")
_logger = structlog.get_logger("asgi_auth.cache")


@dataclass(frozen=True, slots=True)
class _Since:
    """What Redis said before a value was read: its epoch, and how many changes there had been."""

    epoch: bytes
    count: int


class RedisCache:
    """A SharedCache; see there.

    1. An entry is sealed (XChaCha20-Poly1305) with its key, its tags, the epoch and the time of its end: what somebody
       else wrote, moved, cut or kept beyond these does not open. Neither tokens nor what is known of people can be read
       in Redis. Whoever may write there can undo a change of stamps, and so keep an entry alive until its end.
    2. It counts while every tag has the stamp that it had when the entry was put, each row and each whole table.
    3. A put says what Redis had said before the value was read. It is refused where one of its tags has changed since
       then, or the epoch; a read that took longer than ``REMEMBERED_FOR`` is not put at all.
    4. Where a change could not be dropped, this process reads and writes nothing until it has begun a new epoch;
       see Attendance for how entries are kept from outliving those who listen.
    5. Tags are the same whatever the secret, so that changes reach the entries of processes that have a newer or an
       older one while secrets are rotated.

    Args:
        client: the Redis.
        key: 32 bytes made of the newest secret.
        attendance: whether anything there may be believed.
        seconds: the clock of the Auth.
    """

    def __init__(self, client: RedisClient, *, key: bytes, attendance: Attendance, seconds: Seconds) -> None:
        self._client = client
        self._attendance = attendance
        self._seconds = seconds
        self._naming = blake2b(b"names", key=key).digest()
        self._sealing = blake2b(b"values", key=key, digest_size=32).digest()
        self._tag_prefix = f"{attendance.prefix}:tag:"
        self._since: TTLCache[str, _Since] = TTLCache(MOST_READS, REMEMBERED_FOR)

    async def find(self, space: str, key: str) -> bytes | None:
        """See SharedCache."""
        mark = self._attendance.mark
        if mark is None:
            return None
        name = self._name(space, key)
        try:
            epoch, count, entry = await self._client.evaluate(
                FIND, [self._attendance.epoch_key, name], [self._tag_prefix]
            )
        except Unavailable:
            return None
        if epoch is None or mark is not self._attendance.mark:
            return None
        value = None if entry is None else self._opened(entry, name, epoch)
        if value is None:
            # Of two reads at once the first one's: nothing has to have changed since either of them.
            self._since.setdefault(name, _Since(epoch, int(count or 0)))
        return value

    async def put(self, space: str, key: str, value: bytes, *, lifetime: float, tags: Sequence[Tag]) -> None:
        """See SharedCache."""
        name = self._name(space, key)
        since = self._since.pop(name, None)
        digests = _digests(tags)
        milliseconds = int(lifetime * 1000)
        if since is None or not self._attendance.is_present or len(digests) > MOST_TAGS or milliseconds < 1:
            return
        sealed = self._sealed(value, name, since.epoch, digests, until=self._seconds() + lifetime)
        given: Sequence[str | bytes | float] = (
            since.epoch,
            since.count,
            milliseconds,
            _stamp(),
            self._tag_prefix,
            sealed,
            *digests,
        )
        try:
            await self._client.evaluate(PUT, [self._attendance.epoch_key, name], given)
        except Unavailable:
            _logger.debug("cache.not_shared", space=space)

    async def forget(self, changes: Sequence[Change]) -> None:
        """See SharedCache."""
        digests = [
            _digest(change.table, key) for change in changes if not change.is_new for key in change.keys or ("",)
        ]
        with suppress(Unavailable), self._attendance.dropping():
            for at in range(0, len(digests), MOST_AT_ONCE):
                await self._drop(digests[at : at + MOST_AT_ONCE])

    async def _drop(self, digests: Sequence[str]) -> None:
        kept_for = int(2 * REMEMBERED_FOR * 1000)
        await self._client.evaluate(
            FORGET, [self._attendance.epoch_key], [_stamp(), kept_for, self._tag_prefix, *digests]
        )

    def _name(self, space: str, key: str) -> str:
        digest = blake2b(key.encode(), key=self._naming, digest_size=16).digest()
        return f"{self._attendance.prefix}:{space}:{_text(digest)}"

    def _sealed(self, value: bytes, name: str, epoch: bytes, digests: Sequence[str], *, until: float) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        about = _about(name, epoch, "".join(digests).encode())
        return nonce + bytes(seal(_UNTIL.pack(until) + value, about, nonce, self._sealing))

    def _opened(self, entry: bytes, name: str, epoch: bytes) -> bytes | None:
        """The value of an entry as it lies in Redis: how many tags, each with its stamp, and what was sealed."""
        end = 1 + 2 * DIGEST * entry[0] if entry else 1
        head, sealed = entry[1:end], entry[end:]
        digests = b"".join(head[at : at + DIGEST] for at in range(0, len(head), 2 * DIGEST))
        try:
            plain = bytes(open_sealed(sealed[NONCE:], _about(name, epoch, digests), sealed[:NONCE], self._sealing))
        except (CryptoError, TypeError, ValueError):
            return None
        (until,) = _UNTIL.unpack_from(plain)
        return plain[_UNTIL.size :] if self._seconds() < until else None


def _about(name: str, epoch: bytes, digests: bytes) -> bytes:
    """What a value is sealed with; no two different things make the same bytes."""
    return b"\0".join((FORMAT, epoch, name.encode(), digests))


def _digests(tags: Iterable[Tag]) -> list[str]:
    """What an entry rests on: its rows, and the tables that they are in."""
    rows = list(tags)
    return [_digest(table, row) for table, row in [*rows, *((table, "") for table in sorted({tag[0] for tag in rows}))]]


def _digest(table: str, row: str) -> str:
    return _text(blake2b(f"{table}\0{row}".encode(), digest_size=16).digest())


def _stamp() -> str:
    return _text(secrets.token_bytes(16))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
