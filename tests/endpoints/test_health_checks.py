"""GET /health, /health/live and /health/ready: for whoever decides where requests go."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from asgi_auth import Feature, RateLimit, RateLimitOptions, Unavailable
from asgi_auth.config import RequestOptions, SecondaryStorageOptions
from asgi_auth.infrastructure.health import HealthCheck
from tests.engine.gate import Gate
from tests.support import browser, whoami

PATHS = ["/api/auth/health", "/api/auth/health/ready"]
LIVE = "/api/auth/health/live"
NOBODY = "postgresql://nobody:do-not-tell@127.0.0.1:1/none"
NO_REDIS = "redis://user:do-not-tell@127.0.0.1:1/0"


async def asked(auth, path=PATHS[1]):
    auth.services.health.timeout = 60
    async with browser(auth.wrap(whoami)) as client:
        response = await client.get(path)
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["content-type"] == "application/json"
    assert "do-not-tell" not in response.text
    return response.status_code, response.json()


@pytest.mark.parametrize("path", PATHS)
async def test_a_server_whose_database_answers_is_ready(auth, path):
    status, answer = await asked(auth, path)
    assert status == 200
    assert answer.keys() == {"status", "checks"}
    assert answer["status"] in {"up", "degraded"}  # a feed may need a moment
    assert answer["checks"]["database"].keys() == {"status", "ms"}
    assert answer["checks"]["database"]["status"] == "up"


@pytest.mark.parametrize("path", PATHS)
async def test_without_its_database_it_is_not(make_auth, path):
    status, answer = await asked(make_auth(database=NOBODY), path)
    assert (status, answer["status"]) == (503, "down")
    assert answer["checks"]["database"]["status"] == "down"
    assert answer["checks"]["database"]["trouble"] == "unavailable"


async def test_to_be_alive_nobody_has_to_be_asked(make_auth):
    auth = make_auth(database=NOBODY, redis=NO_REDIS)
    with auth.services.engine.recorded() as statements:
        assert await asked(auth, LIVE) == (200, {"status": "up"})
    assert statements == []


async def test_a_frozen_database_is_told_in_time_and_asked_once(make_auth, postgres_url):
    server = urlsplit(postgres_url)
    gate = Gate((server.hostname, server.port or 5432))
    auth = make_auth(database=postgres_url.replace(f":{server.port}/", f":{gate.port}/"))
    await gate.open()
    try:
        assert (await asked(auth))[0] == 200
        await gate.silence()
        auth.services.health.timeout = 0.2
        knocks = gate.knocks
        async with browser(auth.wrap(whoami)) as client:
            for _ in range(5):
                await auth.services.health.close()  # the last answer holds for a second
                answer = await client.get(PATHS[1])
                assert answer.status_code == 503
                assert answer.json()["checks"]["database"]["trouble"] in {"timeout", "unavailable"}
        assert gate.knocks - knocks <= 10
    finally:
        await gate.shut()


async def test_without_redis_it_is_only_slower(make_auth):
    status, answer = await asked(make_auth(redis=NO_REDIS))
    assert (status, answer["status"]) == (200, "degraded")
    assert answer["checks"]["redis"]["trouble"] == "unavailable"


async def test_where_redis_holds_the_sessions_it_is_vital(make_auth):
    auth = make_auth(redis=NO_REDIS, secondary_storage=SecondaryStorageOptions(is_enabled=True))
    status, answer = await asked(auth)
    assert (status, answer["status"]) == (503, "down")


async def test_a_redis_that_answers_is_up(make_auth, redis_url):
    status, answer = await asked(make_auth(redis=redis_url))
    assert status == 200
    assert answer["checks"]["redis"]["status"] == "up"


class Parcels:
    """A feature's service."""


class Shop(Feature):
    name = "shop"

    def __init__(self, *, is_vital):
        self.is_vital = is_vital

    def install(self, services):
        if self.is_vital:
            services.add(Parcels(), ping=self.ask)
        else:
            services.health.add(HealthCheck(name="Parcels", ask=self.ask, is_vital=False))

    async def ask(self):
        raise Unavailable("do-not-tell")


@pytest.mark.parametrize(("is_vital", "expected"), [(True, (503, "down")), (False, (200, "degraded"))])
async def test_features_have_checks_of_their_own(make_auth, is_vital, expected):
    status, answer = await asked(make_auth(features=[Shop(is_vital=is_vital)]))
    assert (status, answer["status"]) == expected
    assert answer["checks"]["Parcels"]["trouble"] == "unavailable"


async def test_probes_are_not_limited_and_counted_nowhere(make_auth):
    limits = RateLimitOptions(is_enabled=True, general=RateLimit(1, timedelta(minutes=1)))
    auth = make_auth(rate_limits=limits)
    async with browser(auth.wrap(whoami)) as client:
        for path in (LIVE, *PATHS):
            answers = [await client.get(path) for _ in range(5)]
            assert 429 not in {answer.status_code for answer in answers}
            assert not [name for name in answers[0].headers if name.startswith("ratelimit")]


async def test_an_application_may_have_none_of_them(make_auth):
    paths = ("/health", "/health/live", "/health/ready")
    auth = make_auth(request=RequestOptions(disabled_paths=frozenset(paths)))
    async with browser(auth.wrap(whoami)) as client:
        assert [(await client.get(f"/api/auth{path}")).status_code for path in paths] == [404] * 3


async def test_they_say_so_in_the_description(quick):
    async with browser(quick.wrap(whoami)) as client:
        paths = (await client.get("/api/auth/open-api/generate-schema")).json()["paths"]
    responses = paths["/health/ready"]["get"]["responses"]
    reference = {"application/json": {"schema": {"$ref": "#/components/schemas/Readiness"}}}
    assert responses["200"]["content"] == responses["503"]["content"] == reference
    assert paths["/get-session"]["get"]["responses"]["503"] == {"$ref": "#/components/responses/503"}


async def test_a_feed_that_tells_what_changes_is_up(make_auth, postgres_url, clock):
    auth = make_auth(database=postgres_url)
    async with asyncio.timeout(60):
        while (answer := (await asked(auth))[1])["status"] != "up":
            clock.advance(seconds=2)  # the last answer holds for a second
            await asyncio.sleep(0.05)
    assert answer["checks"].keys() == {"database", "feed"}
    assert answer["checks"]["feed"]["status"] == "up"


async def test_a_database_that_only_we_write_to_needs_no_feed(quick):
    assert (await asked(quick))[1]["checks"].keys() == {"database"}
