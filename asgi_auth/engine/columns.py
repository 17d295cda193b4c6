"""Column types that store values exactly as Better Auth does, on SQLite and on Postgres."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Annotated, Any, get_origin

import msgspec
from sqlalchemy import BigInteger, Column, Integer, Text
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import TypeCompiler
from sqlalchemy.types import TypeEngine, UserDefinedType

from asgi_auth.clock import Timestamp
from asgi_auth.fields import Field
from asgi_auth.models import decode_hook, frozen, to_json

Processor = Callable[[Any], Any]


def _is_sqlite(dialect: Dialect) -> bool:
    return dialect.name == "sqlite"


class Moment(UserDefinedType[Timestamp]):
    """An aware moment: ``timestamptz`` on Postgres; on SQLite ISO text, always with 3 digits and Z."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Processor:
        """Python to database."""
        return _moment_to_text if _is_sqlite(dialect) else _same

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:  # noqa: ARG002  (SQLAlchemy's signature)
        """Database to Python; raises ValueError for what is no moment."""
        return _moment_from_text if _is_sqlite(dialect) else _moment_from_datetime


def _same(value: object) -> object:
    return value


def _moment_to_text(value: datetime | None) -> str | None:
    return None if value is None else Timestamp.of(value).iso()


def _moment_from_text(value: str | None) -> Timestamp | None:
    return None if value is None else Timestamp.parse(value)


def _moment_from_datetime(value: datetime | None) -> Timestamp | None:
    return None if value is None else Timestamp.of(value)


class Flag(UserDefinedType[bool]):
    """True or False: ``boolean`` on Postgres, 0 or 1 on SQLite."""

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Processor:
        """Python to database."""
        return _flag_to_integer if _is_sqlite(dialect) else _same

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:  # noqa: ARG002  (SQLAlchemy's signature)
        """Database to Python; raises ValueError for what is no flag."""
        return _flag_from_integer if _is_sqlite(dialect) else _same


def _flag_to_integer(value: bool | None) -> int | None:  # noqa: FBT001  (a column's value, not a switch)
    return None if value is None else int(value)


def _flag_from_integer(value: object) -> bool | None:
    # SQLite takes any text here, and "false" must not count as true.
    if value is not None and value not in (0, 1):
        raise ValueError("a flag is 0 or 1")
    return None if value is None else bool(value)


class Real(UserDefinedType[float]):
    """A Python float, whole: SQLAlchemy's own type asks a cursor for its kind, and statements here run without one."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """The column's type in DDL, on both databases."""
        return "double precision"


class Count(Integer):
    """A number, in a column that SQLite keeps texts in as well."""

    cache_ok = True

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor | None:  # noqa: ARG002  (SQLAlchemy's signature)
        """Database to Python; raises ValueError for what is no number."""
        return _number if _is_sqlite(dialect) else None


def _number(value: object) -> object:
    if value is not None and not isinstance(value, int | float):
        raise ValueError("a count is a number")
    return value


class Json(UserDefinedType[object]):
    """Any JSON value as text, on both databases; read back as the field's own type."""

    cache_ok = False

    def __init__(self, kind: object = Any) -> None:
        self.kind = kind

    def bind_processor(self, dialect: Dialect) -> Processor:  # noqa: ARG002  (SQLAlchemy's signature)
        """Python to database."""
        return lambda value: None if value is None else to_json(value).decode()

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:  # noqa: ARG002  (SQLAlchemy's signature)
        """Database to Python; raises ``msgspec.MsgspecError`` for what does not fit the field."""
        decoder = msgspec.json.Decoder(self.kind, dec_hook=decode_hook)
        return lambda value: None if value is None else decoder.decode(value)


class FrozenJson(Json):
    """JSON as text, read back as what nobody can change: what is remembered is given to many."""

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Database to Python; raises ``msgspec.MsgspecError`` for what does not fit the field."""
        read = super().result_processor(dialect, coltype)
        return lambda value: frozen(read(value))


class FrozenJsonOrNull(FrozenJson):
    """The same, with None stored as the text ``null`` in place of NULL; both are read as None.

    A text in it is what older servers have encoded twice, and read once more; one that is no JSON then is None.
    """

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:
        """Database to Python; raises ``msgspec.MsgspecError`` for what is no JSON."""
        read = super().result_processor(dialect, coltype)

        def read_through(value: object) -> object:
            found = read(value or None)
            if not isinstance(found, str):
                return found
            try:
                return read(found)
            except msgspec.MsgspecError:
                return None

        return read_through

    def bind_processor(self, dialect: Dialect) -> Processor:  # noqa: ARG002  (SQLAlchemy's signature)
        """Python to database."""
        return lambda value: to_json(value).decode()


class Words(UserDefinedType[str]):
    """One of several texts: a Literal or an Enum of them, stored as the text itself."""

    cache_ok = False

    def __init__(self, kind: object) -> None:
        self.kind = kind

    def bind_processor(self, dialect: Dialect) -> Processor:  # noqa: ARG002  (SQLAlchemy's signature)
        """Python to database."""
        return lambda value: value.value if isinstance(value, Enum) else value

    def result_processor(self, dialect: Dialect, coltype: object) -> Processor:  # noqa: ARG002  (SQLAlchemy's signature)
        """Database to Python; raises ``msgspec.ValidationError`` for any other text."""
        return lambda value: None if value is None else msgspec.convert(value, type=self.kind)


@compiles(Moment, "sqlite")
def _moment_ddl_sqlite(_type: Moment, _compiler: TypeCompiler, **_: object) -> str:
    return "date"


@compiles(Moment)
def _moment_ddl(_type: Moment, _compiler: TypeCompiler, **_: object) -> str:
    return "timestamp with time zone"


@compiles(Flag, "sqlite")
def _flag_ddl_sqlite(_type: Flag, _compiler: TypeCompiler, **_: object) -> str:
    return "integer"


@compiles(Flag)
def _flag_ddl(_type: Flag, _compiler: TypeCompiler, **_: object) -> str:
    return "boolean"


@compiles(Json)
@compiles(Words)
def _text_ddl(_type: Json | Words, _compiler: TypeCompiler, **_: object) -> str:
    return "text"


def _is_plain_text(field: Field) -> bool:
    return field.type in (str, str | None) or get_origin(field.type) is Annotated


def column_type(field: Field) -> TypeEngine[Any]:
    """The column type in which a record's field is stored."""
    if field.kind == "json":
        return Json(field.type)
    if field.kind == "text" and not _is_plain_text(field):
        return Words(field.type)
    types: dict[str, TypeEngine[Any]] = {
        "text": Text(),
        "flag": Flag(),
        "integer": Integer(),
        "real": Real(),
        "moment": Moment(),
    }
    return types[field.kind]


def added_column(field: Field) -> Column[Any]:
    """The column for a field that a feature or the application adds: nullable, because rows exist already."""
    return Column(field.wire_name, column_type(field), nullable=True, unique=field.rules.unique or None)


__all__ = [
    "BigInteger",
    "Flag",
    "FrozenJson",
    "FrozenJsonOrNull",
    "Integer",
    "Json",
    "Moment",
    "Real",
    "Text",
    "added_column",
    "column_type",
]
