"""The fields of records: what features and the application add to User and Session, and how they meet JSON."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Annotated, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import FieldInfo
from msgspec.structs import fields as struct_fields

from asgi_auth.clock import Timestamp
from asgi_auth.errors import ConfigurationError
from asgi_auth.models import Record, decode_hook, encode_hook

R = TypeVar("R", bound=Record)

ColumnKind = Literal["text", "flag", "integer", "real", "moment", "json"]

_KINDS: Mapping[object, ColumnKind] = types.MappingProxyType(
    {str: "text", bool: "flag", int: "integer", float: "real", datetime: "moment", Timestamp: "moment"}
)

JSON_KINDS: Mapping[object, str] = types.MappingProxyType(
    {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}
)
"""What JavaScript calls the values of a type."""

RESERVED = frozenset({"password", "callback_url", "remember_me"})
"""What clients send at sign-up beside the fields of a user."""

# What an integer column of Postgres holds.
_INTEGERS = range(-(2**31), 2**31)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRules:
    """What may be done with a field that a feature or the application adds to User or Session.

    Put it into the annotation: ``company: Annotated[str | None, FieldRules(input=False)] = None``.

    Attributes:
        input: a client may set it at sign-up and in updates (default True).
        returned: it is part of JSON answers (default True).
        unique: no two rows may share a value (default False).
    """

    input: bool = True
    returned: bool = True
    unique: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record, seen from all sides.

    Attributes:
        name: its Python name.
        wire_name: its name in JSON and in the database.
        type: its annotation as it stands; msgspec checks given values against it, bounds (``msgspec.Meta``) included.
        kind: the kind of column it is stored in.
        is_optional: None is a value of it.
        is_required: it has no default.
    """

    name: str
    wire_name: str
    type: object
    kind: ColumnKind
    is_optional: bool
    is_required: bool
    rules: FieldRules
    info: FieldInfo

    def default(self) -> object:
        """The value it takes when none is given; only where ``is_required`` is False."""
        if self.info.default_factory is not msgspec.NODEFAULT:
            return self.info.default_factory()
        return self.info.default


@cache
def fields_of(record: type[Record]) -> tuple[Field, ...]:
    """All fields of a record type, in the order of its definition."""
    hints = get_type_hints(record, include_extras=True)
    return tuple(_field(info, hints[info.name]) for info in struct_fields(record))


def _field(info: FieldInfo, hint: object) -> Field:
    kind, is_optional = _stored_as(hint)
    return Field(
        name=info.name,
        wire_name=info.encode_name,
        type=hint,
        kind=kind,
        is_optional=is_optional,
        is_required=info.required,
        rules=next((extra for extra in _extras(hint) if isinstance(extra, FieldRules)), FieldRules()),
        info=info,
    )


def _stored_as(hint: object) -> tuple[ColumnKind, bool]:
    """The kind of column a type is stored in, and whether None is a value of it."""
    bare = _bare(hint)
    members = get_args(bare) if get_origin(bare) in (typing.Union, types.UnionType) else (bare,)
    concrete = [_bare(member) for member in members if member is not types.NoneType]
    kinds = {_column_of(member) for member in concrete}
    return (kinds.pop() if len(concrete) == 1 else "json"), len(concrete) < len(members)


def _column_of(member: object) -> ColumnKind:
    if get_origin(member) is Literal:
        kinds = {_KINDS.get(type(value), "json") for value in get_args(member)}
        return kinds.pop() if len(kinds) == 1 else "json"
    if isinstance(member, type) and issubclass(member, Enum):
        return "text" if issubclass(member, str) else "json"
    return _KINDS.get(member, "json")


def _bare(hint: object) -> object:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _extras(hint: object) -> tuple[object, ...]:
    return get_args(hint)[1:] if get_origin(hint) is Annotated else ()


def own_fields(extension: type[Record], core: type[Record]) -> tuple[Field, ...]:
    """The fields that ``extension``, a subclass of ``core``, adds to it."""
    known = set(core.__struct_fields__)
    return tuple(field for field in fields_of(extension) if field.name not in known)


def compose(core: type[R], extensions: Iterable[type[R]], application: type[R]) -> type[R]:
    """One record type with the fields of all features, being a subclass of the application's own.

    Raises ConfigurationError where two of them claim the same field, where a field's type has no form in JSON, or where
    a field could not be filled for rows that exist already: an added field needs a default or must allow None.
    """
    extensions = tuple(extensions)
    for record in (application, *extensions):
        _check_forms(record)
    claimed = dict.fromkeys(application.__struct_fields__, application.__name__)
    reserved = RESERVED & claimed.keys()
    if reserved:
        raise ConfigurationError(f"{application.__name__} must not have a field {min(reserved)}: sign-up has its own")
    added: list[tuple[str, object, object]] = []
    for extension in extensions:
        if not issubclass(extension, core):
            raise ConfigurationError(f"{extension.__name__} must be a subclass of {core.__name__}")
        for field in own_fields(extension, core):
            if field.name in claimed or field.name in RESERVED:
                owner = claimed.get(field.name, "sign-up")
                raise ConfigurationError(f"{field.name} is claimed by {owner} and by {extension.__name__}")
            claimed[field.name] = extension.__name__
            added.append(_definition(field, extension))
    if not added:
        return application
    composed = msgspec.defstruct(
        application.__name__,
        added,
        bases=(application,),
        kw_only=True,
        frozen=True,
        rename="camel",
    )
    return typing.cast("type[R]", composed)


def _check_forms(record: type[Record]) -> None:
    for field in fields_of(record):
        try:
            msgspec.json.schema(field.type, schema_hook=_form)
        except TypeError:
            raise ConfigurationError(f"{record.__name__}.{field.name}: a type that JSON has no form for") from None


def _form(kind: type) -> dict[str, object]:
    if issubclass(kind, Timestamp):
        return {"type": "string"}
    raise NotImplementedError


def _definition(field: Field, extension: type[Record]) -> tuple[str, object, object]:
    if field.is_required:
        raise ConfigurationError(f"{extension.__name__}.{field.name} needs a default")
    default = (
        msgspec.field(default_factory=field.info.default_factory)
        if field.info.default_factory is not msgspec.NODEFAULT
        else field.info.default
    )
    return field.name, field.type, default


def json_kind(value: object) -> str:
    """What JavaScript would call a decoded value."""
    if value is msgspec.UNSET:
        return "undefined"
    if value is None:
        return "null"
    return JSON_KINDS.get(type(value), "object")


def view(record: Record, kind: type[R]) -> R:
    """Read a composed record as the type that declared some of its fields: a feature's own, typed."""
    return kind(**{name: getattr(record, name) for name in kind.__struct_fields__})


@cache
def _hidden(kind: type[Record]) -> tuple[str, ...]:
    return tuple(field.wire_name for field in fields_of(kind) if not field.rules.returned)


def wire(record: Record) -> dict[str, object]:
    """The record as its JSON answer: camelCase, only returned fields, dates as JavaScript's, ``id`` last."""
    data: dict[str, object] = msgspec.to_builtins(record, enc_hook=encode_hook)
    for name in _hidden(type(record)):
        del data[name]
    data["id"] = data.pop("id")
    return data


def convert(field: Field, value: object) -> object:
    """Check a JSON value against a field's type; raises ``msgspec.ValidationError``."""
    converted = msgspec.convert(value, type=field.type, dec_hook=decode_hook)
    if field.kind == "integer" and isinstance(converted, int) and converted not in _INTEGERS:
        raise msgspec.ValidationError("Expected an `int` of 32 bits")
    return _moment(converted) if isinstance(converted, datetime) else converted


def _moment(value: datetime) -> Timestamp:
    try:
        return Timestamp.of(value)
    except ValueError as error:
        raise msgspec.ValidationError(str(error)) from None
