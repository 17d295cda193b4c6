"""Telling an error tracker what went wrong: beside the request, redacted, and never more than it can take."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable, iscoroutine
from time import monotonic

import structlog

from asgi_auth.asgi.types import Scope
from asgi_auth.infrastructure.redaction import redacted_error, redacted_scope

OnError = Callable[[BaseException, Mapping[str, object]], Awaitable[None] | None]

MOST_AT_ONCE = 16
"""Reports under way; a hook that hangs takes no more threads than these."""

MOST_PER_SECOND = 10
"""When a database is down every request fails for the same reason."""

TIMEOUT = 10.0
"""Seconds that an asynchronous hook may take."""

CLOSING_TIME = 2.0
"""Seconds in which what is under way may come to its end when everything closes."""

_logger = structlog.get_logger("asgi_auth.error_reports")


class ErrorReports:
    """Calls the hook of one Auth, in a thread of its own; what it awaits, it awaits in the event loop.

    ``hook`` is None where nobody wants to know.
    """

    def __init__(self, hook: OnError | None) -> None:
        self._hook = hook
        self._under_way: set[asyncio.Future[None]] = set()
        self._second = 0.0
        self._in_second = 0
        self._has_dropped = False

    def report(self, error: BaseException, scope: Scope) -> None:
        """Have the hook called; returns at once and never raises."""
        if self._hook is None:
            return
        try:
            if self._is_too_much():
                return
            self._start(self._hook, redacted_error(error), redacted_scope(scope))
        except Exception as failure:  # noqa: BLE001  (a report that cannot be made changes no answer)
            _logger.error("error_report.failed", error=type(failure).__name__)  # noqa: TRY400

    async def close(self) -> None:
        """Wait a moment for what is under way."""
        loop = asyncio.get_running_loop()
        mine = {done for done in self._under_way if done.get_loop() is loop}
        if mine:
            await asyncio.wait(mine, timeout=CLOSING_TIME)

    def _is_too_much(self) -> bool:
        now = monotonic()
        if now - self._second >= 1:
            self._second, self._in_second, self._has_dropped = now, 0, False
            # Those of an event loop that was closed over them will never end.
            self._under_way = {done for done in self._under_way if not done.get_loop().is_closed()}
        self._in_second += 1
        is_too_much = self._in_second > MOST_PER_SECOND or len(self._under_way) >= MOST_AT_ONCE
        if is_too_much and not self._has_dropped:
            self._has_dropped = True
            _logger.warning("error_report.dropped", under_way=len(self._under_way))
        return is_too_much

    def _start(self, hook: OnError, error: BaseException, scope: Mapping[str, object]) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def finish() -> None:
            self._under_way.discard(done)
            if not done.done():
                done.set_result(None)

        def call() -> None:
            waited_for = None
            try:
                waited_for = hook(error, scope)
            except BaseException as failure:  # noqa: BLE001  (one that is not noticed would count as under way for ever)
                _failed(failure)
            try:
                loop.call_soon_threadsafe(self._go_on, waited_for, finish)
            except RuntimeError:  # the loop was closed over it
                if iscoroutine(waited_for):
                    waited_for.close()

        threading.Thread(target=call, name="asgi_auth error report", daemon=True).start()
        self._under_way.add(done)

    def _go_on(self, waited_for: Awaitable[None] | None, finish: Callable[[], None]) -> None:
        if not isawaitable(waited_for):
            finish()
            return
        task = asyncio.get_running_loop().create_task(_bounded(waited_for))
        task.add_done_callback(lambda _: finish())


async def _bounded(waited_for: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(TIMEOUT):
            await waited_for
    except Exception as failure:  # noqa: BLE001
        _failed(failure)


def _failed(failure: BaseException) -> None:
    # Its text may hold anything that it was given.
    _logger.error("error_report.failed", error=type(failure).__name__)
