"""Keys that have ended are deleted beside the requests, at most every 10 seconds (Better Auth contract)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from contextvars import Context
from datetime import timedelta
from typing import Final

from asgi_auth.clock import Timestamp
from asgi_auth.errors import Unavailable
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.services.registry import Services

PURGE_EVERY: Final = timedelta(seconds=10)

PURGE_STEP: Final = 500
"""Rows deleted by one statement, so that nobody waits long for it."""


class ExpiredKeys:
    """Deletes what has ended."""

    def __init__(self, services: Services, store: KeyStore) -> None:
        self._engine = services.engine
        self._clock = services.clock
        self._store = store
        self._purged_at: Timestamp | None = None
        self._purging: asyncio.Task[None] | None = None

    async def purge(self) -> int:
        """Delete every key that has ended, step by step; returns how many there were. Raises Unavailable."""
        now = self._clock()
        removed = step = await self._step(now)
        while step == PURGE_STEP:
            await asyncio.sleep(0)
            step = await self._step(now)
            removed += step
        return removed

    def purge_soon(self) -> None:
        """Have that done beside this request, if it is due; returns at once."""
        now = self._clock()
        is_due = self._purged_at is None or now - self._purged_at >= PURGE_EVERY
        if is_due and self._engine.is_ready and not self._is_purging:
            self._purged_at = now
            # What belongs to the request that has begun it is none of its business.
            self._purging = asyncio.get_running_loop().create_task(
                self._purge(), name="asgi_auth expired API keys", context=Context()
            )

    async def settle(self) -> None:
        """Wait for what has been begun."""
        if self._purging is not None and self._is_purging:
            await asyncio.shield(self._purging)

    @property
    def _is_purging(self) -> bool:
        task = self._purging
        return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()

    async def _purge(self) -> None:
        with suppress(Unavailable):  # whoever comes next tries again
            await self.purge()

    async def _step(self, now: Timestamp) -> int:
        return await self._store.trim(before=now, most=PURGE_STEP, by="expires_at")
