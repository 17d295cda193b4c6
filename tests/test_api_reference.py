"""API.md names every export, provider, option, environment variable, error code, endpoint and metric."""

import dataclasses
import inspect
from pathlib import Path

import pytest

import asgi_auth
from asgi_auth import FieldRules, SmtpSender, config, errors, providers
from asgi_auth.endpoints import errors as endpoint_errors
from asgi_auth.endpoints.app import CORE
from asgi_auth.endpoints.reference import ReferenceEndpoints
from asgi_auth.infrastructure.metrics import CATALOGUE

REFERENCE = (Path(__file__).parent.parent / "API.md").read_text()
ENVIRONMENT = (Path(config.__file__).parent / "environment.py").read_text()

OPTIONS = [
    field.name
    for name in config.__all__
    if dataclasses.is_dataclass(kind := getattr(config, name)) and name != "Secret"
    for field in dataclasses.fields(kind)
]
OPTIONS += [
    field.name
    for kind in (FieldRules, SmtpSender, *(getattr(providers, name) for name in providers.__all__))
    if dataclasses.is_dataclass(kind)
    for field in dataclasses.fields(kind)
    if field.init
]
CODES = [
    kind.code
    for module in (errors, endpoint_errors)
    for _, kind in inspect.getmembers(module, inspect.isclass)
    if issubclass(kind, errors.AuthError) and kind.code is not None
]
VARIABLES = [
    word.strip('"')
    for word in ENVIRONMENT.replace(",", " ").replace(")", " ").split()
    if "_AUTH_" in word and word.startswith('"')
]
ROUTES = [
    f"{spec.method} {spec.path}"
    for group in (*CORE, ReferenceEndpoints(CORE))
    for spec, _ in group.handlers()
    if spec.is_described
]
METRICS = [spec.name for spec in CATALOGUE]

EXPORTS = [*asgi_auth.__all__, *providers.__all__]


@pytest.mark.parametrize("name", [*EXPORTS, *OPTIONS, *CODES, *VARIABLES, *ROUTES, *METRICS])
def test_the_reference_names(name):
    assert f"`{name}`" in REFERENCE
