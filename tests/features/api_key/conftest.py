"""An Auth with API keys, and who manages them."""

import pytest

from asgi_auth.features.api_key import ApiKeyOptions, ApiKeys
from tests.features.api_key.keys import person


@pytest.fixture
def options():
    """The configurations: one, in which clients may keep metadata."""
    return (ApiKeyOptions(allows_metadata=True),)


@pytest.fixture
def auth(make_auth, database_url, options):
    return make_auth(database=database_url, features=[ApiKeys(*options)])


@pytest.fixture
async def ada(auth):
    """Ada's browser, on SQLite and on Postgres."""
    async with person(auth) as client:
        yield client


@pytest.fixture
async def bob(auth):
    async with person(auth, "bob@example.com") as client:
        yield client


@pytest.fixture
def quick_auth(make_auth, options):
    """The same in memory, for what is refused before any database is asked."""
    return make_auth(features=[ApiKeys(*options)])


@pytest.fixture
async def quick(quick_auth):
    """Ada's browser there."""
    async with person(quick_auth) as client:
        yield client
