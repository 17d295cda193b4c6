"""The caches of one Auth: its core's and its features', over one hub and one Redis."""

from __future__ import annotations

from typing import TypeVar

from asgi_auth.config import CacheOptions
from asgi_auth.errors import ConfigurationError
from asgi_auth.infrastructure.cache.base import Seconds, SharedCache
from asgi_auth.infrastructure.cache.tiered import CacheSpec, TieredCache
from asgi_auth.infrastructure.change_feed.hub import ChangeHub
from asgi_auth.infrastructure.metrics import CACHE_ENTRIES, Metrics

V = TypeVar("V")


class Caches:
    """Makes caches and closes them.

    Args:
        options: whether anything is kept, and how much.
        hub: what tells them of changes.
        seconds: the clock of the Auth.
        shared: what all processes remember together, where there is a Redis.
        metrics: where it is shown how many entries there are.
    """

    def __init__(
        self,
        options: CacheOptions,
        *,
        hub: ChangeHub,
        seconds: Seconds,
        shared: SharedCache | None,
        metrics: Metrics,
    ) -> None:
        self.options = options
        self.hub = hub
        self.seconds = seconds
        self._shared = shared
        self._metrics = metrics
        self._made: dict[str, TieredCache[object]] = {}

    def add(self, spec: CacheSpec[V], *, is_enabled: bool = True) -> TieredCache[V]:
        """A cache for one kind of value; without caching it only reads.

        Raises ConfigurationError where there is one of that name: in Redis the values of both would be the same.
        """
        if spec.space in self._made:
            raise ConfigurationError(f"there is a cache of {spec.space!r} already")
        is_enabled = is_enabled and self.options.is_enabled
        cache = TieredCache(spec, hub=self.hub, seconds=self.seconds, shared=self._shared, is_enabled=is_enabled)
        self._made[spec.space] = cache  # type: ignore[assignment]  # only its size and its end are asked for
        return cache

    def show(self) -> None:
        """Tell the metrics how many entries there are."""
        for space, cache in self._made.items():
            self._metrics.gauge(CACHE_ENTRIES, len(cache), space=space)

    async def close(self) -> None:
        """Wait for what is still being written."""
        for cache in self._made.values():
            await cache.close()
