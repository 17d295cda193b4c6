"""A time limit that an event loop which was held up does not hold against whoever has answered meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

LAST_MOMENT: Final = 0.05
"""The part of the limit that is kept for reading what has arrived while nobody read."""


@asynccontextmanager
async def time_limit(seconds: float) -> AsyncIterator[None]:
    """Cancel the block after so many seconds and raise TimeoutError.

    Before it does so it lets the event loop read once more: an answer that lies there unread, because something else
    kept the loop busy for longer than the limit, is not late.
    """
    loop = asyncio.get_running_loop()
    kept = seconds * LAST_MOMENT
    async with asyncio.timeout(None) as limit:
        last_moment = loop.call_later(seconds - kept, lambda: limit.reschedule(loop.time() + kept))
        try:
            yield
        finally:
            last_moment.cancel()
