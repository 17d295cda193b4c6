"""Fixtures of the whole suite: real servers, each started at the first test that asks for it."""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from hypothesis import settings

from asgi_auth import Auth, AuthConfig, DatabaseOptions, Feature, Metrics
from asgi_auth.infrastructure.error_reports import OnError
from tests.endpoints.social_trips import corp, social, trip
from tests.servers.chromium import chromium_on_path, running_chromium
from tests.servers.empty_postgres import empty
from tests.servers.oidc import OidcServer, running_oidc
from tests.servers.postgres import running_postgres
from tests.servers.private_postgres import PrivatePostgres, private_postgres
from tests.servers.private_redis import PrivateRedis, running_private_redis
from tests.servers.redis_server import running_redis
from tests.storages import STORAGES, storage_options
from tests.support import SECRET, FrozenClock, browser, whoami

# Nothing here is timed. The rest is Hypothesis' own choice: new examples each time, the same ones where CI is set.
settings.register_profile("tests", settings.default, deadline=None)
settings.load_profile("tests")

PATIENT = DatabaseOptions(timeout=timedelta(seconds=60), read_timeout=timedelta(seconds=60))


@pytest.fixture(scope="session")
def postgres_server():
    with running_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_database(postgres_server):
    """The database that tests empty in turn."""
    with postgres_server.database() as url:
        yield url


@pytest.fixture
def postgres_url(postgres_database):
    """The URL of an empty PostgreSQL database."""
    empty(postgres_database)
    return postgres_database


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


@pytest.fixture
def private_redis() -> Iterator[PrivateRedis]:
    """A Redis server for this test alone, to be stopped and frozen."""
    with running_private_redis() as server:
        yield server


@pytest.fixture(scope="module")
def server() -> Iterator[PrivatePostgres]:
    """A PostgreSQL server for the tests of one file, to be stopped and frozen; each has to see that it runs again."""
    with private_postgres() as server:
        yield server


@pytest.fixture
async def private_url(server: PrivatePostgres) -> AsyncIterator[str]:
    """The URL of an empty database on that server."""
    connection = await asyncpg.connect(server.url)
    try:
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    finally:
        await connection.close()
    yield server.url
    server.thaw()


@pytest.fixture(scope="session")
def chromium():
    with running_chromium() as browser:
        yield browser


@pytest.fixture
async def page(chromium):
    """A tab of a real browser, with cookies of its own."""
    async with chromium.page() as page:
        yield page


@pytest.fixture
def clock() -> FrozenClock:
    """A clock that stands still until told to move."""
    return FrozenClock()


@pytest.fixture
async def oidc(clock: FrozenClock) -> AsyncIterator[OidcServer]:
    """A provider of OpenID Connect on the frozen clock."""
    async with running_oidc(clock) as server:
        yield server


@pytest.fixture
def signs_out(oidc: OidcServer) -> None:
    """The provider says that it signs people out, too."""
    oidc.metadata["end_session_endpoint"] = oidc.end_session_url


@pytest.fixture
def site(make_auth: Callable[..., Auth], oidc: OidcServer) -> Auth:
    """An Auth, in memory, on which people sign in with that provider."""
    return make_auth(social=social(corp(oidc)))


@pytest.fixture
async def visitor(site: Auth) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without cookies on that site."""
    async with browser(site.wrap(whoami)) as client:
        yield client


@pytest.fixture
async def grace(site: Auth, oidc: OidcServer) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of Grace, who has come by way of the provider."""
    async with browser(site.wrap(whoami)) as client:
        await trip(client, oidc)
        yield client


@pytest.fixture
def storage(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of AuthConfig that say where sessions live: in the database, unless a test runs on every storage."""
    name = getattr(request, "param", "database")
    return storage_options(name, request.getfixturevalue("redis_url") if name in ("redis", "both") else "")


@pytest.fixture
async def make_auth(
    clock: FrozenClock, storage: dict[str, Any], request: pytest.FixtureRequest
) -> AsyncIterator[Callable[..., Auth]]:
    """A factory of Auths on the frozen clock, closed after the test; the database is SQLite in memory if not given.

    Options are those of AuthConfig.testing, with a database that may be slow; the named ones go to Auth.
    """
    if "redis_url" in request.fixturenames:  # whatever is set up first is closed last
        request.getfixturevalue("redis_url")
    made: list[Auth] = []

    def make(
        *,
        features: Sequence[Feature] = (),
        metrics: Metrics | None = None,
        on_error: OnError | None = None,
        **options: Any,
    ) -> Auth:
        options = storage | options
        options.setdefault("secret", SECRET)
        options.setdefault("database_options", PATIENT)
        auth = Auth(AuthConfig.testing(**options), features=features, clock=clock, metrics=metrics, on_error=on_error)
        made.append(auth)
        return auth

    yield make
    for auth in made:
        await auth.services.close()


@pytest.fixture
def auth(make_auth: Callable[..., Auth], database_url: str) -> Auth:
    """An Auth with default options, on SQLite and on Postgres."""
    return make_auth(database=database_url)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Tests marked ``every_storage`` run on each, but for those marked ``in_database``, which look at rows."""
    marks = {mark.name for mark in metafunc.definition.iter_markers()}
    if "every_storage" in marks and "in_database" not in marks and "storage" in metafunc.fixturenames:
        metafunc.parametrize("storage", STORAGES, indirect=True)


def _is_twice(item: pytest.Item) -> bool:
    """Whether a test of another storage is run on a second database, which has no part in it."""
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return params.get("storage", "database") != "database" and params.get("database_url") == "postgres"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """No test of a storage twice; without a Chromium, one failure by name: the first test that needs it stays."""
    items[:] = [item for item in items if not _is_twice(item)]
    left_out = [item for item in items if "chromium" in getattr(item, "fixturenames", ())][1:]
    if left_out and chromium_on_path() is None:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
