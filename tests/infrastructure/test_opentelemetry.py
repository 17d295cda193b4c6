"""Figures as OpenTelemetry collects them."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from asgi_auth import ConfigurationError, OpenTelemetryMetrics
from asgi_auth.infrastructure.bound_metrics import BUCKETS
from asgi_auth.infrastructure.metrics import (
    BREAKER_OPEN,
    CATALOGUE,
    HASH_DURATION,
    HASH_QUEUE,
    LOGIN_SUCCESS,
    REQUEST_ERROR,
)
from tests.support import ADA, PASSWORD


@pytest.fixture
def reader():
    return InMemoryMetricReader()


@pytest.fixture
def meter(reader):
    provider = MeterProvider(metric_readers=[reader])
    yield provider.get_meter("test")
    provider.shutdown()


def collected(reader):
    """What is told now, by name."""
    data = reader.get_metrics_data()
    return {
        metric.name: metric
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


def values(reader, name):
    """The values of a figure, by its attributes but the name of the Auth."""
    found = {}
    for point in collected(reader)[name].data.data_points:
        attributes = dict(point.attributes)
        attributes.pop("auth")
        found[tuple(sorted(attributes.items()))] = point.value
    return found


def test_names_keep_their_dots_and_durations_their_unit(reader, meter):
    metrics = OpenTelemetryMetrics(meter)
    for _ in range(3):
        metrics.increment(LOGIN_SUCCESS, method="password")
    metrics.increment(LOGIN_SUCCESS, method="oauth")
    metrics.gauge(HASH_QUEUE, 3)
    metrics.gauge(HASH_QUEUE, 2)
    metrics.observe(HASH_DURATION, 0.07, operation="verify")
    assert values(reader, LOGIN_SUCCESS) == {(("method", "password"),): 3, (("method", "oauth"),): 1}
    assert values(reader, HASH_QUEUE) == {(): 2}
    duration = collected(reader)[HASH_DURATION]
    (point,) = duration.data.data_points
    assert (duration.unit, point.sum, point.count, tuple(point.explicit_bounds)) == ("s", 0.07, 1, BUCKETS)
    assert dict(point.attributes) == {"operation": "verify", "auth": "default"}


def test_every_figure_of_the_catalogue_is_collected(reader, meter):
    metrics = OpenTelemetryMetrics(meter)
    for spec in CATALOGUE:
        labels = dict.fromkeys(spec.labels, "x")
        if spec.kind == "counter":
            metrics.increment(spec.name, **labels)
        else:
            (metrics.gauge if spec.kind == "gauge" else metrics.observe)(spec.name, 1, **labels)
    assert set(collected(reader)) == {spec.name for spec in CATALOGUE}


def test_counters_only_grow_and_begin_at_zero(reader, meter):
    metrics = OpenTelemetryMetrics(meter)
    assert values(reader, REQUEST_ERROR) == {(): 0}
    metrics.increment(REQUEST_ERROR)
    assert values(reader, REQUEST_ERROR) == {(): 1}
    assert collected(reader)[REQUEST_ERROR].data.is_monotonic


def test_two_on_one_meter_are_told_apart_by_their_names_and_of_the_same_name_add_up(reader, meter):
    shop, again, office = (OpenTelemetryMetrics(meter, name=name) for name in ("shop", "shop", "office"))
    for metrics in (shop, again, office):
        metrics.increment(REQUEST_ERROR)
        metrics.gauge(BREAKER_OPEN, 1, dependency="redis")
    points = collected(reader)[REQUEST_ERROR].data.data_points
    assert {point.attributes["auth"]: point.value for point in points} == {"shop": 2, "office": 1}
    assert len(collected(reader)[BREAKER_OPEN].data.data_points) == 2


def test_nothing_is_lost_that_several_threads_count(reader, meter):
    metrics = OpenTelemetryMetrics(meter)
    threads = [
        threading.Thread(target=lambda: [metrics.increment(REQUEST_ERROR) for _ in range(5000)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert values(reader, REQUEST_ERROR) == {(): 20_000}


def test_without_an_sdk_it_tells_nobody():
    metrics = OpenTelemetryMetrics()
    metrics.increment(REQUEST_ERROR)
    metrics.observe(HASH_DURATION, 0.07, operation="verify")


async def test_an_auth_tells_it_what_happens(make_auth, reader, meter):
    auth = make_auth(metrics=OpenTelemetryMetrics(meter))
    await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    assert values(reader, LOGIN_SUCCESS) == {(("method", "password"),): 1}


def test_without_the_library_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    with pytest.raises(ConfigurationError, match=r'pip install "asgi-auth\[opentelemetry\]"'):
        OpenTelemetryMetrics()


BEFORE_THE_PROVIDER = """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from asgi_auth import OpenTelemetryMetrics
from asgi_auth.infrastructure.metrics import REQUEST_ERROR

adapters = [OpenTelemetryMetrics(), OpenTelemetryMetrics(), OpenTelemetryMetrics(name="office")]
reader = InMemoryMetricReader()
metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
for adapter in adapters:
    adapter.increment(REQUEST_ERROR)
for resource in reader.get_metrics_data().resource_metrics:
    for scope in resource.scope_metrics:
        for metric in scope.metrics:
            if metric.name == REQUEST_ERROR:
                for point in metric.data.data_points:
                    print(scope.scope.name, point.attributes["auth"], point.value)
"""


def test_an_auth_may_be_made_before_the_application_sets_up_its_provider():
    ran = subprocess.run([sys.executable, "-c", BEFORE_THE_PROVIDER], check=True, capture_output=True, text=True)
    assert ran.stdout.splitlines() == ["asgi_auth default 2", "asgi_auth.office office 1"]
