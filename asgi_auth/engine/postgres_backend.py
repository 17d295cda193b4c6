"""Postgres, as a backend of ``databases`` that runs precompiled statements on a pool of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import asyncpg
import stamina
from databases import DatabaseURL
from databases.interfaces import ConnectionBackend, DatabaseBackend

from asgi_auth.engine.postgres_pool import PostgresPool, is_answer, is_lost, takes_no_writes
from asgi_auth.engine.statement import Bound, Statement
from asgi_auth.errors import ConfigurationError, Unavailable
from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker

DEFAULT_POOL_SIZE = 10
FIRST_WAIT = 0.02
"""Seconds before a read is tried a third time (the second is at once), give or take as much; doubled from then on."""
LONGEST_WAIT = 0.2

PASSED_ON = frozenset(
    {
        "application_name",
        "host",
        "passfile",
        "port",
        "sslcert",
        "sslcrl",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
        "user",
    }
)
"""Options that PostgreSQL's own clients know; those of other programs would keep asyncpg from connecting."""


class PostgresBackend(DatabaseBackend):
    """Runs Bound statements.

    Options in the URL: ``min_size``, ``max_size``, ``ssl`` (asyncpg's words), ``statement_cache_size=0`` for a pooler
    that breaks prepared statements, and those that are passed on.
    """

    def __init__(self, database_url: DatabaseURL, **options: Any) -> None:
        self.timeout: float = options["timeout"]
        self.read_timeout: float = options["read_timeout"]
        self.breaker: CircuitBreaker = options["breaker"]
        given = database_url.options
        self._size = _integer(given, "max_size") or options["pool_size"] or DEFAULT_POOL_SIZE
        self._at_once = min(_integer(given, "min_size") or 1, self._size)
        self._target = _target(database_url)
        self._pool: PostgresPool | None = None

    @property
    def pool(self) -> PostgresPool:
        """The connections; raises Unavailable while disconnected."""
        if self._pool is None:
            raise Unavailable
        return self._pool

    async def connect(self) -> None:
        """Open the first connections; raises what the driver raises where that fails."""
        pool = PostgresPool(
            self._connect, size=self._size, breaker=self.breaker, patience=self.read_timeout, grace=self.timeout
        )
        try:
            await pool.open(count=self._at_once, deadline=self.deadline(self.timeout))
        except BaseException:
            await pool.close()
            raise
        self._pool = pool

    async def disconnect(self) -> None:
        """Close all connections."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _connect(self, seconds: float) -> Any:
        connect: Any = asyncpg.connect  # without types
        return await connect(**self._target, timeout=seconds, command_timeout=self.timeout)

    async def open_alone(self) -> Any:
        """A connection outside of the pool; its statements have no time limit."""
        connect: Any = asyncpg.connect  # without types
        return await connect(**self._target, timeout=self.timeout)

    async def probe(self) -> None:
        """Ask for a sign of life on a connection of its own; raises what the driver raises where none comes."""
        try:
            connection = await self._connect(self.timeout)
        except asyncpg.TooManyConnectionsError:
            return  # it answers those who have a connection
        try:
            await connection.fetchval("SELECT 1")
        finally:
            connection.terminate()

    @staticmethod
    def deadline(seconds: float) -> float:
        """The moment so many seconds from now, as the event loop counts."""
        return asyncio.get_running_loop().time() + seconds

    async def run_alone(self, query: Bound) -> list[Any]:
        """Run a statement outside of any transaction; a read is tried again where it loses its connection."""
        statement = query.statement
        deadline = self.deadline(self.read_timeout if statement.is_lookup else self.timeout)
        try:
            return await self._run(query, deadline)
        except Exception as error:
            if statement.writes or not is_lost(error):
                raise
        return await self._run_again(query, deadline)

    async def _run(self, query: Bound, deadline: float) -> list[Any]:
        pool = self.pool
        connection = await pool.take(deadline)
        left = deadline - asyncio.get_running_loop().time()
        try:
            rows: list[Any] = await connection.fetch(query.statement.sql, *query.arguments, timeout=left)
        except TimeoutError as error:
            self._judge_silence(pool, connection, error, is_telling=left >= self.read_timeout / 2, of=query.statement)
            raise
        except BaseException as error:
            pool.give_after(connection, error)
            raise
        pool.give(connection)
        self.breaker.succeeded()
        return rows

    def _judge_silence(
        self, pool: PostgresPool, connection: Any, error: TimeoutError, *, is_telling: bool, of: Statement
    ) -> None:
        """Take a connection back that has not answered; a crowd that waits for its turn is no outage of the server."""
        if not is_telling:
            pool.give_unfinished(connection)
            return
        pool.give_after(connection, error)
        if of.is_lookup:
            self.breaker.failed()

    async def _run_again(self, query: Bound, deadline: float) -> list[Any]:
        left = deadline - asyncio.get_running_loop().time()
        async for attempt in stamina.retry_context(
            on=is_lost,
            attempts=None,
            timeout=left,
            wait_initial=FIRST_WAIT,
            wait_max=LONGEST_WAIT,
            wait_jitter=FIRST_WAIT,
        ):
            with attempt:
                self.breaker.check()
                return await self._run(query, deadline)
        raise Unavailable  # stamina has raised by now

    def connection(self) -> PostgresConnection:
        """One task's connection, taken from the pool when it is first used."""
        return PostgresConnection(self)


def _target(url: DatabaseURL) -> dict[str, Any]:
    """Where to connect to, in asyncpg's words."""
    given = url.options
    passed_on = {name: value for name, value in given.items() if name in PASSED_ON}
    options = {
        "host": url.components.hostname or given.get("unix_sock"),
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "database": url.database or None,
        "ssl": given.get("ssl"),
        "statement_cache_size": _integer(given, "statement_cache_size"),
    }
    if "ssl" in given:
        options["ssl"] = {"true": True, "false": False}.get(given["ssl"].lower(), given["ssl"])
    return {
        "dsn": f"postgresql://?{urlencode(passed_on)}" if passed_on else None,
        **{name: value for name, value in options.items() if value is not None},
    }


def _integer(given: Mapping[str, str], name: str) -> int | None:
    try:
        return int(given[name]) if name in given else None
    except ValueError:
        raise ConfigurationError(f"database: {name} is a number") from None


class PostgresConnection(ConnectionBackend):
    """One task's connection, with a transaction and its savepoints.

    Nothing here may SET, LISTEN or lock for a session: connections go on to others as they are.
    """

    def __init__(self, backend: PostgresBackend) -> None:
        self._backend = backend
        self._pool = backend.pool
        self._connection: Any = None
        self._depth = 0
        self._doubt: BaseException | None = None

    async def acquire(self) -> None:
        """Take a connection from the pool; raises TimeoutError when none is free in time."""
        self._connection = await self._pool.take(self._backend.deadline(self._backend.timeout))

    async def release(self) -> None:
        """Give it back, if nothing is in doubt about it."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._doubt is None:
            self._pool.give(connection)
        else:
            self._pool.give_after(connection, self._doubt)

    async def fetch_all(self, query: Bound) -> list[Any]:  # type: ignore[override]  # see Bound
        """Run a statement and return its rows."""
        try:
            rows: list[Any] = await self._connection.fetch(query.statement.sql, *query.arguments)
        except BaseException as error:
            self._note(error)
            raise
        return rows

    async def begin(self) -> None:
        """Begin a transaction, or a savepoint within one."""
        if self._depth:
            await self._run(f"SAVEPOINT level_{self._depth}")
        else:
            await self._begin()
        self._depth += 1

    async def _begin(self) -> None:
        # It waits for nobody: no answer means that there is nobody.
        try:
            await self._run("BEGIN", timeout=self._backend.read_timeout)
        except TimeoutError:
            self._backend.breaker.failed()
            raise
        self._backend.breaker.succeeded()

    async def commit(self) -> None:
        """Commit the innermost transaction; raises Unavailable where the server has undone it instead."""
        self._depth -= 1
        said = await self._run(f"RELEASE SAVEPOINT level_{self._depth}" if self._depth else "COMMIT")
        if said == "ROLLBACK":
            raise Unavailable

    async def rollback(self) -> None:
        """Undo the innermost transaction."""
        self._depth -= 1
        await self._run(f"ROLLBACK TO SAVEPOINT level_{self._depth}" if self._depth else "ROLLBACK")
        # It was waited for, and so was the end of whatever had been cancelled before it.
        if not takes_no_writes(self._doubt):
            self._doubt = None

    async def _run(self, sql: str, *, timeout: float | None = None) -> str:  # noqa: ASYNC109  (the driver's own)
        try:
            said: str = await self._connection.execute(sql, timeout=timeout)
        except BaseException as error:
            self._note(error)
            raise
        return said

    def _note(self, error: BaseException) -> None:
        """Remember what leaves the connection in doubt; one that does not answer is not asked again."""
        if isinstance(error, asyncpg.InvalidCachedStatementError):
            self._pool.forget_idle()  # the schema has changed, and what they have prepared fails as well
        if is_answer(error):
            return
        self._doubt = error
        if isinstance(error, TimeoutError):
            self._connection.terminate()
