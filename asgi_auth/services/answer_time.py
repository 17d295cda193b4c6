"""Work that takes at least so long, so that its time tells nothing."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta


class AnswerTime:
    """The least time that a piece of work takes.

    Args:
        least: how long; nothing is added to work that takes longer.
        now: seconds of a clock that never goes back.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        least: timedelta,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._seconds = least / timedelta(seconds=1)
        self._now = now
        self._sleep = sleep

    @asynccontextmanager
    async def floor(self) -> AsyncIterator[None]:
        """Leave the block no earlier than that, whether the work in it succeeds or fails; at once where cancelled."""
        end = self._now() + self._seconds
        fault: Exception | None = None
        try:
            yield
        except Exception as error:  # noqa: BLE001  (it is raised again, later)
            fault = error
        left = end - self._now()
        if left > 0:
            await self._sleep(left)
        if fault is not None:
            raise fault
