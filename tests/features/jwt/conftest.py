"""Fixtures of the tests of JWTs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from asgi_auth import Auth
from asgi_auth.features.jwt import Jwt, JwtOptions, JWTService
from asgi_auth.features.jwt.issuer_keys import trusted
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.verifier import JWTVerifier
from tests.servers.issuer import AUDIENCE, IssuerServer, running_issuer
from tests.support import BASE_URL, FrozenClock, browser, sign_up, whoami


@pytest.fixture
async def issuer(clock: FrozenClock) -> AsyncIterator[IssuerServer]:
    """Another issuer, on the frozen clock."""
    async with running_issuer(clock) as server:
        yield server


@pytest.fixture
async def make_verifier(clock: FrozenClock) -> AsyncIterator[Callable[..., JWTVerifier]]:
    """A factory of verifiers of one issuer, closed after the test, that may go to loopback."""
    made: list[JWTVerifier] = []

    def make(server: IssuerServer, **options: Any) -> JWTVerifier:
        options = {
            "audience": AUDIENCE,
            "jwks_url": server.jwks_url,
            "allows_private_addresses": True,
            "timeout": timedelta(seconds=60),
            **options,
        }
        made.append(JWTVerifier([trusted(Issuer(server.url, **options), clock=clock)], clock=clock))
        return made[-1]

    yield make
    for verifier in made:
        await verifier.close()


@pytest.fixture
def verifier(make_verifier: Callable[..., JWTVerifier], issuer: IssuerServer) -> JWTVerifier:
    return make_verifier(issuer)


@pytest.fixture
def make_jwt(make_auth: Callable[..., Auth]) -> Callable[..., Auth]:
    """A factory of Auths with JWTs: ``jwt`` are options of theirs, all others those of ``make_auth``."""

    def make(jwt: dict[str, Any] | None = None, **options: Any) -> Auth:
        options.setdefault("base_url", BASE_URL)
        return make_auth(features=[Jwt(JwtOptions(**(jwt or {}))), *options.pop("more_features", ())], **options)

    return make


@pytest.fixture
def auth(make_jwt: Callable[..., Auth], database_url: str) -> Auth:
    """An Auth with JWTs and default options, on SQLite and on Postgres."""
    return make_jwt(database=database_url)


@pytest.fixture
def service(auth: Auth) -> JWTService:
    return auth.services.get(JWTService)


@pytest.fixture
async def client(auth: Auth) -> AsyncIterator[httpx.AsyncClient]:
    """Ada's browser: she has signed up."""
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client)
        yield client
