"""API.md names every export, option, environment variable, error code, endpoint and metric."""

import dataclasses
import inspect
from pathlib import Path

import pytest

import asgi_auth
from asgi_auth import config, errors
from asgi_auth.endpoints import errors as endpoint_errors
from asgi_auth.endpoints.health import HealthEndpoints
from asgi_auth.endpoints.password import PasswordEndpoints
from asgi_auth.endpoints.session import SessionEndpoints
from asgi_auth.endpoints.user import UserEndpoints
from asgi_auth.infrastructure import metrics

REFERENCE = (Path(__file__).parent.parent / "API.md").read_text()
ENVIRONMENT = (Path(config.__file__).parent / "environment.py").read_text()

OPTIONS = [
    field.name
    for name in config.__all__
    if dataclasses.is_dataclass(kind := getattr(config, name)) and name != "Secret"
    for field in dataclasses.fields(kind)
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
    for group in (HealthEndpoints(), PasswordEndpoints(), SessionEndpoints(), UserEndpoints())
    for spec, _ in group.handlers()
]
METRICS = [value for name, value in vars(metrics).items() if name.isupper()]


@pytest.mark.parametrize("name", [*asgi_auth.__all__, *OPTIONS, *CODES, *VARIABLES, *ROUTES, *METRICS])
def test_the_reference_names(name):
    assert f"`{name}`" in REFERENCE
