"""Connections to Redis that survive cancellation, crowds and changes of the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def new_pool(*, max_connections: int, **options: Any) -> Any:
    """A pool of the package's connections in which whoever comes when all are in use waits for their turn.

    ``options`` are those of ``connection_options``.
    """
    from redis.asyncio import ConnectionPool

    return type("Pool", (_Turns, ConnectionPool), {})(max_connections=max_connections, **options)


class _Turns:
    """What is different in our pool; the rest is the package's ConnectionPool, which may not be there.

    Giving a connection back never waits, so that no cancellation can come between; one that was interrupted while it
    was being opened is closed, and opened anew when it is next used. (The package's own blocking pool loses a place
    for ever where giving back is cancelled, and a wake-up where waiting is.)
    """

    get_available_connection: Callable[[], Any]
    make_connection: Callable[[], Any]
    _available_connections: list[Any]
    _in_use_connections: set[Any]

    def __init__(self, *, max_connections: int, **options: Any) -> None:
        super().__init__(max_connections=max_connections, **options)  # type: ignore[call-arg]
        self._turns = asyncio.Semaphore(max_connections)
        self._is_closed = False

    def __repr__(self) -> str:
        """Nothing of how we enter: some versions of the package show the password."""
        return "<pool of connections to Redis>"

    async def get_connection(self, *_: Any, **__: Any) -> Any:
        """A connection that is open and of which nobody expects anything."""
        await self._turns.acquire()
        connection = self.get_available_connection()
        try:
            await self.ensure_connection(connection)
        except BaseException:
            await connection.disconnect(nowait=True)
            await self.release(connection)
            raise
        return connection

    async def ensure_connection(self, connection: Any) -> None:
        """Open a connection, or see that nobody expects anything of it."""
        if self._is_closed:
            raise ConnectionError("closed")
        await super().ensure_connection(connection)  # type: ignore[misc]

    async def release(self, connection: Any) -> None:
        """Take a connection back."""
        if self._is_closed:
            await connection.disconnect(nowait=True)
        self._in_use_connections.discard(connection)
        self._available_connections.append(connection)
        self._turns.release()

    def spare(self) -> Any:
        """One more connection, not open yet, that does not belong to the pool."""
        return self.make_connection()

    async def aclose(self) -> None:
        """Close all connections; those in use, and whoever waits for one, end with an error."""
        self._is_closed = True
        await super().aclose()  # type: ignore[misc]

    def abandon(self) -> None:
        """Close all connections of an event loop that does not run any more."""
        for connection in (*self._available_connections, *self._in_use_connections):
            _abandon(connection)


def connection_options(url: str, *, connect_timeout: float) -> dict[str, Any]:
    """What a Pool takes for a URL; raises ValueError for one that is none.

    Time is limited around whole uses, not here, and nothing is tried twice. What we rely on no URL may change.
    """
    from redis.asyncio.connection import parse_url
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    ours = {
        "socket_timeout": None,
        "socket_connect_timeout": connect_timeout,
        "retry": Retry(NoBackoff(), 0),
        "retry_on_timeout": False,
        "health_check_interval": 0,
        "protocol": 2,
        "decode_responses": False,
    }
    parsed: dict[str, Any] = {**parse_url(url)}
    for option in ("max_connections", "timeout"):
        parsed.pop(option, None)
    return {**parsed, **ours}


def _abandon(connection: Any) -> None:
    """Close a connection without its event loop, which cannot be asked any more: only its socket is left to close."""
    writer = connection._writer  # noqa: SLF001  (there is no other way to it)
    connection._reader = connection._writer = None  # noqa: SLF001
    if writer is None:
        return
    transport = writer.transport
    try:
        transport.abort()
    except RuntimeError:  # the loop is closed
        socket, transport._sock = getattr(transport, "_sock", None), None  # noqa: SLF001
        if socket is not None:
            socket.close()
