"""What is not counted as it happens but looked at now and then: entries in memory, sessions that hold."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

import structlog

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.infrastructure.cache.caches import Caches
from asgi_auth.infrastructure.metrics import SESSION_ACTIVE, Metrics, NoMetrics

LOOK_EVERY = 15.0
"""Seconds between two looks at memory, give or take a fifth."""

COUNT_EVERY = 60.0
"""Seconds between two counts of sessions by one process."""

COUNT_SHARE = 100
"""A count that is slow is made so much rarer that it takes at most a hundredth of the time."""

MOST_COUNTED = 1_000_000

_logger = structlog.get_logger("asgi_auth.metrics")


CountLive = Callable[[Timestamp, int], Awaitable[int]]
"""How many sessions hold at a moment; no more are counted than the number says."""


class Gauges:
    """Looks in the background while the database is open; where nobody wants figures, never.

    ``count`` is None where sessions are kept in a storage that would have to look at every key it has.
    """

    def __init__(self, caches: Caches, count: CountLive | None, *, clock: Clock, metrics: Metrics) -> None:
        self._caches = caches
        self._count = count
        self._clock = clock
        self._metrics = metrics
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look; calling it again does nothing."""
        loop = asyncio.get_running_loop()
        if isinstance(self._metrics, NoMetrics) or self._is_looking(loop):
            return
        self._looking = loop.create_task(self._look_for_ever(), name="asgi_auth gauges")

    async def close(self) -> None:
        """Stop looking."""
        task, self._looking = self._looking, None
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _is_looking(self, loop: asyncio.AbstractEventLoop) -> bool:
        return self._looking is not None and not self._looking.done() and self._looking.get_loop() is loop

    async def _look_for_ever(self) -> None:
        counted_again = monotonic()
        while True:
            self._caches.show()
            if self._count is not None and monotonic() >= counted_again:
                began = monotonic()
                await self._show_sessions(self._count)
                counted_again = monotonic() + max(COUNT_EVERY, (monotonic() - began) * COUNT_SHARE)
            await asyncio.sleep(LOOK_EVERY * random.uniform(0.8, 1.2))  # noqa: S311  (spreads load, hides nothing)

    async def _show_sessions(self, count: CountLive) -> None:
        try:
            live = await count(self._clock(), MOST_COUNTED)
        except Exception as error:  # noqa: BLE001  (whatever it is, it is told where requests meet it)
            _logger.debug("metrics.not_counted", figure=SESSION_ACTIVE, error=type(error).__name__)
        else:
            self._metrics.gauge(SESSION_ACTIVE, live)
