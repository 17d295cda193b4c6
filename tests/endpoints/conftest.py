"""Clients of the endpoints."""

from collections.abc import AsyncIterator

import httpx
import pytest

from asgi_auth import Auth
from tests.support import browser, sign_up, whoami


@pytest.fixture
async def client(auth: Auth) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without cookies, on SQLite and on Postgres."""
    async with browser(auth.wrap(whoami)) as client:
        yield client


@pytest.fixture
async def ada(client: httpx.AsyncClient) -> httpx.AsyncClient:
    """Ada's browser, signed in, on SQLite and on Postgres."""
    await sign_up(client)
    return client


@pytest.fixture
def quick(make_auth) -> Auth:
    """An Auth with default options, on SQLite in memory: for rules of HTTP."""
    return make_auth()


@pytest.fixture
async def guest(quick: Auth) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without cookies, in memory."""
    async with browser(quick.wrap(whoami)) as client:
        yield client


@pytest.fixture
async def member(guest: httpx.AsyncClient) -> httpx.AsyncClient:
    """Ada's browser, signed in, in memory."""
    await sign_up(guest)
    return guest
