"""Whether everything answers that an Auth rests on: checks, asked together, one answer for all who ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
from typing import Any, Final, Literal, TypeGuard

import structlog

from asgi_auth.errors import ConfigurationError, Unavailable

CHECK_TIMEOUT: Final = 2.0
"""Seconds after which whatever has not answered counts as down."""

SHARED_FOR: Final = 1.0
"""Seconds for which an answer is given to everybody who asks."""

Ask = Callable[[], Awaitable[None]]
Trouble = Literal["timeout", "unavailable", "failed"]

_TROUBLES: Mapping[str, Trouble] = MappingProxyType(
    {TimeoutError.__name__: "timeout", Unavailable.__name__: "unavailable"}
)

_logger = structlog.get_logger("asgi_auth.health")


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """One thing that is asked how it is.

    Attributes:
        name: what it is called in answers ("database"); anybody may read it.
        ask: returns once it has answered; raises whatever is wrong. It should take no more than ``CHECK_TIMEOUT``, and
            is never asked again while it is still being asked.
        is_vital: without it requests cannot be served: no traffic should come (default True).
    """

    name: str
    ask: Ask
    is_vital: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """How one of them is.

    Attributes:
        milliseconds: how long it took.
        is_vital: as its check says.
        error: the name of the exception's type; None where it answered.
    """

    milliseconds: float
    is_vital: bool
    error: str | None = None

    @property
    def trouble(self) -> Trouble | None:
        """What kind of trouble that is, for whoever may ask; None where it answered."""
        return None if self.error is None else _TROUBLES.get(self.error, "failed")


@dataclass(frozen=True, slots=True)
class HealthReport:
    """How all of them are, by name."""

    checks: Mapping[str, CheckResult]

    @property
    def status(self) -> Literal["up", "degraded", "down"]:
        """Where something vital is down, "down"; where something else is, "degraded"."""
        failed = [result for result in self.checks.values() if result.error is not None]
        if any(result.is_vital for result in failed):
            return "down"
        return "degraded" if failed else "up"


class Health:
    """All checks of one Auth.

    ``seconds`` tells the time; ``timeout`` may be set: seconds that each may take.
    """

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self.timeout = CHECK_TIMEOUT
        self._seconds = seconds
        self._probes: dict[str, _Probe] = {}
        self._run: asyncio.Task[HealthReport] | None = None
        self._ended = 0.0

    def add(self, check: HealthCheck) -> None:
        """Have one more asked; raises ConfigurationError where there is one of this name."""
        if check.name in self._probes:
            raise ConfigurationError(f"there is a health check named {check.name} already")
        self._probes[check.name] = _Probe(check)

    async def report(self) -> HealthReport:
        """How everything is, or was a second ago: many who ask make nothing busier than one."""
        run = self._run
        if run is None or not self._is_shared(run):
            run = self._run = asyncio.create_task(self._timed())
        return await asyncio.shield(run)

    async def ask(self) -> HealthReport:
        """How everything is now."""
        results = await asyncio.gather(*(probe.result(self.timeout) for probe in self._probes.values()))
        return HealthReport(dict(zip(self._probes, results, strict=True)))

    async def close(self) -> None:
        """End what is being asked; it may be used again afterwards."""
        run, self._run = self._run, None
        tasks = [task for task in (run, *(probe.task for probe in self._probes.values())) if _is_ours(task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _timed(self) -> HealthReport:
        try:
            return await self.ask()
        finally:
            self._ended = self._seconds()

    def _is_shared(self, run: asyncio.Task[HealthReport]) -> bool:
        if run.get_loop() is not asyncio.get_running_loop() or (run.done() and run.cancelled()):
            return False
        return not run.done() or 0 <= self._seconds() - self._ended < SHARED_FOR


class _Probe:
    """A check, asked by one task at a time."""

    def __init__(self, check: HealthCheck) -> None:
        self.check = check
        self.task: asyncio.Task[None] | None = None
        self._was_down = False

    async def result(self, timeout: float) -> CheckResult:  # noqa: ASYNC109  (the task goes on, and is waited for again)
        began = perf_counter()
        task = self.task
        if not _is_ours(task):
            task = self.task = asyncio.create_task(self._asking())
        error = await _error(task, timeout)
        self._note(error)
        milliseconds = round((perf_counter() - began) * 1000, 1)
        return CheckResult(milliseconds=milliseconds, is_vital=self.check.is_vital, error=error)

    async def _asking(self) -> None:
        await self.check.ask()

    def _note(self, error: str | None) -> None:
        """Log every change."""
        if error is not None and not self._was_down:
            _logger.warning("health.down", check=self.check.name, error=error, is_vital=self.check.is_vital)
        elif error is None and self._was_down:
            _logger.info("health.up", check=self.check.name)
        self._was_down = error is not None


def _is_ours(task: asyncio.Task[Any] | None) -> TypeGuard[asyncio.Task[Any]]:
    """Whether a task is under way in this event loop."""
    return task is not None and not task.done() and task.get_loop() is asyncio.get_running_loop()


async def _error(task: asyncio.Task[None], timeout: float) -> str | None:  # noqa: ASYNC109  (likewise)
    await asyncio.wait({task}, timeout=timeout)
    if not task.done():
        task.cancel()  # it may not let go at once: until it does, nobody else is sent
        return TimeoutError.__name__
    if task.cancelled():
        return TimeoutError.__name__
    error = task.exception()
    return None if error is None else type(error).__name__
