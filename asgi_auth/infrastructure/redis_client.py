"""Redis, as everything here uses it: bounded in time, behind a circuit breaker, its errors translated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.util import find_spec
from typing import Any, TypeVar

import structlog

from asgi_auth.config import RedisOptions
from asgi_auth.errors import ConfigurationError, Unavailable
from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker
from asgi_auth.infrastructure.metrics import Metrics

T = TypeVar("T")

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

    Every method raises Unavailable where Redis does not answer in time, and at once while it is known to be down.

    Raises:
        ConfigurationError: the package ``redis`` is not installed, or the URL is none of its.
    """

    def __init__(self, url: str, options: RedisOptions, *, metrics: Metrics) -> None:
        if find_spec("redis") is None:
            raise ConfigurationError("Redis needs a client: pip install 'asgi-auth[redis]'")
        self._url = url
        self._options = options
        self.timeout = options.timeout.total_seconds()
        self.prefix = options.prefix
        self.breaker = CircuitBreaker("redis", probe=self._ping, timeout=self.timeout, metrics=metrics)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._redis: Any = None
        self._renew()

    def connection(self) -> Any:
        """A client of the redis package with one connection of its own, without a time limit: to listen with."""
        return self._built(max_connections=1, socket_timeout=None)

    async def run(self, use: Callable[[Any], Awaitable[T]]) -> T:
        """What ``use`` makes of the redis package's client; it is bounded in time and may be cancelled."""
        self.breaker.check()
        try:
            answer = await self._bounded(use)
        except Exception as error:  # noqa: BLE001  (translated, whatever it is)
            if not _is_outage(error):
                _logger.error("redis.refused", error=type(error).__name__)  # noqa: TRY400  (it may quote values)
                raise Unavailable from None
            _logger.error("redis.unavailable", error=type(error).__name__)  # noqa: TRY400  (likewise)
            self.breaker.failed()
            raise Unavailable from None
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
        await self.breaker.close()
        redis, self._redis = self._redis, None
        if redis is not None and self._loop is asyncio.get_running_loop():
            await redis.aclose()

    async def _bounded(self, use: Callable[[Any], Awaitable[T]]) -> T:
        async with asyncio.timeout(self.timeout):
            return await use(self._client())

    async def _ping(self) -> None:
        await self._client().execute_command("PING")

    def _client(self) -> Any:
        loop = asyncio.get_running_loop()
        if self._redis is None or self._loop is not loop:
            self._loop = loop
            self._renew()
        return self._redis

    def _renew(self) -> None:
        self._redis = self._built(max_connections=self._options.max_connections, socket_timeout=self.timeout)

    def _built(self, *, max_connections: int, socket_timeout: float | None) -> Any:
        from redis.asyncio import BlockingConnectionPool, Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        try:
            pool = BlockingConnectionPool.from_url(
                self._url,
                max_connections=max_connections,
                timeout=self.timeout,
                socket_timeout=socket_timeout,
                socket_connect_timeout=self.timeout,
                retry=Retry(NoBackoff(), 0),
                protocol=2,
            )
        except ValueError:  # its message would quote the URL
            raise ConfigurationError("redis is a URL: redis://user:password@host:6379/0") from None
        return Redis.from_pool(pool)


def _is_outage(error: Exception) -> bool:
    """Whether Redis could not be reached or is not ready; else it has refused what it was asked."""
    if isinstance(error, TimeoutError | OSError):
        return True
    names = {base.__name__ for base in type(error).__mro__ if base.__module__.startswith("redis.")}
    return bool(names & {"ConnectionError", "TimeoutError", "ReadOnlyError", "OutOfMemoryError", "BusyLoadingError"})
