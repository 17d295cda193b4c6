"""How many unknown keys an address may try before nobody looks for them any more."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from asgi_auth.clock import Clock
from asgi_auth.config import RateLimit
from asgi_auth.errors import InvalidToken, RateLimited
from asgi_auth.infrastructure.metrics import RATE_LIMIT_REFUSED, Metrics
from asgi_auth.infrastructure.rate_limit import Hit, MemoryWindows
from asgi_auth.services.under_way import UnderWay

MOST_ADDRESSES: Final = 10_000
"""Addresses that are remembered; beyond it the one that tried last longest ago is forgotten."""

RULE: Final = "unknown_api_keys"


class TooManyUnknownKeys(RateLimited):
    """An address has tried too many unknown keys.

    Attributes:
        client: the address.
    """

    def __init__(self, client: str, hit: Hit, limit: RateLimit) -> None:
        self.client = client
        super().__init__(retry_after=hit.seconds_left, rule=RULE, most=limit.most, window=limit.window)


class UnknownKeys:
    """The unknown keys of each address, counted in this process: a flood must not cost a statement each.

    Args:
        limit: how many may be looked for in vain; None: all of them.
        clock: the present moment.
        metrics: told of refusals.
    """

    def __init__(self, limit: RateLimit | None, *, clock: Clock, metrics: Metrics) -> None:
        self._limit = limit
        self._clock = clock
        self._metrics = metrics
        self._windows = MemoryWindows(most=MOST_ADDRESSES)
        self._under_way = UnderWay()

    @asynccontextmanager
    async def attempt(self, client: str | None) -> AsyncIterator[None]:
        """A block in which a key is looked for that may turn out to be unknown: InvalidToken is raised.

        None is the server's own code, which is not limited. Raises TooManyUnknownKeys at the beginning. Of many at once
        no more are looked for than of as many one after another.
        """
        if self._limit is None or client is None:
            yield
            return
        hit = await self._admitted(client, self._limit)
        is_unknown = False
        with self._under_way.one(client):
            try:
                yield
            except InvalidToken:
                is_unknown = True
                raise
            finally:
                if not is_unknown:
                    self._windows.take_back(client, self._limit, began=hit.began)
                    self._under_way.tell(client)

    async def _admitted(self, client: str, limit: RateLimit) -> Hit:
        """Count one. Where those that are being looked for now fill the window, wait: most of them may be known."""
        while True:
            hit = self._windows.count(client, limit, now=self._clock().milliseconds, restarts=False)
            if hit.is_allowed:
                return hit
            if not await self._under_way.news(client):
                self._metrics.increment(RATE_LIMIT_REFUSED, rule=RULE)
                raise TooManyUnknownKeys(client, hit, limit)
