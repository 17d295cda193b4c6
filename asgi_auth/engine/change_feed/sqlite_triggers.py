"""The triggers with which SQLite notes changes in a table, whoever makes them, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any, Final

from sqlalchemy import Table, UniqueConstraint

from asgi_auth.engine.change_feed.quoting import literal, quoted
from asgi_auth.infrastructure.change_feed.base import Watch

Fetch = Callable[[str], Awaitable[Sequence[Any]]]
"""Runs SQL without values and returns its rows."""

LOG: Final = "asgiAuthChange"
"""The table of changes: seq, tableName, key (NULL: anything in the table), isNew."""

KEPT: Final = 10_000
"""Changes that are kept, and at most a tenth more: whoever has missed older ones has missed something."""

_PREFIX: Final = "asgiAuth1_"

_LOG_SQL: Final = (
    f'CREATE TABLE "{LOG}" ("seq" integer not null primary key autoincrement, "tableName" text not null, '
    '"key" text, "isNew" integer not null)'
)
_PRUNE_SQL: Final = (
    f'CREATE TRIGGER "{_PREFIX}prune" AFTER INSERT ON "{LOG}" WHEN NEW."seq" % {KEPT // 10} = 0 '
    f'BEGIN DELETE FROM "{LOG}" WHERE "seq" <= NEW."seq" - {KEPT}; END'
)


def _name_of(watch: Watch, row: str) -> str:
    return " || ':' || ".join(f"{row}.{quoted(column)}" for column in watch.key)


def expected_triggers(tables: Iterable[Table], watches: Collection[Watch]) -> dict[str, str]:
    """All triggers by their names."""
    by_name = {table.name: table for table in tables}
    found = {f"{_PREFIX}prune": _PRUNE_SQL}
    for watch in watches:
        for suffix, sql in _triggers_on(by_name[watch.table], watch).items():
            name = f"{_PREFIX}{watch.table}_{suffix}"
            found[name] = f"CREATE TRIGGER {quoted(name)} {sql}"
    return found


def _triggers_on(table: Table, watch: Watch) -> dict[str, str]:
    on = quoted(watch.table)
    note = f'INSERT INTO "{LOG}" ("tableName", "key", "isNew") SELECT {literal(watch.table)}, '
    old, new = _name_of(watch, "OLD"), _name_of(watch, "NEW")
    unique = sorted({column for group in _unique(table) for column in group})
    in_the_way = f"{note}{_name_of(watch, 't')}, 0 FROM {on} AS t WHERE"
    return {
        "insert": f"AFTER INSERT ON {on} BEGIN {note}{new}, 1; END",
        "update": (
            f"AFTER UPDATE ON {on} {_when(watch)}"
            f"BEGIN {note}{old}, 0 UNION SELECT {literal(watch.table)}, {new}, 0; END"
        ),
        "delete": f"AFTER DELETE ON {on} BEGIN {note}{old}, 0; END",
        # INSERT OR REPLACE deletes rows without a word; these say which.
        "replace": f"BEFORE INSERT ON {on} BEGIN {in_the_way} {_same_as_new(table)}; END",
        "displace": (
            f"BEFORE UPDATE OF {', '.join(map(quoted, unique))} ON {on} "
            f"BEGIN {in_the_way} {_displaced(table, watch)}; END"
        ),
    }


def _when(watch: Watch) -> str:
    """When a changed row is told of."""
    if watch.columns is None:
        return ""
    # whatever the column's own collation is, another text is another value
    told = [
        f"OLD.{quoted(column)} COLLATE BINARY IS NOT NEW.{quoted(column)}" for column in (*watch.key, *watch.columns)
    ]
    told += [f"(OLD.{quoted(column)} IS NULL) <> (NEW.{quoted(column)} IS NULL)" for column in watch.null_columns]
    return f"WHEN {' OR '.join(told)} "


def _displaced(table: Table, watch: Watch) -> str:
    """Which rows make room for a changed one."""
    if watch.columns is None:
        return _same_as_new(table)  # itself among them, and it has changed
    itself = " AND ".join(f"t.{quoted(column.name)} IS OLD.{quoted(column.name)}" for column in table.primary_key)
    return f"({_same_as_new(table)}) AND NOT ({itself})"


def _unique(table: Table) -> list[tuple[str, ...]]:
    """The groups of columns in which no two rows may be the same."""
    groups = {tuple(column.name for column in table.primary_key)}
    groups |= {(column.name,) for column in table.columns if column.unique}
    groups |= {
        tuple(column.name for column in constraint.columns)
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    }
    groups |= {tuple(column.name for column in index.columns) for index in table.indexes if index.unique}
    return sorted(groups)


def _same_as_new(table: Table) -> str:
    return " OR ".join(
        "(" + " AND ".join(f"t.{quoted(column)} = NEW.{quoted(column)}" for column in group) + ")"
        for group in _unique(table)
    )


async def missing_statements(fetch: Fetch, expected: dict[str, str]) -> list[str]:
    """The SQL that makes what is missing of the table and the triggers."""
    present, has_log = await _read(fetch)
    statements = [] if has_log else [_LOG_SQL]
    for name, sql in expected.items():
        if present.get(name) != sql:
            statements += [f"DROP TRIGGER {quoted(name)}"] if name in present else []
            statements.append(sql)
    return statements


async def complaint(fetch: Fetch, expected: dict[str, str]) -> str | None:
    """Why the triggers do not note everything, and what would help; None where they do."""
    present, has_log = await _read(fetch)
    lacking = [name for name, sql in expected.items() if present.get(name) != sql]
    if has_log and not lacking:
        return None
    what = f"triggers ({lacking[0]}, ...) are" if has_log else f'the table "{LOG}" is'
    return f"{what} missing: run Auth.create_schema()"


async def _read(fetch: Fetch) -> tuple[dict[str, str], bool]:
    rows = await fetch(f"SELECT type, name, sql FROM sqlite_master WHERE name = '{LOG}' OR type = 'trigger'")
    return {str(name): str(sql) for kind, name, sql in rows if kind == "trigger"}, any(
        kind == "table" for kind, _, _ in rows
    )
