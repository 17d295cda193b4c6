"""The catalogue of figures: complete, told as it says, and kept by adapters that nothing can make raise."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

import asgi_auth
from asgi_auth import ConfigurationError, Feature, MetricSpec, PrometheusMetrics
from asgi_auth.infrastructure import metrics as catalogue
from asgi_auth.infrastructure.bound_metrics import MOST_SERIES
from asgi_auth.infrastructure.metrics import CATALOGUE, LOGIN_SUCCESS

PACKAGE = Path(asgi_auth.__file__).parent
CONSTANTS = {name: value for name, value in vars(catalogue).items() if name.isupper() and isinstance(value, str)}
SPECS = {spec.name: spec for spec in CATALOGUE}
KINDS = {"increment": "counter", "gauge": "gauge", "observe": "histogram"}


def calls():
    """Every call of the package that tells a figure: where, how, which constant, with which labels."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in KINDS:
                (first, *_), labels = node.args, {keyword.arg for keyword in node.keywords}
                if isinstance(first, ast.Name) and first.id in CONSTANTS:
                    yield path.name, KINDS[node.func.attr], SPECS[CONSTANTS[first.id]], labels


def names_told():
    """Every constant that anything but the catalogue itself uses."""
    for path in PACKAGE.rglob("*.py"):
        if path != Path(catalogue.__file__):
            tree = ast.parse(path.read_text())
            yield from (CONSTANTS[node.id] for node in ast.walk(tree) if _is_constant(node))


def _is_constant(node):
    return isinstance(node, ast.Name) and node.id in CONSTANTS


def test_every_name_there_is_has_its_place_in_the_catalogue():
    assert {value for value in CONSTANTS.values() if value.startswith("auth.")} == set(SPECS)
    assert len(SPECS) == len(CATALOGUE)


def test_every_figure_of_the_catalogue_is_told():
    assert set(SPECS) - set(names_told()) == set()


def test_figures_are_told_as_the_catalogue_says():
    told = list(calls())
    assert len(told) > 10
    assert [call for call in told if (call[1], call[3]) != (call[2].kind, set(call[2].labels))] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "auth login"},
        {"name": "auth..login"},
        {"name": "Auth.login"},
        {"labels": ("user-id",)},
        {"labels": ("auth",)},
    ],
)
def test_a_figure_that_adapters_could_not_name_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        MetricSpec(**{"name": "auth.stamps", "kind": "counter", "help": "Stamps.", **wrong})


STAMPS = MetricSpec(name="auth.stamps", kind="counter", help="Stamps on cards.", labels=("shop",))


class Cards(Feature):
    name = "cards"
    metrics = (STAMPS,)


def test_a_feature_adds_figures_of_its_own(make_auth):
    registry = CollectorRegistry()
    auth = make_auth(features=[Cards()], metrics=PrometheusMetrics(registry))
    auth.services.metrics.increment("auth.stamps", shop="bakery")
    assert registry.get_sample_value("auth_stamps_total", {"shop": "bakery", "auth": "default"}) == 1


def test_metrics_that_declare_nothing_serve_features_too(make_auth, figures_without_declare):
    auth = make_auth(features=[Cards()], metrics=figures_without_declare)
    auth.services.metrics.increment("auth.stamps", shop="bakery")
    assert ("auth.stamps", {"shop": "bakery"}) in figures_without_declare.counts


@pytest.fixture
def figures_without_declare():
    class Plain:
        def __init__(self):
            self.counts = []

        def increment(self, name, **labels):
            self.counts.append((name, labels))

        def gauge(self, name, value, **labels):
            pass

        def observe(self, name, value, **labels):
            pass

    return Plain()


@pytest.mark.parametrize(
    ("method", "name", "labels"),
    [
        ("increment", "auth.unheard.of", {}),
        ("increment", LOGIN_SUCCESS, {}),
        ("increment", LOGIN_SUCCESS, {"method": "password", "user": "ada"}),
        ("gauge", LOGIN_SUCCESS, {"method": "password"}),
        ("observe", LOGIN_SUCCESS, {"method": "password"}),
    ],
)
def test_what_nobody_has_declared_is_dropped_and_logged_once(method, name, labels, capsys):
    metrics = PrometheusMetrics(CollectorRegistry())
    for _ in range(3):
        getattr(metrics, method)(name, *([] if method == "increment" else [1]), **labels)
    assert capsys.readouterr().out.count("metrics.unknown") == 1


def test_a_label_that_is_not_few_does_not_fill_the_memory(capsys):
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry)
    for number in range(MOST_SERIES + 100):
        metrics.increment(LOGIN_SUCCESS, method=str(number))
    metrics.increment(LOGIN_SUCCESS, method="0")
    (family,) = [family for family in registry.collect() if family.name == "auth_login_success"]
    assert len([sample for sample in family.samples if sample.name.endswith("_total")]) == MOST_SERIES
    assert registry.get_sample_value("auth_login_success_total", {"method": "0", "auth": "default"}) == 2
    assert capsys.readouterr().out.count("metrics.too_many") == 1


def test_a_figure_that_two_declare_with_other_labels_is_the_first_ones_and_the_other_is_told(capsys):
    registry = CollectorRegistry()
    first, second = PrometheusMetrics(registry), PrometheusMetrics(registry, name="second")
    first.declare([STAMPS])
    second.declare([MetricSpec(name=STAMPS.name, kind="counter", help=STAMPS.help, labels=("town",))])
    second.increment(STAMPS.name, town="Ely")
    first.increment(STAMPS.name, shop="bakery")
    assert registry.get_sample_value("auth_stamps_total", {"shop": "bakery", "auth": "default"}) == 1
    assert capsys.readouterr().out.count("metrics.unknown") == 1
