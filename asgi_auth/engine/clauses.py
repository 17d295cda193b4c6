"""The SQL of a store's verbs, one construct for each shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    tuple_,
    update,
)

Shape = tuple[str, ...]
Columns = Mapping[str, Column[Any]]


def conditions_of(where: Mapping[str, object], above: Iterable[str] = ()) -> Shape:
    """The shape of conditions: a field's name, "?" behind it where it has to be NULL, ">" where it has to be above."""
    equal = (name if value is not None else f"{name}?" for name, value in where.items())
    return (*equal, *(f"{name}>" for name in above))


def changes_of(values: Iterable[str], by: Iterable[str] = ()) -> Shape:
    """The shape of what is written: a field's name, "+" behind it where something is added to it."""
    return (*values, *(f"{name}+" for name in by))


class Clauses:
    """What each verb is in SQL.

    Values are bound by name: ``where_NAME`` and ``above_NAME`` in conditions, ``set_NAME`` and ``by_NAME`` in what is
    written, ``limit`` and ``offset``, ``before`` in a trim. Of rows that are removed or trimmed ``key`` is returned.
    """

    def __init__(self, table: Table, columns: Columns, *, key: Shape = ("id",)) -> None:
        self._table = table
        self._columns = columns
        self._every = tuple(columns.values())

        def named() -> tuple[ColumnElement[Any], ...]:
            return tuple(columns[name] for name in key)

        self._verbs: Mapping[str, Callable[[Shape], Any]] = {
            "add": self._add,
            "find": lambda _: select(*self._every).limit(1),
            "list": self._list,
            "page": self._page,
            "count": lambda _: select(func.count()).select_from(table),
            "change": self._change,
            "take": lambda _: delete(table).returning(*self._every),
            "remove": lambda _: delete(table).returning(*named()),
            "trim": lambda shape: self._trim(*shape).returning(*named()),
        }

    def build(self, verb: str, conditions: Shape, shape: Shape) -> Any:
        """The construct of a verb; what ``shape`` says differs from verb to verb."""
        return self._under(conditions, self._verbs[verb](shape))

    def build_join(self, conditions: Shape, field: str, other: Clauses) -> Any:
        """The construct that finds a row together with the one of another table whose id a field of it holds."""
        named = other._table.alias()  # it may be the same table
        joined = self._table.outerjoin(named, self._columns[field] == named.c.id)
        others = (named.c[column.name] for column in other._every)
        return self._under(conditions, select(*self._every, *others).select_from(joined).limit(1))

    def _under(self, conditions: Shape, clause: Any) -> Any:
        return clause.where(*map(self._condition, conditions)) if conditions else clause

    def _condition(self, name: str) -> ColumnElement[bool]:
        if name.endswith("?"):
            return self._columns[name[:-1]].is_(None)
        if name.endswith(">"):
            return self._columns[name[:-1]] > self._bound("above", name[:-1])
        return self._columns[name] == self._bound("where", name)

    def _bound(self, role: str, name: str) -> ColumnElement[Any]:
        return bindparam(f"{role}_{name}", type_=self._columns[name].type)

    def _add(self, names: Shape) -> Any:
        return insert(self._table).values({self._columns[name]: self._bound("set", name) for name in names})

    def _change(self, names: Shape) -> Any:
        assignments = dict(map(self._assignment, names))
        return update(self._table).values(assignments).returning(*self._every)

    def _assignment(self, name: str) -> tuple[Any, Any]:
        if name.endswith("+"):
            column = self._columns[name[:-1]]
            return column, func.coalesce(column, literal_column("0")) + self._bound("by", name[:-1])
        return self._columns[name], self._bound("set", name)

    def _list(self, order: Shape) -> Any:
        limited = select(*self._every).limit(bindparam("limit")).offset(bindparam("offset"))
        return limited.order_by(*map(self._ordered, order))

    def _ordered(self, name: str) -> Any:
        return self._columns[name[:-1]].desc() if name.endswith("-") else self._columns[name]

    def _page(self, bounds: Shape) -> Any:
        created, row = self._columns["created_at"], self._columns["id"]
        limits: dict[str, ColumnElement[bool]] = {
            "since": created >= bindparam("set_since", type_=created.type),
            "until": created < bindparam("set_until", type_=created.type),
            "before": tuple_(created, row)
            < tuple_(bindparam("set_before", type_=created.type), bindparam("set_before_id", type_=row.type)),
        }
        clause = select(*self._every).order_by(created.desc(), row.desc()).limit(bindparam("limit"))
        return clause.where(*(limits[name] for name in bounds if name in limits))

    def _trim(self, by: str) -> Any:
        moment, row = self._columns[by], self._columns["id"]
        is_old = moment < bindparam("before", type_=moment.type)
        oldest = select(row).where(is_old).order_by(moment, row).limit(bindparam("limit"))
        # asked twice, because it may have become another moment by the time that the row is locked
        return delete(self._table).where(is_old, row.in_(oldest))
