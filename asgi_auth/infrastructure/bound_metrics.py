"""What adapters of metrics share: each figure with its labels is looked up once, and then called at once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar, cast

import structlog

from asgi_auth.infrastructure.metrics import AUTH_LABEL, CATALOGUE, MetricKind, MetricSpec

Write = Callable[[float], object]
Key = tuple[object, ...]
T = TypeVar("T")

DEFAULT = "default"
"""The name of an Auth that was given none."""

BUCKETS = (0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of durations, in seconds: from a look into memory to what nobody waits for any more."""

MOST_SERIES = 5_000
"""Figures told apart by their labels, in one Auth: more would be a label with something in it that is not few."""

_ATTACHED = "_asgi_auth_figures"

_logger = structlog.get_logger("asgi_auth.metrics")


class BoundMetrics(ABC):
    """Metrics as a dictionary of functions: what a call costs is building its key, and the function.

    A figure that nobody has declared, or with other labels than it was declared with, is dropped; the first is logged.
    """

    def __init__(self, name: str) -> None:
        self._auth = name
        self._specs: dict[str, MetricSpec] = {}
        self._counters: dict[Key, Write] = {}
        self._gauges: dict[Key, Write] = {}
        self._histograms: dict[Key, Write] = {}
        self._complaints: set[str] = set()
        self.declare(CATALOGUE)

    def increment(self, name: str, **labels: str) -> None:
        """Count one more of ``name``."""
        key = (name, *labels.items())
        (self._counters.get(key) or self._found("counter", key, labels))(1)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set the present value of ``name``."""
        key = (name, *labels.items())
        (self._gauges.get(key) or self._found("gauge", key, labels))(value)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one measurement, in seconds where it is a duration."""
        key = (name, *labels.items())
        (self._histograms.get(key) or self._found("histogram", key, labels))(value)

    def declare(self, specs: Iterable[MetricSpec]) -> None:
        """Take note of figures; see DeclaredMetrics."""
        for spec in specs:
            if spec.name not in self._specs:
                self._specs[spec.name] = spec
                self._made(spec)
                if spec.kind == "counter" and not spec.labels:
                    self._bind(spec, {AUTH_LABEL: self._auth})  # shown as zero until it is counted

    @abstractmethod
    def _made(self, spec: MetricSpec) -> None:
        """Make a figure known to where figures go."""

    @abstractmethod
    def _bind(self, spec: MetricSpec, labels: Mapping[str, str]) -> Write:
        """The function that writes one figure with these labels."""

    def _found(self, kind: MetricKind, key: Key, labels: Mapping[str, str]) -> Write:
        known = {"counter": self._counters, "gauge": self._gauges, "histogram": self._histograms}
        if sum(map(len, known.values())) >= MOST_SERIES:
            self._complain("metrics.too_many", key, labels)
            return _dropped
        write = known[kind][key] = self._bound(kind, key, labels)
        return write

    def _bound(self, kind: MetricKind, key: Key, labels: Mapping[str, str]) -> Write:
        spec = self._specs.get(str(key[0]))
        if spec is None or spec.kind != kind or set(labels) != set(spec.labels):
            self._complain("metrics.unknown", key, labels)
            return _dropped
        try:
            return self._bind(spec, {**labels, AUTH_LABEL: self._auth})
        except ValueError:  # another Auth has declared it with other labels, where both are collected
            self._complain("metrics.unknown", key, labels)
            return _dropped

    def _complain(self, event: str, key: Key, labels: Iterable[str]) -> None:
        if event not in self._complaints:
            self._complaints.add(event)
            _logger.error(event, name=key[0], labels=sorted(labels))


def _dropped(_value: float) -> None:
    """What becomes of a figure that nobody knows."""


def attached(owner: object, make: Callable[[], T]) -> T:
    """What belongs to an object of somebody else's, made when it is first asked for: it lives as long as that does."""
    own = vars(owner)
    if _ATTACHED not in own:
        own[_ATTACHED] = make()
    return cast("T", own[_ATTACHED])
