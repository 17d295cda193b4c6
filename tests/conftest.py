"""Fixtures of the whole suite: real servers, each started at the first test that asks for it."""

from pathlib import Path

import pytest

from tests.servers.chromium import running_chromium
from tests.servers.postgres import running_postgres
from tests.servers.redis_server import running_redis


@pytest.fixture(scope="session")
def postgres_server():
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server):
    """The URL of an empty PostgreSQL database, dropped after the test."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def sqlite_url(tmp_path: Path):
    """The URL of a SQLite file that is not there yet."""
    return f"sqlite:///{tmp_path / 'asgi_auth.sqlite'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request):
    """For contract tests: the URL of an empty database, on every backend."""
    # asked for late, so that a run of the SQLite half starts no PostgreSQL
    return request.getfixturevalue(f"{request.param}_url")


@pytest.fixture(scope="session")
def redis_server():
    with running_redis() as server:
        yield server


@pytest.fixture
def redis_url(redis_server):
    """The URL of an empty Redis database, flushed after the test."""
    with redis_server.database() as url:
        yield url


@pytest.fixture(scope="session")
def chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
async def page(chromium):
    """A tab of a real browser, with cookies of its own."""
    async with chromium.page() as page:
        yield page
