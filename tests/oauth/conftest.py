"""Fixtures of the OAuth client's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from asgi_auth.oauth.client import OAuthClient
from asgi_auth.providers import GenericOAuth, Provider
from tests.servers.oidc import OidcServer
from tests.support import FrozenClock


@pytest.fixture
async def make_client(clock: FrozenClock) -> AsyncIterator[Callable[..., OAuthClient]]:
    """A factory of clients on the frozen clock, closed after the test, that may go to loopback."""
    made: list[OAuthClient] = []

    def make(*providers: Provider, **options: Any) -> OAuthClient:
        options = {"timeout": timedelta(seconds=30), "allows_private_addresses": True, "clock": clock, **options}
        made.append(OAuthClient(providers, **options))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def provider(oidc: OidcServer) -> GenericOAuth:
    """The tests' provider by its discovery document."""
    return GenericOAuth(
        id="corp",
        client_id=oidc.client_id,
        client_secret=oidc.client_secret,
        discovery_url=oidc.discovery_url,
        scopes=("openid", "email"),
    )


@pytest.fixture
def client(make_client: Callable[..., OAuthClient], provider: GenericOAuth) -> OAuthClient:
    return make_client(provider)
