"""Keys that are used in several processes at once: with Redis never more than the limit, and hardly fewer."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from asgi_auth import RedisOptions
from asgi_auth.errors import Unavailable
from asgi_auth.features.api_key import ApiKeys
from asgi_auth.features.api_key.errors import ApiKeyRateLimited
from asgi_auth.features.api_key.usage import ALONE_FOR
from tests.features.api_key.rows import keys_of, new_key, verify, written
from tests.features.api_key.test_rate_limits import let_through, refusal
from tests.support import eventually, until

HOUR = 3_600_000

PATIENT = RedisOptions(timeout=timedelta(seconds=5))


@pytest.fixture
def make(make_auth, database_url, redis_url):
    """Makes Auths of one database and one Redis: each is what a process has."""
    return lambda: make_auth(database=database_url, redis=redis_url, redis_options=PATIENT, features=[ApiKeys()])


@asynccontextmanager
async def process(*arguments):
    asking = "tests.features.api_key.asking"
    pipe = asyncio.subprocess.PIPE
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", asking, *map(str, arguments), stdin=pipe, stdout=pipe
    )
    try:
        async for line in started.stdout:
            if line == b"ready\n":
                break
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


async def answer(started):
    started.stdin.write(b"go\n")
    async for line in started.stdout:
        if line.strip().isdigit():
            return int(line)
    raise AssertionError("it has ended without an answer")


async def passed_in_processes(*, many, database, redis, key, times):
    async with asyncio.timeout(300), asyncio.TaskGroup() as group:
        ready, go = asyncio.Semaphore(0), asyncio.Event()

        async def run():
            async with process(database, redis, key.text, times) as started:
                ready.release()
                await go.wait()
                passed = await answer(started)
                await started.wait()  # in order: it writes what it has counted
                return passed

        tasks = [group.create_task(run()) for _ in range(many)]
        for _ in range(many):
            await ready.acquire()
        go.set()
    return [task.result() for task in tasks]


async def test_4_processes_let_through_a_limit_together(make, database_url, redis_url):
    auth = make()
    key = await new_key(auth, rate_limit_max=1_000, rate_limit_time_window=24 * HOUR)
    passed = await passed_in_processes(many=4, database=database_url, redis=redis_url, key=key, times=1_250)
    assert 990 <= sum(passed) <= 1_000
    assert (await written(auth, key)).request_count == sum(passed)


async def test_of_200_at_once_in_two_processes_exactly_the_limit_is_let_through(make):
    auths = [make() for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=70)
    assert sum(await asyncio.gather(*(let_through(auth, key, 100) for auth in auths))) == 70


async def test_what_is_let_through_costs_a_round_trip_for_a_hundredth_of_the_limit(make, monkeypatch):
    auth = make()
    key = await new_key(auth, rate_limit_max=10_000)
    redis, asked = auth.services.remembering.redis, []
    evaluate = redis.evaluate

    async def counted(script, keys, arguments=()):
        if ":api-key:" in str(keys[0]):
            asked.append(arguments)
        return await evaluate(script, keys, arguments)

    monkeypatch.setattr(redis, "evaluate", counted)
    for _ in range(1_000):
        await verify(auth, key)
    assert len(asked) <= 30
    assert max(want for _, _, _, want, *_ in asked) <= 100


async def test_the_window_is_over_for_all_at_once(make, clock):
    auths = [make() for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=10)
    assert await let_through(auths[0], key, 4) == 4
    clock.advance(seconds=40)
    assert await let_through(auths[1], key, 20) == 6
    assert (await refusal(auths[1], key)).try_again_in == (await refusal(auths[0], key)).try_again_in == 20_000
    clock.advance(seconds=20)
    assert await let_through(auths[0], key, 6) + await let_through(auths[1], key, 6) == 10


async def test_what_was_taken_and_not_used_dies_with_its_window(make, clock):
    auth = make()
    key = await new_key(auth, rate_limit_max=500)
    await verify(auth, key)  # takes five
    clock.advance(minutes=1)
    assert await let_through(auth, key, 600) == 500


async def test_another_limit_counts_at_once_everywhere(make):
    auths = [make() for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=2)
    for auth in auths:
        await let_through(auth, key, 3)
    await keys_of(auths[0]).change({"id": key.id}, rate_limit_max=5)

    async def lets_through():
        return await let_through(auths[1], key, 1)

    await eventually(lets_through)
    assert await let_through(auths[0], key, 10) == 2


@pytest.fixture
def private(make_auth, database_url, private_redis):
    return make_auth(database=database_url, redis=private_redis.url, features=[ApiKeys()])


async def test_while_redis_is_away_each_process_counts_for_itself(private, private_redis, clock):
    key = await new_key(private, rate_limit_max=300)
    assert await let_through(private, key, 100) == 100
    private_redis.stop()
    assert await let_through(private, key, 400) == 200
    assert (await refusal(private, key)).try_again_in == 60_000
    clock.advance(minutes=1)
    assert await let_through(private, key, 400) == 300


async def test_what_was_let_through_meanwhile_counts_when_redis_is_back(private, private_redis, clock):
    key = await new_key(private, rate_limit_max=300, rate_limit_time_window=24 * HOUR)
    await let_through(private, key, 50)
    private_redis.stop()
    passed = 50 + await let_through(private, key, 100)
    assert passed == 150
    private_redis.start()
    redis = private.services.remembering.redis
    await until(lambda: not redis.breaker.is_open)
    clock.advance(milliseconds=ALONE_FOR)
    passed += await let_through(private, key, 400)
    assert 290 <= passed <= 300


async def test_no_request_fails_with_redis(private, private_redis):
    key = await new_key(private, rate_limit_max=5)
    private_redis.stop()
    results = await asyncio.gather(*(verify(private, key) for _ in range(40)), return_exceptions=True)
    assert sum(not isinstance(each, Exception) for each in results) == 5
    assert {type(each) for each in results if isinstance(each, Exception)} == {ApiKeyRateLimited}


async def test_the_row_counts_all_processes_of_the_window(make, clock):
    auths = [make() for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=1_000)
    for requests in (40, 30):
        for auth in auths:
            assert await let_through(auth, key, requests) == requests
            await written(auth, key)
            clock.advance(seconds=1)
        assert (await written(auths[0], key)).request_count == 2 * requests
        clock.advance(seconds=59)


async def test_a_window_that_begins_elsewhere_begins_here(make, clock):
    auths = [make() for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=1_000)
    await let_through(auths[0], key, 5)
    clock.advance(seconds=55)
    await let_through(auths[1], key, 7)
    assert (await written(auths[0], key)).request_count == 5
    assert (await written(auths[1], key)).request_count == 12
    clock.advance(seconds=6)
    await let_through(auths[1], key, 3)
    assert (await written(auths[1], key)).request_count == 3
    await let_through(auths[0], key, 4)
    assert (await written(auths[0], key)).request_count == 7


async def test_a_redis_that_hangs_fails_no_request(private, private_redis):
    key = await new_key(private, rate_limit_max=5)
    private_redis.freeze()
    try:
        assert await let_through(private, key, 40) == 5
    finally:
        private_redis.thaw()


async def test_what_redis_loses_the_processes_know(make_auth, database_url, private_redis, clock):
    auths = [make_auth(database=database_url, redis=private_redis.url, features=[ApiKeys()]) for _ in range(2)]
    key = await new_key(auths[0], rate_limit_max=300)
    passed = sum([await let_through(auth, key, 100) for auth in auths])
    for auth in auths:
        await written(auth, key)
    for auth in auths:  # each learns of the other
        passed += await let_through(auth, key, 1)
        await written(auth, key)
    with private_redis.client as client:
        client.flushall()
    clock.advance(seconds=30)
    passed += sum([await let_through(auth, key, 300) for auth in auths])
    lease = 3
    assert 300 - 2 * lease <= passed <= 300 + 2 * lease
    assert (await refusal(auths[0], key)).try_again_in == 30_000


async def test_what_is_told_twice_counts_once(private, private_redis, clock, monkeypatch):
    key = await new_key(private, rate_limit_max=300, rate_limit_time_window=24 * HOUR)
    private_redis.stop()
    assert await let_through(private, key, 150) == 150
    private_redis.start()
    redis = private.services.remembering.redis
    await until(lambda: not redis.breaker.is_open)
    clock.advance(milliseconds=ALONE_FOR)
    evaluate, lost = redis.evaluate, []

    async def answer_lost(script, keys, arguments=()):
        answer = await evaluate(script, keys, arguments)
        if ":api-key:" in str(keys[0]) and len(lost) < 2:
            lost.append(answer)
            raise Unavailable
        return answer

    monkeypatch.setattr(redis, "evaluate", answer_lost)
    passed = 150 + await let_through(private, key, 300)
    assert len(lost) == 2
    assert 300 - 4 * 3 <= passed <= 300


async def test_what_was_let_through_in_two_outages_counts_twice(private, private_redis, clock):
    key = await new_key(private, rate_limit_max=300, rate_limit_time_window=24 * HOUR)
    redis, passed = private.services.remembering.redis, 0
    for alone in (100, 50):
        private_redis.stop()
        passed += await let_through(private, key, alone)
        private_redis.start()
        await until(lambda: not redis.breaker.is_open)
        clock.advance(milliseconds=ALONE_FOR)
        passed += await let_through(private, key, 20)
    assert passed == 190
    passed += await let_through(private, key, 400)
    assert 290 <= passed <= 300
    assert (await written(private, key)).request_count == passed


async def test_a_window_that_is_over_before_redis_has_answered_keeps_nobody_waiting(make, clock, monkeypatch):
    auth = make()
    key = await new_key(auth, rate_limit_max=5, rate_limit_time_window=5)
    redis = auth.services.remembering.redis
    evaluate = redis.evaluate

    async def far_away(script, keys, arguments=()):
        answer = await evaluate(script, keys, arguments)
        clock.advance(milliseconds=20)
        return answer

    monkeypatch.setattr(redis, "evaluate", far_away)
    async with asyncio.timeout(60):
        with pytest.raises(Unavailable):
            await verify(auth, key)
