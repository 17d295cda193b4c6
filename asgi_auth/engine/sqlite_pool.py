"""SQLite for many tasks at once: one writer, a few readers, each connection opened once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiosqlite

from asgi_auth.engine.statement import Arguments, Bound
from asgi_auth.engine.transaction import to_its_end
from asgi_auth.errors import Unavailable

Row = tuple[object, ...]


class SQLiteConnection:
    """One open connection and its thread; one statement at a time."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._is_closed = False

    @classmethod
    async def open(cls, path: str, *, patience: float) -> SQLiteConnection:
        """Open a file (":memory:" for none) with write-ahead log, foreign keys, and patience with other writers.

        Who is cancelled meanwhile leaves no open file behind.
        """
        made: list[sqlite3.Connection] = []

        def make(*arguments: Any, **options: Any) -> sqlite3.Connection:
            made.append(sqlite3.Connection(*arguments, **options))
            return made[0]

        connection = aiosqlite.connect(
            path, isolation_level=None, timeout=patience, factory=make, check_same_thread=False
        )
        # A process that never shut us down must still be able to end. The thread has no public name.
        thread: Any = getattr(connection, "_thread", connection)
        thread.daemon = True
        try:
            opened = cls(await connection)
        except BaseException:
            # aiosqlite tells the thread to end, waits for nothing, and forgets what it may have opened meanwhile.
            await to_its_end(asyncio.to_thread(thread.join))
            for unused in made:
                unused.close()
            raise
        try:
            for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
                await opened.run(f"PRAGMA {pragma}")
        except BaseException:
            await opened.close()
            raise
        return opened

    async def run(self, sql: str) -> None:
        """Run a statement without values and rows."""
        await self._fetch(sql)

    async def rows(self, sql: str) -> list[Row]:
        """The rows of a statement without values."""
        return [tuple(row) for row in await self._fetch(sql)]

    async def fetch(self, query: Bound) -> list[Row]:
        """Run a statement; one visit to the thread, so that a cancelled task leaves nothing half done."""
        return [tuple(row) for row in await self._fetch(query.statement.sql, query.arguments)]

    async def _fetch(self, sql: str, arguments: Arguments | None = None) -> Iterable[Sequence[object]]:
        try:
            return await self._connection.execute_fetchall(sql, arguments)
        except ValueError:
            if self._is_closed:  # how aiosqlite says so
                raise Unavailable from None
            raise

    async def rollback(self) -> None:
        """Roll back, whether or not a transaction had begun: a cancelled BEGIN may still have run."""
        with suppress(sqlite3.OperationalError):
            await self.run("ROLLBACK")

    async def close(self) -> None:
        """Close the file and end the thread."""
        self._is_closed = True
        await self._connection.close()


class SQLitePool:
    """One writer behind a lock, and readers opened as they are needed."""

    def __init__(self, path: str, *, readers: int, timeout: float) -> None:
        self._path = path or ":memory:"
        self._timeout = timeout
        self._readers = readers
        self._idle: list[SQLiteConnection] = []
        self._writer: SQLiteConnection | None = None
        self._renew()

    def _renew(self) -> None:
        # What tasks wait for belongs to one event loop, and each opening may be in another one.
        self._seats = asyncio.Semaphore(self._readers)
        self._writing = asyncio.Lock()

    @property
    def is_in_memory(self) -> bool:
        """Whether there is but one connection: each to ":memory:" would be a database of its own."""
        return self._path == ":memory:"

    async def open(self) -> None:
        """Open the writer; raises ``sqlite3.Error`` where the file cannot be used."""
        self._renew()
        self._writer = await SQLiteConnection.open(self._path, patience=self._timeout)

    async def close(self) -> None:
        """Close all connections, the writer once its transaction is over; readers in use close when they come back."""
        writing = self._writing
        with suppress(Unavailable):
            await self.take_writer()
        writer, self._writer = self._writer, None
        idle, self._idle = self._idle, []
        for connection in (*idle, writer):
            if connection is not None:
                await connection.close()
        self._renew()
        if writing.locked():
            writing.release()  # whoever waits for it finds that this has closed

    async def take_writer(self) -> SQLiteConnection:
        """Wait for the writer; raises Unavailable when it is not free in time."""
        writing = self._writing
        try:
            async with asyncio.timeout(self._timeout):
                await writing.acquire()
        except TimeoutError:
            raise Unavailable from None
        if self._writer is None or writing is not self._writing:  # closed in the meantime, and perhaps opened again
            writing.release()
            raise Unavailable
        return self._writer

    def give_writer(self, connection: SQLiteConnection) -> None:
        """Let the next one write."""
        if connection is self._writer:  # else it was closed in the meantime, and others wait for another one
            self._writing.release()

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[SQLiteConnection]:
        """The writer, for one statement."""
        connection = await self.take_writer()
        try:
            yield connection
        finally:
            self.give_writer(connection)

    async def read(self, query: Bound, *, patience: float) -> list[Row]:
        """Run a statement that does not write, on any reader; raises Unavailable when there is no answer in time."""
        if self.is_in_memory:
            async with self.writer() as connection:
                return await connection.fetch(query)
        try:
            async with asyncio.timeout(patience):
                return await self._read(query)
        except TimeoutError:
            raise Unavailable from None

    async def _read(self, query: Bound) -> list[Row]:
        async with self._seats:
            reader = self._idle.pop() if self._idle else await self._open_reader()
            place = 0  # the last to be taken: where this is cancelled, its thread is still at work
            try:
                rows = await reader.fetch(query)
                place = len(self._idle)
            finally:
                await self._give_reader(reader, place)
        return rows

    async def _give_reader(self, reader: SQLiteConnection, place: int) -> None:
        if self._writer is None:  # closed in the meantime
            await reader.close()
        else:
            self._idle.insert(place, reader)

    async def open_alone(self) -> SQLiteConnection:
        """A connection that does not belong to the pool."""
        return await SQLiteConnection.open(self._path, patience=self._timeout)

    async def _open_reader(self) -> SQLiteConnection:
        if self._writer is None:
            raise Unavailable
        return await self.open_alone()
