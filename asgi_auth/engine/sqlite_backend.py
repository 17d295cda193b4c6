"""The pooled SQLite, as a backend of ``databases``."""

from __future__ import annotations

import asyncio
from typing import Any

from databases import DatabaseURL
from databases.interfaces import ConnectionBackend, DatabaseBackend

from asgi_auth.engine.sqlite_pool import Row, SQLiteConnection, SQLitePool
from asgi_auth.engine.statement import Bound, Statement
from asgi_auth.errors import Unavailable

DEFAULT_READERS = 4


class SQLiteBackend(DatabaseBackend):
    """Runs Bound statements; a connection of it takes the writer only to write."""

    def __init__(self, database_url: DatabaseURL, **options: Any) -> None:
        self._pool = SQLitePool(
            database_url.database,
            readers=options["pool_size"] or DEFAULT_READERS,
            timeout=options["timeout"],
        )

    async def connect(self) -> None:
        """Open the file."""
        await self._pool.open()

    async def disconnect(self) -> None:
        """Close the file."""
        await self._pool.close()

    async def run_alone(self, query: Bound) -> list[Row]:
        """Run a statement outside of any transaction."""
        if not query.statement.writes:
            return await self._pool.read(query)
        async with self._pool.writer() as connection:
            return await connection.fetch(query)

    def connection(self) -> PooledConnection:
        """One task's view of the pool."""
        return PooledConnection(self._pool)


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
        try:
            if held is not None:
                await held.rollback()
        finally:
            self._pool.give_writer()
