"""Windows in which hits are counted: what a limit rests on, in this process or for all of them."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import NamedTuple, Protocol

import structlog
from limits.aio.storage import MemoryStorage

from asgi_auth.config import RateLimit
from asgi_auth.errors import Unavailable

MAX_ENTRIES = 100_000
"""Windows one process remembers, 25 to 45 MB of them; beyond it the one used longest ago is forgotten."""

RETRY_EVERY = 5_000
"""Milliseconds for which nothing is counted in a storage that has failed; what it had counted is still given back."""

_MILLISECOND = timedelta(milliseconds=1)

_logger = structlog.get_logger("asgi_auth.rate_limit")


class Hit(NamedTuple):
    """What came of counting one request.

    Attributes:
        is_allowed: it is within the limit.
        remaining: how many more would be.
        left: milliseconds until the window is over.
        began: the window's own moment, milliseconds since 1970.
    """

    is_allowed: bool
    remaining: int
    left: int
    began: int

    @property
    def seconds_left(self) -> int:
        """Until the window is over, rounded up."""
        return -(-self.left // 1000)


class Windows(Protocol):
    """Counters by key, exact however many count at once. Moments are milliseconds since 1970.

    A window ends ``limit.window`` after its moment. That is the last allowed hit where it ``restarts`` (Better Auth's
    contract), else the first. A hit beyond ``limit.most`` changes nothing.
    """

    async def hit(self, key: str, limit: RateLimit, *, now: int, restarts: bool = True) -> Hit:
        """Count one in a single step. Raises Unavailable where the storage cannot."""

    async def give_back(self, key: str, limit: RateLimit, *, began: int) -> None:
        """Count one less in the window that began then; nothing where it is over. Raises Unavailable."""

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:
        """Whether a hit is counted there now. Raises Unavailable."""


def milliseconds(limit: RateLimit) -> int:
    """How long a limit's window is."""
    return limit.window // _MILLISECOND


class MemoryWindows(MemoryStorage):
    """The memory storage of the limits library with windows of ours, bounded: for one process.

    The library's own strategies count in one step and tell what is left in another, by the system's clock, and its
    memory is looked through whole at every hit. Here a hit is one step without an await, so that nothing comes between,
    and costs the same however much is remembered.
    """

    def __init__(self, *, most: int = MAX_ENTRIES) -> None:
        super().__init__()
        self.expirations: OrderedDict[str, float] = OrderedDict()  # in the order of their last allowed hit
        self._most = most

    async def hit(self, key: str, limit: RateLimit, *, now: int, restarts: bool = True) -> Hit:
        """Count one; see Windows."""
        window = milliseconds(limit)
        ends = self._end_of(key)
        count = self.storage[key] if ends > now else 0
        if count >= limit.most:
            return Hit(False, 0, ends - now, ends - window)
        if restarts or count == 0:
            ends = now + window
        self.storage[key] = count + 1
        self.expirations[key] = ends / 1000
        self.expirations.move_to_end(key)
        self._forget(now)
        return Hit(True, limit.most - count - 1, ends - now, ends - window)

    async def give_back(self, key: str, limit: RateLimit, *, began: int) -> None:
        """Count one less; see Windows."""
        if self._end_of(key) - milliseconds(limit) != began:
            return
        self.storage[key] -= 1
        if self.storage[key] < 1:
            self._drop(key)

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:  # noqa: ARG002  (the end is known here)
        """Whether a hit is counted there now."""
        return self._end_of(key) > now

    def _end_of(self, key: str) -> int:
        return round(self.expirations.get(key, 0) * 1000)

    def _forget(self, now: int) -> None:
        """Drop what is over or too much, from the oldest on: two at most for each that is added."""
        for _ in range(2):
            oldest, ends = next(iter(self.expirations.items()))
            if ends * 1000 > now and len(self.expirations) <= self._most:
                return
            self._drop(oldest)

    def _drop(self, key: str) -> None:
        del self.expirations[key]
        del self.storage[key]


class SteadyWindows:
    """Windows in a shared storage, and in memory for as long as it does not answer.

    A storage that is down neither lifts the limits nor closes the door: each process counts for itself meanwhile.
    """

    def __init__(self, shared: Windows) -> None:
        self._shared = shared
        self._own = MemoryWindows()
        self._retry_at = 0

    async def hit(self, key: str, limit: RateLimit, *, now: int, restarts: bool = True) -> Hit:
        """Count one; see Windows. Never raises Unavailable."""
        if now >= self._retry_at:
            try:
                return await self._shared.hit(key, limit, now=now, restarts=restarts)
            except Unavailable:
                self._leave_alone(now)
        return await self._own.hit(key, limit, now=now, restarts=restarts)

    async def give_back(self, key: str, limit: RateLimit, *, began: int) -> None:
        """Count one less, wherever it was counted; see Windows. Never raises Unavailable."""
        await self._own.give_back(key, limit, began=began)
        try:
            await self._shared.give_back(key, limit, began=began)
        except Unavailable:
            _logger.warning("rate_limit.not_given_back")

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:
        """Whether a hit is counted there now; see Windows. Never raises Unavailable."""
        if now >= self._retry_at:
            try:
                return await self._shared.is_open(key, limit, now=now)
            except Unavailable:
                self._leave_alone(now)
        return await self._own.is_open(key, limit, now=now)

    def _leave_alone(self, now: int) -> None:
        self._retry_at = now + RETRY_EVERY
        _logger.error("rate_limit.storage_failed", counts_in="memory", retries_in_ms=RETRY_EVERY)
