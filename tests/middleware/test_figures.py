"""What identification tells: how long it took, by kind and outcome, and what went wrong in it."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from asgi_auth import PrometheusMetrics, SessionMiddleware, Unavailable
from tests.endpoints.wire import exchange, http
from tests.middleware.people import break_database, welcome
from tests.security.canaries import leaks
from tests.security.test_error_reports import written
from tests.services.test_error_reports import Tracker
from tests.support import whoami


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def tracker():
    return Tracker()


def judged(registry, kind, outcome):
    """How often a credential was judged like that."""
    labels = {"kind": kind, "outcome": outcome, "auth": "default"}
    return registry.get_sample_value("auth_identify_duration_seconds_count", labels) or 0


async def test_how_long_a_credential_takes_is_measured_by_kind_and_outcome(make_auth, registry, database_url):
    auth = make_auth(metrics=PrometheusMetrics(registry), database=database_url)
    ada = await welcome(auth)
    app = auth.wrap(whoami)
    for header in (ada.cookie, ada.bearer, ("authorization", "Bearer nobody")):
        await exchange(app, http(headers=[header]))
    assert judged(registry, "session", "accepted") == 1
    assert judged(registry, "bearer", "accepted") == 1
    assert judged(registry, "bearer", "refused") == 1
    await break_database(auth)
    await auth.services.remembering.hub.close()
    assert (await exchange(app, http(headers=[("authorization", "Bearer another")]))).status == 503
    assert judged(registry, "bearer", "fault") == 1


async def test_what_memory_knows_is_counted_and_not_measured(make_auth, registry):
    auth = make_auth(metrics=PrometheusMetrics(registry))
    ada = await welcome(auth)
    app = auth.wrap(whoami)
    for _ in range(5):
        await exchange(app, http(headers=[ada.cookie]))
    assert judged(registry, "session", "accepted") == 1
    hits = {"layer": "memory", "auth": "default"}
    assert registry.get_sample_value("auth_session_cache_hit_total", hits) == 4


async def test_a_request_without_a_credential_is_not_measured(make_auth, registry):
    auth = make_auth(metrics=PrometheusMetrics(registry))
    await exchange(auth.wrap(whoami), http())
    assert [sample for family in registry.collect() for sample in family.samples if "identify" in sample.name] == []


@pytest.mark.parametrize("on_fault", ["refuse", "pass"])
async def test_a_fault_is_told_to_whoever_watches_without_its_secrets(make_auth, tracker, database_url, on_fault):
    auth = make_auth(on_error=tracker, database=database_url)
    ada = await welcome(auth)
    await break_database(auth)
    app = SessionMiddleware(whoami, auth.services, on_fault=on_fault)
    await exchange(app, http(path="/page", headers=[ada.cookie]))
    ((error, scope), *_) = await tracker.until(1)
    assert isinstance(error, Unavailable)
    assert scope["path"] == "/page"
    assert leaks(written(tracker), {"token": ada.token, "cookie": ada.cookie[1]}) == []
