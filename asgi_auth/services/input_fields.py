"""What clients may say about the fields that features and the application add to User and Session."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from asgi_auth.errors import FieldNotAllowed, MissingField, ValidationFailed
from asgi_auth.fields import ColumnKind, Field, convert, json_kind, own_fields
from asgi_auth.models import Record

_EXPECTED: Mapping[ColumnKind, str] = MappingProxyType(
    {"text": "string", "flag": "boolean", "integer": "number", "real": "number", "moment": "date"}
)


class InputFields:
    """The added fields of one composed record type.

    Only declared fields are looked at; anything else that a client sends is ignored (Better Auth's contract). What is
    given goes by wire name or by Python name.
    """

    def __init__(self, composed: type[Record], core: type[Record]) -> None:
        self._fields = own_fields(composed, core)

    def for_create(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Values for a new row, by Python name; raises FieldNotAllowed, MissingField or ValidationFailed.

        A field that clients may not set keeps its default silently; without one, a value for it is refused.
        """
        values = self._taken(given, keeps_default=True)
        for field in self._fields:
            if field.is_required and field.name not in values:
                raise MissingField(field.wire_name)
        return values

    def for_update(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Values to change, by Python name; raises FieldNotAllowed or ValidationFailed."""
        return self._taken(given, keeps_default=False)

    def _taken(self, given: Mapping[str, object], *, keeps_default: bool) -> dict[str, Any]:
        values = {}
        for field in self._fields:
            name = field.wire_name if field.wire_name in given else field.name
            if name in given and self._is_taken(field, given[name], keeps_default=keeps_default):
                values[field.name] = _converted(field, given[name])
        return values

    @staticmethod
    def _is_taken(field: Field, value: object, *, keeps_default: bool) -> bool:
        if field.rules.input:
            return True
        has_default = not field.is_required and field.default() is not None
        if value and not (keeps_default and has_default):
            raise FieldNotAllowed(field.wire_name)
        return False


def _converted(field: Field, value: object) -> object:
    try:
        return convert(field, value)
    except msgspec.ValidationError:
        raise ValidationFailed(f"[body.{field.wire_name}] {_complaint(field, value)}") from None


def _complaint(field: Field, value: object) -> str:
    """What is wrong with a value, in the words that the rest of a body is judged in."""
    expected, received = _EXPECTED.get(field.kind), json_kind(value)
    if expected is None or expected == received:
        return "Invalid input"
    return f"Invalid input: expected {expected}, received {received}"
