"""Redis answers, is slow, full, frozen, gone or unwilling: nobody waits for long, and nobody gets another's answer."""

from __future__ import annotations

import asyncio
import gc
import random
import time
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from asgi_auth import ConfigurationError, Unavailable
from asgi_auth.config import RedisOptions
from asgi_auth.infrastructure.metrics import NoMetrics
from asgi_auth.infrastructure.redis_client import RedisClient, Script
from asgi_auth.infrastructure.time_limit import time_limit
from tests.servers.private_redis import running_private_redis

PATIENT = timedelta(seconds=5)
HASTY = timedelta(milliseconds=100)


def client(url, *, timeout=PATIENT, **options):
    return RedisClient(url, RedisOptions(timeout=timeout, **options), metrics=NoMetrics())


async def until_back(redis):
    async with asyncio.timeout(60):
        while redis.breaker.is_open:  # noqa: ASYNC110  (it closes in its own time)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("url", ["redis://127.0.0.1:6379/0?foo=bar", "redis://127.0.0.1:port/0", "http://127.0.0.1"])
def test_a_url_that_the_package_knows_nothing_of_is_refused_at_once(url):
    with pytest.raises(ConfigurationError, match="redis is a URL"):
        client(url)


async def test_commands_and_scripts_are_answered(redis_url):
    redis = client(redis_url)
    await redis.command("SET", "greeting", b"hello")
    assert await redis.command("GET", "greeting") == b"hello"
    script = Script.of("return {KEYS[1], ARGV[1], redis.call('GET', KEYS[1])}")
    for _ in range(2):  # sent whole, then by its digest
        assert await redis.evaluate(script, ["greeting"], ["x"]) == [b"greeting", b"x", b"hello"]
    await redis.close()


async def test_a_script_that_redis_has_forgotten_is_sent_again(private_redis):
    redis = client(private_redis.url)
    script = Script.of("return 7")
    assert await redis.evaluate(script, []) == 7
    await redis.command("SCRIPT", "FLUSH")
    assert await redis.evaluate(script, []) == 7
    await redis.close()


async def test_whatever_is_cancelled_everybody_gets_the_answer_to_their_own_question(redis_url):
    redis = client(redis_url, max_connections=8)
    for number in range(50):
        await redis.command("SET", f"key {number}", f"value {number}")
    answered = 0

    async def ask(number):
        nonlocal answered
        assert await redis.command("GET", f"key {number}") == f"value {number}".encode()
        answered += 1

    dice = random.Random(7)
    for _ in range(40):
        asking = [asyncio.create_task(ask(dice.randrange(50))) for _ in range(100)]
        for task in dice.sample(asking, 50):
            for _ in range(dice.randrange(3)):
                await asyncio.sleep(0)
            task.cancel()
        outcomes = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {type(None), asyncio.CancelledError}
    assert answered >= 2_000
    assert not redis.breaker.is_open
    await asyncio.gather(*(ask(number) for number in range(50)))  # no place in the pool was lost
    await redis.close()


async def test_a_crowd_waits_for_its_turn_and_is_no_outage(redis_url):
    redis = client(redis_url, max_connections=2)
    answers = await asyncio.gather(*(redis.command("ECHO", f"{number}") for number in range(500)))
    assert answers == [f"{number}".encode() for number in range(500)]
    await redis.close()


async def test_a_crowd_that_is_too_large_to_be_served_in_time_is_no_outage_either(redis_url):
    redis = client(redis_url, max_connections=1, timeout=timedelta(seconds=2))
    with capture_logs() as logs:
        waiting = [redis.command("BLPOP", "nothing", 0.2) for _ in range(30)]
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {type(None), Unavailable}
    assert {log["event"] for log in logs} == {"redis.slow"}
    assert not redis.breaker.is_open
    await redis.close()


async def test_a_frozen_redis_costs_one_wait_and_then_none_until_it_is_back(private_redis):
    redis = client(private_redis.url, timeout=HASTY)
    await until_back(redis)
    private_redis.freeze()
    with pytest.raises(Unavailable):
        await redis.command("GET", "key")
    assert redis.breaker.is_open
    probes = redis.breaker._probing
    for _ in range(1_000):
        with pytest.raises(Unavailable):
            await redis.command("GET", "key")
    assert redis.breaker._probing is probes  # a thousand refusals went by before one probe was over
    private_redis.thaw()
    await until_back(redis)
    assert await redis.command("GET", "key") is None
    await redis.close()


async def test_a_frozen_redis_holds_a_whole_crowd_up_only_once(private_redis):
    redis = client(private_redis.url, timeout=HASTY, max_connections=4)
    private_redis.freeze()
    outcomes = await asyncio.gather(*(redis.command("GET", "key") for _ in range(200)), return_exceptions=True)
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes)
    assert redis.breaker.is_open
    private_redis.thaw()
    await until_back(redis)
    answers = await asyncio.gather(*(redis.run(lambda it: it.execute_command("ECHO", "x")) for _ in range(4)))
    assert answers == [b"x"] * 4
    await redis.close()


async def test_a_restart_is_survived(private_redis):
    redis = client(private_redis.url)
    await asyncio.gather(*(redis.command("INCR", "count") for _ in range(20)))
    private_redis.stop()
    with pytest.raises(Unavailable):
        await redis.ping()
    private_redis.start()
    await until_back(redis)
    assert await redis.command("GET", "count") == b"20"
    await redis.close()


async def test_a_redis_that_takes_no_writes_is_left_alone_until_it_does(private_redis):
    redis = client(private_redis.url)
    with private_redis.client as other:
        other.execute_command("REPLICAOF", "127.0.0.1", "1")
        with pytest.raises(Unavailable):
            await redis.command("SET", "key", "value")
        assert redis.breaker.is_open
        other.execute_command("REPLICAOF", "NO", "ONE")
    await until_back(redis)
    await redis.command("SET", "key", "value")
    await redis.close()


async def test_a_redis_without_memory_is_left_alone_whether_a_command_or_a_script_runs_into_it(private_redis):
    redis = client(private_redis.url)
    with private_redis.client as other:
        for write in (
            lambda: redis.command("SET", "key", "value"),
            lambda: redis.evaluate(Script.of("return redis.call('SET', KEYS[1], 'value')"), ["key"]),
        ):
            other.config_set("maxmemory", 1)
            with pytest.raises(Unavailable):
                await write()
            assert redis.breaker.is_open
            other.config_set("maxmemory", 0)
            await until_back(redis)
            await write()
    await redis.close()


async def test_whoever_is_not_let_in_is_told_so_without_the_password():
    with running_private_redis("requirepass right") as server:
        redis = client(server.url.replace("unix://", "unix://:wrong-secret@"))
        with capture_logs() as logs, pytest.raises(Unavailable):
            await redis.ping()
        assert redis.breaker.is_open
        assert ("redis.unavailable", "AuthenticationError") in [(log["event"], log.get("error")) for log in logs]
        assert "wrong-secret" not in repr((logs, redis, redis._client()))
        await redis.close()


async def test_one_command_that_redis_refuses_is_no_outage(redis_url):
    redis = client(redis_url)
    await redis.command("SET", "word", "x")
    with capture_logs() as logs, pytest.raises(Unavailable):
        await redis.command("INCR", "word")
    assert [(log["event"], log["error"]) for log in logs] == [("redis.refused", "ResponseError")]
    assert not redis.breaker.is_open
    await redis.close()


def test_a_url_that_is_none_is_refused_and_not_shown():
    with pytest.raises(ConfigurationError) as refused:
        client("http://user:hush@host")
    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_options_in_the_url_change_nothing_that_is_relied_on(redis_url):
    redis = client(f"{redis_url}?decode_responses=true&protocol=3&max_connections=1&timeout=1&socket_timeout=0.001")
    await redis.command("SET", "key", b"\xff")
    assert await redis.command("GET", "key") == b"\xff"
    await redis.close()


def test_one_client_serves_several_event_loops_closed_or_not(redis_url):
    redis = client(redis_url)

    async def use(*, closes):
        await asyncio.gather(*(redis.command("INCR", "count") for _ in range(10)))
        if closes:
            await redis.close()

    for closes in (True, False, False, True):
        asyncio.run(use(closes=closes))
    gc.collect()  # an unclosed connection would be complained of now

    async def count():
        found = await redis.command("GET", "count")
        await redis.close()
        return found

    assert asyncio.run(count()) == b"40"


async def test_closing_while_much_is_under_way_leaves_nothing_behind(redis_url):
    redis = client(redis_url, max_connections=4)
    asking = [asyncio.create_task(redis.command("ECHO", "x")) for _ in range(100)]
    await asyncio.sleep(0)
    await redis.close()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    assert all(outcome == b"x" or isinstance(outcome, Unavailable) for outcome in outcomes)
    await redis.close()
    assert [task for task in asyncio.all_tasks() if "probe" in task.get_name()] == []


async def test_an_event_loop_that_was_held_up_is_not_held_against_redis(redis_url):
    redis = client(redis_url, timeout=timedelta(milliseconds=200))
    await redis.ping()
    sent = asyncio.Event()

    async def use(client):
        asking = client.execute_command("ECHO", "x")
        asyncio.get_running_loop().call_later(0.0, sent.set)
        return await asking

    asking = asyncio.create_task(redis.run(use))
    await sent.wait()
    time.sleep(0.4)  # noqa: ASYNC251  (just that)
    assert await asking == b"x"
    await redis.close()


async def test_a_time_limit_ends_what_takes_longer():
    with pytest.raises(TimeoutError):
        async with time_limit(0.05):
            await asyncio.sleep(60)
    async with time_limit(60):
        await asyncio.sleep(0)
