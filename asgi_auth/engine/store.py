"""A table as a store of frozen records."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar

from cachetools import LRUCache
from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, func, insert, select, tuple_, update

from asgi_auth.engine.executor import Executor
from asgi_auth.engine.statement import Statement
from asgi_auth.fields import fields_of
from asgi_auth.infrastructure.change_feed.base import Change, Watch
from asgi_auth.models import Record

R = TypeVar("R", bound=Record)
Value = str | int | float | bool | datetime | None
Rows = list[list[Any]]
Shape = tuple[str, ...]

KEPT_STATEMENTS = 128

LIST_LIMIT = 100
"""Rows a list has at most, unless asked otherwise; Better Auth's default."""


def _require(where: Mapping[str, Value]) -> None:
    if not where:
        raise ValueError("without a condition this would delete the whole table")


class Store(Generic[R]):
    """One table in, frozen records out.

    Conditions and values are given by Python field name. A statement is compiled the first time its shape is used, and
    the last ``KEPT_STATEMENTS`` are kept: clients choose which additional fields they change together. Writes to a
    watched table are announced once they are committed, even if the task is cancelled meanwhile.
    """

    def __init__(self, executor: Executor, table: Table, record: type[R], *, watch: Watch | None = None) -> None:
        self.record = record
        self.table = table
        self._executor = executor
        self._columns = {field.name: table.c[field.wire_name] for field in fields_of(record)}
        self._names = tuple(self._columns)
        by_column = {field.wire_name: field.name for field in fields_of(record)}
        self._key = () if watch is None else tuple(by_column[column] for column in watch.key)
        self._filled = tuple(
            (index, field)
            for index, field in enumerate(fields_of(record))
            if not field.is_optional and not field.is_required
        )
        self._statements: LRUCache[tuple[str, Shape, Shape], Statement] = LRUCache(KEPT_STATEMENTS)

    @property
    def columns(self) -> tuple[ColumnElement[Any], ...]:
        """The record's columns, in the order that ``build`` expects."""
        return tuple(self._columns.values())

    def position(self, name: str) -> int:
        """Where a field's value stands in a row."""
        return self._names.index(name)

    def build(self, row: list[Any]) -> R:
        """Make a record of one row's values.

        NULL in a field that does not allow None is its default: the row is older than the field, or somebody else's.
        """
        for index, field in self._filled:
            if row[index] is None:
                row[index] = field.default()
        return self.record(**dict(zip(self._names, row, strict=True)))

    async def add(self, record: R) -> None:
        """Write a new row; raises UniqueViolation or IntegrityViolation."""
        statement = self._compiled("add", (), self._names)
        values = {f"set_{name}": getattr(record, name) for name in self._names}

        async def adding() -> Sequence[R]:
            await self._executor.run(statement, values)
            return (record,)

        await self.announced(adding(), is_new=True)

    async def announced(self, writing: Coroutine[Any, Any, Sequence[R]], *, is_new: bool = False) -> Sequence[R]:
        """Await a write that returns the rows it was about, and tell whoever watches the table of them."""
        if not self._key:
            return await writing

        async def told() -> Sequence[R]:
            records = await writing
            if records:
                keys = tuple(self._name(record) for record in records)
                await self._executor.announce(Change(self.table.name, keys, is_new=is_new))
            return records

        return await self._executor.uninterrupted(told())

    def _name(self, record: R) -> str:
        """What a Change names a record's row by."""
        return ":".join(str(getattr(record, name)) for name in self._key)

    async def find(self, **where: Value) -> R | None:
        """The record that meets all conditions, or None."""
        rows = await self._run("find", where)
        return self.build(rows[0]) if rows else None

    async def list(self, *, limit: int = LIST_LIMIT, **where: Value) -> Sequence[R]:
        """All records that meet the conditions, oldest first."""
        rows = await self._run("list", where, extra={"limit": limit})
        return [self.build(row) for row in rows]

    async def page(self, where: Mapping[str, Value], /, *, limit: int, **bounds: Value) -> Sequence[R]:
        """The newest records that meet all conditions, newest first; needs fields ``created_at`` and ``id``.

        ``bounds`` are any of ``since`` and ``until``, moments of creation, the first included and the second not; and
        ``before`` with ``before_id``: the moment and id of the last record of the page before.
        """
        rows = await self._run("page", where, bounds, extra={"limit": limit})
        return [self.build(row) for row in rows]

    async def trim(self, *, before: datetime, most: int) -> int:
        """Delete the oldest records created before a moment, so many at most; returns how many there were."""
        return len(await self._run("trim", {}, {"before": before}, extra={"limit": most}))

    async def count(self, **where: Value) -> int:
        """How many records meet the conditions."""
        rows = await self._run("count", where)
        return int(rows[0][0])

    async def change(self, where: Mapping[str, Value], /, **values: object) -> R | None:
        """Set values where all conditions hold, in one statement; returns the row as it is now, or None.

        Conditions on the old values make it a compare-and-set.
        """
        return next(iter(await self.announced(self._rows("change", where, values))), None)

    async def take(self, **where: Value) -> R | None:
        """Delete the row and return it, in one statement: of many callers one gets it. Needs a condition."""
        _require(where)
        return next(iter(await self.announced(self._rows("take", where))), None)

    async def remove(self, **where: Value) -> int:
        """Delete every row that meets the conditions; returns how many there were. Needs a condition."""
        _require(where)
        if self._key:
            return len(await self.announced(self._rows("take", where)))
        return len(await self._run("remove", where))

    async def _rows(
        self, verb: str, where: Mapping[str, Value], values: Mapping[str, object] | None = None
    ) -> Sequence[R]:
        return [self.build(row) for row in await self._run(verb, where, values)]

    async def _run(
        self,
        verb: str,
        where: Mapping[str, Value],
        values: Mapping[str, object] | None = None,
        *,
        extra: Mapping[str, object] | None = None,
    ) -> Rows:
        values = values or {}
        conditions = tuple(name if value is not None else f"{name}?" for name, value in where.items())
        statement = self._compiled(verb, conditions, tuple(values))
        arguments: dict[str, object] = {f"where_{name}": value for name, value in where.items()}
        arguments.update((f"set_{name}", value) for name, value in values.items())
        arguments.update(extra or {})
        return await self._executor.run(statement, arguments)

    def _compiled(self, verb: str, conditions: Shape, values: Shape) -> Statement:
        shape = (verb, conditions, values)
        statement = self._statements.get(shape)
        if statement is None:
            clause = self._clause(verb, conditions, values)
            statement = self._statements[shape] = self._executor.compile(clause, is_lookup=verb == "find")
        return statement

    def _clause(self, verb: str, conditions: Shape, values: Shape) -> Any:
        where = and_(*(self._condition(name) for name in conditions)) if conditions else None
        if verb in ("page", "trim"):
            return self._page_clause(where, values) if verb == "page" else self._trim_clause()
        assignments = {self._columns[name]: bindparam(f"set_{name}", type_=self._columns[name].type) for name in values}
        clause = self._bare_clause(verb, assignments)
        return clause if where is None else clause.where(where)

    def _bare_clause(self, verb: str, assignments: dict[Any, Any]) -> Any:
        clause: Any
        match verb:
            case "add":
                clause = insert(self.table).values(assignments)
            case "find":
                clause = select(*self.columns).limit(1)
            case "list":
                clause = (
                    select(*self.columns)
                    .order_by(self._columns.get("created_at", self._columns["id"]))
                    .limit(bindparam("limit"))
                )
            case "count":
                clause = select(func.count()).select_from(self.table)
            case "change":
                clause = update(self.table).values(assignments).returning(*self.columns)
            case "take":
                clause = delete(self.table).returning(*self.columns)
            case _:
                clause = delete(self.table).returning(self._columns["id"])
        return clause

    def _condition(self, name: str) -> ColumnElement[bool]:
        if name.endswith("?"):
            return self._columns[name[:-1]].is_(None)
        column = self._columns[name]
        return column == bindparam(f"where_{name}", type_=column.type)

    def _page_clause(self, where: ColumnElement[bool] | None, bounds: Shape) -> Any:
        created, row = self._columns["created_at"], self._columns["id"]
        limits: dict[str, ColumnElement[bool]] = {
            "since": created >= bindparam("set_since", type_=created.type),
            "until": created < bindparam("set_until", type_=created.type),
            "before": tuple_(created, row)
            < tuple_(bindparam("set_before", type_=created.type), bindparam("set_before_id", type_=row.type)),
        }
        clause = select(*self.columns).order_by(created.desc(), row.desc()).limit(bindparam("limit"))
        clause = clause.where(*(limits[name] for name in bounds if name in limits))
        return clause if where is None else clause.where(where)

    def _trim_clause(self) -> Any:
        created, row = self._columns["created_at"], self._columns["id"]
        is_old = created < bindparam("set_before", type_=created.type)
        oldest = select(row).where(is_old).order_by(created, row).limit(bindparam("limit"))
        return delete(self.table).where(row.in_(oldest)).returning(row)
