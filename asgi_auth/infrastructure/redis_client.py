"""Redis, as everything here uses it: bounded in time, behind a circuit breaker, its errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.util import find_spec
from time import monotonic
from typing import Any, TypeVar

import structlog

from asgi_auth.config import RedisOptions
from asgi_auth.errors import ConfigurationError, Unavailable
from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker
from asgi_auth.infrastructure.metrics import Metrics
from asgi_auth.infrastructure.redis_pool import connection_options, new_pool
from asgi_auth.infrastructure.time_limit import time_limit

T = TypeVar("T")

SILENT = frozenset({"ConnectionError", "TimeoutError"})
NOT_NOW = frozenset(
    {
        "AuthenticationError",
        "AuthorizationError",
        "BusyLoadingError",
        "ClusterDownError",
        "OutOfMemoryError",
        "ReadOnlyError",
    }
)
"""Errors of the redis package, by name because the package may not be there."""

NOT_NOW_WORDS = ("READONLY", "OOM", "MISCONF", "BUSY", "NOREPLICAS")
"""With what Redis begins an answer of that kind for which there is no error of its own."""

_logger = structlog.get_logger("asgi_auth.redis")


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script that Redis runs in one step.

    Attributes:
        text: its source.
        digest: what Redis knows it by once it has seen it.
    """

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> Script:
        """A script with its digest."""
        return cls(text, sha1(text.encode()).hexdigest())  # noqa: S324  (Redis' own name for it, no secret)


class RedisClient:
    """The connections of one Auth to its Redis; opened as they are needed, in the event loop that needs them.

    Every method raises Unavailable where Redis does not answer in time, takes no writes or lets us not in, and at once
    while that is known: from the first time on, until a probe in the background has written something. Redis is not
    taken to be down because one connection broke or one command took long, while it answers others. One server or
    one primary is meant: Redis Cluster is not supported.

    Attributes:
        timeout: seconds for a use, waiting for a connection and opening it included.
        prefix: what our keys begin with.
        database: the number of the database; channels are not divided by it.
        breaker: whether Redis is known to be down.

    Raises:
        ConfigurationError: the package ``redis`` is not installed, or the URL is none of its.
    """

    def __init__(self, url: str, options: RedisOptions, *, metrics: Metrics) -> None:
        if find_spec("redis") is None:
            raise ConfigurationError('Redis needs a client: pip install "asgi-auth[redis]"')
        self.timeout = options.timeout.total_seconds()
        self.prefix = options.prefix
        try:
            self._connecting = connection_options(url, connect_timeout=self.timeout)
            new_pool(max_connections=1, **self._connecting).make_connection()
        except (ValueError, TypeError):  # their messages would quote the URL
            raise ConfigurationError(
                "redis is a URL with options that its package knows: redis://user:password@host:6379/0"
            ) from None
        self.database = int(self._connecting.get("db", 0))
        self.breaker = CircuitBreaker("redis", probe=self._probe, timeout=self.timeout, metrics=metrics)
        self._max_connections = options.max_connections
        self._loop: asyncio.AbstractEventLoop | None = None
        self._redis: Any = None
        self._heard_at = float("-inf")

    def connection(self) -> Any:
        """A connection of the redis package's for its caller alone, not open yet and without time limits."""
        return new_pool(max_connections=1, **self._connecting).spare()

    async def run(self, use: Callable[[Any], Awaitable[T]]) -> T:
        """What ``use`` makes of the redis package's client; it is bounded in time and may be cancelled."""
        self.breaker.check()
        redis, began = self._client(), monotonic()
        try:
            async with time_limit(self.timeout):
                answer = await use(redis)
        except Exception as error:  # noqa: BLE001  (translated, whatever it is)
            self._judge(error, redis, began)
            raise Unavailable from None
        self._heard_at = monotonic()
        self.breaker.succeeded()
        return answer

    async def command(self, *parts: str | bytes | float) -> Any:
        """The answer to one command."""
        return await self.run(lambda redis: redis.execute_command(*parts))

    async def evaluate(
        self, script: Script, keys: Sequence[str | bytes], arguments: Sequence[str | bytes | float] = ()
    ) -> Any:
        """The answer of a script, sent whole only where Redis does not know it yet."""
        given = (len(keys), *keys, *arguments)

        async def running(redis: Any) -> Any:
            try:
                return await redis.execute_command("EVALSHA", script.digest, *given)
            except Exception as error:
                if type(error).__name__ != "NoScriptError":
                    raise
                return await redis.execute_command("EVAL", script.text, *given)

        return await self.run(running)

    async def ping(self) -> None:
        """Ask for a sign of life; raises Unavailable where none comes."""
        await self.command("PING")

    async def close(self) -> None:
        """Close all connections; the next use opens them again."""
        redis, self._redis = self._redis, None
        await self.breaker.close()
        if redis is not None:
            await self._leave(redis)

    def _judge(self, error: Exception, redis: Any, began: float) -> None:
        """Say what went wrong, without what the error says: it may quote values."""
        error = _first(error)
        name = type(error).__name__
        if not _is_silence(error) and not _says_not_now(error):
            self._heard_at = monotonic()
            _logger.error("redis.refused", error=name)
        elif _is_silence(error) and self._heard_at > max(began, monotonic() - self.timeout / 2):
            _logger.warning("redis.slow", error=name, timeout=self.timeout)
        elif redis is self._redis:  # else it was closed over it
            if not self.breaker.is_open:
                _logger.error("redis.unavailable", error=name)
            self.breaker.failed()

    async def _probe(self) -> None:
        # A write, and through a connection of today: a server that was the primary yesterday answers a PING as well.
        redis = self._client()
        await redis.connection_pool.disconnect(inuse_connections=False)
        await redis.execute_command("SET", f"{self.prefix}:probe", "", "PX", 1)

    def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        if self._redis is not None and self._loop is not loop:
            redis, self._redis = self._redis, None
            redis.connection_pool.abandon()
        if self._redis is None:
            self._loop = loop
            self._redis = self._built()
        return self._redis

    async def _leave(self, redis: Any) -> None:
        if self._loop is asyncio.get_running_loop():
            await redis.connection_pool.aclose()
            await redis.aclose()
        else:
            redis.connection_pool.abandon()

    def _built(self) -> Any:
        from redis.asyncio import Redis

        return Redis.from_pool(new_pool(max_connections=self._max_connections, **self._connecting))


def _first(error: Exception) -> Exception:
    """What Redis answered, where the package has wrapped it into an error of the connection."""
    cause = error.__cause__
    return cause if isinstance(cause, Exception) and _names(cause) else error


def _is_silence(error: Exception) -> bool:
    """Whether nothing was heard of Redis, or not to the end."""
    return isinstance(error, TimeoutError | OSError) or bool(_names(error) & SILENT and not _says_not_now(error))


def _says_not_now(error: Exception) -> bool:
    """Whether Redis takes no commands, or no writes, from anybody or from us; else it has refused this one."""
    names, text = _names(error), str(error)
    if names & NOT_NOW:
        return True
    # Where a script runs into it, older servers put it into a sentence of the script's.
    return "ResponseError" in names and any(text.startswith(word) or f"-{word} " in text for word in NOT_NOW_WORDS)


def _names(error: Exception) -> set[str]:
    return {base.__name__ for base in type(error).__mro__ if base.__module__.startswith("redis.")}
