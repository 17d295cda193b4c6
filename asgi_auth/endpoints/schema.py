"""Checking decoded input against typed structs, with the sentences that Better Auth's clients know."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from msgspec.structs import fields

from asgi_auth.errors import ValidationFailed
from asgi_auth.services.email_address import is_email

B = TypeVar("B", bound="Body")

_NAMES: Mapping[object, str] = types.MappingProxyType(
    {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}
)


class Body(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of all request bodies. Keys that a body does not declare are ignored.

    ``is_open`` bodies may hold additional fields; what is no object breaks two of their rules, and they say so twice.
    """

    is_open: ClassVar[bool] = False

    def __repr__(self) -> str:
        """Its name alone: bodies hold passwords and tokens."""
        return f"{type(self).__name__}(...)"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """As ``repr``: rich asks for this one, and prints local variables in tracebacks."""
        return []


@dataclass(frozen=True, slots=True)
class Email:
    """An e-mail address: ``Annotated[str, Email()]``."""

    def complaint(self, value: str) -> str | None:
        """What is wrong with a text, or None."""
        return None if is_email(value) else "Invalid email address"


@dataclass(frozen=True, slots=True)
class NotEmpty:
    """At least one character: ``Annotated[str, NotEmpty()]``."""

    def complaint(self, value: str) -> str | None:
        """What is wrong with a text, or None."""
        return None if value else "Too small: expected string to have >=1 characters"


Rule = Email | NotEmpty


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    wire_name: str
    type: object
    rules: tuple[Rule, ...]
    is_required: bool


def validate(kind: type[B], given: object, *, where: str = "body") -> B:
    """Build a body from decoded input; raises ValidationFailed naming every place that does not fit.

    Its message is a list of ``[body.email] Invalid email address``, joined by "; ".
    """
    if not isinstance(given, Mapping):
        expected = ("object", "record") if kind.is_open else ("object",)
        raise ValidationFailed(
            "; ".join(f"[{where}] Invalid input: expected {name}, received {kind_of(given)}" for name in expected)
        )
    values: dict[str, object] = {}
    complaints: list[str] = []
    for field in _fields(kind):
        value = given.get(field.wire_name, msgspec.UNSET)
        if value is msgspec.UNSET and not field.is_required:
            continue
        complaint = _complaint(field, value)
        if complaint is None:
            values[field.name] = value
        else:
            complaints.append(f"[{where}.{field.wire_name}] {complaint}")
    if complaints:
        raise ValidationFailed("; ".join(complaints))
    return kind(**values)


def kind_of(value: object) -> str:
    """What JavaScript would call a decoded value."""
    if value is msgspec.UNSET:
        return "undefined"
    if value is None:
        return "null"
    return _NAMES.get(type(value), "object")


def _complaint(field: _Field, value: object) -> str | None:
    expected = _NAMES.get(field.type)
    if expected is not None and kind_of(value) != expected:
        return f"Invalid input: expected {expected}, received {kind_of(value)}"
    return next((said for rule in field.rules if (said := rule.complaint(str(value)))), None)


@cache
def _fields(kind: type[Body]) -> tuple[_Field, ...]:
    hints = get_type_hints(kind, include_extras=True)
    return tuple(
        _Field(info.name, info.encode_name, *_split(hints[info.name]), is_required=info.required)
        for info in fields(kind)
    )


def _split(hint: object) -> tuple[object, tuple[Rule, ...]]:
    rules: tuple[Rule, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        rules = tuple(extra for extra in extras if isinstance(extra, Rule))
    if get_origin(hint) in (typing.Union, types.UnionType):
        hint = next(member for member in get_args(hint) if member not in (types.NoneType, msgspec.UnsetType))
    return get_origin(hint) or hint, rules
