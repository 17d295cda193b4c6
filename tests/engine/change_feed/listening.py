"""Somebody who listens to a feed, and SQL that any program might run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from time import monotonic

from asgi_auth.infrastructure.change_feed.base import Change

PATIENCE = 60
MOMENT = "2026-11-22T12:00:00.000Z"


class Listener:
    """An observer that keeps everything it is told, in order."""

    def __init__(self) -> None:
        self.feeds: set[str] = set()
        self.changes: list[Change] = []
        self.leases: list[float] = []
        self.states: list[str] = []
        self.reasons: list[str] = []

    def deliver(self, feed: str, changes: Sequence[Change]) -> None:
        self.feeds.add(feed)
        self.changes += changes

    def vouch(self, feed: str, *, until: float) -> None:
        self.feeds.add(feed)
        if self.states[-1:] != ["connected"]:
            self.states.append("believed before all was forgotten")
        self.leases.append(until)

    def connected(self, feed: str) -> None:
        self.feeds.add(feed)
        self.states.append("connected")

    def lost(self, feed: str, *, is_unreachable: bool) -> None:
        self.feeds.add(feed)
        self.states.append("unreachable" if is_unreachable else "lost")

    def unusable(self, feed: str, reason: str) -> None:
        self.feeds.add(feed)
        self.states.append("unusable")
        self.reasons.append(reason)

    @property
    def is_vouched_for(self) -> bool:
        return bool(self.leases) and monotonic() < self.leases[-1]

    def keys(self, table: str, *, is_new: bool = False) -> set[str]:
        """The rows of a table that were named."""
        return {
            key for change in self.changes if (change.table, change.is_new) == (table, is_new) for key in change.keys
        }

    def whole(self, *, is_new: bool = False) -> set[str]:
        """The tables in which anything may have changed."""
        return {change.table for change in self.changes if not change.keys and change.is_new == is_new}

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something to become true."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110  (feeds tell observers, not events)
                await asyncio.sleep(0.01)

    async def up(self) -> None:
        """Wait until it may be believed."""
        await self.until(lambda: self.states[-1:] == ["connected"] and self.is_vouched_for)

    async def caught_up(self) -> None:
        """Wait until everything that was written before this call has been heard."""
        now = monotonic()
        await self.until(lambda: self.leases and self.leases[-1] - 1 > now)


def users(*names: str) -> str:
    """SQL that adds users, by any program."""
    rows = ", ".join(f"('{name}', 'A', '{name}@example.com', 1 = 1, '{MOMENT}', '{MOMENT}')" for name in names)
    return f'INSERT INTO "user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt") VALUES {rows}'


def sessions(owner: str, names: Iterable[str]) -> str:
    """SQL that adds sessions of a user, by any program."""
    rows = ", ".join(f"('{name}', 'token of {name}', '{owner}', '{MOMENT}', '{MOMENT}', '{MOMENT}')" for name in names)
    return f'INSERT INTO "session" ("id", "token", "userId", "expiresAt", "createdAt", "updatedAt") VALUES {rows}'
