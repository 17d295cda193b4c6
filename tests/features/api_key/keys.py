"""What the tests of API keys share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from asgi_auth import Auth
from asgi_auth.features.api_key import ApiKeyService
from tests.support import ADA, PASSWORD, browser, sign_up, whoami

SHOWN = [
    "configId",
    "name",
    "start",
    "referenceId",
    "prefix",
    "refillInterval",
    "refillAmount",
    "lastRefillAt",
    "enabled",
    "rateLimitEnabled",
    "rateLimitTimeWindow",
    "rateLimitMax",
    "requestCount",
    "remaining",
    "lastRequest",
    "expiresAt",
    "createdAt",
    "updatedAt",
    "permissions",
    "metadata",
    "id",
]
"""The fields of a key, in the contract's order."""


@asynccontextmanager
async def person(auth: Auth, email: str = ADA["email"]) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of somebody who has just signed up."""
    async with browser(auth.wrap(whoami)) as client:
        await sign_up(client, {"name": "Somebody", "email": email, "password": PASSWORD})
        yield client


def service(auth: Auth) -> ApiKeyService:
    return auth.services.get(ApiKeyService)


async def post(client: httpx.AsyncClient, path: str, **body: object) -> httpx.Response:
    return await client.post(f"/api/auth/api-key/{path}", json=body)


async def get(client: httpx.AsyncClient, path: str, **query: object) -> httpx.Response:
    return await client.get(f"/api/auth/api-key/{path}", params=query)


async def create(client: httpx.AsyncClient, **body: object) -> dict[str, Any]:
    """What is answered of a new key."""
    response = await post(client, "create", **body)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def names(client: httpx.AsyncClient, **query: object) -> list[str | None]:
    """The names of the keys that are listed."""
    response = await get(client, "list", **query)
    assert response.status_code == 200, response.text
    return [key["name"] for key in response.json()["apiKeys"]]


def refusal(response: httpx.Response) -> tuple[int, str]:
    """The status and the code of a refusal."""
    return response.status_code, response.json()["code"]
