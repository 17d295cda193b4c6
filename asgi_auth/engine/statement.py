"""Statements compiled once: SQL text, the order of its values, and how values and rows are translated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.dml import UpdateBase

Translate = Callable[[Any], Any]


class Arguments(list[Any]):
    """Values on their way to the driver; their repr tells nothing, because drivers log it."""

    def __repr__(self) -> str:
        return f"<{len(self)} values>"


@dataclass(frozen=True, slots=True)
class Statement:
    """One compiled statement.

    Attributes:
        sql: its text in the database's own dialect.
        binds: for each place in it, the value's name, its translation and its fixed value where it has one.
        results: for each column of its rows, the translation to Python.
        writes: it may change rows.
        is_lookup: it reads what one key leads to; whoever asks waits for it with a request, and not for long.
    """

    sql: str
    binds: tuple[tuple[str, Translate | None, object], ...] = ()
    results: tuple[Translate | None, ...] = ()
    writes: bool = True
    is_lookup: bool = False

    def bind(self, values: Mapping[str, object]) -> Bound:
        """Make it ready to run with these values, by name."""
        arguments = Arguments()
        for name, translate, fixed in self.binds:
            value = values.get(name, fixed)
            arguments.append(value if translate is None else translate(value))
        return Bound(self, arguments)

    def read(self, row: Sequence[object]) -> list[Any]:
        """Translate one row to Python values, in the order of its columns."""
        return [
            value if translate is None else translate(value) for translate, value in zip(self.results, row, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class Bound:
    """A statement with its values: what the backends of this room run."""

    statement: Statement
    arguments: Arguments


def dialect_for(scheme: str) -> Dialect:
    """The SQL dialect of a database URL's scheme."""
    if scheme == "sqlite":
        return sqlite.dialect(paramstyle="qmark")
    return postgresql.dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def compile_statement(clause: ClauseElement, dialect: Dialect, *, is_lookup: bool = False) -> Statement:
    """Compile a SQLAlchemy Core construct; costs about a millisecond, so it is done once for each."""
    compiled: Any = clause.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
    fixed = compiled.construct_params(_check=False)
    processors = compiled._bind_processors  # noqa: SLF001  (SQLAlchemy offers no public way to compile ahead)
    names = compiled.positiontup or ()
    return Statement(
        sql=str(compiled),
        binds=tuple((name, processors.get(name), fixed.get(name)) for name in names),
        results=tuple(_results(compiled, dialect)),
        writes=isinstance(clause, UpdateBase),
        is_lookup=is_lookup,
    )


def _results(compiled: Any, dialect: Dialect) -> list[Translate | None]:
    columns = compiled._result_columns  # noqa: SLF001  (SQLAlchemy offers no public way to compile ahead)
    return [column[3]._cached_result_processor(dialect, None) for column in columns]  # noqa: SLF001
