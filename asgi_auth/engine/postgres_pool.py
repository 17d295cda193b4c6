"""Connections to Postgres: taken and given back at next to no cost, and never given on while in doubt."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from asyncpg import exceptions

from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker

KEPT_IDLE = 300.0
"""Seconds an unused connection is kept: firewalls forget silent ones, and tell nobody."""
FAREWELL = 1.0
"""Seconds a server has to take leave of a connection."""

Open = Callable[[float], Awaitable[Any]]

_logger = structlog.get_logger("asgi_auth.engine")


def is_answer(error: BaseException) -> bool:
    """Whether an error is the server's answer to a statement, or the driver's to its values: nothing is in doubt."""
    is_told = isinstance(error, exceptions.PostgresError | exceptions.DataError)
    return is_told and not is_lost(error) and not takes_no_writes(error)


def is_lost(error: BaseException) -> bool:
    """Whether a connection has ended, or could not be had: with another one it may well work."""
    if isinstance(error, TimeoutError | exceptions.DataError):
        return False
    kinds = (OSError, exceptions.InterfaceError, exceptions.InternalClientError, exceptions.PostgresConnectionError)
    return isinstance(error, (*kinds, exceptions.OperatorInterventionError)) and not isinstance(
        error, exceptions.QueryCanceledError
    )


def takes_no_writes(error: BaseException | None) -> bool:
    """Whether a connection only reads: it leads to what is a standby by now, and another one may not."""
    return isinstance(error, exceptions.ReadOnlySQLTransactionError)


class PostgresPool:
    """So many connections at most, opened as they are needed; the last one given back is the next one taken.

    asyncpg's own pool makes a task and a proxy for each use, which costs as much again as reading a session.

    Args:
        connect: opens a connection within so many seconds.
        size: connections at most.
        breaker: told of each connection that could not be had.
        patience: seconds that the server has to end a cancelled statement, before its connection is given up.
        grace: seconds that whoever is still at work has when the pool closes.
        kept: seconds an unused connection is kept (default 300).
    """

    def __init__(
        self,
        connect: Open,
        *,
        size: int,
        breaker: CircuitBreaker,
        patience: float,
        grace: float,
        kept: float = KEPT_IDLE,
    ) -> None:
        self._connect = connect
        self._breaker = breaker
        self._patience = patience
        self._grace = grace
        self._kept = kept
        self._seats = asyncio.Semaphore(size)
        self._idle: list[tuple[Any, float]] = []
        self._taken: set[Any] = set()
        self._washing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def taken(self) -> int:
        """How many are in use, those included on which a cancelled statement is still ending."""
        return len(self._taken)

    async def take(self, deadline: float) -> Any:
        """A connection to be given back or dropped; raises TimeoutError when none is free by then (loop time)."""
        await self._take_seat(deadline)
        try:
            connection = self._find_idle() or await self._open(deadline)
        except BaseException:
            self._seats.release()
            raise
        self._taken.add(connection)
        return connection

    async def _take_seat(self, deadline: float) -> None:
        self._check()
        if self._seats.locked():
            async with asyncio.timeout_at(deadline):
                await self._seats.acquire()
        else:
            await self._seats.acquire()
        try:
            self._check()  # it may have been closed while this one waited
        except Unavailable:
            self._seats.release()
            raise

    def _check(self) -> None:
        if self._is_closed:
            raise Unavailable

    def _find_idle(self) -> Any:
        oldest = asyncio.get_running_loop().time() - self._kept
        while self._idle:
            connection, since = self._idle.pop()
            if since > oldest and not connection.is_closed():
                return connection
            connection.terminate()
        return None

    async def _open(self, deadline: float) -> Any:
        try:
            connection = await self._connect(deadline - asyncio.get_running_loop().time())
        except exceptions.TooManyConnectionsError:
            raise  # it is there, and answers those who have one
        except Exception:
            if not self._is_closed:  # else nobody would end the probes
                self._breaker.failed()
            raise
        if self._is_closed:
            connection.terminate()
            raise Unavailable
        return connection

    async def open(self, *, count: int, deadline: float) -> None:
        """Open some to begin with; raises what the driver raises where that fails."""
        opened = []
        try:
            for _ in range(count):
                opened.append(await self.take(deadline))  # noqa: PERF401  (all are given back, whatever comes)
        finally:
            for connection in opened:
                self.give(connection)

    def give(self, connection: Any) -> None:
        """Take a connection back on which nothing is under way."""
        if self._is_closed or connection.is_closed() or connection.is_in_transaction():
            self.drop(connection)
            return
        self._taken.discard(connection)
        now = asyncio.get_running_loop().time()
        self._idle.append((connection, now))
        self._seats.release()
        if self._idle[0][1] < now - self._kept:
            self._idle.pop(0)[0].terminate()

    def drop(self, connection: Any) -> None:
        """End a connection and let the next one be opened in its place."""
        connection.terminate()
        self._taken.discard(connection)
        self._seats.release()

    def give_after(self, connection: Any, error: BaseException) -> None:
        """Take a connection back on which a statement has failed, as far as it can be used again."""
        if is_answer(error):
            self.give(connection)
        elif isinstance(error, asyncio.CancelledError):
            self.give_unfinished(connection)
        else:
            self.drop(connection)
            self.forget_idle()

    def give_unfinished(self, connection: Any) -> None:
        """Take a connection back whose statement nobody waits for any more: its server may be as well as ever."""
        if connection.is_closed():
            self.drop(connection)
            return
        washing = asyncio.get_running_loop().create_task(self._wash(connection), name="asgi_auth connection")
        self._washing.add(washing)
        washing.add_done_callback(self._washing.discard)

    async def _wash(self, connection: Any) -> None:
        """Wait until a cancelled statement is over and its reply is gone, and only then let the next one have it."""
        try:
            async with asyncio.timeout(self._patience):
                await connection.reset()
        except TimeoutError:
            self._breaker.failed()
            connection.terminate()
        except Exception:  # noqa: BLE001  (whatever is wrong with it, nobody gets it)
            connection.terminate()
        except asyncio.CancelledError:
            connection.terminate()
            raise
        finally:
            self.give(connection)

    def forget_idle(self) -> None:
        """End what is idle: what has befallen one connection has mostly befallen all."""
        idle, self._idle = self._idle, []
        for connection, _ in idle:
            connection.terminate()

    async def close(self) -> None:
        """Close all connections, those in use once they come back; after ``grace`` whether or not they have."""
        self._is_closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._say_farewell(connection) for connection, _ in idle))
        with suppress(TimeoutError):
            async with asyncio.timeout(self._grace):
                while self._taken:
                    await self._seats.acquire()
        for connection in tuple(self._taken):
            connection.terminate()
        for washing in tuple(self._washing):
            washing.cancel()
        await asyncio.gather(*self._washing, return_exceptions=True)

    @staticmethod
    async def _say_farewell(connection: Any) -> None:
        try:
            await connection.close(timeout=FAREWELL)
        except Exception as error:  # noqa: BLE001  (it goes either way)
            _logger.debug("database.farewell_failed", error=type(error).__name__)
            connection.terminate()
