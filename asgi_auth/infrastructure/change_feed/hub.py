"""All feeds of one Auth together: what they tell goes to whoever remembers, and whether they can be believed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from math import inf
from time import monotonic
from typing import Protocol

import structlog

from asgi_auth.infrastructure.change_feed.base import TRUSTED_FOR, Change, ChangeFeed
from asgi_auth.infrastructure.metrics import FEED_CHANGES, FEED_LAG, FEED_TRUSTED, Metrics

NEVER = -inf

_logger = structlog.get_logger("asgi_auth.change_feed")


class Rememberer(Protocol):
    """Whoever remembers what changes may contradict. Calls return at once and never raise."""

    def forget(self, changes: Sequence[Change]) -> None:
        """Drop whatever rests on these."""

    def forget_all(self) -> None:
        """Drop everything: nobody knows what has changed."""


class SharedRememberer(Protocol):
    """The same for what all processes remember together."""

    async def forget(self, changes: Sequence[Change]) -> None:
        """Drop whatever rests on these. Never raises."""


class ChangeHub:
    """What changed, here and elsewhere.

    Attributes:
        trusted_until: the moment (``time.monotonic``) up to which everything that is remembered may be believed: for
            ever where nobody else can write, else as long as every feed goes on telling.
        complete_until: the same without the grace: up to then more may be remembered.

    Args:
        record: the database's own feed; None where no other process can write to it.
        relay: a second, faster way beside it.
        grace: seconds for which, while the database does not answer at all, the relay's word is enough.
        metrics: where the feeds' state is shown.
    """

    def __init__(self, *, record: ChangeFeed | None, relay: ChangeFeed | None, grace: float, metrics: Metrics) -> None:
        self._record = record
        self._relay = relay
        self._feeds = [feed for feed in (relay, record) if feed is not None]
        self._grace = grace
        self._metrics = metrics
        self._leases = {feed.name: NEVER for feed in self._feeds}
        self._up: set[str] = set()
        self._silent_since: float | None = None
        self._is_unreachable = False
        self._rememberers: list[Rememberer] = []
        self._shared: SharedRememberer | None = None
        self._dropping: set[asyncio.Task[None]] = set()
        self._judge()

    @property
    def is_alone(self) -> bool:
        """Whether nobody else can write."""
        return not self._feeds

    @property
    def is_complete(self) -> bool:
        """Whether every feed tells what changes, so that what is read now may be remembered."""
        return monotonic() < self.complete_until

    def subscribe(self, rememberer: Rememberer) -> None:
        """Have somebody told of every change."""
        self._rememberers.append(rememberer)

    def share(self, shared: SharedRememberer) -> None:
        """Have what all processes remember together told as well."""
        self._shared = shared

    async def start(self) -> None:
        """Begin to listen; calling it again does nothing."""
        for feed in self._feeds:
            await feed.start(self)

    async def close(self) -> None:
        """Stop listening. What was remembered is not believed any more, and forgotten."""
        for feed in self._feeds:
            await feed.close()
            self._withdraw(feed.name)
        self._forget_all()  # even where nobody else can write: a database in memory begins anew
        await asyncio.gather(*self._dropping, return_exceptions=True)

    async def publish(self, changes: Sequence[Change]) -> None:
        """Tell everybody of changes of our own: here at once, elsewhere as fast as there is a way. Never raises."""
        self._tell(changes)
        telling = [] if self._relay is None else [self._relay.publish(changes)]
        if self._shared is not None:
            telling.append(self._shared.forget(changes))
        if telling:
            await asyncio.gather(*telling)

    def deliver(self, feed: str, changes: Sequence[Change]) -> None:
        """See FeedObserver."""
        for change in changes:
            self._metrics.increment(FEED_CHANGES, feed=feed, table=change.table)
        self._tell(changes)
        if self._shared is not None and (self._relay is None or feed != self._relay.name):
            # Whoever writes by our rules has dropped it there; who wrote to the database by others has not.
            self._drop_later(self._shared, changes)

    def vouch(self, feed: str, *, until: float) -> None:
        """See FeedObserver."""
        self._leases[feed] = until
        self._metrics.observe(FEED_LAG, monotonic() - (until - TRUSTED_FOR), feed=feed)
        if self._record is not None and feed == self._record.name:
            self._silent_since, self._is_unreachable = None, False
        self._judge()

    def connected(self, feed: str) -> None:
        """See FeedObserver."""
        self._up.add(feed)
        self._forget_all()
        self._metrics.gauge(FEED_TRUSTED, 1, feed=feed)
        _logger.info("change_feed.connected", feed=feed)

    def lost(self, feed: str, *, is_unreachable: bool) -> None:
        """See FeedObserver."""
        if self._record is not None and feed == self._record.name:
            # Until it tells of changes again it was silent all the time, even if it let us in for a moment.
            if self._silent_since is None:
                self._silent_since = min(monotonic(), self._leases[feed] - TRUSTED_FOR)
            self._is_unreachable = is_unreachable
        if feed in self._up:
            _logger.error("change_feed.lost", feed=feed, consequence="nothing that is cached in memory is believed")
        self._withdraw(feed)

    def unusable(self, feed: str, reason: str) -> None:
        """See FeedObserver."""
        self._is_unreachable = False
        self._withdraw(feed)
        _logger.warning("change_feed.unusable", feed=feed, reason=reason, consequence="nothing is cached in memory")

    def _withdraw(self, feed: str) -> None:
        self._up.discard(feed)
        self._leases[feed] = NEVER
        self._judge()
        self._metrics.gauge(FEED_TRUSTED, 0, feed=feed)

    def _judge(self) -> None:
        self.complete_until = self.trusted_until = min(self._leases.values(), default=inf)
        if self._is_unreachable and self._silent_since is not None and self._relay is not None:
            self.trusted_until = min(self._leases[self._relay.name], self._silent_since + self._grace)

    def _tell(self, changes: Sequence[Change]) -> None:
        for rememberer in self._rememberers:
            rememberer.forget(changes)

    def _forget_all(self) -> None:
        for rememberer in self._rememberers:
            rememberer.forget_all()

    def _drop_later(self, shared: SharedRememberer, changes: Sequence[Change]) -> None:
        task = asyncio.get_running_loop().create_task(shared.forget(changes))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)
