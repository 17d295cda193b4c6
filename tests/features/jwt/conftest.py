"""Fixtures of the tests of JWTs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from asgi_auth.features.jwt.issuer_keys import trusted
from asgi_auth.features.jwt.issuers import Issuer
from asgi_auth.features.jwt.verifier import JWTVerifier
from tests.servers.issuer import AUDIENCE, IssuerServer, running_issuer
from tests.support import FrozenClock


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
