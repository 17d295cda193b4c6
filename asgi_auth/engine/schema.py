"""Creating what is missing of the schema, and telling what is."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.sql.ddl import DDLElement

from asgi_auth.engine.change_feed.installation import create_missing_triggers
from asgi_auth.engine.executor import Executor
from asgi_auth.infrastructure.change_feed.base import Watch

# Any number; every process that creates our schema on this Postgres takes the same lock.
SCHEMA_LOCK = 4_071_965_310_254


async def missing_from(executor: Executor, metadata: MetaData) -> list[str]:
    """The tables and columns that the database lacks, as ``table`` or ``table.column``."""
    found = await _columns(executor, metadata)
    missing: list[str] = []
    for table in metadata.sorted_tables:
        known = found.get(table.name)
        if not known:
            missing.append(table.name)
        else:
            missing.extend(f"{table.name}.{column.name}" for column in table.columns if column.name not in known)
    return missing


async def forbidden_to_us(executor: Executor, metadata: MetaData) -> dict[str, list[str]]:
    """The tables that are there and that this role may not use, each with what it may not do."""
    forbidden: dict[str, list[str]] = {}
    if executor.scheme == "sqlite":
        return forbidden
    sql = (
        "SELECT c.relname::text, wanted.may FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) WITH ORDINALITY AS wanted (may, place) "
        "WHERE n.nspname = ANY(current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
        "AND NOT has_table_privilege(c.oid, wanted.may) "
        "AND (wanted.may = 'DELETE' OR NOT has_any_column_privilege(c.oid, wanted.may)) ORDER BY 1, wanted.place"
    )
    for table, may_not in await executor.run_text(sql):
        if table in metadata.tables:
            forbidden.setdefault(table, []).append(may_not)
    return forbidden


async def create_missing(executor: Executor, metadata: MetaData, watches: Collection[Watch]) -> list[str]:
    """Create missing tables and columns, and the triggers of watched tables. Returns the SQL that ran.

    No table, column or row that exists is changed. Processes that start together wait for one another.
    """
    async with executor.transaction(prepares=False):
        if executor.scheme != "sqlite":
            await executor.run_text(f"SELECT pg_advisory_xact_lock({SCHEMA_LOCK})")
        found = await _columns(executor, metadata)
        statements = [sql for table in metadata.sorted_tables for sql in _statements(executor, table, found)]
        for sql in statements:
            await executor.run_text(sql)
        return statements + await create_missing_triggers(executor, metadata, watches)


async def _columns(executor: Executor, metadata: MetaData) -> dict[str, set[str]]:
    if executor.scheme == "sqlite":
        return {
            table: {str(row[1]) for row in await executor.run_text(f'PRAGMA table_info("{table}")')}
            for table in metadata.tables
        }
    found: dict[str, set[str]] = {}
    # information_schema would show only what this role has a right to.
    sql = (
        "SELECT c.relname::text, a.attname::text FROM pg_catalog.pg_attribute a "
        "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = ANY(current_schemas(false)) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
        "AND a.attnum > 0 AND NOT a.attisdropped"
    )
    for table, column in await executor.run_text(sql):
        found.setdefault(table, set()).add(column)
    return found


def _statements(executor: Executor, table: Table, found: dict[str, set[str]]) -> Iterable[str]:
    known = found.get(table.name)
    if not known:
        yield _ddl(executor, CreateTable(table))
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            yield _ddl(executor, CreateIndex(index))
        return
    for column in table.columns:
        if column.name not in known:
            yield from _add_column(executor, table, column)


def _add_column(executor: Executor, table: Table, column: Column[object]) -> Iterable[str]:
    kind = column.type.compile(executor.dialect)
    yield f'ALTER TABLE "{table.name}" ADD COLUMN "{column.name}" {kind}'
    if column.unique:
        # SQLite cannot add a UNIQUE column; Better Auth names the index it makes instead like this.
        index = f"{table.name}_{column.name}_uidx"
        yield f'CREATE UNIQUE INDEX "{index}" ON "{table.name}" ("{column.name}")'


def _ddl(executor: Executor, element: DDLElement) -> str:
    return str(element.compile(dialect=executor.dialect)).strip()
