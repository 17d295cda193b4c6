"""A transaction of one task: what it holds, how it ends, and what waits for its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import structlog

from asgi_auth.engine.faults import translated
from asgi_auth.engine.statement import Bound
from asgi_auth.infrastructure.change_feed.base import Change

T = TypeVar("T")
Action = Callable[[], Awaitable[None]]
Effect = Callable[[], Awaitable[object]]
Publish = Callable[[Sequence[Change]], Awaitable[None]]

_logger = structlog.get_logger("asgi_auth.engine")


class Connection(Protocol):
    """What a connection of our backends can do for a transaction."""

    async def acquire(self) -> None:
        """Take a connection from the pool."""

    async def release(self) -> None:
        """Give it back."""

    async def fetch_all(self, query: Bound) -> list[Any]:
        """Run a statement and return its rows."""

    async def begin(self) -> None:
        """Begin a transaction, or a savepoint within one."""

    async def commit(self) -> None:
        """Commit the innermost transaction."""

    async def rollback(self) -> None:
        """Undo the innermost transaction."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A task's transaction, and what waits for its end; a task started within it does not take part."""

    task: asyncio.Task[Any] | None
    connection: Connection
    effects: list[Effect] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    remedies: list[Effect] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    async def begin(self) -> None:
        """Take a connection and begin; whatever goes wrong, the connection is given back."""
        with translated():
            await self.connection.acquire()
            try:
                await self.connection.begin()
            except BaseException:
                await to_its_end(self.connection.release())
                raise

    async def conclude(self, publish: Publish | None) -> None:
        """Do what belongs to it elsewhere, commit, give the connection back, and do what waited for it.

        Its changes are told at once, so that it takes no longer to have made many, and first: who is told what they
        mean must not be able to read what was there before.
        """
        try:
            for effect in self.effects:
                await effect()
        except BaseException:
            await self.abandon()
            raise
        try:
            with translated():
                await self.connection.commit()
        finally:
            await self._release()
        if publish is not None and self.changes:
            await publish(self.changes)
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
        await self._remedy(since=0)

    async def _remedy(self, *, since: int) -> None:
        remedies = self.remedies[since:]
        del self.remedies[since:]
        for remedy in reversed(remedies):
            try:
                await remedy()
            except Exception as error:  # noqa: BLE001  (logged; what led here is raised)
                _logger.warning("database.remedy_failed", error=type(error).__name__)

    async def _release(self) -> None:
        with translated():
            await self.connection.release()

    @asynccontextmanager
    async def nested(self) -> AsyncIterator[None]:
        """A savepoint within it: what the block writes and what it leaves for the end is undone alone."""
        effects, actions, changes = len(self.effects), len(self.actions), len(self.changes)
        remedies = len(self.remedies)
        with translated():
            await self.connection.begin()
        try:
            yield
        except BaseException:
            del self.effects[effects:]
            del self.actions[actions:]
            del self.changes[changes:]
            with translated():
                await to_its_end(self._undo_nested(since=remedies))
            raise
        with translated():
            await self.connection.commit()

    async def _undo_nested(self, *, since: int) -> None:
        try:
            await self.connection.rollback()
        finally:
            await self._remedy(since=since)


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
