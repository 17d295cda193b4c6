"""What a change is, and what a feed of changes promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

TRUSTED_FOR: Final = 1.0
"""Seconds after its last sign of life for which a feed is believed to have told of everything."""

MOST_KEYS: Final = 100
"""Rows of one statement that are named one by one; of more, the whole table has changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """Rows that are no longer what they were, or were not there before.

    Attributes:
        table: the table's name in the database ("session", "user").
        keys: what a Watch names its rows by; () where anything in the table may have changed.
        is_new: they were not there before: only what is remembered as unknown is wrong now.
    """

    table: str
    keys: tuple[str, ...] = ()
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """A table whose changes everybody is told of: of every row that is added or deleted, and of those that are changed.

    Attributes:
        table: its name in the database.
        key: the columns that name a row in a Change; the values of several are joined by ":", and no value of theirs
            is a secret.
        columns: a changed row is told of only if one of these or of the key is another than before; None: whatever
            was changed, even to the same. It is for tables of which some columns are written with every use: nobody
            may rest on the others.
        null_columns: beside ``columns``, those of which only matters whether they are NULL: a number that is counted
            down is not told of, but that there is one, or none any more.

    Raises ValueError for ``null_columns`` that are told of anyway.
    """

    table: str
    key: tuple[str, ...] = ("id",)
    columns: tuple[str, ...] | None = None
    null_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.null_columns and (self.columns is None or not set(self.columns).isdisjoint(self.null_columns)):
            raise ValueError("null_columns are other columns than those that are told of anyway")


class FeedObserver(Protocol):
    """Whoever is told what a feed hears, and how it fares. Calls return at once and never raise."""

    def deliver(self, feed: str, changes: Sequence[Change]) -> None:
        """Somebody, perhaps we ourselves, has changed these."""

    def vouch(self, feed: str, *, until: float) -> None:
        """Everything that happened ``TRUSTED_FOR`` before ``until`` (``time.monotonic``) has been delivered."""

    def connected(self, feed: str) -> None:
        """The feed listens from now on; what happened before that nobody knows."""

    def lost(self, feed: str, *, is_unreachable: bool) -> None:
        """The feed hears nothing any more; ``is_unreachable`` where its server does not answer at all."""

    def unusable(self, feed: str, reason: str) -> None:
        """The feed cannot work here, whatever is tried; ``reason`` says why, and what would help."""


class ChangeFeed(Protocol):
    """One way to hear what changed elsewhere.

    While it works it vouches several times a second; ``lost`` and ``connected`` frame every gap.
    """

    name: str

    async def start(self, observer: FeedObserver) -> None:
        """Begin to listen, in a task of the running event loop; returns at once. Calling it again does nothing."""

    async def publish(self, changes: Sequence[Change]) -> None:
        """Tell the others. Never raises: what could not be told, other feeds or lifetimes make up for."""

    async def close(self) -> None:
        """Stop listening; ``start`` may follow, in another event loop."""
