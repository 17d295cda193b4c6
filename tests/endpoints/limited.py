"""Auths with rate limits, and clients at addresses."""

from __future__ import annotations

from contextlib import asynccontextmanager

import httpx

from asgi_auth import RateLimitOptions
from tests.support import BASE_URL, whoami


def limited(make_auth, *, client_address=None, request=None, features=(), metrics=None, **options):
    """An Auth with limits, in memory."""
    given = {"client_address": client_address, "request": request}
    return make_auth(
        rate_limits=RateLimitOptions(is_enabled=True, **options),
        features=features,
        metrics=metrics,
        **{name: value for name, value in given.items() if value is not None},
    )


@asynccontextmanager
async def client_of(auth, address: str | None = "203.0.113.7"):
    """A client at an address."""
    transport = httpx.ASGITransport(app=auth.wrap(whoami), client=(address, 40000) if address else None)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL, headers={"origin": BASE_URL}) as client:
        yield client


async def statuses(client, path: str, times: int, method: str = "GET", **options) -> list[int]:
    return [(await client.request(method, f"/api/auth{path}", **options)).status_code for _ in range(times)]
