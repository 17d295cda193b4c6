"""Figures about what happens: the protocol that services call, and the default that drops them."""

from __future__ import annotations

from typing import Final, Protocol

LOGIN_SUCCESS: Final = "auth.login.success"
LOGIN_FAILURE: Final = "auth.login.failure"
SESSION_CACHE_HIT: Final = "auth.session.cache.hit"
SESSION_CACHE_MISS: Final = "auth.session.cache.miss"
BEARER_VERIFY: Final = "auth.bearer.verify"
HASH_QUEUE: Final = "auth.hash.queue"
RATE_LIMIT_REFUSED: Final = "auth.rate_limit.refused"
REQUEST_FAULT: Final = "auth.request.fault"
SESSION_REVOKED: Final = "auth.session.revoked"
CACHE_ENTRIES: Final = "auth.cache.entries"
FEED_TRUSTED: Final = "auth.feed.trusted"
FEED_CHANGES: Final = "auth.feed.changes"
FEED_LAG: Final = "auth.feed.lag"
BREAKER_OPEN: Final = "auth.breaker.open"


class Metrics(Protocol):
    """Where figures go. Calls must be quick and must not raise: they stand in the path of requests."""

    def increment(self, name: str, **labels: str) -> None:
        """Count one more of ``name``."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set the present value of ``name``."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one measurement, in seconds where it is a duration."""


class NoMetrics:
    """The default: drops everything."""

    def increment(self, name: str, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""
