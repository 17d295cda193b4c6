"""What the feeds of both databases have in common: a task that listens, and comes back whenever it cannot."""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Sequence

import structlog

from asgi_auth.infrastructure.change_feed.base import Change, FeedObserver

FIRST_PAUSE = 0.1
"""Seconds before the first try to listen again; each further pause is twice as long, give or take a quarter."""

LONGEST_PAUSE = 1.0
"""Seconds between two tries, at most."""

UNUSABLE_PAUSE = 10.0
"""Seconds between two looks at a database that cannot tell: perhaps somebody has helped."""

_logger = structlog.get_logger("asgi_auth.change_feed")


class CannotTell(Exception):
    """The database cannot tell of changes, whatever is tried; the message says why, and what would help."""


class Lost(Exception):
    """The database is not heard any more.

    Attributes:
        is_unreachable: it does not answer at all.
    """

    def __init__(self, reason: str, *, is_unreachable: bool = False) -> None:
        super().__init__(reason)
        self.is_unreachable = is_unreachable


class RecordFeed(ABC):
    """A ChangeFeed of the database itself.

    It has one task in the event loop in which it was started; the task ends when it is closed, or with the loop.
    """

    name: str

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None
        self._pause = FIRST_PAUSE
        self._complaint: str | None = None
        self._trouble: str | None = None

    async def start(self, observer: FeedObserver) -> None:
        """See ChangeFeed."""
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = loop.create_task(self._keep_listening(observer), name=f"asgi_auth feed of {self.name}")

    async def publish(self, changes: Sequence[Change]) -> None:  # noqa: B027  (the triggers have told already)
        """See ChangeFeed."""

    async def close(self) -> None:
        """See ChangeFeed."""
        task, self._task = self._task, None
        if task is not None and task.get_loop() is asyncio.get_running_loop():
            task.cancel()
            await asyncio.wait({task})

    @abstractmethod
    async def _listen(self, observer: FeedObserver) -> None:
        """Listen until that ends by an error."""

    def _connected(self, observer: FeedObserver) -> None:
        """Whoever remembers must hear of it before the first vouching."""
        self._pause, self._complaint, self._trouble = FIRST_PAUSE, None, None
        observer.connected(self.name)

    async def _keep_listening(self, observer: FeedObserver) -> None:
        while True:
            try:
                await self._listen(observer)
            except CannotTell as error:
                self._complain(observer, str(error))
                await asyncio.sleep(UNUSABLE_PAUSE)
            except Exception as error:  # noqa: BLE001  (whatever it is, listening has to go on)
                self._lose(observer, error)
                await self._wait()

    def _complain(self, observer: FeedObserver, reason: str) -> None:
        if reason != self._complaint:
            self._complaint = reason
            observer.unusable(self.name, reason)

    def _lose(self, observer: FeedObserver, error: Exception) -> None:
        self._complaint = None
        observer.lost(self.name, is_unreachable=isinstance(error, Lost) and error.is_unreachable)
        # A driver's message may quote anything; ours do not.
        trouble = str(error) if isinstance(error, Lost) else type(error).__name__
        if trouble != self._trouble:
            self._trouble = trouble
            _logger.warning("change_feed.retrying", feed=self.name, reason=trouble)

    async def _wait(self) -> None:
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_PAUSE)
        await asyncio.sleep(pause * random.uniform(1, 1.25))  # noqa: S311  (spreads load, hides nothing)
