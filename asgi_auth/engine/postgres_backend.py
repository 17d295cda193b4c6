"""asyncpg's pool, as a backend of ``databases`` that runs precompiled statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from databases import DatabaseURL
from databases.backends.postgres import PostgresBackend as PlainBackend
from databases.interfaces import ConnectionBackend

from asgi_auth.engine.statement import Bound
from asgi_auth.errors import ConfigurationError

DEFAULT_POOL_SIZE = 10


class PostgresBackend(PlainBackend):
    """The pool.

    Options in the URL: ``min_size``, ``max_size``, ``ssl`` or ``sslmode`` (asyncpg's words), and
    ``statement_cache_size=0`` for a pooler that breaks prepared statements.
    """

    def __init__(self, database_url: DatabaseURL, **options: Any) -> None:
        self.timeout: float = options["timeout"]
        pool_size = options["pool_size"] or DEFAULT_POOL_SIZE
        super().__init__(
            database_url,
            min_size=min(2, pool_size),
            max_size=pool_size,
            timeout=self.timeout,
            command_timeout=self.timeout,
            reset=_keep_state,
        )

    def _get_connection_kwargs(self) -> dict[str, Any]:
        given = self._database_url.options
        read = {
            "ssl": given.get("sslmode"),
            "min_size": _integer(given, "min_size"),
            "max_size": _integer(given, "max_size"),
            "statement_cache_size": _integer(given, "statement_cache_size"),
        }
        if "ssl" in given:
            read["ssl"] = {"true": True, "false": False}.get(given["ssl"].lower(), given["ssl"])
        return {**self._options, **{name: value for name, value in read.items() if value is not None}}

    @property
    def pool(self) -> Any:
        """Asyncpg's pool; None while disconnected."""
        return self._pool

    async def run_alone(self, query: Bound) -> list[Any]:
        """Run a statement outside of any transaction, on a connection of its own."""
        pool = self.pool
        if pool is None:
            raise ConnectionError("disconnected")
        connection = await pool.acquire(timeout=self.timeout)
        try:
            rows: list[Any] = await connection.fetch(query.statement.sql, *query.arguments)
            return rows
        finally:
            await pool.release(connection)

    def connection(self) -> PostgresConnection:  # type: ignore[override]  # runs Bound statements
        """One task's connection, taken from the pool when it is first used."""
        return PostgresConnection(self)


async def _keep_state(connection: object) -> None:
    """Spare the query with which asyncpg cleans a connection it takes back: as much again as a statement costs.

    It still rolls back what is open. In return nothing here may SET, LISTEN or lock for a session on the pool's
    connections.
    """


def _integer(given: Mapping[str, str], name: str) -> int | None:
    try:
        return int(given[name]) if name in given else None
    except ValueError:
        raise ConfigurationError(f"database: {name} is a number") from None


class PostgresConnection(ConnectionBackend):
    """One task's connection."""

    def __init__(self, backend: PostgresBackend) -> None:
        self._backend = backend
        self._connection: Any = None
        self._transactions: list[Any] = []

    async def acquire(self) -> None:
        """Take a connection from the pool; raises TimeoutError when none is free in time."""
        if self._backend.pool is None:
            raise ConnectionError("disconnected")
        self._connection = await self._backend.pool.acquire(timeout=self._backend.timeout)

    async def release(self) -> None:
        """Give it back."""
        connection, self._connection = self._connection, None
        if connection is not None and self._backend.pool is not None:
            await self._backend.pool.release(connection)

    async def fetch_all(self, query: Bound) -> list[Any]:  # type: ignore[override]  # see Bound
        """Run a statement and return its rows."""
        rows: list[Any] = await self._connection.fetch(query.statement.sql, *query.arguments)
        return rows

    async def begin(self) -> None:
        """Begin a transaction, or a savepoint within one."""
        transaction = self._connection.transaction()
        await transaction.start()
        self._transactions.append(transaction)

    async def commit(self) -> None:
        """Commit the innermost transaction."""
        await self._transactions.pop().commit()

    async def rollback(self) -> None:
        """Undo the innermost transaction."""
        await self._transactions.pop().rollback()
