"""Writing what was collected in batches, beside the requests that it comes from."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final, Literal

from asgi_auth.engine import Engine

RETRY_DELAY: Final = 1.0
"""Seconds between two tries where the database does not answer."""

Progress = Literal["failed", "idle", "busy"]
"""How a batch went: the database did not take it; it is written; it is written, and there is enough for another."""


class BatchWriter:
    """A task that is there while something waits to be written, and only while the database is open.

    Args:
        engine: whose database it is: nobody but requests opens it, and nothing is written after its end.
        name: of the task.
        delay: seconds that things are collected for before they are written together.
        waits: whether anything waits.
        write: writes a batch of it; may do other work in turns with that.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        name: str,
        delay: float,
        waits: Callable[[], bool],
        write: Callable[[], Awaitable[Progress]],
    ) -> None:
        self._engine = engine
        self._name = name
        self._delay = delay
        self._waits = waits
        self._write = write
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hurry = asyncio.Event()

    @property
    def is_writing(self) -> bool:
        """Whether the task is there, in this event loop."""
        task = self._task
        return task is not None and not task.done() and self._loop is asyncio.get_running_loop()

    def begin(self) -> None:
        """Have what waits written soon; returns at once. Nothing happens where that is under way, or nothing waits."""
        if not self.is_writing and self._engine.is_ready and self._waits():
            self._hurry = asyncio.Event()  # the last one belongs to the event loop that it was awaited in
            self._loop = asyncio.get_running_loop()
            # Whatever request has begun it: what it writes and logs is of others as well.
            self._task = self._loop.create_task(self._run(), name=self._name, context=contextvars.Context())

    async def flush(self) -> None:
        """Write what waits, now; what the database does not take goes on waiting."""
        self.begin()
        self._hurry.set()
        if self._task is not None and self.is_writing:
            await asyncio.shield(self._task)

    async def _run(self) -> None:
        delay = self._delay
        while True:
            is_last = await self._pause(delay)
            if not self._engine.is_ready:
                return
            progress = await self._write()
            if is_last and progress == "failed":
                return
            if progress != "failed" and not self._waits() and (is_last or progress == "idle"):
                return
            delay = {"failed": RETRY_DELAY, "idle": self._delay, "busy": 0}[progress]

    async def _pause(self, seconds: float) -> bool:
        """Wait, unless somebody is in a hurry: whether somebody is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        return self._hurry.is_set()
