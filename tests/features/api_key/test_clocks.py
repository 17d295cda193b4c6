"""Clocks that were wrong for a while: no key is locked out for it, and no process goes its own way."""

from __future__ import annotations

import pytest

from asgi_auth.features.api_key import ApiKeys
from tests.features.api_key.rows import new_key, written
from tests.features.api_key.test_rate_limits import let_through, refusal
from tests.support import until

LIMIT = {"rate_limit_max": 3, "rate_limit_time_window": 60_000}


@pytest.fixture
def make(make_auth, database_url):
    return lambda **options: make_auth(database=database_url, features=[ApiKeys()], **options)


async def used_up_in_the_future(auth, clock):
    """A key that was used up while the clock was 300 days ahead; now it is right again."""
    key = await new_key(auth, **LIMIT)
    clock.advance(days=300)
    assert await let_through(auth, key, 5) == 3
    await written(auth, key)
    clock.advance(days=-300)
    return key


async def test_a_clock_that_was_ahead_locks_no_key_out(make, clock):
    auth = make()
    key = await used_up_in_the_future(auth, clock)
    assert (await refusal(auth, key)).try_again_in == 60_000
    clock.advance(minutes=1)
    assert await let_through(auth, key, 5) == 3
    assert (await written(auth, key)).last_request == clock()


async def test_nor_after_a_start_anew(make, clock):
    key = await used_up_in_the_future(make(), clock)
    auth = make()
    assert (await refusal(auth, key)).try_again_in == 60_000
    clock.advance(minutes=1)
    assert await let_through(auth, key, 5) == 3


async def test_nor_with_redis(make, redis_url, clock):
    auth = make(redis=redis_url)
    key = await used_up_in_the_future(auth, clock)
    assert (await refusal(auth, key)).try_again_in == 60_000
    clock.advance(minutes=1)
    assert await let_through(auth, key, 5) == 3


async def test_other_processes_are_asked_again_though_the_clock_went_back(make, private_redis, clock):
    auths = [make(redis=private_redis.url) for _ in range(2)]
    key = await new_key(auths[0], **LIMIT)
    assert await let_through(auths[0], key, 1) == 1
    private_redis.freeze()
    assert await let_through(auths[0], key, 1) == 1  # it counts alone from now on
    private_redis.thaw()
    breaker = auths[0].services.remembering.redis.breaker
    await until(lambda: not breaker.is_open)
    clock.advance(seconds=-10)
    await let_through(auths[1], key, 3)
    assert await let_through(auths[0], key, 3) == 0
