"""Figures for OpenTelemetry, by way of its API: whoever runs the SDK decides where they go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Protocol, cast

from asgi_auth.errors import ConfigurationError
from asgi_auth.infrastructure.bound_metrics import BUCKETS, DEFAULT, BoundMetrics, Write, attached
from asgi_auth.infrastructure.metrics import MetricSpec

SCOPE = "asgi_auth"
NEEDED = 'OpenTelemetryMetrics needs opentelemetry-api: pip install "asgi-auth[opentelemetry]"'


class OpenTelemetryMeter(Protocol):
    """An ``opentelemetry.metrics.Meter``."""

    @property
    def name(self) -> str:
        """The instrumentation scope."""


@dataclass(slots=True)
class _Value:
    """A figure that is read when it is collected: adding to it costs a tenth of telling the SDK each time."""

    attributes: Mapping[str, str]
    value: float = 0
    lock: Lock = field(default_factory=Lock)

    def add(self, amount: float) -> None:
        """Count more."""
        with self.lock:
            self.value += amount

    def set(self, value: float) -> None:
        """Replace it."""
        self.value = value


Bind = Callable[[Mapping[str, str]], Write]


class OpenTelemetryMetrics(BoundMetrics):
    """Records figures on a meter, under their own names: ``auth.login.success``.

    Counters and gauges are observed when they are collected, histograms recorded as they happen.

    Args:
        meter: an ``opentelemetry.metrics.Meter`` (default: the one of the global provider that is called ``asgi_auth``,
            with ``.name`` after it where there is one).
        name: the value of the attribute ``auth``, for processes with more than one Auth (default "default"). Of
            two of the same name on one meter counts and durations add up, and of a gauge the value that was set last is
            shown.

    Raises:
        ConfigurationError: opentelemetry-api is missing.
    """

    def __init__(self, meter: OpenTelemetryMeter | None = None, *, name: str = DEFAULT) -> None:
        try:
            from opentelemetry.metrics import get_meter_provider
        except ImportError:
            raise ConfigurationError(NEEDED) from None
        self._meter = _meter_of(get_meter_provider(), name) if meter is None else meter
        self._instruments: dict[str, Bind] = attached(self._meter, dict)
        super().__init__(name)

    def _made(self, spec: MetricSpec) -> None:
        if spec.name not in self._instruments:
            make = _histogram if spec.kind == "histogram" else _observed
            self._instruments[spec.name] = make(spec, self._meter)

    def _bind(self, spec: MetricSpec, labels: Mapping[str, str]) -> Write:
        return self._instruments[spec.name](labels)


def _meter_of(provider: object, name: str) -> OpenTelemetryMeter:
    """One meter for each name: of two that observe the same figure in one scope, only the first would be asked."""
    from opentelemetry.metrics import MeterProvider

    meters: dict[str, OpenTelemetryMeter] = attached(provider, dict)
    if name not in meters:
        scope = SCOPE if name == DEFAULT else f"{SCOPE}.{name}"
        meters[name] = cast("MeterProvider", provider).get_meter(scope)
    return meters[name]


def _histogram(spec: MetricSpec, given: OpenTelemetryMeter) -> Bind:
    from opentelemetry.metrics import Meter

    histogram = cast("Meter", given).create_histogram(
        spec.name, _unit(spec), spec.help, explicit_bucket_boundaries_advisory=BUCKETS
    )

    def bind(labels: Mapping[str, str]) -> Write:
        return partial(histogram.record, attributes=dict(labels))

    return bind


def _observed(spec: MetricSpec, given: OpenTelemetryMeter) -> Bind:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

    values: dict[tuple[tuple[str, str], ...], _Value] = {}

    def observe(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(value.value, value.attributes) for value in list(values.values())]

    def bind(labels: Mapping[str, str]) -> Write:
        value = values.setdefault(tuple(sorted(labels.items())), _Value(dict(labels)))
        return value.add if spec.kind == "counter" else value.set

    meter = cast("Meter", given)
    make = meter.create_observable_counter if spec.kind == "counter" else meter.create_observable_gauge
    make(spec.name, callbacks=[observe], unit=_unit(spec), description=spec.help)
    return bind


def _unit(spec: MetricSpec) -> str:
    """As UCUM writes it."""
    return "s" if spec.unit == "seconds" else ""
