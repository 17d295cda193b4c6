"""The dashboard and the alerts ask for figures that exist, by labels that they have; the example tells them."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from asgi_auth.infrastructure.metrics import CATALOGUE
from asgi_auth.infrastructure.prometheus import sample_names
from tests.servers.machine import free_port, running

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "observability"
DASHBOARD = json.loads((FOLDER / "grafana-dashboard.json").read_text())
ALERTS = yaml.safe_load((FOLDER / "prometheus-alerts.yml").read_text())

RULES = [rule for group in ALERTS["groups"] for rule in group["rules"]]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = {f"{panel['title']} {target['refId']}": target["expr"] for panel in PANELS for target in panel["targets"]}
QUERIES |= {rule["alert"]: rule["expr"] for rule in RULES}

LABELS = {name: {*spec.labels, "auth"} for spec in CATALOGUE for name in sample_names(spec)}
FROM_PROMETHEUS = {"job", "instance", "le"}

TOLD_WITHOUT_TROUBLE = {
    "auth_login_success_total",
    "auth_login_failure_total",
    "auth_session_cache_hit_total",
    "auth_session_cache_miss_total",
    "auth_session_revoked_total",
    "auth_session_active",
    "auth_bearer_verify_total",
    "auth_hash_queue",
    "auth_hash_wait_seconds_bucket",
    "auth_hash_duration_seconds_bucket",
    "auth_hash_refused_total",
    "auth_rate_limit_refused_total",
    "auth_request_error_total",
    "auth_cache_entries",
}


def parsed(query):
    """A query as Prometheus gets it from Grafana."""
    return promql_parser.parse(query.replace("$__rate_interval", "5m").replace("$auth", ".*"))


def selectors(query):
    """Every metric that a query asks for, with the labels that it is chosen by."""
    found = []

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node.name, {matcher.name for matcher in node.matchers.matchers}))

    promql_parser.walk(parsed(query), visit)
    return found


def grouped_by(query):
    """The labels that results are told apart by."""
    return {label for group in re.findall(r"\b(?:by|on) \(([^)]*)\)", query) for label in re.split(r",\s*", group)}


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_asks_for_figures_that_exist_by_labels_that_they_have(title):
    asked = selectors(QUERIES[title])
    assert asked
    assert {name for name, _ in asked} <= set(LABELS)
    for name, chosen_by in asked:
        assert chosen_by <= LABELS[name] | FROM_PROMETHEUS
        assert grouped_by(QUERIES[title]) <= LABELS[name] | FROM_PROMETHEUS


COUNTED = {name for spec in CATALOGUE if spec.kind == "counter" and spec.labels for name in sample_names(spec)}
"""What Prometheus does not know of before it has happened once since the process began."""


def says(node, happened):
    """Whether a query can say anything where of all that is counted only this has happened."""
    if isinstance(node, promql_parser.ParenExpr):
        return says(node.expr, happened)
    if isinstance(node, promql_parser.BinaryExpr):
        left, right = says(node.lhs, happened), says(node.rhs, happened)
        return {"or": left or right, "unless": left}.get(str(node.op), left and right)
    return all(name not in COUNTED or name in happened for name, _ in selectors(str(node)))


@pytest.mark.parametrize(
    ("title", "happened"),
    [
        ("AuthNoLogins", "auth_login_failure_total"),
        ("AuthLoginFailuresSurge", "auth_login_failure_total"),
        ("AuthCacheHitRatioLow", "auth_session_cache_miss_total"),
        ("Read from caches A", "auth_session_cache_miss_total"),
        ("Read from caches A", "auth_session_cache_hit_total"),
    ],
)
def test_what_never_happened_does_not_keep_a_query_from_saying_so(title, happened):
    assert says(parsed(QUERIES[title]), {happened})


def test_a_sum_with_something_that_never_happened_says_nothing():
    query = parsed("1 / (auth_login_failure_total + auth_login_success_total)")
    assert not says(query, {"auth_login_failure_total"})
    assert says(query, {"auth_login_failure_total", "auth_login_success_total"})


def test_the_search_finds_every_metric_of_a_query():
    query = 'sum by (auth, kind) (rate(one_total{auth="x"}[5m] offset 1h)) unless (two or 3 * max(three))'
    assert selectors(query) == [("one_total", {"auth"}), ("two", set()), ("three", set())]
    assert grouped_by(query) == {"auth", "kind"}


def test_every_figure_of_the_catalogue_is_on_the_dashboard():
    shown = {name for title in QUERIES for name, _ in selectors(QUERIES[title])}
    assert [spec.name for spec in CATALOGUE if not sample_names(spec) & shown] == []


def test_the_dashboard_reads_from_whichever_prometheus_it_is_given():
    variables = {variable["name"]: variable for variable in DASHBOARD["templating"]["list"]}
    assert (variables["datasource"]["type"], variables["datasource"]["query"]) == ("datasource", "prometheus")
    targets = [target for panel in PANELS for target in panel["targets"]]
    sources = [thing["datasource"] for thing in (*PANELS, *targets, variables["auth"])]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
    asked = re.fullmatch(r"label_values\((\w+), (\w+)\)", variables["auth"]["definition"])
    assert asked
    assert asked[2] in LABELS[asked[1]]


def test_the_dashboard_can_be_imported():
    assert (DASHBOARD["id"], DASHBOARD["schemaVersion"] >= 39) == (None, True)
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        overlapping = [
            other for other in DASHBOARD["panels"] if other is not panel and overlap(place, other["gridPos"])
        ]
        assert overlapping == []


def overlap(one, other):
    """Whether two places of the grid share a square."""
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def test_every_alert_says_what_it_means_and_how_bad_it_is():
    names = [rule["alert"] for rule in RULES]
    assert len(set(names)) == len(names)
    for rule in RULES:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert rule["annotations"]["summary"]
        mentioned = set(re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])))
        assert mentioned <= grouped_by(rule["expr"])


@pytest.fixture
def site(tmp_path):
    """The example, run as it says."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "examples.observability.app:app", "--port", str(port)]
    # In memory, so that nobody else can write to it, and sessions are remembered whatever feeds there are.
    environment = os.environ | {"ASGI_AUTH_DATABASE": "sqlite:///:memory:"}
    log = tmp_path / "log"
    with running(command, ready="Application startup complete", log=log, cwd=ROOT, env=environment):
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", log=log)


async def samples(client):
    """What it tells Prometheus, by the name of the sample; and the names of all figures that it knows of."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200
    families = list(text_string_to_metric_families(answer.text))
    told = {}
    for family in families:
        for sample in family.samples:
            told.setdefault(sample.name, []).append(sample)
    return told, {family.name for family in families}


async def test_the_example_tells_every_figure_that_the_dashboard_asks_for(site, ada):
    async with httpx.AsyncClient(base_url=site.url, headers={"origin": site.url}, timeout=60) as client:
        token = (await client.post("/api/auth/sign-up/email", json=ada)).json()["token"]
        for _ in range(3):
            assert (await client.get("/me")).json() == {"email": "ada@example.com"}
        client.cookies.clear()
        bearer = {"authorization": f"Bearer {token}"}
        assert (await client.get("/me", headers=bearer)).status_code == 200
        wrong = {"email": ada["email"], "password": "not the password"}
        assert (await client.post("/api/auth/sign-in/email", json=wrong)).status_code == 401
        for _ in range(4):
            last = await client.post("/api/auth/sign-in/email", json={k: ada[k] for k in ("email", "password")})
        assert last.status_code == 429
        assert (await client.post("/api/auth/sign-out")).json() == {"success": True}
        told, known = await samples(client)
    assert set(told) >= TOLD_WITHOUT_TROUBLE
    for name in ("login_success", "login_failure", "session_revoked", "rate_limit_refused", "bearer_verify"):
        assert sum(sample.value for sample in told[f"auth_{name}_total"]) > 0
    expected = {spec.name.replace(".", "_") + (f"_{spec.unit}" if spec.unit else "") for spec in CATALOGUE}
    assert expected <= known
    assert ada["email"] not in repr(told)
    assert "Traceback" not in site.log.read_text()


async def test_the_example_tells_strangers_from_users_like_any_other(site, ada):
    async with httpx.AsyncClient(base_url=site.url, timeout=60) as client:
        assert (await client.get("/")).json() == {"hello": "stranger"}
        assert (await client.get("/me")).status_code == 401
        await client.post("/api/auth/sign-up/email", json=ada)
        assert (await client.get("/")).json() == {"hello": "Ada"}


async def test_the_errors_of_the_example_are_told(example, caplog):
    module = example("observability/app")
    module.tell(LookupError(), {"type": "http", "method": "GET", "path": "/broken"})
    assert "GET /broken failed" in caplog.text
    await module.auth.services.close()
