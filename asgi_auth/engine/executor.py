"""Running statements: connections, transactions, faults; what stores and queries rest on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

from databases import Database, DatabaseURL
from databases.core import Connection
from sqlalchemy.sql import ClauseElement

from asgi_auth.config import DatabaseOptions
from asgi_auth.engine.faults import translated
from asgi_auth.engine.statement import Bound, Statement, compile_statement, dialect_for

Observer = Callable[[str], None]
Prepare = Callable[[], Awaitable[None]]

_BACKENDS = {
    "sqlite": "asgi_auth.engine.sqlite_backend:SQLiteBackend",
    "postgresql": "asgi_auth.engine.postgres_backend:PostgresBackend",
}


class _Database(Database):
    """``databases`` with our own backends."""

    def _get_backend(self) -> str:
        return _BACKENDS[self.url.dialect]


def _normalized(url: str) -> DatabaseURL:
    parsed = DatabaseURL(url)
    return parsed.replace(dialect="sqlite" if parsed.dialect == "sqlite" else "postgresql", driver="")


async def _fetch(connection: Connection, query: Bound) -> list[Any]:
    # ``databases`` hands its backend whatever is no text and has no values: our compiled statements.
    rows: list[Any] = await connection.fetch_all(cast("ClauseElement", query))
    return rows


class Executor:
    """One database: runs compiled statements, each on the current task's connection.

    Every method raises Unavailable where the database cannot answer, UniqueViolation or IntegrityViolation where
    the schema forbids a write.
    """

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        parsed = _normalized(url)
        self.scheme: str = parsed.dialect
        self.dialect = dialect_for(self.scheme)
        self._database = _Database(parsed, pool_size=options.pool_size, timeout=options.timeout.total_seconds())
        self._observers: list[Observer] = []
        self._prepare: Prepare | None = None

    def before_use(self, prepare: Prepare) -> None:
        """Have ``prepare`` awaited before each statement and transaction, so that nobody has to start us first."""
        self._prepare = prepare

    async def connect(self) -> None:
        """Open the pool; calling it again does nothing."""
        with translated():
            await self._database.connect()

    async def disconnect(self) -> None:
        """Close the pool; calling it again does nothing."""
        with translated():
            await self._database.disconnect()

    def compile(self, clause: ClauseElement) -> Statement:
        """Compile a statement for this database."""
        return compile_statement(clause, self.dialect)

    async def run(self, statement: Statement, values: Mapping[str, object] | None = None) -> list[list[Any]]:
        """Run a statement; returns its rows, each a list of Python values in the order of its columns."""
        if self._prepare is not None:
            await self._prepare()
        for observe in self._observers:
            observe(statement.sql)
        with translated():
            async with self._database.connection() as connection:
                rows = await _fetch(connection, statement.bind(values or {}))
        return [statement.read(row) for row in rows]

    async def run_text(self, sql: str) -> list[list[Any]]:
        """Run SQL without values; its columns come back as the driver gives them."""
        with translated():
            async with self._database.connection() as connection:
                return [list(row) for row in await _fetch(connection, Statement(sql).bind({}))]

    @asynccontextmanager
    async def transaction(self, *, prepares: bool = True) -> AsyncIterator[None]:
        """All statements of this task within the block take effect together, or none; blocks may nest.

        A task started within the block does not take part.
        """
        if prepares and self._prepare is not None:
            await self._prepare()
        with translated():
            async with self._database.connection() as connection:
                inner = connection.raw_connection
                await inner.begin()
                try:
                    yield
                except BaseException:
                    await asyncio.shield(inner.rollback())
                    raise
                await inner.commit()

    @contextmanager
    def recorded(self) -> Iterator[list[str]]:
        """Collect the SQL of every statement run within the block, by any task."""
        statements: list[str] = []
        self._observers.append(statements.append)
        try:
            yield statements
        finally:
            self._observers.remove(statements.append)
