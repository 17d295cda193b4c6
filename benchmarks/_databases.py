"""What is measured on: an empty SQLite file, and PostgreSQL and Redis where a server lets us in."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import redis.asyncio
from redis.exceptions import RedisError

LOCAL = "postgresql://postgres@127.0.0.1:5432/postgres"
LOCAL_REDIS = "redis://127.0.0.1:6379"


@asynccontextmanager
async def empty_databases() -> AsyncIterator[dict[str, str]]:
    """URLs of empty databases by name: "sqlite", and "postgres" where there is one; all are gone after the block.

    The PostgreSQL server is the one of ASGI_AUTH_TEST_POSTGRES, else that on 127.0.0.1:5432.
    """
    with tempfile.TemporaryDirectory(prefix="asgi-auth-benchmark-") as folder:
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'benchmark.sqlite'}"}
        async with _postgres() as url:
            yield urls if url is None else {**urls, "postgres": url}


@asynccontextmanager
async def _postgres() -> AsyncIterator[str | None]:
    server = os.environ.get("ASGI_AUTH_TEST_POSTGRES", LOCAL)
    name = f"asgi_auth_benchmark_{uuid4().hex[:12]}"
    if not await _runs(server, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"):
        yield None
        return
    try:
        parts = urlsplit(server)
        query = f"?{parts.query}" if parts.query else ""
        yield f"{parts.scheme}://{parts.netloc}/{name}{query}"
    finally:
        await _runs(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _runs(url: str, statement: str) -> bool:
    """Whether the server could be reached and would do it."""
    with suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        connection = await asyncpg.connect(url, timeout=5)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
        return True
    return False


@asynccontextmanager
async def empty_redis() -> AsyncIterator[dict[str, str] | None]:
    """Where a Redis lets us in, its "url" and a "prefix" of our own; the keys that begin with it are gone afterwards.

    The server is the one of ASGI_AUTH_TEST_REDIS, else that on 127.0.0.1:6379.
    """
    server = os.environ.get("ASGI_AUTH_TEST_REDIS", LOCAL_REDIS)
    prefix = f"asgi_auth_benchmark_{uuid4().hex[:12]}"
    async with redis.asyncio.from_url(server, socket_connect_timeout=5) as client:
        try:
            await client.ping()
        except (RedisError, OSError):
            yield None
            return
        try:
            yield {"url": server, "prefix": prefix}
        finally:
            async for key in client.scan_iter(f"{prefix}*", count=1000):
                await client.delete(key)
