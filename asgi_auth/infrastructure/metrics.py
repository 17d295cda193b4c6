"""Figures about what happens: the protocol that services call, all that they tell, and the default that drops it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

from asgi_auth.errors import ConfigurationError

LOGIN_SUCCESS: Final = "auth.login.success"
LOGIN_FAILURE: Final = "auth.login.failure"
SESSION_CACHE_HIT: Final = "auth.session.cache.hit"
SESSION_CACHE_MISS: Final = "auth.session.cache.miss"
SESSION_REVOKED: Final = "auth.session.revoked"
SESSION_ACTIVE: Final = "auth.session.active"
BEARER_VERIFY: Final = "auth.bearer.verify"
IDENTIFY_DURATION: Final = "auth.identify.duration"
HASH_QUEUE: Final = "auth.hash.queue"
HASH_WAIT: Final = "auth.hash.wait"
HASH_DURATION: Final = "auth.hash.duration"
HASH_REFUSED: Final = "auth.hash.refused"
RATE_LIMIT_REFUSED: Final = "auth.rate_limit.refused"
CLIENT_ADDRESS_UNRESOLVED: Final = "auth.client_address.unresolved"
REQUEST_FAULT: Final = "auth.request.fault"
REQUEST_ERROR: Final = "auth.request.error"
CACHE_ENTRIES: Final = "auth.cache.entries"
FEED_TRUSTED: Final = "auth.feed.trusted"
FEED_CHANGES: Final = "auth.feed.changes"
FEED_LAG: Final = "auth.feed.lag"
BREAKER_OPEN: Final = "auth.breaker.open"

MetricKind = Literal["counter", "gauge", "histogram"]
Merging = Literal["sum", "min", "max"]

AUTH_LABEL: Final = "auth"
"""The label by which adapters tell the figures of one Auth from those of another."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)*")
_LABEL = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """What one figure is. Features declare theirs as ``Feature.metrics``.

    Attributes:
        name: words with dots between them ("auth.login.success").
        kind: "counter" only grows, "gauge" is a present value, "histogram" collects measurements.
        help: one sentence that says what is counted or measured.
        labels: what it is told apart by. Their values are few: never an id, a path or anything a client sends.
        unit: "seconds", or "" (default) where it is a number of things.
        merged: what a gauge is of several processes together: their "sum" (default), "min" or "max".

    Raises:
        ConfigurationError: a name or a label is none.
    """

    name: str
    kind: MetricKind
    help: str
    labels: tuple[str, ...] = ()
    unit: Literal["", "seconds"] = ""
    merged: Merging = "sum"

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigurationError(f"a metric's name is words with dots between them: {self.name!r}")
        if not all(_LABEL.fullmatch(label) and label != AUTH_LABEL for label in self.labels):
            raise ConfigurationError(f"labels of {self.name} are words other than {AUTH_LABEL!r}: {self.labels!r}")


def _counter(name: str, explanation: str, *labels: str) -> MetricSpec:
    return MetricSpec(name=name, kind="counter", help=explanation, labels=labels)


def _gauge(name: str, explanation: str, *labels: str, merged: Merging = "sum") -> MetricSpec:
    return MetricSpec(name=name, kind="gauge", help=explanation, labels=labels, merged=merged)


def _seconds(name: str, explanation: str, *labels: str) -> MetricSpec:
    return MetricSpec(name=name, kind="histogram", help=explanation, labels=labels, unit="seconds")


CATALOGUE: tuple[MetricSpec, ...] = (
    _counter(LOGIN_SUCCESS, "Sessions begun, by the way in.", "method"),
    _counter(LOGIN_FAILURE, "Sign-ins refused for a wrong credential, by the way in.", "method"),
    _counter(SESSION_CACHE_HIT, "Sessions read from a cache, by the layer that knew: cookie, memory, shared.", "layer"),
    _counter(SESSION_CACHE_MISS, "Sessions no cache knew, by the layer that was asked: record.", "layer"),
    _counter(SESSION_REVOKED, "Sessions ended before their time: revoked, sign_out or limit.", "reason"),
    _gauge(SESSION_ACTIVE, "Sessions that hold, counted once a minute and up to a million.", merged="max"),
    _counter(BEARER_VERIFY, "Bearer tokens judged: accepted or refused.", "outcome"),
    _seconds(
        IDENTIFY_DURATION,
        "How long it took to judge a credential that memory did not know: accepted, refused or fault.",
        "kind",
        "outcome",
    ),
    _gauge(HASH_QUEUE, "Password hashes that wait for a free worker."),
    _seconds(HASH_WAIT, "How long a password hash waited for a free worker."),
    _seconds(HASH_DURATION, "How long a password hash took: hash or verify.", "operation"),
    _counter(HASH_REFUSED, "Password hashes refused because too many waited."),
    _counter(RATE_LIMIT_REFUSED, "What was refused for being asked too often, by the rule.", "rule"),
    _counter(
        CLIENT_ADDRESS_UNRESOLVED,
        "Requests whose client address could not be told, by what needed it: rate_limit or device.",
        "purpose",
    ),
    _counter(
        REQUEST_FAULT,
        "Requests answered 503, or let pass unjudged: the kind of credential that could not be judged, or endpoint.",
        "kind",
    ),
    _counter(REQUEST_ERROR, "Requests to the endpoints that ended in an unexpected exception."),
    _gauge(CACHE_ENTRIES, "Entries kept in this process, by the kind of value.", "space"),
    _gauge(FEED_TRUSTED, "1 while a feed of changes can be believed, 0 while it is lost.", "feed", merged="min"),
    _counter(FEED_CHANGES, "Changes that a feed told of, by the table.", "feed", "table"),
    _seconds(FEED_LAG, "How old a feed's latest sign of life was when it arrived.", "feed"),
    _gauge(BREAKER_OPEN, "1 while a dependency is known to be down.", "dependency", merged="max"),
)
"""All figures of the core."""


class Metrics(Protocol):
    """Where figures go. Calls must be quick and must not raise: they stand in the path of requests.

    ``CATALOGUE`` names them all. Whoever wants to be told of them beforehand, those of features included, has a method
    ``declare`` as well: see DeclaredMetrics.
    """

    def increment(self, name: str, **labels: str) -> None:
        """Count one more of ``name``."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set the present value of ``name``."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one measurement, in seconds where it is a duration."""


@runtime_checkable
class DeclaredMetrics(Protocol):
    """What metrics have that need to know all figures before the first of them comes."""

    def declare(self, specs: Iterable[MetricSpec]) -> None:
        """Take note of figures; those it knows already are none of its business."""


class NoMetrics:
    """The default: drops everything."""

    def increment(self, name: str, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""
