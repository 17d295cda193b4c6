"""Windows that are counted twice, in a shared storage and in this process: while one is away the other holds."""

from __future__ import annotations

from collections import deque

import structlog

from asgi_auth.config import RateLimit
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.rate_limit import MAX_ENTRIES, Hit, MemoryWindows, Windows, milliseconds

RETRY_EVERY = 5_000
"""Milliseconds for which nothing is counted in a database that has failed; what it had counted is still given back."""

MOST_OWED = 1_000
"""Hits that are given back later, as the storage did not answer; beyond it they count until their window is over."""

_logger = structlog.get_logger("asgi_auth.rate_limit")


class SteadyWindows:
    """The stricter of a shared storage and this process' own memory, at all times.

    What this process has let through counts in its memory as well, in windows that begin with the shared ones. While
    the storage answers, memory holds never more than it, and thus decides nothing of its own. When the storage goes
    away each process goes on from what it has let through or last heard, so that nobody finds a fresh limit; what it
    then lets through counts on when the storage is back, or has come back empty.

    Args:
        shared: the storage that all processes count in.
        retry_every: milliseconds after which a storage that has failed is asked again, by one hit (default
            ``RETRY_EVERY``); 0 for a storage that knows itself whether it is worth asking.
    """

    def __init__(self, shared: Windows, *, retry_every: int = RETRY_EVERY) -> None:
        self._shared = shared
        self._own = MemoryWindows(most=MAX_ENTRIES // 2)
        self._heard = MemoryWindows(most=MAX_ENTRIES // 2)  # how many hits of all processes the storage told of last
        self._owed: deque[tuple[str, RateLimit, Hit]] = deque(maxlen=MOST_OWED)  # not given back yet
        self._retry_every = retry_every
        self._retry_at = 0
        self._is_away = False

    async def hit(self, key: str, limit: RateLimit, *, now: int, restarts: bool = True) -> Hit:
        """Count one; see Windows. Never raises Unavailable."""
        refusal = self._own.refusal(key, limit, now=now)
        if refusal is not None:
            return refusal
        if self._may_ask(now):
            try:
                hit = await self._shared.hit(key, limit, now=now, restarts=restarts)
            except Unavailable:
                self._lost(now)
            else:
                self._found()
                verdict = await self._both(key, limit, hit, now=now, restarts=restarts)
                await self._settle()
                return verdict
        return self._alone(key, limit, now=now, restarts=restarts)

    async def give_back(self, key: str, limit: RateLimit, *, hit: Hit) -> None:
        """Count one less, wherever it was counted; see Windows. Never raises Unavailable."""
        self._own.take_back(key, limit, began=hit.began_here)
        if hit.began is not None:
            self._heard.take_back(key, limit, began=hit.began)
            await self._give_back_there(key, limit, hit)

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:
        """Whether a hit is counted there now, here or there; see Windows. Never raises Unavailable."""
        if await self._own.is_open(key, limit, now=now):
            return True
        if self._may_ask(now):
            try:
                is_open = await self._shared.is_open(key, limit, now=now)
            except Unavailable:
                self._lost(now)
            else:
                self._found()
                return is_open
        return False

    async def _both(self, key: str, limit: RateLimit, hit: Hit, *, now: int, restarts: bool) -> Hit:
        """The verdict on a hit that the storage has judged."""
        if hit.began is not None:
            self._heard.learn(key, limit.most - hit.remaining, hit.began + milliseconds(limit), now=now)
        if not hit.is_allowed:
            return hit
        own = self._own.count(key, limit, now=now, restarts=restarts, begins=hit.began)
        if not own.is_allowed:  # others came in between, and memory holds more than the storage since that was away
            await self._give_back_there(key, limit, hit)
            return own
        if own.remaining < hit.remaining:
            return own._replace(began=hit.began, began_here=own.began)
        return hit._replace(began_here=own.began)

    def _alone(self, key: str, limit: RateLimit, *, now: int, restarts: bool) -> Hit:
        """The verdict of memory, which goes on from what the storage told last."""
        count, ends = self._heard.known(key, now=now)
        if count > self._own.known(key, now=now)[0]:
            self._own.learn(key, count, ends, now=now)
        own = self._own.count(key, limit, now=now, restarts=restarts)
        return own._replace(began=None, began_here=own.began)

    async def _give_back_there(self, key: str, limit: RateLimit, hit: Hit) -> None:
        try:
            await self._shared.give_back(key, limit, hit=hit)
        except Unavailable:
            self._owed.append((key, limit, hit))
            _logger.warning("rate_limit.not_given_back")

    async def _settle(self) -> None:
        """Give back one that could not be when it was due; the storage answers again."""
        if self._owed:
            await self._give_back_there(*self._owed.popleft())

    def _may_ask(self, now: int) -> bool:
        """Whether the storage is to be asked; where it has failed, by one at a time."""
        if self._is_away:
            if now < self._retry_at:
                return False
            self._retry_at = now + self._retry_every
        return True

    def _lost(self, now: int) -> None:
        self._retry_at = now + self._retry_every
        if not self._is_away:
            self._is_away = True
            _logger.error("rate_limit.storage_failed", counts_in="memory")

    def _found(self) -> None:
        if self._is_away:
            self._is_away = False
            _logger.info("rate_limit.storage_back")
