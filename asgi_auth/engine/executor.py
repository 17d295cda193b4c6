"""Running statements: connections, transactions, faults; what stores and queries rest on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

import msgspec
import structlog
from databases import Database, DatabaseURL
from sqlalchemy.sql import ClauseElement

from asgi_auth.config import DatabaseOptions
from asgi_auth.engine.faults import translated
from asgi_auth.engine.statement import Bound, Statement, compile_statement, dialect_for
from asgi_auth.engine.transaction import Action, Connection, Effect, Publish, Transaction, to_its_end
from asgi_auth.errors import ConfigurationError, Unavailable
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.circuit_breaker import CircuitBreaker
from asgi_auth.infrastructure.metrics import Metrics, NoMetrics

T = TypeVar("T")
Observer = Callable[[str], None]
Prepare = Callable[[float | None], Awaitable[None]]

_logger = structlog.get_logger("asgi_auth.engine")

FAILURES = 3
"""So many in a row, to connect or to answer a lookup in time, and the database counts as down."""

_BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": "asgi_auth.engine.sqlite_backend:SQLiteBackend",
        "postgresql": "asgi_auth.engine.postgres_backend:PostgresBackend",
    }
)


class _Backend(Protocol):
    """What our backends can do beside what ``databases`` asks of them."""

    async def run_alone(self, query: Bound) -> list[Any]: ...
    async def probe(self) -> None: ...
    async def open_alone(self) -> Any: ...
    def connection(self) -> Connection: ...


class _Database(Database):
    """``databases`` with our own backends."""

    def _get_backend(self) -> str:
        return _BACKENDS[self.url.dialect]

    @property
    def backend(self) -> _Backend:
        """Ours, as such."""
        return cast("_Backend", self._backend)


def _normalized(url: str) -> DatabaseURL:
    parsed = DatabaseURL(url)
    if parsed.dialect != "sqlite" and find_spec("asyncpg") is None:
        raise ConfigurationError('PostgreSQL needs a driver: pip install "asgi-auth[postgres]"')
    return parsed.replace(dialect="sqlite" if parsed.dialect == "sqlite" else "postgresql", driver="")


def _read(statement: Statement, row: Any) -> list[Any]:
    try:
        return statement.read(row)
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        # What is stored is not what may be stored there. Nobody is let in on the strength of it.
        _logger.error("database.unreadable_row", error=type(error).__name__)  # noqa: TRY400  (a traceback may quote the row)
        raise Unavailable from None


class Executor:
    """One database: runs compiled statements, each on the current task's connection.

    Every method raises Unavailable where the database cannot answer, and at once while it is known to be down;
    UniqueViolation or IntegrityViolation where the schema forbids a write.

    Attributes:
        heard_at: when the last statement was answered, as the event loop counts.
    """

    def __init__(self, url: str, options: DatabaseOptions, *, metrics: Metrics | None = None) -> None:
        parsed = _normalized(url)
        self.scheme: str = parsed.dialect
        self.dialect = dialect_for(self.scheme)
        self.is_in_memory = self.scheme == "sqlite" and parsed.database in ("", ":memory:")
        self.heard_at = float("-inf")
        self._read_timeout = options.read_timeout.total_seconds()
        self.breaker = CircuitBreaker(
            "database",
            probe=self._probe,
            timeout=options.timeout.total_seconds(),
            metrics=metrics or NoMetrics(),
            failures=FAILURES,
        )
        self._database = _Database(
            parsed,
            pool_size=options.pool_size,
            timeout=options.timeout.total_seconds(),
            read_timeout=self._read_timeout,
            breaker=self.breaker,
        )
        self._observers: list[Observer] = []
        self._current: ContextVar[Transaction | None] = ContextVar("asgi_auth.transaction", default=None)
        self._prepare: Prepare | None = None
        self._publish: Publish | None = None
        self._changing = asyncio.Lock()

    def before_use(self, prepare: Prepare) -> None:
        """Have ``prepare`` awaited before each statement and transaction, so that nobody has to start us first.

        It is told how many seconds whoever waits has; None for as long as it takes.
        """
        self._prepare = prepare

    def announce_to(self, publish: Publish) -> None:
        """Have ``publish`` awaited for every change that is announced, once it is committed; for a transaction once."""
        self._publish = publish

    async def announce(self, change: Change) -> None:
        """Tell of a write that has just been made."""
        transaction = self._find_transaction()
        if transaction is not None:
            transaction.changes.append(change)
        elif self._publish is not None:
            await self._publish((change,))

    @property
    def address(self) -> str:
        """Where the database is, without who enters it and how."""
        url = self._database.url
        place = str(Path(url.database).resolve()) if self.scheme == "sqlite" else url.database
        return f"{self.scheme}://{url.hostname}:{url.port}/{place}"

    @property
    def is_in_transaction(self) -> bool:
        """Whether this task is within a transaction: it sees what nobody else sees yet."""
        return self._find_transaction() is not None

    async def connect(self) -> None:
        """Open the pool; calling it again does nothing."""
        async with self._changing:
            with translated():
                await self._database.connect()
            self.breaker.reset()

    async def disconnect(self) -> None:
        """Close the pool, even if this task is cancelled meanwhile; calling it again does nothing."""
        await to_its_end(self._disconnect())

    async def _disconnect(self) -> None:
        async with self._changing:
            try:
                with translated():
                    await self._database.disconnect()
            finally:
                await self.breaker.close()  # last: those who were at work may have found it down
        # The next to open it may do so in another event loop.
        self._changing = asyncio.Lock()

    async def _probe(self) -> None:
        await self._database.backend.probe()

    async def open_alone(self) -> Any:
        """A connection outside of the pool, as the driver has it; whoever asked closes it, and gets its errors."""
        return await self._database.backend.open_alone()

    def compile(self, clause: ClauseElement, *, is_lookup: bool = False) -> Statement:
        """Compile a statement for this database; a lookup reads what one key leads to, and has to be quick."""
        return compile_statement(clause, self.dialect, is_lookup=is_lookup)

    async def run(self, statement: Statement, values: Mapping[str, object] | None = None) -> list[list[Any]]:
        """Run a statement; returns its rows, each a list of Python values in the order of its columns."""
        transaction = self._find_transaction()
        if transaction is None:
            await self._make_ready(self._read_timeout if statement.is_lookup else None)
        for observe in self._observers:
            observe(statement.sql)
        query = statement.bind(values or {})
        with translated():
            rows = await self._fetch(query, transaction)
        self.heard_at = asyncio.get_running_loop().time()
        return [_read(statement, row) for row in rows]

    async def _make_ready(self, patience: float | None) -> None:
        self.breaker.check()
        if self._prepare is not None:
            await self._prepare(patience)

    async def run_text(self, sql: str) -> list[list[Any]]:
        """Run SQL without values; its columns come back as the driver gives them."""
        with translated():
            return [list(row) for row in await self._fetch(Statement(sql).bind({}), self._find_transaction())]

    async def _fetch(self, query: Bound, transaction: Transaction | None) -> list[Any]:
        if transaction is not None:
            return await transaction.connection.fetch_all(query)
        return await self._database.backend.run_alone(query)

    def _find_transaction(self) -> Transaction | None:
        transaction = self._current.get()
        is_ours = transaction is not None and transaction.task is asyncio.current_task()
        return transaction if is_ours else None

    @asynccontextmanager
    async def transaction(self, *, prepares: bool = True) -> AsyncIterator[None]:
        """All statements of this task within the block take effect together, or none; blocks may nest.

        A task started within the block does not take part.
        """
        outer = self._find_transaction()
        if outer is not None:
            async with outer.nested():
                yield
            return
        if prepares:
            await self._make_ready(None)
        mine = Transaction(asyncio.current_task(), self._database.backend.connection())
        await mine.begin()
        token = self._current.set(mine)
        try:
            yield
        except BaseException:
            await to_its_end(mine.abandon())
            raise
        finally:
            self._current.reset(token)
        await to_its_end(mine.conclude(self._publish))

    async def uninterrupted(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a statement together with what has to follow it, whether or not this task is cancelled meanwhile.

        Within a transaction nothing follows before its end, and the work stays part of it.
        """
        return await work if self._find_transaction() is not None else await to_its_end(work)

    async def before_commit(self, effect: Effect) -> None:
        """Await ``effect`` as the last thing before the transaction of this task commits; now, where there is none.

        It is dropped if the transaction is undone, and undoes it by raising.
        """
        transaction = self._find_transaction()
        if transaction is None:
            await effect()
        else:
            transaction.effects.append(effect)

    def if_undone(self, remedy: Effect) -> None:
        """Have ``remedy`` awaited if the transaction of this task is undone before its commit is tried."""
        transaction = self._find_transaction()
        if transaction is not None:
            transaction.remedies.append(remedy)

    async def after_commit(self, action: Action) -> None:
        """Await ``action`` once the transaction of this task is over; now, where there is none.

        It is dropped if the transaction is undone.
        """
        transaction = self._find_transaction()
        if transaction is None:
            await action()
        else:
            transaction.actions.append(action)

    @contextmanager
    def recorded(self) -> Iterator[list[str]]:
        """Collect the SQL of every statement run within the block, by any task."""
        statements: list[str] = []
        self._observers.append(statements.append)
        try:
            yield statements
        finally:
            self._observers.remove(statements.append)
