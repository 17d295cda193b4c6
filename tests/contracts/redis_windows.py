"""Windows in a Redis, with a client of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from asgi_auth.config import RedisOptions
from asgi_auth.infrastructure.metrics import NoMetrics
from asgi_auth.infrastructure.redis_client import RedisClient
from asgi_auth.infrastructure.redis_rate_limit import RedisWindows

PATIENT = RedisOptions(timeout=timedelta(seconds=5))  # a machine may be slow, which is not what is tested


@asynccontextmanager
async def redis_windows(url: str) -> AsyncIterator[RedisWindows]:
    client = RedisClient(url, PATIENT, metrics=NoMetrics())
    try:
        yield RedisWindows(client, space="tests")
    finally:
        await client.close()
