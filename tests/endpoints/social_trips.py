"""Trips to the tests' provider and back, as a browser makes them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from asgi_auth import SocialOptions
from asgi_auth.providers import GenericOAuth, Provider
from tests.servers.oidc import OidcServer

SIGN_IN = "/api/auth/sign-in/social"
LINK = "/api/auth/link-social"
CALLBACK = "/api/auth/callback/corp"
CLEARED = "better-auth.state=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"


def corp(oidc: OidcServer, **changes: Any) -> GenericOAuth:
    """The tests' provider."""
    given: dict[str, Any] = {
        "id": "corp",
        "client_id": oidc.client_id,
        "client_secret": oidc.client_secret,
        "discovery_url": oidc.discovery_url,
        "scopes": ("openid", "email"),
        "uses_nonce": True,
    }
    return GenericOAuth(**given | changes)


def social(*providers: Provider) -> SocialOptions:
    return SocialOptions(providers=providers, allows_private_addresses=True)


async def depart(client: httpx.AsyncClient, path: str = SIGN_IN, **body: Any) -> str:
    """Where the browser is sent to."""
    response = await client.post(path, json={"provider": "corp", "callbackURL": "/dash", **body})
    assert response.status_code == 200, response.text
    return str(response.json()["url"])


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def come_back(
    client: httpx.AsyncClient, oidc: OidcServer, url: str, *, path: str = CALLBACK, **changes: Any
) -> httpx.Response:
    """What the callback answers to what the provider sends back; ``changes`` of it, None for a parameter left out."""
    answer = {**await oidc.visit(url), **changes}
    return await client.get(path, params={name: value for name, value in answer.items() if value is not None})


async def trip(client: httpx.AsyncClient, oidc: OidcServer, path: str = SIGN_IN, **body: Any) -> httpx.Response:
    """There and back."""
    return await come_back(client, oidc, await depart(client, path, **body))


async def session_of(client: httpx.AsyncClient) -> dict[str, Any] | None:
    return (await client.get("/api/auth/get-session")).json()


async def who(client: httpx.AsyncClient) -> str | None:
    """The address of the user who is signed in."""
    found = await session_of(client)
    return None if found is None else str(found["user"]["email"])


def error_of(response: httpx.Response) -> str:
    """The code that a callback's redirect tells, and that it is one."""
    assert response.status_code == 302, response.text
    return query_of(response.headers["location"])["error"]
