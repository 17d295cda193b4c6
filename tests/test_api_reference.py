"""API.md names every export, provider, option, environment variable, error code, endpoint and metric."""

import dataclasses
import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest

import asgi_auth
from asgi_auth import AuthConfig, Feature, FieldRules, SmtpSender, config, errors, features, providers
from asgi_auth.endpoints import errors as endpoint_errors
from asgi_auth.endpoints.app import CORE
from asgi_auth.endpoints.reference import ReferenceEndpoints
from asgi_auth.features.jwt import Jwt, JwtOptions
from asgi_auth.infrastructure.metrics import CATALOGUE

FEATURES = [
    importlib.import_module(module.name) for module in pkgutil.walk_packages(features.__path__, "asgi_auth.features.")
]
INSTALLED = [
    kind() if kind is not Jwt else Jwt(JwtOptions(refresh_tokens=True))
    for kind in {
        kind
        for module in FEATURES
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Feature) and kind is not Feature
    }
]
SERVICES = asgi_auth.Auth(AuthConfig.testing(base_url="http://app.test"), features=INSTALLED).services

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
OPTIONS += [
    field.name
    for module in FEATURES
    for _, kind in inspect.getmembers(module, dataclasses.is_dataclass)
    if inspect.isclass(kind) and (kind.__name__.endswith("Options") or kind.__name__ == "Issuer")
    for field in dataclasses.fields(kind)
]
CODES = [
    kind.code
    for module in (errors, endpoint_errors, *FEATURES)
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
    for group in (*CORE, ReferenceEndpoints(CORE), *(each for one in INSTALLED for each in one.endpoints(SERVICES)))
    for spec, _ in group.handlers()
    if spec.is_described
]
METRICS = [spec.name for spec in (*CATALOGUE, *(spec for feature in INSTALLED for spec in feature.metrics))]

EXPORTS = [*asgi_auth.__all__, *providers.__all__]
EXPORTS += [name for module in FEATURES for name in getattr(module, "__all__", ())]


@pytest.mark.parametrize("name", [*EXPORTS, *OPTIONS, *CODES, *VARIABLES, *ROUTES, *METRICS])
def test_the_reference_names(name):
    assert f"`{name}`" in REFERENCE
