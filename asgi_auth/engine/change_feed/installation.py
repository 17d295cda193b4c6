"""Which feed a database has, and what of its triggers has to be made."""

from __future__ import annotations

from collections.abc import Collection

import structlog
from sqlalchemy import MetaData

from asgi_auth.engine.change_feed import postgres_triggers, sqlite_triggers
from asgi_auth.engine.change_feed.postgres import PostgresFeed
from asgi_auth.engine.change_feed.sqlite import SQLiteFeed
from asgi_auth.engine.executor import Executor
from asgi_auth.engine.faults import IntegrityViolation
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.change_feed.base import ChangeFeed, Watch

_logger = structlog.get_logger("asgi_auth.change_feed")


def feed_of(executor: Executor, metadata: MetaData, watches: Collection[Watch]) -> ChangeFeed | None:
    """The database's own feed; None where it is in memory, for nobody else can write there."""
    if executor.is_in_memory:
        return None
    if executor.scheme == "sqlite":
        triggers = sqlite_triggers.expected_triggers(metadata.sorted_tables, watches)
        return SQLiteFeed(executor.open_alone, watches, triggers)
    return PostgresFeed(executor.open_alone, watches)


async def create_missing_triggers(executor: Executor, metadata: MetaData, watches: Collection[Watch]) -> list[str]:
    """Create missing triggers, within a transaction; returns the SQL that ran.

    Where that fails or is not allowed nothing else is undone: the feed tells that it is not usable, and why.
    """
    if executor.is_in_memory or not watches:
        return []
    statements = await _missing(executor, metadata, watches)
    try:
        async with executor.transaction():
            for sql in statements:
                await executor.run_text(sql)
    except (Unavailable, IntegrityViolation):
        statements = []
    wrong = await _complaint(executor, metadata, watches)
    if wrong is not None:
        _logger.warning("change_feed.not_installed", reason=wrong, consequence="nothing will be cached in memory")
    return statements


async def _complaint(executor: Executor, metadata: MetaData, watches: Collection[Watch]) -> str | None:
    if executor.scheme == "sqlite":
        expected = sqlite_triggers.expected_triggers(metadata.sorted_tables, watches)
        return await sqlite_triggers.complaint(executor.run_text, expected)
    return postgres_triggers.complaint(await postgres_triggers.read_state(executor.run_text, watches), watches)


async def _missing(executor: Executor, metadata: MetaData, watches: Collection[Watch]) -> list[str]:
    if executor.scheme == "sqlite":
        triggers = sqlite_triggers.expected_triggers(metadata.sorted_tables, watches)
        return await sqlite_triggers.missing_statements(executor.run_text, triggers)
    state = await postgres_triggers.read_state(executor.run_text, watches)
    return postgres_triggers.missing_statements(state, watches)
