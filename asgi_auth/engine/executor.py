"""Running statements: connections, transactions, faults; what stores and queries rest on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from types import MappingProxyType
from typing import Any, Protocol, TypeVar, cast

import msgspec
import structlog
from databases import Database, DatabaseURL
from sqlalchemy.sql import ClauseElement

from asgi_auth.config import DatabaseOptions
from asgi_auth.engine.faults import translated
from asgi_auth.engine.statement import Bound, Statement, compile_statement, dialect_for
from asgi_auth.errors import ConfigurationError, Unavailable
from asgi_auth.infrastructure.change_feed.base import Change

T = TypeVar("T")
Observer = Callable[[str], None]
Action = Callable[[], Awaitable[None]]
Publish = Callable[[Sequence[Change]], Awaitable[None]]

_logger = structlog.get_logger("asgi_auth.engine")

_BACKENDS: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": "asgi_auth.engine.sqlite_backend:SQLiteBackend",
        "postgresql": "asgi_auth.engine.postgres_backend:PostgresBackend",
    }
)


class _Backend(Protocol):
    """What our backends can do beside what ``databases`` asks of them."""

    async def run_alone(self, query: Bound) -> list[Any]: ...
    def connection(self) -> _Connection: ...


class _Connection(Protocol):
    """What a connection of our backends can do for a transaction."""

    async def acquire(self) -> None: ...
    async def release(self) -> None: ...
    async def fetch_all(self, query: Bound) -> list[Any]: ...
    async def begin(self) -> None: ...
    async def commit(self) -> None: ...
    async def rollback(self) -> None: ...


@dataclass(frozen=True, slots=True)
class _Transaction:
    """A task's transaction, and what waits for its end; a task started within it does not take part."""

    task: asyncio.Task[Any] | None
    connection: _Connection
    actions: list[Action] = field(default_factory=list)

    async def conclude(self) -> None:
        """Commit, give the connection back, and do what waited for it."""
        try:
            with translated():
                await self.connection.commit()
        finally:
            await self._release()
        for action in self.actions:
            await action()

    async def abandon(self) -> None:
        """Undo everything and give the connection back; whatever goes wrong, something worse has happened already."""
        try:
            await self.connection.rollback()
        except Exception as error:  # noqa: BLE001  (logged; what led here is raised)
            _logger.warning("database.rollback_failed", error=type(error).__name__)
        finally:
            await self._release()

    async def _release(self) -> None:
        with translated():
            await self.connection.release()


async def to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Await work that must not be left half done: a cancellation takes effect when it is over."""
    task = asyncio.ensure_future(work)
    cancellation: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            cancellation = error
        except Exception:  # noqa: BLE001, S110  (the task's own: it is raised below)
            pass
    if cancellation is not None:
        task.exception()
        raise cancellation
    return task.result()


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
        raise ConfigurationError("PostgreSQL needs a driver: pip install 'asgi-auth[postgres]'")
    return parsed.replace(dialect="sqlite" if parsed.dialect == "sqlite" else "postgresql", driver="")


def _read(statement: Statement, row: Any) -> list[Any]:
    try:
        return statement.read(row)
    except (ValueError, TypeError, OverflowError, msgspec.MsgspecError) as error:
        # What is stored is not what may be stored there. Nobody is let in on the strength of it.
        _logger.error("database.unreadable_row", error=type(error).__name__)  # noqa: TRY400  (a traceback may quote the row)
        raise Unavailable from None


class Executor:
    """One database: runs compiled statements, each on the current task's connection.

    Every method raises Unavailable where the database cannot answer, UniqueViolation or IntegrityViolation where
    the schema forbids a write.
    """

    def __init__(self, url: str, options: DatabaseOptions) -> None:
        parsed = _normalized(url)
        self.scheme: str = parsed.dialect
        self.dialect = dialect_for(self.scheme)
        self.is_in_memory = self.scheme == "sqlite" and parsed.database in ("", ":memory:")
        self._database = _Database(parsed, pool_size=options.pool_size, timeout=options.timeout.total_seconds())
        self._observers: list[Observer] = []
        self._current: ContextVar[_Transaction | None] = ContextVar("asgi_auth.transaction", default=None)
        self._prepare: Action | None = None
        self._publish: Publish | None = None
        self._changing = asyncio.Lock()

    def before_use(self, prepare: Action) -> None:
        """Have ``prepare`` awaited before each statement and transaction, so that nobody has to start us first."""
        self._prepare = prepare

    def announce_to(self, publish: Publish) -> None:
        """Have ``publish`` awaited for every change that is announced, once it is committed."""
        self._publish = publish

    async def announce(self, change: Change) -> None:
        """Tell of a write that has just been made."""
        if self._publish is not None:
            await self.after_commit(partial(self._publish, (change,)))

    @property
    def is_in_transaction(self) -> bool:
        """Whether this task is within a transaction: it sees what nobody else sees yet."""
        return self._find_transaction() is not None

    async def connect(self) -> None:
        """Open the pool; calling it again does nothing."""
        async with self._changing:
            with translated():
                await self._database.connect()

    async def disconnect(self) -> None:
        """Close the pool; calling it again does nothing."""
        async with self._changing:
            with translated():
                await self._database.disconnect()
        # The next to open it may do so in another event loop.
        self._changing = asyncio.Lock()

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
            rows = await self._fetch(statement.bind(values or {}))
        return [_read(statement, row) for row in rows]

    async def run_text(self, sql: str) -> list[list[Any]]:
        """Run SQL without values; its columns come back as the driver gives them."""
        with translated():
            return [list(row) for row in await self._fetch(Statement(sql).bind({}))]

    async def _fetch(self, query: Bound) -> list[Any]:
        transaction = self._find_transaction()
        if transaction is not None:
            return await transaction.connection.fetch_all(query)
        return await self._database.backend.run_alone(query)

    def _find_transaction(self) -> _Transaction | None:
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
            async with self._nested(outer):
                yield
            return
        if prepares and self._prepare is not None:
            await self._prepare()
        mine = _Transaction(asyncio.current_task(), self._database.backend.connection())
        await self._begin(mine)
        token = self._current.set(mine)
        try:
            yield
        except BaseException:
            await to_its_end(mine.abandon())
            raise
        finally:
            self._current.reset(token)
        await to_its_end(mine.conclude())

    @staticmethod
    async def _begin(transaction: _Transaction) -> None:
        with translated():
            await transaction.connection.acquire()
            try:
                await transaction.connection.begin()
            except BaseException:
                await to_its_end(transaction.connection.release())
                raise

    @staticmethod
    @asynccontextmanager
    async def _nested(outer: _Transaction) -> AsyncIterator[None]:
        waiting = len(outer.actions)
        with translated():
            await outer.connection.begin()
        try:
            yield
        except BaseException:
            del outer.actions[waiting:]
            await to_its_end(outer.connection.rollback())
            raise
        with translated():
            await outer.connection.commit()

    async def uninterrupted(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a statement together with what has to follow it, whether or not this task is cancelled meanwhile.

        Within a transaction nothing follows before its end, and the work stays part of it.
        """
        return await work if self._find_transaction() is not None else await to_its_end(work)

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
