"""Figures for Prometheus, by way of prometheus-client."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal, Protocol, cast

from asgi_auth.errors import ConfigurationError
from asgi_auth.infrastructure.bound_metrics import BUCKETS, DEFAULT, BoundMetrics, Write, attached
from asgi_auth.infrastructure.metrics import AUTH_LABEL, Merging, MetricSpec

NEEDED = 'PrometheusMetrics needs prometheus-client: pip install "asgi-auth[prometheus]"'

_MERGED: Mapping[Merging, Literal["livesum", "livemin", "livemax"]] = MappingProxyType(
    {"sum": "livesum", "min": "livemin", "max": "livemax"}
)


class PrometheusRegistry(Protocol):
    """A ``prometheus_client.CollectorRegistry``."""

    def collect(self) -> Iterable[object]:
        """Everything that is registered there."""


class _Child(Protocol):
    """A figure with its labels; which of the methods it has is for its kind."""

    inc: Write
    set: Write
    observe: Write


class _Family(Protocol):
    def labels(self, **labels: str) -> _Child:
        """The figure with these labels."""


class PrometheusMetrics(BoundMetrics):
    """Puts figures into a registry of prometheus-client, by its rules for names: ``auth_login_success_total``.

    Serving ``/metrics`` stays the application's: ``prometheus_client.make_asgi_app()``. Where several processes answer
    together, prometheus-client's own directory for that (``PROMETHEUS_MULTIPROC_DIR``) serves as well.

    Args:
        registry: a ``CollectorRegistry`` (default: prometheus-client's own).
        name: the value of the label ``auth``, for processes with more than one Auth (default "default"). Of two
            of the same name counts and durations add up, and of a gauge the value that was set last is shown.

    Raises:
        ConfigurationError: prometheus-client is missing.
    """

    def __init__(self, registry: PrometheusRegistry | None = None, *, name: str = DEFAULT) -> None:
        try:
            from prometheus_client import REGISTRY
        except ImportError:
            raise ConfigurationError(NEEDED) from None
        self._registry = REGISTRY if registry is None else registry
        self._families: dict[str, _Family] = attached(self._registry, dict)
        super().__init__(name)

    def _made(self, spec: MetricSpec) -> None:
        if spec.name not in self._families:
            self._families[spec.name] = _family(spec, self._registry)

    def _bind(self, spec: MetricSpec, labels: Mapping[str, str]) -> Write:
        child = self._families[spec.name].labels(**labels)
        if spec.kind == "counter":
            return child.inc
        return child.set if spec.kind == "gauge" else child.observe


def _family(spec: MetricSpec, given: PrometheusRegistry) -> _Family:
    from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

    registry = cast("CollectorRegistry", given)
    name, labels = spec.name.replace(".", "_"), (*spec.labels, AUTH_LABEL)
    if spec.kind == "counter":
        return cast("_Family", Counter(name, spec.help, labels, registry=registry, unit=spec.unit))
    if spec.kind == "gauge":
        merged = _MERGED[spec.merged]
        gauge = Gauge(name, spec.help, labels, registry=registry, unit=spec.unit, multiprocess_mode=merged)
        return cast("_Family", gauge)
    histogram = Histogram(name, spec.help, labels, registry=registry, unit=spec.unit, buckets=BUCKETS)
    return cast("_Family", histogram)


def sample_names(spec: MetricSpec) -> frozenset[str]:
    """What a figure is called in Prometheus, for dashboards and alerts."""
    name = spec.name.replace(".", "_") + (f"_{spec.unit}" if spec.unit else "")
    endings = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return frozenset(name + ending for ending in endings[spec.kind])
