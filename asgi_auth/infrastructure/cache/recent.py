"""What has changed of late: so that nothing read before a change is remembered after it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic

from asgi_auth.infrastructure.cache.base import Tag
from asgi_auth.infrastructure.change_feed.base import Change

REMEMBERED_FOR = 30.0
"""Seconds: longer than any read that may still be under way, and than anybody takes to drop what is shared."""

MOST_RECENT = 50_000
"""Changes remembered at a time; beyond it everything counts as changed."""


class RecentChanges:
    """Changes of the last seconds, in the order in which they came.

    A read asks for the ``mark`` at its beginning, and at its end whether anything it rests on has changed since.
    """

    def __init__(self, *, remembered_for: float = REMEMBERED_FOR) -> None:
        self._remembered_for = remembered_for
        self._changes: OrderedDict[Tag, tuple[int, float]] = OrderedDict()
        self._floor = 0
        self._floor_at = float("-inf")
        self.mark = 0

    def note(self, changes: Sequence[Change]) -> None:
        """These have changed now."""
        self.mark += 1
        now = monotonic()
        for change in changes:
            if not change.keys:
                self._changed_all(now)
            for key in change.keys:
                tag = (change.table, key)
                self._changes[tag] = (self.mark, now)
                self._changes.move_to_end(tag)
        self._prune(now)

    def note_all(self) -> None:
        """Anything may have changed up to now, while nobody listened here.

        What all share vouches for itself after a gap (see ``attendance``): only reads that are under way are in doubt.
        """
        self.mark += 1
        self._floor = self.mark

    def has_changed(self, tags: Sequence[Tag], *, since: int) -> bool:
        """Whether any of these has changed after the mark ``since``."""
        return self._floor > since or any(self._changes.get(tag, (0, 0.0))[0] > since for tag in tags)

    def has_changed_lately(self, tags: Sequence[Tag]) -> bool:
        """Whether any of these has changed within the last ``remembered_for`` seconds."""
        before = monotonic() - self._remembered_for
        return self._floor_at > before or any(self._changes.get(tag, (0, before))[1] > before for tag in tags)

    def _changed_all(self, now: float) -> None:
        self._floor, self._floor_at = self.mark, now
        self._changes.clear()

    def _prune(self, now: float) -> None:
        while self._changes:
            _, (mark, at) = next(iter(self._changes.items()))
            is_recent = at > now - self._remembered_for
            if is_recent and len(self._changes) <= MOST_RECENT:
                return
            self._changes.popitem(last=False)
            self._floor = mark  # a read that began before it cannot tell any more
            if is_recent:
                self._floor_at = at
