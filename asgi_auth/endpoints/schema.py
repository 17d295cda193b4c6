"""Checking decoded input against typed structs, with the sentences that Better Auth's clients know."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, get_args, get_origin, get_type_hints

import msgspec

from asgi_auth.endpoints.unshown import Unshown
from asgi_auth.errors import ValidationFailed
from asgi_auth.fields import JSON_KINDS, json_kind
from asgi_auth.models import Record
from asgi_auth.services.email_address import is_email

UNRECOGNIZED = "Unrecognized key"
"""How a complaint about keys begins that a closed Body does not declare."""


class Body(Unshown, frozen=True, kw_only=True):
    """The base of all request bodies and queries. Keys that it does not declare are ignored.

    ``shapes`` is what the contract calls it: a "record" may hold additional fields. What is no object breaks the rule
    of each shape, and says so as often. ``extends`` is the record whose additional fields may stand beside its own.
    One that ``is_closed`` refuses keys that it does not declare.
    """

    shapes: ClassVar[tuple[str, ...]] = ("object",)
    extends: ClassVar[type[Record] | None] = None
    is_closed: ClassVar[bool] = False


class Rule:
    """The base of our own rules about fields: ``Annotated[str, Email()]``.

    ``schema`` is what JSON Schema says of it.
    """

    __slots__ = ()
    schema: ClassVar[Mapping[str, object]] = {}

    def complaint(self, value: Any) -> str | None:  # noqa: ARG002  (the rules' signature)
        """What is wrong with a value of the field's type, or None."""
        return None


@dataclass(frozen=True, slots=True)
class Email(Rule):
    """An e-mail address: ``Annotated[str, Email()]``."""

    schema: ClassVar[Mapping[str, object]] = {"format": "email"}

    def complaint(self, value: str) -> str | None:
        """What is wrong with a text, or None."""
        return None if is_email(value) else "Invalid email address"


@dataclass(frozen=True, slots=True)
class NotEmpty(Rule):
    """At least one character: ``Annotated[str, NotEmpty()]``."""

    schema: ClassVar[Mapping[str, object]] = {"minLength": 1}

    def complaint(self, value: str) -> str | None:
        """What is wrong with a text, or None."""
        return None if value else "Too small: expected string to have >=1 characters"


@dataclass(frozen=True, slots=True)
class Without(Rule):
    """A record that lacks some keys: ``Annotated[dict[str, str], Without(keys, message)]``.

    Attributes:
        keys: what it may not hold.
        message: what is said where it does.
    """

    keys: frozenset[str]
    message: str

    def complaint(self, value: Mapping[str, object]) -> str | None:
        """What is wrong with a record, or None."""
        return self.message if self.keys & value.keys() else None


class Coercion(Rule):
    """The base of rules that read a query's text as something else."""

    __slots__ = ()

    def read(self, value: object) -> object:
        """What is meant; raises ValueError with what is wrong."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Coerced(Coercion):
    """A query's flag, as JavaScript coerces it: ``Annotated[bool, Coerced()]``; any text but "" is true."""

    def read(self, value: object) -> bool:
        """Whether it is true."""
        return bool(value)


@dataclass(frozen=True, slots=True)
class OnlyTrue(Rule):
    """A flag that may be absent but not false: ``Annotated[bool, OnlyTrue()]``."""

    schema: ClassVar[Mapping[str, object]] = {"enum": [True]}


def validate(hint: object, given: object, *, where: str = "body") -> object:
    """Build a body or a query from decoded input; raises ValidationFailed naming every place that does not fit.

    ``hint`` is a Body, several of them (``A | B``), or ``Body | None`` for one that may be absent. The message is a
    list of ``[body.email] Invalid email address``, joined by "; ".
    """
    members = get_args(hint) or (hint,)
    if given is msgspec.UNSET and types.NoneType in members:
        return None
    complaints: list[str] = []
    value = _judge_union([member for member in members if member is not types.NoneType], given, where, complaints)
    if complaints:
        raise ValidationFailed("; ".join(complaints))
    return value


def _judge(hint: object, value: object, path: str, complaints: list[str]) -> object:
    """The value as the hint says; what does not fit is added to the complaints."""
    hint, rules = parted(hint)
    if get_origin(hint) in (typing.Union, types.UnionType):
        return _judge_union(get_args(hint), value, path, complaints)
    for coercion in (rule for rule in rules if isinstance(rule, Coercion)):
        return _judge_read(coercion, value, path, complaints)
    if value is not True and any(isinstance(rule, OnlyTrue) for rule in rules):
        complaints.append(f"[{path}] Invalid input: expected true")
        return value
    if isinstance(hint, type) and issubclass(hint, Body):
        return _judge_struct(hint, value, path, complaints)
    if get_origin(hint) is Literal:
        return _judge_choice(get_args(hint), value, path, complaints)
    return _judge_plain(hint, value, path, complaints, rules)


def _judge_read(coercion: Coercion, value: object, path: str, complaints: list[str]) -> object:
    try:
        return coercion.read(value)
    except ValueError as error:
        complaints.append(f"[{path}] {error}")
        return value


def parted(hint: object) -> tuple[object, tuple[Rule, ...]]:
    """A type without what it is annotated with, and our own rules among that."""
    if get_origin(hint) is not Annotated:
        return hint, ()
    bare, *extras = get_args(hint)
    return bare, tuple(extra for extra in extras if isinstance(extra, Rule))


def _judge_plain(hint: object, value: object, path: str, complaints: list[str], rules: typing.Iterable[Rule]) -> object:
    expected, before = _expected(hint), len(complaints)
    if expected is not None and json_kind(value) != ("object" if expected == "record" else expected):
        complaints.append(f"[{path}] Invalid input: expected {expected}, received {json_kind(value)}")
    elif isinstance(value, list | dict) and get_args(hint):
        value = _judge_items(get_args(hint)[-1], value, path, complaints)
    if len(complaints) == before:
        complaints.extend(f"[{path}] {said}" for rule in rules if (said := rule.complaint(value)))
    return value


def _judge_items(hint: object, value: list[object] | dict[str, object], path: str, complaints: list[str]) -> object:
    if isinstance(value, list):
        return [_judge(hint, item, f"{path}.{index}", complaints) for index, item in enumerate(value)]
    return {name: _judge(hint, item, f"{path}.{name}", complaints) for name, item in value.items()}


def _expected(hint: object) -> str | None:
    """What JavaScript calls the values of a type; None where any value will do."""
    return "record" if get_origin(hint) is dict else JSON_KINDS.get(get_origin(hint) or hint)


def _judge_choice(choices: tuple[object, ...], value: object, path: str, complaints: list[str]) -> object:
    if value not in choices:
        listed = "|".join(f'"{choice}"' for choice in choices)
        complaints.append(f"[{path}] Invalid option: expected one of {listed}")
    return value


def _judge_union(members: typing.Sequence[object], value: object, path: str, complaints: list[str]) -> object:
    """None and absent count only where they are among the members; several others are tried one after the other."""
    if value is None and types.NoneType in members:
        return None
    concrete = [member for member in members if member not in (types.NoneType, msgspec.UnsetType)]
    if len(concrete) == 1:
        return _judge(concrete[0], value, path, complaints)
    meant: list[list[str]] = []
    for member in concrete:
        tried: list[str] = []
        judged = _judge(member, value, path, tried)
        if not tried:
            return judged
        if all(complaint.startswith(f"[{path}] {UNRECOGNIZED}") for complaint in tried):
            meant.append(tried)
    # One that fits but for keys it does not know is what was meant, and may say which.
    complaints.extend(meant[0] if len(meant) == 1 else [f"[{path}] Invalid input"])
    return value


def _judge_struct(kind: type[Body], given: object, path: str, complaints: list[str]) -> object:
    if not isinstance(given, Mapping):
        received = json_kind(given)
        complaints.extend(f"[{path}] Invalid input: expected {shape}, received {received}" for shape in kind.shapes)
        return given
    values: dict[str, object] = {}
    before = len(complaints)
    for field in fields(kind):
        value = given.get(field.wire_name, msgspec.UNSET)
        if value is not msgspec.UNSET or field.is_required:
            values[field.name] = _judge(field.hint, value, f"{path}.{field.wire_name}", complaints)
    if kind.is_closed:
        complaints.extend(_unrecognized(kind, given, path))
    return kind(**values) if len(complaints) == before else given


def _unrecognized(kind: type[Body], given: Mapping[str, object], path: str) -> list[str]:
    known = {field.wire_name for field in fields(kind)}
    others = [f'"{key}"' for key in given if key not in known]
    return [f"[{path}] {UNRECOGNIZED}{'s' * (len(others) > 1)}: {', '.join(others)}"] if others else []


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body, with its type as it is annotated."""

    name: str
    wire_name: str
    hint: object
    is_required: bool


@cache
def fields(kind: type[Body]) -> tuple[Field, ...]:
    """What a body declares, in its order."""
    hints, infos = get_type_hints(kind, include_extras=True), msgspec.structs.fields(kind)
    return tuple(Field(info.name, info.encode_name, hints[info.name], info.required) for info in infos)
