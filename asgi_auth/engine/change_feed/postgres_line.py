"""One connection to PostgreSQL that listens, and can prove that it hears."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from secrets import token_hex
from time import monotonic
from typing import Any, TypeVar

from asgi_auth.engine.change_feed.feed import CannotTell, Lost
from asgi_auth.engine.change_feed.postgres_triggers import CHANNEL

T = TypeVar("T")

PATIENCE = 5.0
"""Seconds for each step until the line is up."""

_REFUSES_LISTEN = frozenset({"0A000", "25006", "42501"})
"""Not supported, read-only, not allowed: a standby says one of these."""


class Line:
    """A connection of asyncpg's that listens on our channel, and on one of its own for its own echo.

    No wait on it ends by asyncpg's own time limit or by cancellation: to tell a silent server of that, asyncpg would
    open another connection to it. The connection is cut instead.

    Args:
        connection: asyncpg's, used by nobody else.
        hear: is given every message.
    """

    def __init__(self, connection: Any, hear: Callable[[str], None]) -> None:
        self._connection = connection
        self._hear = hear
        # Each process has an own channel for this, so that the others are not sent its echoes.
        self._channel = f"{CHANNEL}_{token_hex(16)}"
        self._count = 0
        self._echo: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.add_termination_listener(self._end)

    async def listen(self) -> None:
        """Begin to listen; raises CannotTell where the server does not know how to."""
        try:
            await self.within(PATIENCE, self._connection.add_listener(CHANNEL, self._on_message))
            await self.within(PATIENCE, self._connection.add_listener(self._channel, self._on_echo))
        except Exception as error:
            if getattr(error, "sqlstate", None) in _REFUSES_LISTEN:
                raise CannotTell(
                    "the server refuses LISTEN, as a standby does: let the URL lead to the primary server"
                ) from None
            raise

    async def fetch(self, sql: str, *, within: float = PATIENCE) -> list[Any]:
        """The rows of a statement without values."""
        rows: list[Any] = await self.within(within, self._connection.fetch(sql))
        return rows

    async def prove(self, other: Any) -> None:
        """Find out whether this connection is told of what another one does while nothing is asked on it.

        A pooler that lends connections for one transaction each hands notifications to nobody, or to anybody. Raises
        CannotTell where it is so.
        """
        expected = self._expect()
        await _bounded(other, PATIENCE, other.execute(self._call()))
        await asyncio.wait({expected, self._ended}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if expected.done():
            return
        await self.fetch("SELECT 1")  # raises where it is the line that is down
        raise CannotTell(
            "notifications do not arrive, as behind a pooler in transaction mode: give the database's own address, "
            "or a pooler's that keeps one connection for each client (session mode)"
        )

    async def beat(self, *, within: float) -> float:
        """Send ourselves a message; returns when that was (``monotonic``), once it has come back.

        PostgreSQL delivers in the order of commits, so that everything that was committed before has been heard. Raises
        Lost where it does not come back in time.
        """
        sent = monotonic()
        expected = self._expect()
        await self.within(within, self._connection.execute(self._call()))
        await asyncio.wait({expected, self._ended}, timeout=sent + within - monotonic(), return_when="FIRST_COMPLETED")
        if not expected.done():
            raise Lost("an echo is missing")
        return sent

    async def pause(self, seconds: float) -> None:
        """Wait, and raise Lost as soon as the connection ends."""
        await asyncio.wait({self._ended}, timeout=seconds)
        if self._ended.done():
            raise Lost("the connection has ended")

    async def within(self, seconds: float, asking: Coroutine[Any, Any, T]) -> T:
        """What is answered in time; raises Lost, and cuts the connection, where nothing is."""
        return await _bounded(self._connection, seconds, asking)

    def _expect(self) -> asyncio.Future[None]:
        self._count += 1
        self._echo = asyncio.get_running_loop().create_future()
        return self._echo

    def _call(self) -> str:
        # Nobody has to wait until a disk has written that we are alive.
        return f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{self._channel}', '{self._count}')"

    def _on_message(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        self._hear(str(payload))

    def _on_echo(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == str(self._count) and not self._echo.done():
            self._echo.set_result(None)

    def _end(self, _connection: object) -> None:
        if not self._ended.done():
            self._ended.set_result(None)


async def _bounded(connection: Any, seconds: float, asking: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(asking)
    try:
        await asyncio.wait({task}, timeout=seconds)
        if not task.done():
            raise Lost("the server is silent")
    finally:
        if not task.done():
            connection.terminate()
            await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
    return task.result()
