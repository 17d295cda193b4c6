"""Auths in memory, and people who use them."""

import pytest

from asgi_auth import Auth
from tests.middleware.people import Person, welcome


@pytest.fixture
def quick(make_auth) -> Auth:
    """An Auth with default options, on SQLite in memory."""
    return make_auth()


@pytest.fixture
async def ada(quick: Auth) -> Person:
    return await welcome(quick)


@pytest.fixture
async def bob(quick: Auth) -> Person:
    return await welcome(quick, "bob@example.com")
