"""Figures that are told from beside a service: of the pool of hashes, and of what is announced as an event."""

from __future__ import annotations

from asgi_auth.config import HashingOptions
from asgi_auth.crypto.hash_pool import PasswordHasher
from asgi_auth.crypto.passwords import password_context
from asgi_auth.events import EventBus, SessionRevoked
from asgi_auth.infrastructure.metrics import (
    HASH_DURATION,
    HASH_QUEUE,
    HASH_REFUSED,
    HASH_WAIT,
    SESSION_REVOKED,
    Metrics,
)


def measured_hasher(options: HashingOptions, metrics: Metrics) -> PasswordHasher:
    """The pool of hashes that is configured, telling how it fares."""

    def done(operation: str, waited: float, took: float) -> None:
        metrics.observe(HASH_WAIT, waited)
        metrics.observe(HASH_DURATION, took, operation=operation)

    return PasswordHasher(
        workers=options.workers,
        max_queue=options.max_queue,
        context=password_context(cost=options.cost),
        on_queue=lambda waiting: metrics.gauge(HASH_QUEUE, waiting),
        on_done=done,
        on_refused=lambda: metrics.increment(HASH_REFUSED),
    )


def count_revocations(events: EventBus, metrics: Metrics) -> None:
    """Count every session that ends before its time, whoever ends it."""

    async def count(revoked: SessionRevoked) -> None:
        metrics.increment(SESSION_REVOKED, reason=revoked.reason)

    events.subscribe(SessionRevoked, count)
