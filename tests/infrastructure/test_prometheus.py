"""Figures as Prometheus reads them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

from asgi_auth import ConfigurationError, PrometheusMetrics
from asgi_auth.infrastructure.metrics import BREAKER_OPEN, CATALOGUE, HASH_DURATION, HASH_QUEUE, LOGIN_SUCCESS
from asgi_auth.infrastructure.prometheus import sample_names
from tests.support import ADA, PASSWORD


@pytest.fixture
def registry():
    return CollectorRegistry()


def test_names_follow_prometheus_conventions(registry):
    metrics = PrometheusMetrics(registry)
    metrics.increment(LOGIN_SUCCESS, method="password")
    metrics.gauge(HASH_QUEUE, 3)
    metrics.gauge(HASH_QUEUE, 2)
    metrics.observe(HASH_DURATION, 0.07, operation="verify")
    told = {"auth": "default"}
    assert registry.get_sample_value("auth_login_success_total", {"method": "password", **told}) == 1
    assert registry.get_sample_value("auth_hash_queue", told) == 2
    verify = {"operation": "verify", **told}
    assert registry.get_sample_value("auth_hash_duration_seconds_sum", verify) == 0.07
    assert registry.get_sample_value("auth_hash_duration_seconds_bucket", {"le": "0.1", **verify}) == 1
    assert registry.get_sample_value("auth_hash_duration_seconds_bucket", {"le": "0.05", **verify}) == 0


def test_every_figure_of_the_catalogue_is_written_under_the_names_that_dashboards_know(registry):
    metrics = PrometheusMetrics(registry)
    for spec in CATALOGUE:
        labels = dict.fromkeys(spec.labels, "x")
        if spec.kind == "counter":
            metrics.increment(spec.name, **labels)
        else:
            (metrics.gauge if spec.kind == "gauge" else metrics.observe)(spec.name, 1, **labels)
    families = text_string_to_metric_families(generate_latest(registry).decode())
    written = {sample.name for family in families for sample in family.samples if not sample.name.endswith("_created")}
    assert written == {name for spec in CATALOGUE for name in sample_names(spec)}


def test_what_has_not_happened_yet_is_zero(registry):
    PrometheusMetrics(registry)
    assert registry.get_sample_value("auth_request_error_total", {"auth": "default"}) == 0


def test_two_in_one_registry_are_told_apart_by_their_names(registry):
    shop, office = PrometheusMetrics(registry, name="shop"), PrometheusMetrics(registry, name="office")
    shop.gauge(BREAKER_OPEN, 1, dependency="redis")
    office.gauge(BREAKER_OPEN, 0, dependency="redis")
    for name, value in (("shop", 1), ("office", 0)):
        assert registry.get_sample_value("auth_breaker_open", {"dependency": "redis", "auth": name}) == value


def test_two_of_the_same_name_add_up(registry):
    for _ in range(2):
        PrometheusMetrics(registry).increment(LOGIN_SUCCESS, method="password")
    labels = {"method": "password", "auth": "default"}
    assert registry.get_sample_value("auth_login_success_total", labels) == 2


async def test_an_auth_tells_it_what_happens(make_auth, registry, sqlite_url):
    auth = make_auth(metrics=PrometheusMetrics(registry), database=sqlite_url)
    await auth.services.passwords.sign_up(ADA["email"], PASSWORD, "Ada")
    labels = {"method": "password", "auth": "default"}
    assert registry.get_sample_value("auth_login_success_total", labels) == 1
    written = generate_latest(registry).decode()
    assert ADA["email"] not in written


def test_without_the_library_the_extra_to_install_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r'pip install "asgi-auth\[prometheus\]"'):
        PrometheusMetrics()


@pytest.mark.parametrize("library", ["prometheus_client", "opentelemetry"])
def test_whoever_does_not_use_it_does_not_import_it(library):
    script = f"import sys, asgi_auth; sys.exit({library!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


WORKER = """
from asgi_auth import PrometheusMetrics
from asgi_auth.infrastructure.metrics import BREAKER_OPEN, FEED_TRUSTED, HASH_QUEUE, LOGIN_SUCCESS
metrics = PrometheusMetrics()
number = int(input())
metrics.increment(LOGIN_SUCCESS, method="password")
metrics.gauge(HASH_QUEUE, number)
metrics.gauge(FEED_TRUSTED, number, feed="postgres")
metrics.gauge(BREAKER_OPEN, number, dependency="redis")
print("told", flush=True)
input()
"""


def test_several_processes_are_told_of_as_one(tmp_path):
    environment = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    command = [sys.executable, "-c", WORKER]
    workers = [
        subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for number, worker in enumerate(workers):
            worker.stdin.write(f"{number}\n")
            worker.stdin.flush()
            assert worker.stdout.readline() == "told\n"
        registry = CollectorRegistry()
        MultiProcessCollector(registry, path=str(tmp_path))
        told = {"auth": "default"}
        assert registry.get_sample_value("auth_login_success_total", {"method": "password", **told}) == 2
        assert registry.get_sample_value("auth_hash_queue", told) == 1
        assert registry.get_sample_value("auth_feed_trusted", {"feed": "postgres", **told}) == 0
        assert registry.get_sample_value("auth_breaker_open", {"dependency": "redis", **told}) == 1
    finally:
        for worker in workers:
            worker.communicate("\n")
