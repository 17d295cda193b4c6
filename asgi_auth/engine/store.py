"""A table as a store of frozen records."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from cachetools import LRUCache
from sqlalchemy import ColumnElement, Table

from asgi_auth.clock import Timestamp
from asgi_auth.engine.clauses import Clauses, Shape, changes_of, conditions_of
from asgi_auth.engine.executor import Executor
from asgi_auth.engine.statement import Statement
from asgi_auth.engine.watched import WatchedFields, name_of
from asgi_auth.fields import fields_of
from asgi_auth.infrastructure.change_feed.base import Change, Watch
from asgi_auth.models import Record

R = TypeVar("R", bound=Record)
S = TypeVar("S", bound=Record)
T = TypeVar("T")
Value = str | int | float | bool | datetime | None
Row = list[Any]
Rows = list[Row]

NOTHING: Mapping[str, int] = MappingProxyType({})

KEPT_STATEMENTS = 128

LIST_LIMIT = 100
"""Rows a list has at most, unless asked otherwise; Better Auth's default."""


def _require(where: Mapping[str, Value]) -> None:
    if not where:
        raise ValueError("without a condition this would delete the whole table")


def _named(role: str, values: Mapping[str, object]) -> dict[str, object]:
    return {f"{role}_{name}": value for name, value in values.items()}


def with_shared_moments(row: Sequence[Any]) -> Row:
    """A row in which the same moment stands once: a great many of them are remembered."""
    moments: dict[Timestamp, Timestamp] = {}
    return [moments.setdefault(value, value) if type(value) is Timestamp else value for value in row]


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
        self._watched = None if watch is None else WatchedFields(watch, record)
        self._clauses = Clauses(table, self._columns, key=("id",) if self._watched is None else self._watched.key)
        self._filled = tuple(
            (index, field)
            for index, field in enumerate(fields_of(record))
            if not field.is_optional and not field.is_required
        )
        self._statements: LRUCache[tuple[object, ...], Statement] = LRUCache(KEPT_STATEMENTS)

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
        watched = self._watched
        return await (writing if watched is None else self._told(writing, watched.name, is_new=is_new))

    async def _told(
        self, writing: Coroutine[Any, Any, Sequence[T]], name: Callable[[T], str], *, is_new: bool = False
    ) -> Sequence[T]:
        async def told() -> Sequence[T]:
            written = await writing
            if written:
                await self._executor.announce(Change(self.table.name, tuple(map(name, written)), is_new=is_new))
            return written

        return await self._executor.uninterrupted(told())

    async def find(self, **where: Value) -> R | None:
        """The record that meets all conditions, or None."""
        rows = await self._run("find", where)
        return self.build(rows[0]) if rows else None

    async def find_with(self, other: Store[S], field: str, /, **where: Value) -> tuple[R, S | None] | None:
        """The record that meets all conditions, with the one of another store whose id a field of it holds.

        One select; the second is None where there is no such record. ``find_with(users, "user_id", token=...)`` finds
        something together with its user.
        """
        statement = self._compiled_join(other, field, conditions_of(where))
        rows = await self._executor.run(statement, {f"where_{name}": value for name, value in where.items()})
        if not rows:
            return None
        row, width = with_shared_moments(rows[0]), len(self._names)
        mine, others = row[:width], row[width:]
        other_id = others[other.position("id")]
        if other_id is None:
            return self.build(mine), None
        mine[self.position(field)] = other_id
        return self.build(mine), other.build(others)

    async def list(
        self,
        *,
        limit: int = LIST_LIMIT,
        offset: int = 0,
        order_by: str | None = None,
        is_descending: bool = False,
        **where: Value,
    ) -> Sequence[R]:
        """The records that meet the conditions, oldest first unless asked otherwise.

        Args:
            limit: so many at most (default 100).
            offset: so many are left out before the first.
            order_by: the field they are ordered by (default: ``created_at`` where there is one, else ``id``). Whatever
                is equal in it is ordered by id, so that pages follow one another; where None stands is the database's
                own choice.
            is_descending: the other way round.
            where: what has to hold, by field.

        Raises ValueError where there is no such field to order by.
        """
        order = self._order(order_by, is_descending=is_descending)
        rows = await self._run("list", where, shape=order, extra={"limit": limit, "offset": offset})
        return [self.build(row) for row in rows]

    def _order(self, name: str | None, *, is_descending: bool) -> Shape:
        if name is None:
            name = "created_at" if "created_at" in self._columns else "id"
        if name not in self._columns:
            raise ValueError("there is no such field to order by")
        mark = "-" if is_descending else ""
        return tuple(f"{field}{mark}" for field in dict.fromkeys((name, "id")))

    async def page(self, where: Mapping[str, Value], /, *, limit: int, **bounds: Value) -> Sequence[R]:
        """The newest records that meet all conditions, newest first; needs fields ``created_at`` and ``id``.

        ``bounds`` are any of ``since`` and ``until``, moments of creation, the first included and the second not; and
        ``before`` with ``before_id``: the moment and id of the last record of the page before.
        """
        given = {f"set_{name}": value for name, value in bounds.items()}
        rows = await self._run("page", where, shape=tuple(bounds), extra={"limit": limit, **given})
        return [self.build(row) for row in rows]

    async def trim(self, *, before: datetime, most: int, by: str = "created_at") -> int:
        """Delete the records of which a moment lies before another, the oldest first, so many at most.

        ``by`` is the field of that moment ("expires_at"); where it is None the record stays. Returns how many there
        were.
        """
        extra = {"before": before, "limit": most}
        return await self._removed(self._run("trim", {}, shape=(by,), extra=extra))

    async def count(self, **where: Value) -> int:
        """How many records meet the conditions."""
        rows = await self._run("count", where)
        return int(rows[0][0])

    async def change(self, where: Mapping[str, Value], /, **values: object) -> R | None:
        """Set values where all conditions hold, in one statement; returns the row as it is now, or None.

        Conditions on the old values make it a compare-and-set.
        """
        return await self._change(where, values)

    async def increment(
        self,
        where: Mapping[str, Value],
        /,
        *,
        by: Mapping[str, int],
        above: Mapping[str, int] = NOTHING,
        **values: object,
    ) -> R | None:
        """Add to numbers where all conditions hold, in one statement; returns the row as it is now, or None.

        Args:
            where: what has to hold, by field.
            by: how much is added to each of these fields, less than 0 to count down; None counts as 0.
            above: fields that have to be more than this before; None is not.
            values: fields that are set at the same time.

        Of many callers at once each counts: with ``by={"left": -1}, above={"left": 0}`` nobody gets more than there is.
        Raises ValueError for a field in both ``by`` and ``values``.
        """
        if not by.keys().isdisjoint(values):
            raise ValueError("a field is either added to or set")
        return await self._change(where, values, by=by, above=above)

    async def _change(
        self,
        where: Mapping[str, Value],
        values: Mapping[str, object],
        *,
        by: Mapping[str, int] = NOTHING,
        above: Mapping[str, int] = NOTHING,
    ) -> R | None:
        arguments = _named("set", values) | _named("by", by)
        shape = changes_of(values, by)
        writing = self._rows("change", where, above=above, shape=shape, extra=arguments)
        filled = {name for name, value in where.items() if value is not None} | above.keys()
        is_told = self._watched is not None and self._watched.tells_of({**values, **by}, filled=filled)
        return next(iter(await (self.announced(writing) if is_told else writing)), None)

    async def take(self, **where: Value) -> R | None:
        """Delete the row and return it, in one statement: of many callers one gets it. Needs a condition."""
        _require(where)
        return next(iter(await self.announced(self._rows("take", where))), None)

    async def remove(self, **where: Value) -> int:
        """Delete every row that meets the conditions; returns how many there were. Needs a condition."""
        _require(where)
        return await self._removed(self._run("remove", where))

    async def _removed(self, removing: Coroutine[Any, Any, Rows]) -> int:
        """How many rows a removal was about; only what names them is read, whatever else they hold."""
        return len(await (removing if self._watched is None else self._told(removing, name_of)))

    async def _rows(self, verb: str, where: Mapping[str, Value], **options: Any) -> Sequence[R]:
        return [self.build(row) for row in await self._run(verb, where, **options)]

    async def _run(
        self,
        verb: str,
        where: Mapping[str, Value],
        *,
        above: Mapping[str, int] = NOTHING,
        shape: Shape = (),
        extra: Mapping[str, object] = NOTHING,
    ) -> Rows:
        statement = self._compiled(verb, conditions_of(where, above), shape)
        return await self._executor.run(statement, {**_named("where", where), **_named("above", above), **extra})

    def _compiled(self, verb: str, conditions: Shape, shape: Shape) -> Statement:
        key = (verb, conditions, shape)
        statement = self._statements.get(key)
        if statement is None:
            clause = self._clauses.build(verb, conditions, shape)
            statement = self._statements[key] = self._executor.compile(clause, is_lookup=verb == "find")
        return statement

    def _compiled_join(self, other: Store[S], field: str, conditions: Shape) -> Statement:
        key = (other, field, conditions)
        statement = self._statements.get(key)
        if statement is None:
            clause = self._clauses.build_join(conditions, field, other._clauses)
            statement = self._statements[key] = self._executor.compile(clause, is_lookup=True)
        return statement
