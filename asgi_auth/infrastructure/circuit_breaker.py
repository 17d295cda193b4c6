"""A circuit breaker: what is known to be down is not waited for, and asked in the background until it is back."""

from __future__ import annotations

import asyncio
import contextvars
import random
from collections.abc import Awaitable, Callable

import structlog

from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.metrics import BREAKER_OPEN, Metrics

PROBE_EVERY = 0.25
"""Seconds between two probes, give or take a fifth."""

_logger = structlog.get_logger("asgi_auth.circuit_breaker")


class CircuitBreaker:
    """Guards one dependency of this process.

    Args:
        name: what it is called in logs and metrics ("redis", "database").
        probe: asks it for a sign of life; raises anything where there is none.
        timeout: seconds a probe may take.
        failures: so many in a row open it (default 1).
        metrics: where its state is shown.
    """

    def __init__(
        self,
        name: str,
        *,
        probe: Callable[[], Awaitable[object]],
        timeout: float,
        metrics: Metrics,
        failures: int = 1,
    ) -> None:
        self.name = name
        self._probe = probe
        self._timeout = timeout
        self._failures = failures
        self._metrics = metrics
        self._in_a_row = 0
        self._is_open = False
        self._probing: asyncio.Task[None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether the dependency is known to be down; looking keeps the probes going."""
        if self._is_open:
            self._keep_probing()
        return self._is_open

    def check(self) -> None:
        """Raise Unavailable while it is open."""
        if self.is_open:
            raise Unavailable

    def succeeded(self) -> None:
        """The dependency has answered."""
        self._in_a_row = 0

    def reset(self) -> None:
        """Close it: the dependency is known to be back."""
        self._in_a_row = 0
        if self._is_open:
            self._is_open = False
            _logger.info("circuit_breaker.closed", dependency=self.name)
            self._metrics.gauge(BREAKER_OPEN, 0, dependency=self.name)

    def failed(self) -> None:
        """The dependency has not answered."""
        self._in_a_row += 1
        if self._in_a_row >= self._failures and not self._is_open:
            self._is_open = True
            _logger.error("circuit_breaker.opened", dependency=self.name)
            self._metrics.gauge(BREAKER_OPEN, 1, dependency=self.name)
            self._keep_probing()

    async def close(self) -> None:
        """Stop probing."""
        task, self._probing = self._probing, None
        if task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _keep_probing(self) -> None:
        loop = asyncio.get_running_loop()
        if self._probing is None or self._probing.done() or self._probing.get_loop() is not loop:
            # It may be under way for hours: the request that found out is not kept so long.
            context = contextvars.Context()
            name = f"asgi_auth probe of {self.name}"
            self._probing = loop.create_task(self._probe_until_back(), name=name, context=context)

    async def _probe_until_back(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY * random.uniform(0.8, 1.2))  # noqa: S311  (spreads load, hides nothing)
            try:
                async with asyncio.timeout(self._timeout):
                    await self._probe()
            except Exception:  # noqa: BLE001, S112  (whatever is wrong, it is not back)
                continue
            self.reset()
            return
