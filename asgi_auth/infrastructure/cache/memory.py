"""What one process remembers: bounded, and dropped by what it rests on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from cachetools import Cache

from asgi_auth.infrastructure.cache.base import Tag
from asgi_auth.infrastructure.change_feed.base import Change

V = TypeVar("V")


class Cell(Generic[V]):
    """One remembered value.

    Attributes:
        value: what is remembered.
        until: when it is no longer believed, in seconds since 1970.
        is_live: False from the moment at which it was dropped; whoever holds it looks before each use.
    """

    __slots__ = ("is_live", "key", "until", "value", "was_used")

    def __init__(self, key: str, value: V, until: float) -> None:
        self.key = key
        self.value = value
        self.until = until
        self.is_live = True
        self.was_used = False


def _nothing(cell: object) -> None:
    """Nobody wants to know."""


MOST_CHANCES = 32
"""Entries that get another turn before one goes in any case: nobody waits for a look at all of them."""


class SecondChance(Cache[Any, Any]):
    """A bounded mapping of cells; whatever was used since its last turn gets another one (the clock algorithm).

    A use costs a flag: least-recently-used order would cost more than all the rest of a lookup, for fewer hits on
    traffic in which a few are asked for most of the time.
    """

    def __init__(self, most: int, *, on_drop: Callable[[Any], None] = _nothing) -> None:
        super().__init__(most)
        self._on_drop = on_drop
        # Beside the mapping, whose first key is the longer in finding the more were dropped before it. Keys that were
        # dropped stay here until their turn.
        self._turns: deque[Any] = deque()

    def __setitem__(self, key: Any, cell: Any) -> None:
        is_new = key not in self
        super().__setitem__(key, cell)
        if is_new:
            self._turns.append(key)
        if len(self._turns) > 2 * self.maxsize + MOST_CHANCES:
            self._turns = deque(self)

    def popitem(self) -> tuple[Any, Any]:
        """Drop the first that has not been used since it was last looked at; raises KeyError where there is none."""
        chances = MOST_CHANCES
        while self._turns:
            key = self._turns.popleft()
            if key not in self:
                continue
            cell = self[key]
            if not (cell.was_used and chances):
                del self[key]
                self._on_drop(cell)
                return key, cell
            chances -= 1
            cell.was_used = False
            self._turns.append(key)
        raise KeyError

    def clear(self) -> None:
        """Drop all of them."""
        super().clear()
        self._turns.clear()


class _Index(Generic[V]):
    """Cells by the rows that they rest on. Most rows have one, which needs no set: there are a great many of them."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Cell[V] | set[Cell[V]]]] = {}

    def add(self, tag: Tag, cell: Cell[V]) -> None:
        table, row = tag
        rows = self._tables.setdefault(table, {})
        present = rows.setdefault(row, cell)
        if isinstance(present, set):
            present.add(cell)
        elif present is not cell:
            rows[row] = {present, cell}

    def remove(self, tag: Tag, cell: Cell[V]) -> None:
        table, row = tag
        rows = self._tables.get(table, {})
        present = rows.get(row)
        if isinstance(present, set):
            present.discard(cell)
        if present is cell or not present:
            rows.pop(row, None)

    def find(self, table: str, rows: Sequence[str]) -> list[Cell[V]]:
        """The cells that rest on any of these rows of a table."""
        known = self._tables.get(table, {})
        found = [known[row] for row in rows if row in known]
        return [cell for cells in found for cell in (cells if isinstance(cells, set) else (cells,))]

    def clear(self) -> None:
        self._tables.clear()


class MemoryCache(Generic[V]):
    """Values by key, found again by the rows that they rest on.

    Args:
        most: how many are kept.
        tags: the rows that a value rests on.
    """

    def __init__(self, most: int, *, tags: Callable[[V], Sequence[Tag]]) -> None:
        self._cells = SecondChance(most, on_drop=self._unindex)
        self._tags = tags
        self._index: _Index[V] = _Index()

    def __len__(self) -> int:
        return len(self._cells)

    def find(self, key: str) -> Cell[V] | None:
        """The cell of a key, whether or not its time is over."""
        cell: Cell[V] | None = self._cells.get(key)
        if cell is not None:
            cell.was_used = True
        return cell

    def put(self, key: str, value: V, *, until: float) -> Cell[V]:
        """Remember a value, in place of what was remembered of this key."""
        self.drop(key)
        cell = Cell(key, value, until)
        self._cells[key] = cell
        for tag in self._tags(value):
            self._index.add(tag, cell)
        return cell

    def drop(self, key: str) -> None:
        """Forget a key."""
        cell = self._cells.pop(key, None)
        if cell is not None:
            self._unindex(cell)

    def forget(self, change: Change) -> None:
        """Forget what rests on rows that have changed; where a whole table has, everything."""
        if change.is_new:
            return
        if not change.keys:
            self.clear()
            return
        for cell in self._index.find(change.table, change.keys):
            self.drop(cell.key)

    def clear(self) -> None:
        """Forget everything."""
        for cell in list(self._cells.values()):
            cell.is_live = False
        self._cells.clear()
        self._index.clear()

    def _unindex(self, cell: Cell[V]) -> None:
        cell.is_live = False
        for tag in self._tags(cell.value):
            self._index.remove(tag, cell)
