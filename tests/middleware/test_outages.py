"""When the database or Redis is away: who was known goes on where somebody still tells of revocations."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import CacheOptions, DatabaseOptions, RedisOptions
from tests.endpoints.wire import exchange, http
from tests.middleware.people import welcome
from tests.support import browser, eventually, me, whoami

ADA = "ada@example.com"
PATIENT = RedisOptions(timeout=timedelta(seconds=2))


async def status(app, person) -> int:
    return (await exchange(app, http(headers=[person.cookie]))).status


async def is_known(auth, app, person) -> bool:
    """Whether a request costs no query."""
    with auth.services.engine.recorded() as statements:
        assert await status(app, person) == 200
    return not statements


async def known(auth, app, person) -> None:
    await eventually(lambda: is_known(auth, app, person))


@pytest.fixture
def make_impatient(make_auth, private_url):
    """A factory of Auths on that server, as impatient with it as in production."""

    def make(**options):
        return make_auth(database=private_url, database_options=DatabaseOptions(), **options)

    return make


async def test_who_is_known_goes_on_without_the_database_while_redis_lives(make_impatient, server, redis_url):
    auth = make_impatient(redis=redis_url, redis_options=PATIENT)
    app = auth.wrap(whoami)
    ada, bob = await welcome(auth), await welcome(auth, "bob@example.com")
    await known(auth, app, ada)
    await asyncio.to_thread(server.stop)
    try:
        # the grace begins when it is certain that the database does not answer at all
        await eventually(lambda: answers(app, ada, 200))
        assert await status(app, bob) == 503
    finally:
        await asyncio.to_thread(server.start)
    await eventually(lambda: answers(app, bob, 200))
    await known(auth, app, ada)


async def test_the_grace_has_an_end(make_impatient, server, redis_url):
    options = CacheOptions(database_grace=timedelta(seconds=1))
    auth = make_impatient(redis=redis_url, redis_options=PATIENT, cache=options)
    app = auth.wrap(whoami)
    ada = await welcome(auth)
    await known(auth, app, ada)
    await asyncio.to_thread(server.stop)
    try:
        await eventually(lambda: is_over_for_good(app, ada))
    finally:
        await asyncio.to_thread(server.start)
    await eventually(lambda: answers(app, ada, 200))


async def is_over_for_good(app, person) -> bool:
    """Whether it stays 503 for longer than it takes to find out that the database does not answer at all."""
    for _ in range(40):
        if await answers(app, person, 200):
            return False
        await asyncio.sleep(0.05)
    return True


async def test_without_redis_nobody_goes_on_without_the_database(make_impatient, server):
    auth = make_impatient()
    app = auth.wrap(whoami)
    ada = await welcome(auth)
    await known(auth, app, ada)
    await asyncio.to_thread(server.stop)
    try:
        await eventually(lambda: answers(app, ada, 503))
        for _ in range(20):
            assert await status(app, ada) == 503
            await asyncio.sleep(0.05)
    finally:
        await asyncio.to_thread(server.start)
    await eventually(lambda: answers(app, ada, 200))


async def answers(app, person, expected: int) -> bool:
    found = await status(app, person)
    assert found in (200, 503)
    return found == expected


@pytest.mark.parametrize("outage", ["stopped", "frozen"])
async def test_without_redis_everything_is_right_only_slower(make_auth, database_url, private_redis, outage):
    auth = make_auth(database=database_url, redis=private_redis.url)
    app = auth.wrap(whoami)
    ada, bob = await welcome(auth), await welcome(auth, "bob@example.com")
    await known(auth, app, ada)
    end, begin = {
        "stopped": (private_redis.stop, private_redis.start),
        "frozen": (private_redis.freeze, private_redis.thaw),
    }[outage]
    end()
    try:
        await eventually(lambda: is_asked_for(auth, app, ada))
        assert await status(app, bob) == 200
        await auth.services.sessions.revoke_session(bob.session.id)
        async with browser(app) as client:
            assert (await me(client, headers=dict([bob.cookie])))["error"] == "UNAUTHORIZED"
            answer = await client.post("/api/auth/sign-in/email", json={"email": ADA, "password": "wrong password"})
        assert answer.status_code == 401
    finally:
        begin()
    await known(auth, app, ada)
    assert await status_of_refusal(app, bob) == "UNAUTHORIZED"


async def is_asked_for(auth, app, person) -> bool:
    """Whether the database is asked again: nobody could say any more what has changed."""
    return not await is_known(auth, app, person)


async def status_of_refusal(app, person) -> str:
    return (await exchange(app, http(headers=[person.cookie]))).json()["error"]


async def test_a_session_that_ended_while_redis_was_away_is_ended_when_it_is_back(
    make_auth, database_url, private_redis
):
    here = make_auth(database=database_url, redis=private_redis.url)
    there = make_auth(database=database_url, redis=private_redis.url)
    ada = await welcome(here)
    apps = [here.wrap(whoami), there.wrap(whoami)]
    for auth, app in zip((here, there), apps, strict=True):
        await known(auth, app, ada)
    private_redis.stop()
    try:
        assert await here.services.sessions.revoke_session(ada.session.id)
    finally:
        private_redis.start()
    for app in apps:
        await eventually(lambda app=app: is_refused(app, ada))
    # and Redis, where it still lay, has not brought it back
    for _ in range(20):
        for app in apps:
            assert await is_refused(app, ada)
        await asyncio.sleep(0.05)


async def is_refused(app, person) -> bool:
    return (await exchange(app, http(headers=[person.cookie]))).json()["error"] == "UNAUTHORIZED"
