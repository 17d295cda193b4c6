"""Single flight: of many who want the same read at once, one reads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

V = TypeVar("V")
_Landings = dict[tuple[int, str], asyncio.Future[V] | None]


class _Abandoned(Exception):
    """Whoever was reading has been cancelled; somebody else has to."""


class Flights(Generic[V]):
    """The reads that are under way in this process, by key.

    Whoever comes first reads within its own task; the others wait for what comes of it. If the first is cancelled, the
    next one reads.
    """

    def __init__(self) -> None:
        self._flights: _Landings[V] = {}

    async def join(self, key: str, read: Callable[[], Awaitable[V]]) -> V:
        """What ``read`` returns or raises, here or in the task that was first."""
        mine = (id(asyncio.get_running_loop()), key)  # nobody can wait for another event loop
        while mine in self._flights:
            try:
                return await self._land(mine)
            except _Abandoned:
                continue
        flights = self._flights
        flights[mine] = None
        try:
            value = await read()
        except BaseException as error:
            is_abandoned = isinstance(error, asyncio.CancelledError | GeneratorExit)
            _fail(flights.pop(mine), _Abandoned() if is_abandoned else error)
            raise
        landing = flights.pop(mine)
        if landing is not None:
            landing.set_result(value)
        return value

    def close_gates(self) -> None:
        """Let nobody join what is under way now: it may have begun before something changed."""
        if self._flights:
            self._flights = {}

    async def _land(self, mine: tuple[int, str]) -> V:
        landing = self._flights[mine]
        if landing is None:
            landing = self._flights[mine] = asyncio.get_running_loop().create_future()
        return await asyncio.shield(landing)


def _fail(landing: asyncio.Future[V] | None, error: BaseException) -> None:
    if landing is not None and not landing.get_loop().is_closed():
        landing.set_exception(error)
        landing.exception()  # whoever waited may be gone; then it is nobody's surprise
