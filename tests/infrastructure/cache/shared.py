"""The shared cache of one process, over feeds that a test speaks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from asgi_auth.config import RedisOptions
from asgi_auth.infrastructure.cache.attendance import Attendance
from asgi_auth.infrastructure.cache.redis import RedisCache
from asgi_auth.infrastructure.metrics import NoMetrics
from asgi_auth.infrastructure.redis_client import RedisClient
from tests.infrastructure.cache.feeds import TestFeed, make_hub

KEY = b"k" * 32
TAGS = (("session", "s1"), ("user", "u1"))
NOW = 1_795_348_800.0


async def until(condition: Callable[[], object]) -> None:
    """Wait until something has happened elsewhere."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def polled(ask: Callable[[], Awaitable[object]], is_enough: Callable[[Any], object]) -> None:
    """Ask again and again until the answer is enough."""
    async with asyncio.timeout(60):
        while not is_enough(await ask()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


class Process:
    """One process: its feed, its hub, its part of the shared cache."""

    def __init__(self, url: str, *, key: bytes = KEY, timeout: float = 5.0) -> None:
        self.client = RedisClient(url, RedisOptions(timeout=timedelta(seconds=timeout)), metrics=NoMetrics())
        self.feed = TestFeed()
        self.hub = make_hub(record=self.feed)
        self.attendance = Attendance(self.client, self.hub)
        self.now = NOW
        self.cache = RedisCache(self.client, key=key, attendance=self.attendance, seconds=lambda: self.now)
        self.hub.share(self.cache)

    async def start(self) -> None:
        """Begin, with a feed that is up."""
        await self.hub.start()
        self.feed.comes_up()
        await self.attendance.start()

    async def begin_at_once(self) -> None:
        """Begin as if it had seen another process attend."""
        await self.hub.start()
        self.feed.comes_up()
        self.attendance._is_present = True

    async def attends(self) -> None:
        """Wait until it may read and write."""
        await until(lambda: self.attendance.is_present)

    async def find(self, key: str) -> bytes | None:
        return await self.cache.find("session", key)

    async def put(self, key: str, value: bytes, *, tags=TAGS, lifetime: float = 600.0) -> None:
        await self.cache.put("session", key, value, lifetime=lifetime, tags=tags)

    async def remember(self, key: str, value: bytes, **options) -> None:
        """Read nothing, then put; as whoever finds nothing does."""
        assert await self.find(key) is None
        await self.put(key, value, **options)

    async def close(self) -> None:
        await self.attendance.close()
        await self.hub.close()
        await self.client.close()


@asynccontextmanager
async def process(url: str, **options) -> AsyncIterator[Process]:
    """A process that attends, closed at the end."""
    one = Process(url, **options)
    await one.start()
    try:
        await one.attends()
        yield one
    finally:
        await one.close()
