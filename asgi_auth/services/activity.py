"""Noting that sessions are in use, off the path of requests."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import structlog

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.engine import Engine
from asgi_auth.errors import Unavailable
from asgi_auth.models import Session
from asgi_auth.services.session_storage import SessionStorage

WRITE_EVERY = timedelta(seconds=60)
"""A session's ``updatedAt`` moves at most once in this time, over all processes."""

BATCH_DELAY = 1.0
"""Seconds that uses are collected for before they are written together."""

_logger = structlog.get_logger("asgi_auth.session")


class ActivityRecorder:
    """Collects uses of sessions and writes them in batches."""

    def __init__(self, engine: Engine, storage: SessionStorage, *, clock: Clock) -> None:
        self._engine = engine
        self._storage = storage
        self._clock = clock
        self._pending: dict[str, Timestamp] = {}
        self._writer: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def record(self, session: Session) -> None:
        """Note that a session is in use now; returns at once."""
        now = self._clock()
        if now - session.updated_at < WRITE_EVERY:
            return
        self._pending.setdefault(session.token, now)
        if self._writer is None or self._writer.done():
            self._hurry = asyncio.Event()  # the last one belongs to the event loop that it was awaited in
            self._writer = asyncio.create_task(self._write_later())

    async def _write_later(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(BATCH_DELAY):
                await self._hurry.wait()
        while self._pending:  # more may be noted while these are written
            await self._write()

    async def _write(self) -> None:
        pending, self._pending = self._pending, {}
        try:
            async with self._engine.transaction():
                # In one order everywhere: two processes that write of the same sessions never wait for each other.
                for token, used_at in sorted(pending.items()):
                    await self._storage.touch(token, used_at=used_at, before=used_at - WRITE_EVERY)
        except Unavailable:
            # A lost note about activity is nobody's failed request.
            _logger.warning("session.activity_not_written", sessions=len(pending))

    async def close(self) -> None:
        """Write what has been collected."""
        self._hurry.set()
        if self._writer is not None:
            await self._writer
