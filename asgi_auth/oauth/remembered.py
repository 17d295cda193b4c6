"""An answer of somebody else's server that is kept for a while, and asked for once however many wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import Context
from datetime import timedelta
from typing import Generic, TypeVar

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.oauth.errors import ProviderFailed, ProviderUnreachable

T = TypeVar("T")

_NOTHING = timedelta()


class Remembered(Generic[T]):
    """What ``load`` gives, loaded when first asked for and again after ``lifetime``.

    A document that cannot be had, or not read, says nothing of whoever needs it: that is ProviderUnreachable. Those
    that wait share one request, and none of them takes it from the others by going away.

    Args:
        load: asks for it; raises ProviderFailed.
        lifetime: how long it is taken for new.
        clock: the present moment.
        longest: how long it is given away at all: past its lifetime it is, while another is asked for beside the
            request (default: its lifetime).
        pause: for how long nobody is asked again after a failure, which is told again instead (default: not at all).
    """

    def __init__(
        self,
        load: Callable[[], Awaitable[T]],
        *,
        lifetime: timedelta,
        clock: Clock,
        longest: timedelta | None = None,
        pause: timedelta = _NOTHING,
    ) -> None:
        self._load = load
        self._lifetime = lifetime
        self._longest = lifetime if longest is None else longest
        self._pause = pause
        self._clock = clock
        self._kept: tuple[T, Timestamp] | None = None
        self._failure: tuple[str, Timestamp] | None = None
        self._loading: asyncio.Task[T] | None = None

    async def get(self, *, newer_than: timedelta | None = None) -> T:
        """The answer, not older than ``longest``, nor than ``newer_than``; raises ProviderUnreachable."""
        kept = self._kept
        age = self._lifetime if newer_than is None else min(newer_than, self._lifetime)
        if kept is not None and self._is_younger(kept[1], age):
            return kept[0]
        if kept is not None and newer_than is None and kept[1] > self._clock() - self._longest:
            if self._remembered_failure() is None:
                self._shared()
            return kept[0]
        return await self._loaded_anew()

    async def _loaded_anew(self) -> T:
        failure = self._remembered_failure()
        if failure is not None:
            raise ProviderUnreachable(failure)
        task = self._shared()
        await asyncio.wait([task])  # a wait that ends does not end the task
        if task.cancelled():
            raise ProviderUnreachable("the client is closed")
        return task.result()

    def _is_younger(self, moment: Timestamp, age: timedelta) -> bool:
        now = self._clock()
        return now - age < moment <= now  # a clock that is put back makes nothing last longer

    def _remembered_failure(self) -> str | None:
        if self._failure is None or not self._is_younger(self._failure[1], self._pause):
            return None
        return self._failure[0]

    def _shared(self) -> asyncio.Task[T]:
        loop = asyncio.get_running_loop()
        if self._loading is None or self._loading.done() or self._loading.get_loop() is not loop:
            # it is nobody's in particular, and may outlive whoever asked first
            self._loading = loop.create_task(self._loaded(), context=Context())
            self._loading.add_done_callback(_seen)
        return self._loading

    async def _loaded(self) -> T:
        started_at = self._clock()
        try:
            value = await self._load()
        except ProviderFailed as error:
            self._failure = str(error), self._clock()
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
