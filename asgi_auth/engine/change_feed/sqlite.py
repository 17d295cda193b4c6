"""What changes in a SQLite file, as its triggers note it in a table."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from time import monotonic
from typing import Final

from asgi_auth.engine.change_feed.feed import CannotTell, RecordFeed
from asgi_auth.engine.change_feed.sqlite_triggers import LOG, complaint
from asgi_auth.engine.sqlite_pool import Row, SQLiteConnection
from asgi_auth.infrastructure.change_feed.base import MOST_KEYS, TRUSTED_FOR, Change, FeedObserver, Watch

POLL_EVERY: Final = 0.05
"""Seconds between two looks at whether somebody has written."""

MOST_ROWS: Final = 2000
"""Notes that are read at once; whoever has missed more has missed everything."""

SCHEMA_SQL: Final = "PRAGMA schema_version"
LAST_SQL: Final = f'SELECT coalesce(max("seq"), 0) FROM "{LOG}"'  # noqa: S608  (a name of ours)

Connect = Callable[[], Awaitable[SQLiteConnection]]


class SQLiteFeed(RecordFeed):
    """A connection of its own that looks whether another one has written, and only then at what.

    Args:
        connect: opens a connection outside of the pool.
        watches: the tables that are told of.
        triggers: those that have to be there, by name.
    """

    name = "sqlite"

    def __init__(self, connect: Connect, watches: Collection[Watch], triggers: dict[str, str]) -> None:
        super().__init__()
        self._connect = connect
        self._tables = tuple(watch.table for watch in watches)
        self._triggers = triggers
        self._seen = 0
        self._schema = 0

    async def _listen(self, observer: FeedObserver) -> None:
        connection = await self._connect()
        try:
            await self._keep_reading(connection, observer)
        finally:
            await connection.close()

    async def _keep_reading(self, connection: SQLiteConnection, observer: FeedObserver) -> None:
        version = await _number(connection, "PRAGMA data_version")
        await self._verify(connection)
        self._seen = await _number(connection, LAST_SQL)
        self._connected(observer)
        while True:
            looked = monotonic()
            before, version = version, await _number(connection, "PRAGMA data_version")
            if version != before:
                await self._read(connection, observer)
            observer.vouch(self.name, until=looked + TRUSTED_FOR)
            await asyncio.sleep(POLL_EVERY)

    async def _verify(self, connection: SQLiteConnection) -> None:
        self._schema = await _number(connection, SCHEMA_SQL)
        wrong = await complaint(connection.rows, self._triggers)
        if wrong is not None:
            raise CannotTell(wrong)

    async def _read(self, connection: SQLiteConnection, observer: FeedObserver) -> None:
        rows = await connection.rows(
            f'SELECT "seq", "tableName", "key", "isNew" FROM "{LOG}" '  # noqa: S608  (numbers and names of ours)
            f'WHERE "seq" >= {self._seen} ORDER BY "seq" LIMIT {MOST_ROWS}'
        )
        # Triggers may have been put aside and back, and something written meanwhile.
        is_as_before = self._schema == await _number(connection, SCHEMA_SQL)
        if not is_as_before:
            await self._verify(connection)
        if is_as_before and self._is_gapless(rows):
            changes = _gathered(rows[1:] if self._seen else rows)
            self._seen = int(str(rows[-1][0])) if rows else 0
        else:
            changes = [Change(table) for table in self._tables]
            self._seen = await _number(connection, LAST_SQL)
        if changes:
            observer.deliver(self.name, changes)

    def _is_gapless(self, rows: Sequence[Row]) -> bool:
        """Whether these rows follow what has been seen: the last row that was seen is still there, or none was."""
        if not rows:
            return self._seen == 0
        return rows[0][0] == max(self._seen, 1) and len(rows) < MOST_ROWS


def _gathered(rows: Sequence[Row]) -> list[Change]:
    """Notes by table: each key once, and of too many, or of one that names nothing, the whole table."""
    keys: dict[tuple[str, bool], dict[str | None, None]] = {}
    for _, table, key, is_new in rows:
        keys.setdefault((str(table), bool(is_new)), {})[None if key is None else str(key)] = None
    return [
        Change(table, () if None in named or len(named) > MOST_KEYS else tuple(map(str, named)), is_new=is_new)
        for (table, is_new), named in keys.items()
    ]


async def _number(connection: SQLiteConnection, sql: str) -> int:
    [(number,)] = await connection.rows(sql)
    return int(str(number))
