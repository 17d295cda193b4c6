"""Windows in the table ``rateLimit``: hits counted for every process, each in one statement."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Integer,
    MetaData,
    Table,
    and_,
    bindparam,
    case,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.dml import ReturningInsert

from asgi_auth.config import LONGEST_WINDOW, RateLimit
from asgi_auth.crypto.tokens import generate_id
from asgi_auth.engine.columns import Text
from asgi_auth.engine.executor import Executor
from asgi_auth.engine.statement import Statement
from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.rate_limit import Hit, milliseconds
from asgi_auth.infrastructure.time_limit import LAST_MOMENT

SWEEP_EVERY = 3_600_000
"""Milliseconds between two clean-ups by one process."""

LONGEST_SILENCE = 0.125
"""The part of its time limit for which a statement waits for a database that answers nobody: memory stands in for it,
and whoever is counted is looked up there next."""

_LONGEST = LONGEST_WINDOW // timedelta(milliseconds=1)

_logger = structlog.get_logger("asgi_auth.rate_limit")


def rate_limit_table() -> Table:
    """The table, name for name Better Auth's."""
    return Table(
        "rateLimit",
        MetaData(),
        Column("id", Text(), primary_key=True),
        Column("key", Text(), nullable=False, unique=True),
        Column("count", Integer(), nullable=False),
        Column("lastRequest", BigInteger(), nullable=False),
        quote=True,
    )


class DatabaseWindows:
    """Windows that all processes share.

    A row is judged and changed by the same statement, and the database has each statement see the one before.

    Args:
        executor: runs the statements.
        table: where they are.
        patience: seconds that a statement may take in a crowd.
    """

    def __init__(self, executor: Executor, table: Table, *, patience: float) -> None:
        self._executor = executor
        self._patience = patience
        key, count, moment = table.c["key"], table.c["count"], table.c["lastRequest"]
        is_key = key == bindparam("key", type_=Text())
        self._hits = {
            restarts: executor.compile(_hit(table, scheme=executor.scheme, restarts=restarts))
            for restarts in (True, False)
        }
        self._find = executor.compile(select(count, moment).where(is_key))
        self._give_back = executor.compile(
            update(table).where(and_(is_key, moment == _bigint("began"), count > 0)).values({count: count - 1})
        )
        self._sweep = executor.compile(delete(table).where(moment < _bigint("before")))
        self._swept_at: int | None = None

    async def hit(self, key: str, limit: RateLimit, *, now: int, restarts: bool = True) -> Hit:
        """Count one; see Windows."""
        window = milliseconds(limit)
        values = {"id": generate_id(), "key": key, "now": now, "window": window, "most": limit.most}
        rows = await self._run(self._hits[restarts], values)
        await self._clean_up(now)
        if rows:
            count, began = rows[0]
            return Hit(True, limit.most - count, began + window - now, began)
        found = await self._run(self._find, {"key": key})
        began = found[0][1] if found else now - window
        return Hit(False, 0, max(began + window - now, 1), began)

    async def give_back(self, key: str, limit: RateLimit, *, hit: Hit) -> None:  # noqa: ARG002  (the moment is stored)
        """Count one less; see Windows."""
        await self._run(self._give_back, {"key": key, "began": hit.began})

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:
        """Whether a hit is counted there now; see Windows."""
        rows = await self._run(self._find, {"key": key})
        return any(count > 0 and now - began < milliseconds(limit) for count, began in rows)

    async def _run(self, statement: Statement, values: Mapping[str, object]) -> list[list[Any]]:
        """The rows of a statement; raises Unavailable where they take too long, or the database answers nobody."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._patience) as limit:
                look = loop.call_later(self._patience * LONGEST_SILENCE, self._look, limit, began)
                try:
                    return await self._executor.run(statement, values)
                finally:
                    look.cancel()
        except TimeoutError:
            raise Unavailable from None

    def _look(self, limit: asyncio.Timeout, began: float) -> None:
        if self._executor.heard_at < began:
            # Not at once: an answer may lie there unread, because something else kept the event loop busy.
            limit.reschedule(asyncio.get_running_loop().time() + self._patience * LAST_MOMENT)

    async def _clean_up(self, now: int) -> None:
        """Delete what no window can still hold; that it fails is no reason to refuse anybody."""
        if self._swept_at is not None and now - self._swept_at < SWEEP_EVERY:
            return
        self._swept_at = now
        try:
            await self._executor.run(self._sweep, {"before": now - _LONGEST})
        except Unavailable:
            _logger.warning("rate_limit.not_cleaned_up")


def _hit(table: Table, *, scheme: str, restarts: bool) -> ClauseElement:
    """The row as it is after one more hit; no row where the limit forbids it."""
    count, moment = table.c["count"], table.c["lastRequest"]
    adding = (sqlite if scheme == "sqlite" else postgresql).insert(table)
    first = adding.values(
        id=bindparam("id", type_=Text()), key=bindparam("key", type_=Text()), count=1, lastRequest=_bigint("now")
    )
    now = first.excluded["lastRequest"]
    # A window whose hits have all been given back is none.
    is_over = or_(now - moment >= _bigint("window"), count < 1)
    upsert: ReturningInsert[Any] = first.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "count": case((is_over, 1), else_=count + 1),
            "lastRequest": now if restarts else case((is_over, now), else_=moment),
        },
        where=or_(is_over, count < bindparam("most", type_=Integer())),
    ).returning(count, moment)
    return upsert


def _bigint(name: str) -> ColumnElement[int]:
    return bindparam(name, type_=BigInteger())
