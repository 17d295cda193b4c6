"""Which fields of a record a watch tells of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from asgi_auth.fields import fields_of
from asgi_auth.infrastructure.change_feed.base import Watch
from asgi_auth.models import Record


def name_of(values: Iterable[object]) -> str:
    """What a Change names a row by, whose key holds these values."""
    return ":".join(map(str, values))


class WatchedFields:
    """A Watch by Python field names, for the writes of a store that announces them itself.

    Attributes:
        key: the fields that name a row in a Change.
    """

    def __init__(self, watch: Watch, record: type[Record]) -> None:
        by_column = {field.wire_name: field.name for field in fields_of(record)}
        self.key = tuple(by_column[column] for column in watch.key)
        self._tells_all = watch.columns is None
        # what this record leaves out it cannot change
        told = {by_column.get(column) for column in (*watch.key, *(watch.columns or ()))}
        self._told = frozenset(filter(None, told))
        self._told_if_null = frozenset(filter(None, map(by_column.get, watch.null_columns)))

    def name(self, record: Record) -> str:
        """What a Change names the record's row by."""
        return name_of(getattr(record, name) for name in self.key)

    def tells_of(self, values: Mapping[str, object], *, filled: Collection[str]) -> bool:
        """Whether a write of these values has to be told of, where the fields in ``filled`` were not None before."""
        if self._tells_all or not self._told.isdisjoint(values):
            return True
        return any(name not in filled or value is None for name, value in values.items() if name in self._told_if_null)
