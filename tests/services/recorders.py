"""What tests listen with: a hasher that counts, metrics that are kept, events that are kept."""

from __future__ import annotations

from collections.abc import Iterable

from asgi_auth import MetricSpec, PasswordHasher
from asgi_auth.crypto.hash_pool import PasswordCheck
from asgi_auth.crypto.passwords import password_context
from asgi_auth.events import (
    EmailChanged,
    EmailVerified,
    EventBus,
    PasswordChanged,
    SessionCreated,
    SessionRevoked,
    SignedInByProvider,
    UserChanged,
    UserCreated,
    UserDeleted,
)
from asgi_auth.infrastructure.metrics import CATALOGUE

KINDS = (
    EmailChanged,
    EmailVerified,
    PasswordChanged,
    SessionCreated,
    SessionRevoked,
    SignedInByProvider,
    UserChanged,
    UserCreated,
    UserDeleted,
)


class CountingHasher(PasswordHasher):
    """Hashes cheaply and notes each call."""

    def __init__(self) -> None:
        super().__init__(workers=1, max_queue=100, context=password_context(cost=2))
        self.calls: list[str] = []

    async def hash(self, password: str) -> str:
        self.calls.append("hash")
        return await super().hash(password)

    async def verify(self, password: str, stored: str | None) -> PasswordCheck:
        self.calls.append("verify")
        return await super().verify(password, stored)

    def taken(self) -> list[str]:
        """The calls since the last time."""
        calls, self.calls = self.calls, []
        return calls


class Figures:
    """Metrics that keep what they are told, and take nothing that was not declared like that."""

    def __init__(self) -> None:
        self.specs = {spec.name: spec for spec in CATALOGUE}
        self.counts: list[tuple[str, dict[str, str]]] = []
        self.gauges: list[tuple[str, float]] = []
        self.observations: list[tuple[str, float]] = []

    def increment(self, name: str, **labels: str) -> None:
        self._check("counter", name, labels)
        self.counts.append((name, labels))

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._check("gauge", name, labels)
        self.gauges.append((name, value))

    def observe(self, name: str, value: float, **labels: str) -> None:
        self._check("histogram", name, labels)
        self.observations.append((name, value))

    def declare(self, specs: Iterable[MetricSpec]) -> None:
        self.specs |= {spec.name: spec for spec in specs}

    def _check(self, kind: str, name: str, labels: dict[str, str]) -> None:
        spec = self.specs[name]
        assert (spec.kind, set(spec.labels)) == (kind, set(labels))
        assert all(isinstance(value, str) for value in labels.values())


class Events:
    """Keeps everything that is published."""

    def __init__(self, bus: EventBus) -> None:
        self.seen: list[object] = []
        for kind in KINDS:
            bus.subscribe(kind, self._note)

    async def _note(self, event: object) -> None:
        self.seen.append(event)

    def taken(self) -> list[object]:
        """The events since the last time."""
        seen, self.seen = self.seen, []
        return seen
