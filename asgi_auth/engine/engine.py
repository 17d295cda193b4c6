"""Engine: one database with all its stores."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeVar

import stamina
import structlog
from sqlalchemy import MetaData, Table

from asgi_auth.config import AuthConfig
from asgi_auth.engine.change_feed.installation import feed_of
from asgi_auth.engine.database_sessions import DatabaseSessions
from asgi_auth.engine.executor import Executor
from asgi_auth.engine.locks import Locks
from asgi_auth.engine.queries import UserQueries, VerificationQueries
from asgi_auth.engine.rate_limits import DatabaseWindows, rate_limit_table
from asgi_auth.engine.schema import create_missing, forbidden_to_us, missing_from
from asgi_auth.engine.store import Store
from asgi_auth.engine.tables import build_tables
from asgi_auth.engine.transaction import Action, Effect, Publish
from asgi_auth.errors import ConfigurationError, Unavailable
from asgi_auth.infrastructure.change_feed.base import ChangeFeed, Watch
from asgi_auth.infrastructure.metrics import Metrics
from asgi_auth.models import Account, Record, Session, User, Verification

R = TypeVar("R", bound=Record)
T = TypeVar("T")

CORE_WATCHES = (Watch("session"), Watch("user"))
"""The core's tables that caches rest on."""

_logger = structlog.get_logger("asgi_auth.engine")


class Engine:
    """The database of one Auth: its stores, its queries, its transactions.

    ``user`` and ``session`` are the composed record types; ``tables`` are those of features, whose stores come from
    ``store``, and ``watches`` those of them that caches rest on. ``change_feed`` tells what anybody writes to them.
    """

    def __init__(
        self,
        config: AuthConfig,
        *,
        user: type[User] = User,
        session: type[Session] = Session,
        tables: Iterable[Table] = (),
        watches: Iterable[Watch] = (),
        metrics: Metrics | None = None,
    ) -> None:
        self._config = config
        self._watches = {watch.table: watch for watch in (*CORE_WATCHES, *watches)}
        self._executor = Executor(config.database, config.database_options, metrics=metrics)
        shares_limits = config.limits.storage == "database"
        extra = [*tables, rate_limit_table()] if shares_limits else tables
        self._metadata = build_tables(
            has_defaults=self._executor.scheme != "sqlite", user=user, session=session, extra=extra
        )
        self._executor.before_use(self._ensure_connected)
        self._connecting: asyncio.Task[None] | None = None
        self._is_ready = False
        self._on_ready: list[Action] = []
        _check_watches(self._watches.values(), self._metadata)
        self._told = [watch for watch in self._watches.values() if watch.table in self._metadata.tables]
        self.change_feed: ChangeFeed | None = feed_of(self._executor, self._metadata, self._told)
        self.users = self.store("user", user)
        self.sessions = self.store("session", session)
        self.accounts = self.store("account", Account)
        self.verifications = self.store("verification", Verification)
        self.session_storage = DatabaseSessions(self._executor, self.sessions, self.users)
        self.user_queries = UserQueries(self._executor, self.users, self.accounts.table)
        self.verification_queries = VerificationQueries(self._executor, self.verifications)
        self.rate_limits = (
            DatabaseWindows(
                self._executor,
                self._metadata.tables["rateLimit"],
                patience=config.database_options.read_timeout.total_seconds(),
            )
            if shares_limits
            else None
        )
        self.locks = Locks(self._executor)

    def store(self, table: str, record: type[R]) -> Store[R]:
        """The store of a table, by its name."""
        return Store(self._executor, self._metadata.tables[table], record, watch=self._watches.get(table))

    @property
    def is_alone(self) -> bool:
        """Whether nobody else can write to the database: it lives in this process."""
        return self._executor.is_in_memory

    @property
    def address(self) -> str:
        """Where the database is, without who enters it and how."""
        return self._executor.address

    def announce_to(self, publish: Publish) -> None:
        """Have ``publish`` awaited for every committed write to a watched table."""
        self._executor.announce_to(publish)

    def when_ready(self, action: Action) -> None:
        """Have ``action`` awaited each time the database has been opened, after those that were added before."""
        self._on_ready.append(action)

    @property
    def is_in_transaction(self) -> bool:
        """Whether this task is within a transaction: what it reads may not be remembered for others."""
        return self._executor.is_in_transaction

    @property
    def is_ready(self) -> bool:
        """Whether ``connect`` has succeeded and ``disconnect`` not been called since."""
        return self._is_ready

    async def _ensure_connected(self, patience: float | None = None) -> None:
        if self._is_ready:
            return
        try:
            async with asyncio.timeout(patience):
                await self.connect()
        except TimeoutError:
            raise Unavailable from None
        except ConfigurationError as error:
            # At start-up it stops us; to whoever sends a request it is a fault of ours like any other.
            _logger.error("database.not_usable", reason=str(error))  # noqa: TRY400  (there is nothing to trace)
            raise Unavailable from None

    async def connect(self, *, attempts: int = 1) -> None:
        """Open the database and see to its schema; calling it again does nothing.

        All who call at once share one try, so that nobody queues up for a database that is down. Raises Unavailable
        where it does not answer after that many attempts, ConfigurationError where tables are missing that may not be
        created.
        """
        if self._is_ready:
            return
        if self._connecting is None or self._connecting.done():
            # What is begun when it is open outlives the request that happened to open it, and holds nothing of it.
            connecting = self._connect(attempts)
            self._connecting = asyncio.get_running_loop().create_task(connecting, context=contextvars.Context())
            # Whoever waited may be gone when it fails; the failure is nobody's surprise.
            self._connecting.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.shield(self._connecting)

    async def _connect(self, attempts: int) -> None:
        async for attempt in stamina.retry_context(
            on=Unavailable, attempts=attempts, wait_initial=0.2, wait_jitter=0.1
        ):
            with attempt:
                await self._executor.connect()
        await self._see_to_schema()
        self._is_ready = True
        for action in self._on_ready:
            await action()

    async def _see_to_schema(self) -> None:
        if self._config.database_options.creates_schema is not False:
            created = await create_missing(self._executor, self._metadata, self._told)
            if created:
                _logger.info("database.schema_created", statements=len(created))
        elif missing := await missing_from(self._executor, self._metadata):
            await self._executor.disconnect()
            raise ConfigurationError(f"the database lacks {', '.join(missing)}; let Auth.create_schema() make them")
        forbidden = await forbidden_to_us(self._executor, self._metadata)
        if forbidden:
            await self._executor.disconnect()
            listed = "; ".join(f'{", ".join(verbs)} on "{table}"' for table, verbs in forbidden.items())
            raise ConfigurationError(f"the database's role needs rights that it does not have: GRANT {listed}")

    async def create_schema(self) -> list[str]:
        """Create missing tables, columns and triggers, whatever the configuration says; returns the SQL that ran.

        It does so on connections of its own, so that it may run beside anything else, and in any event loop.
        """
        if self._executor.is_in_memory:
            await self._executor.connect()
            return await create_missing(self._executor, self._metadata, self._told)
        executor = Executor(self._config.database, self._config.database_options)
        await executor.connect()
        try:
            return await create_missing(executor, self._metadata, self._told)
        finally:
            await executor.disconnect()

    async def disconnect(self) -> None:
        """Close the database; calling it again does nothing."""
        if self._connecting is not None and not self._connecting.done():
            await asyncio.gather(self._connecting, return_exceptions=True)
        self._is_ready = False
        await self._executor.disconnect()

    async def ping(self) -> None:
        """Ask for an answer, opening the database if nobody has; raises Unavailable where none comes."""
        await self._ensure_connected()
        await self._executor.run_text("SELECT 1")

    def transaction(self) -> AbstractAsyncContextManager[None]:
        """All statements of this task within the block take effect together, or none; blocks may nest."""
        return self._executor.transaction()

    async def before_commit(self, effect: Effect) -> None:
        """Await ``effect`` as the last thing before the transaction of this task commits; now, where there is none.

        For what belongs to the transaction and is written elsewhere. It is dropped if the transaction is undone, and
        undoes it by raising. A commit that fails after it leaves it done.
        """
        await self._executor.before_commit(effect)

    def if_undone(self, remedy: Effect) -> None:
        """Have ``remedy`` awaited if the transaction of this task is undone before its commit is tried.

        For what could not wait for ``before_commit``. Where a commit fails nobody knows what holds: it is not awaited.
        """
        self._executor.if_undone(remedy)

    async def after_commit(self, action: Action) -> None:
        """Await ``action`` once the transaction of this task is over; now, where there is none.

        It is dropped if the transaction is undone. For telling others of what has become true.
        """
        await self._executor.after_commit(action)

    async def uninterrupted(self, work: Coroutine[Any, Any, T]) -> T:
        """Await a write together with what has to follow it, whether or not this task is cancelled meanwhile."""
        return await self._executor.uninterrupted(work)

    def recorded(self) -> AbstractContextManager[list[str]]:
        """Collect the SQL of every statement run within the block: for tests and benchmarks that count."""
        return self._executor.recorded()


def _check_watches(watches: Iterable[Watch], metadata: MetaData) -> None:
    """SQLite takes a trigger on columns that are not there, and fails every write from then on."""
    for watch in watches:
        table = metadata.tables.get(watch.table)
        known = set() if table is None else {column.name for column in table.columns}
        missing = {*watch.key, *(watch.columns or ()), *watch.null_columns} - known
        if table is not None and missing:
            raise ConfigurationError(f"{min(missing)} is watched, and is no column of {watch.table}")
