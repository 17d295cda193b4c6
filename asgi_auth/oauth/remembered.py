"""An answer of a provider that is kept for a while, and asked for once however many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Generic, TypeVar

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable

T = TypeVar("T")


class Remembered(Generic[T]):
    """What ``load`` gives, loaded when first asked for and again after ``lifetime``; a failure is not remembered.

    A document that cannot be had, or not read, says nothing of whoever needs it: that is ProviderUnreachable. Those
    that wait share one request, and none of them takes it from the others by going away.
    """

    def __init__(self, load: Callable[[], Awaitable[T]], *, lifetime: timedelta, clock: Clock) -> None:
        self._load = load
        self._lifetime = lifetime
        self._clock = clock
        self._kept: tuple[T, Timestamp] | None = None
        self._loading: asyncio.Task[T] | None = None

    async def get(self, *, newer_than: timedelta | None = None) -> T:
        """The answer, not older than its lifetime, nor than ``newer_than``; raises ProviderUnreachable."""
        oldest = self._clock() - (self._lifetime if newer_than is None else min(newer_than, self._lifetime))
        if self._kept is not None and self._kept[1] > oldest:
            return self._kept[0]
        task = self._shared()
        await asyncio.wait([task])  # a wait that ends does not end the task
        if task.cancelled():
            raise ProviderUnreachable("the client is closed")
        return task.result()

    def _shared(self) -> asyncio.Task[T]:
        loop = asyncio.get_running_loop()
        if self._loading is None or self._loading.done() or self._loading.get_loop() is not loop:
            self._loading = loop.create_task(self._loaded())
            self._loading.add_done_callback(_seen)
        return self._loading

    async def _loaded(self) -> T:
        started_at = self._clock()
        try:
            value = await self._load()
        except ProviderFailed as error:
            raise ProviderUnreachable(str(error)) from None
        self._kept = (value, started_at)
        return value

    async def close(self) -> None:
        """Give up what is under way."""
        task = self._loading
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            return
        task.cancel()
        await asyncio.wait([task])


def _seen(task: asyncio.Task[object]) -> None:
    """Take note of how a request ended, which those that waited for it may not live to do."""
    if not task.cancelled():
        task.exception()
