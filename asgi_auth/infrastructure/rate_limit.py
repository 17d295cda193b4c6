"""Windows in which hits are counted: what a limit rests on, in this process or for all of them."""

from __future__ import annotations

from collections import OrderedDict
from datetime import timedelta
from typing import NamedTuple, Protocol

from limits.aio.storage import MemoryStorage

from asgi_auth.config import RateLimit

MAX_ENTRIES = 100_000
"""Windows of one kind that a process remembers, 25 to 45 MB of them (requests, guesses and known places are kinds);
beyond it the one used longest ago is forgotten."""

_MILLISECOND = timedelta(milliseconds=1)


class Hit(NamedTuple):
    """What came of counting one request.

    Attributes:
        is_allowed: it is within the limit.
        remaining: how many more would be.
        left: milliseconds until the window is over.
        began: the window's own moment, milliseconds since 1970; None where a shared storage was to count it and could
            not.
        began_here: the moment of the window in which this process has counted it beside a shared storage, or for it.
    """

    is_allowed: bool
    remaining: int
    left: int
    began: int | None
    began_here: int | None = None

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

    async def give_back(self, key: str, limit: RateLimit, *, hit: Hit) -> None:
        """Count one less in the window that counted this hit; nothing where it is over. Raises Unavailable."""

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
        return self.count(key, limit, now=now, restarts=restarts)

    async def give_back(self, key: str, limit: RateLimit, *, hit: Hit) -> None:
        """Count one less; see Windows."""
        self.take_back(key, limit, began=hit.began)

    def count(self, key: str, limit: RateLimit, *, now: int, restarts: bool = True, begins: int | None = None) -> Hit:
        """What ``hit`` does, at once. A window that it opens begins at ``begins`` (default now)."""
        if (refusal := self.refusal(key, limit, now=now)) is not None:
            return refusal
        window = milliseconds(limit)
        count, ends = self.known(key, now=now)
        if restarts or count == 0:
            ends = (now if begins is None else begins) + window
        self._keep(key, count + 1, ends, now=now)
        return Hit(True, limit.most - count - 1, ends - now, ends - window)

    def refusal(self, key: str, limit: RateLimit, *, now: int) -> Hit | None:
        """What a hit would come to, where it would be refused."""
        count, ends = self.known(key, now=now)
        return Hit(False, 0, ends - now, ends - milliseconds(limit)) if count >= limit.most else None

    def known(self, key: str, *, now: int) -> tuple[int, int]:
        """The hits in a window and its end; none where it is over."""
        ends = self._end_of(key)
        return (self.storage[key], ends) if ends > now else (0, ends)

    def learn(self, key: str, count: int, ends: int, *, now: int) -> None:
        """Take over how many hits are in a window, and its end."""
        if count > 0 and ends > now:
            self._keep(key, count, ends, now=now)
        elif key in self.expirations:
            self._drop(key)

    def take_back(self, key: str, limit: RateLimit, *, began: int | None) -> None:
        """Count one less in the window that began then; nothing where it is over."""
        if key not in self.expirations or self._end_of(key) - milliseconds(limit) != began:
            return
        self.storage[key] -= 1
        if self.storage[key] < 1:
            self._drop(key)

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:  # noqa: ARG002  (the end is known here)
        """Whether a hit is counted there now."""
        return self._end_of(key) > now

    def _keep(self, key: str, count: int, ends: int, *, now: int) -> None:
        self.storage[key] = count
        self.expirations[key] = ends / 1000
        self.expirations.move_to_end(key)
        self._forget(now)

    def _end_of(self, key: str) -> int:
        return round(self.expirations.get(key, 0) * 1000)

    def _forget(self, now: int) -> None:
        """Drop what is over or too much, from the oldest on: two at most for each that is added."""
        for _ in range(2):
            if not self.expirations:
                return
            oldest, ends = next(iter(self.expirations.items()))
            if ends * 1000 > now and len(self.expirations) <= self._most:
                return
            self._drop(oldest)

    def _drop(self, key: str) -> None:
        del self.expirations[key]
        del self.storage[key]
