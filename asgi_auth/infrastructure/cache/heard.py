"""What has been heard of late: whether something that somebody else keeps can still be believed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from math import inf
from time import monotonic

from asgi_auth.infrastructure.cache.base import Tag
from asgi_auth.infrastructure.cache.recent import RecentChanges
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.change_feed.hub import ChangeHub

CLOCKS_DIFFER = timedelta(seconds=30)
"""By how much the clock of whoever wrote it may be ahead of ours."""


class ChangesHeard:
    """Vouches for what was written elsewhere, such as a cookie, if no change since can have been missed.

    Args:
        hub: what tells of changes.
        window: how old the oldest is that counts. Changes are known for longer, because clocks differ.
        is_told: False where changes are made that nobody tells of; then it vouches for nothing.
    """

    def __init__(self, hub: ChangeHub, *, window: timedelta, is_told: bool = True) -> None:
        self._hub = hub
        self._is_told = is_told
        self._window = window
        self._recent = self._nothing_yet()
        self._since = -inf if hub.is_alone else inf
        hub.subscribe(self)

    def vouches_for(self, tags: Sequence[Tag], *, age: timedelta) -> bool:
        """Whether nothing that these rows hold has changed within the window, as far as can be told.

        False where nobody listened when it was written, ``age`` ago by the clock of whoever wrote it; and where that
        is longer ago than the window, as it may be for writers with other options.
        """
        if not self._is_told or not -CLOCKS_DIFFER <= age <= self._window:
            return False
        now = monotonic()
        if now >= self._hub.trusted_until or now - self._since < (age + CLOCKS_DIFFER).total_seconds():
            return False
        return not self._recent.has_changed_lately(tags)

    def forget(self, changes: Sequence[Change]) -> None:
        """See Rememberer."""
        self._recent.note([change for change in changes if not change.is_new])

    def forget_all(self) -> None:
        """See Rememberer."""
        self._recent = self._nothing_yet()
        self._since = monotonic()

    def _nothing_yet(self) -> RecentChanges:
        return RecentChanges(remembered_for=(self._window + CLOCKS_DIFFER).total_seconds())
