"""Whether somebody has listened to every change ever since the first entry was shared.

Redis keeps its entries while nobody runs, and while nobody hears what other programs write to the database. So:

1. A process attends while no feed of its own has been lost and each change it heard of has been dropped from Redis.
   About once a second it says so, under a key that lives for a few seconds.
2. Only who attends reads or writes entries.
3. Who begins to attend has to see that somebody else attended *after* its own feeds had come up: then the two
   together have missed nothing. The key is looked at again until it has changed. (That it was there once
   says nothing: who wrote it may have ended before a change that nobody heard.) The first look is late enough for
   whatever the other one had heard before to be dropped, or for it to have failed and fallen silent.
4. Where nobody attends, a change could not be dropped, or another server has taken the place of the one on which an
   epoch began, a new epoch begins: all entries of older ones are void.
5. Saying so is void where Redis runs it late: it could have lain in the socket of a server that was frozen.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Final

import structlog

from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.cache.redis_scripts import ATTEND, BEGIN, LOOK
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.change_feed.hub import ChangeHub
from asgi_auth.infrastructure.redis_client import RedisClient

TICK: Final = 0.25
"""Seconds between two looks."""

SAYS_EVERY: Final = 1.0
"""Seconds after which who attends says so again."""

COUNTS_FOR: Final = 3.0
"""Seconds for which it counts."""

LATE: Final = 500
"""Milliseconds that saying so may take."""

STUCK: Final = 0.25
"""Seconds for which a change may be on its way to Redis before this process says nothing more."""

_logger = structlog.get_logger("asgi_auth.cache")


class Attendance:
    """Whether this process may read and write what is shared; see above.

    Attributes:
        prefix: what the keys of everything that is shared begin with.
        epoch_key: where the epoch is.

    Args:
        client: the Redis.
        hub: the feeds of this process.
        scope: names the database that they tell of. Who attends to another one has heard nothing of ours.
    """

    def __init__(self, client: RedisClient, hub: ChangeHub, *, scope: str = "") -> None:
        self._client = client
        self._hub = hub
        self.prefix = ":".join(filter(None, (client.prefix, scope)))
        self.epoch_key = f"{self.prefix}:epoch"
        self._keys = (self.epoch_key, f"{self.prefix}:listening")
        self._task: asyncio.Task[None] | None = None
        self._is_owing = False
        self._dropping: dict[object, float] = {}
        self._leave()
        hub.subscribe(self)

    @property
    def is_present(self) -> bool:
        """Whether it attends, and has missed nothing so far."""
        return self._is_present and self._hub.is_complete

    @property
    def mark(self) -> object | None:
        """Another one after each time something may have been missed; None while it does not attend."""
        return self._gap if self.is_present else None

    def forget(self, changes: Sequence[Change]) -> None:
        """See Rememberer: who drops these is told by itself."""

    def forget_all(self) -> None:
        """See Rememberer: something may have been missed."""
        self._leave()

    @contextmanager
    def dropping(self) -> Iterator[None]:
        """While a change is being dropped from Redis. Where that fails or is cancelled, it may not have been."""
        drop = object()
        self._dropping[drop] = monotonic()
        try:
            yield
        except BaseException:
            self._is_owing = True
            self._leave()
            raise
        finally:
            del self._dropping[drop]

    async def start(self) -> None:
        """Begin to look; calling it again does nothing."""
        task, loop = self._task, asyncio.get_running_loop()
        if task is None or task.done() or task.get_loop() is not loop:
            self._leave()
            self._task = loop.create_task(self._run(), name="asgi_auth attendance")

    async def close(self) -> None:
        """Stop; ``start`` may follow."""
        task, self._task = self._task, None
        self._leave()
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _leave(self) -> None:
        self._is_present = False
        self._gap = object()  # another one after each time something may have been missed
        self._up_since: float | None = None
        self._last_word: bytes | None = None
        self._says_at = 0.0

    async def _run(self) -> None:
        while True:
            try:
                await self._look()
            except Unavailable:
                pass  # the client has said so
            except Exception:
                _logger.exception("cache.attendance_failed")
            await asyncio.sleep(TICK)

    async def _look(self) -> None:
        if not self._hub.is_complete:
            self._up_since = None
        elif not self._is_present:
            await self._join()
        elif monotonic() >= self._says_at:
            await self._say()

    async def _join(self) -> None:
        gap = self._gap
        if self._up_since is None:
            self._up_since, self._last_word = monotonic(), None
        is_owing = self._is_owing
        word = None if is_owing else (await self._client.evaluate(LOOK, self._keys))[1]
        if word is None:
            await self._begin_epoch()
        elif not self._has_changed(word):
            return
        if gap is self._gap and self._up_since is not None:
            self._is_owing = False
            self._is_present = True
            await self._say()

    def _has_changed(self, word: bytes) -> bool:
        """Whether somebody has said that they attend, long enough after our feeds had come up."""
        if self._up_since is None or monotonic() < self._up_since + SAYS_EVERY:
            return False
        before, self._last_word = self._last_word, word
        return before is not None and before != word

    async def _begin_epoch(self) -> None:
        await self._client.evaluate(BEGIN, [self.epoch_key], [secrets.token_urlsafe(16)])
        _logger.info(
            "cache.epoch_begun", reason="a change could not be dropped" if self._is_owing else "nobody attended"
        )

    async def _say(self) -> None:
        asked, gap = monotonic(), self._gap
        now = (await self._client.evaluate(LOOK, self._keys))[0]
        is_stuck = any(began < monotonic() - STUCK for began in self._dropping.values())
        if gap is not self._gap or is_stuck or not self._hub.is_complete:
            return
        said = await self._client.evaluate(
            ATTEND, self._keys, [secrets.token_hex(8), int(COUNTS_FOR * 1000), int(now) + LATE]
        )
        if said is None:
            self._leave()
        elif gap is self._gap:
            self._says_at = asked + SAYS_EVERY
