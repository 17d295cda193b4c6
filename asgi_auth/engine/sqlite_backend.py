"""The pooled SQLite, as a backend of ``databases``."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from databases import DatabaseURL
from databases.interfaces import ConnectionBackend, DatabaseBackend

from asgi_auth.engine.sqlite_pool import Row, SQLiteConnection, SQLitePool
from asgi_auth.engine.statement import Bound, Statement
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker

DEFAULT_READERS = 4
_UNUSABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})


class SQLiteBackend(DatabaseBackend):
    """Runs Bound statements; a connection of it takes the writer only to write."""

    def __init__(self, database_url: DatabaseURL, **options: Any) -> None:
        self._path = database_url.database
        self._timeout: float = options["timeout"]
        self._read_timeout: float = options["read_timeout"]
        self._breaker: CircuitBreaker = options["breaker"]
        self._pool = SQLitePool(self._path, readers=options["pool_size"] or DEFAULT_READERS, timeout=self._timeout)

    async def connect(self) -> None:
        """Open the file."""
        with self._judged():
            await self._pool.open()

    async def probe(self) -> None:
        """Open the file once more and look into it; raises ``sqlite3.Error`` where it cannot be used."""
        if self._pool.is_in_memory:
            return
        connection = await SQLiteConnection.open(self._path, patience=self._timeout)
        try:
            await connection.run("SELECT count(*) FROM sqlite_master")
        finally:
            await connection.close()

    async def disconnect(self) -> None:
        """Close the file."""
        await self._pool.close()

    async def run_alone(self, query: Bound) -> list[Row]:
        """Run a statement outside of any transaction."""
        with self._judged():
            if not query.statement.writes:
                patience = self._read_timeout if query.statement.is_lookup else self._timeout
                return await self._pool.read(query, patience=patience)
            async with self._pool.writer() as connection:
                return await connection.fetch(query)

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Tell the breaker whether the file can be used: another program that holds a lock is no reason."""
        try:
            yield
        except sqlite3.Error as error:
            if _is_unusable(error):
                self._breaker.failed()
            raise
        self._breaker.succeeded()

    async def open_alone(self) -> SQLiteConnection:
        """A connection outside of the pool."""
        return await self._pool.open_alone()

    def connection(self) -> PooledConnection:
        """One task's view of the pool."""
        return PooledConnection(self._pool)


def _is_unusable(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in _UNUSABLE


class PooledConnection(ConnectionBackend):
    """One task's transaction: holds the writer from its begin to its end."""

    def __init__(self, pool: SQLitePool) -> None:
        self._pool = pool
        self._held: SQLiteConnection | None = None
        self._depth = 0

    async def acquire(self) -> None:
        """Nothing to take before the transaction begins."""

    async def release(self) -> None:
        """Nothing to give back."""

    async def fetch_all(self, query: Bound) -> list[Row]:  # type: ignore[override]  # see Bound
        """Run a statement within a transaction and return its rows."""
        if self._held is None:
            raise Unavailable
        return await self._held.fetch(query)

    async def begin(self) -> None:
        """Begin a transaction, or a savepoint within one; readers must not be upgraded, so it writes at once."""
        if self._depth == 0:
            self._held = await self._pool.take_writer()
        try:
            await self._run("BEGIN IMMEDIATE" if self._depth == 0 else f"SAVEPOINT level_{self._depth}")
        except BaseException:
            if self._depth == 0:
                await asyncio.shield(self._leave())
            raise
        self._depth += 1

    async def commit(self) -> None:
        """Commit the innermost transaction."""
        self._depth -= 1
        if self._depth:
            await self._run(f"RELEASE level_{self._depth}")
            return
        try:
            await self._run("COMMIT")
        finally:
            await asyncio.shield(self._leave())

    async def rollback(self) -> None:
        """Undo the innermost transaction."""
        self._depth -= 1
        if self._depth:
            await self._run(f"ROLLBACK TO level_{self._depth}")
            return
        await self._leave()

    async def _run(self, sql: str) -> None:
        await self.fetch_all(Statement(sql).bind({}))

    async def _leave(self) -> None:
        held, self._held = self._held, None
        if held is None:
            return
        try:
            await held.rollback()
        finally:
            self._pool.give_writer(held)
