"""Limits that all processes share by a Redis: exact while it is there, never lifted while it is not."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import redis.asyncio

from asgi_auth import RateLimit, RateLimitOptions
from asgi_auth.config import RedisOptions, SecondaryStorageOptions
from tests.endpoints.limited import client_of, statuses
from tests.engine.gate import Gate
from tests.support import ADA, BOB, sign_up

PATIENT = RedisOptions(timeout=timedelta(seconds=5))  # a slow machine is no outage
BRIEF = RedisOptions(timeout=timedelta(seconds=2))  # where it is waited for in vain
HOUR = timedelta(hours=1)
FIFTY = RateLimitOptions(is_enabled=True, general=RateLimit(50, HOUR))


@pytest.fixture
def sharing(make_auth, redis_url):
    """Makes Auths, each with a client of its own for one Redis."""

    def make(*, limits=None, **options):
        limits = limits or RateLimitOptions(is_enabled=True)
        return make_auth(redis=redis_url, redis_options=PATIENT, rate_limits=limits, **options)

    return make


async def test_auths_that_share_a_redis_share_their_windows(sharing, clock):
    async with client_of(sharing()) as one, client_of(sharing()) as another:
        assert await statuses(one, "/sign-in/x", 2) == [404, 404]
        assert await statuses(another, "/sign-in/x", 2) == [404, 429]
        assert await statuses(one, "/sign-in/x", 1) == [429]
        clock.advance(seconds=10)
        assert await statuses(one, "/sign-in/x", 3) == [404, 404, 404]
        assert await statuses(another, "/sign-in/x", 1) == [429]


async def test_an_answer_says_what_remains_for_all_of_them_together(sharing, clock):
    async with client_of(sharing()) as one, client_of(sharing()) as another:
        await statuses(one, "/sign-in/x", 2)
        clock.advance(seconds=4)
        answers = [await another.get("/api/auth/sign-in/x") for _ in range(2)]
    assert [answer.headers["ratelimit"] for answer in answers] == ['"/sign-in**";r=0;t=10'] * 2
    assert answers[1].headers["x-retry-after"] == answers[1].headers["retry-after"] == "10"


async def test_of_200_requests_at_once_to_several_auths_exactly_as_many_are_let_through_as_may_be(sharing):
    auths = [sharing() for _ in range(4)]
    async with client_of(auths[0]) as a, client_of(auths[1]) as b, client_of(auths[2]) as c, client_of(auths[3]) as d:
        answers = await asyncio.gather(*((a, b, c, d)[n % 4].get("/api/auth/ok") for n in range(200)))
    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 100}


async def test_wrong_guesses_count_for_all_and_right_ones_for_none(sharing, sqlite_url):
    limits = RateLimitOptions(is_enabled=True, rules={"**": None}, failed_sign_ins=RateLimit(3, HOUR))
    auths = [sharing(limits=limits, database=sqlite_url) for _ in range(2)]
    wrong = ADA | {"password": "not her password"}
    async with client_of(auths[0]) as one, client_of(auths[1]) as another:
        await sign_up(one)
        for _ in range(3):
            assert await statuses(one, "/sign-in/email", 1, "POST", json=ADA) == [200]
            assert await statuses(another, "/sign-in/email", 1, "POST", json=ADA) == [200]
        assert await statuses(one, "/sign-in/email", 2, "POST", json=wrong) == [401, 401]
        assert await statuses(another, "/sign-in/email", 2, "POST", json=wrong) == [401, 429]
        assert await statuses(one, "/sign-in/email", 1, "POST", json=ADA) == [429]


async def test_where_an_account_is_known_is_known_to_all(sharing, sqlite_url):
    limits = RateLimitOptions(
        is_enabled=True, rules={"**": None}, failed_sign_ins=None, failed_sign_ins_per_account=RateLimit(2, HOUR)
    )
    auths = [sharing(limits=limits, database=sqlite_url) for _ in range(2)]
    wrong = ADA | {"password": "not her password"}
    async with client_of(auths[0]) as home, client_of(auths[1], "198.51.100.9") as elsewhere:
        await sign_up(home)
        await statuses(home, "/sign-out", 1, "POST", json={})
        assert await statuses(elsewhere, "/sign-in/email", 3, "POST", json=wrong) == [401, 401, 429]
    async with client_of(auths[1]) as home_again:
        assert await statuses(home_again, "/sign-in/email", 1, "POST", json=ADA) == [200]


# Redis is away


async def test_without_its_redis_an_auth_counts_for_itself(make_auth, clock):
    auth = make_auth(redis="redis://127.0.0.1:1/0", redis_options=BRIEF, rate_limits=RateLimitOptions(is_enabled=True))
    async with client_of(auth) as client:
        assert await statuses(client, "/sign-in/x", 5) == [404, 404, 404, 429, 429]
        answer = await client.get("/api/auth/sign-in/x")
        assert (answer.headers["ratelimit"], answer.headers["retry-after"]) == ('"/sign-in**";r=0;t=10', "10")
        clock.advance(seconds=10)
        assert await statuses(client, "/sign-in/x", 4) == [404, 404, 404, 429]


async def answered(auth) -> None:
    """Wait until the Auth knows that its Redis is back."""
    breaker, deadline = auth.services.remembering.redis.breaker, time.monotonic() + 60
    while breaker.is_open:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


async def requests_at_once(client, times: int) -> Counter[int]:
    answers = await asyncio.gather(*(client.get("/api/auth/ok") for _ in range(times)))
    return Counter(answer.status_code for answer in answers)


@asynccontextmanager
async def stopped(server) -> AsyncIterator[None]:
    await asyncio.to_thread(server.stop)
    yield
    await asyncio.to_thread(server.start)


@asynccontextmanager
async def frozen(server) -> AsyncIterator[None]:
    server.freeze()
    yield
    server.thaw()


@asynccontextmanager
async def emptied(server) -> AsyncIterator[None]:
    """Back at once, and nobody may have noticed; all is forgotten."""
    with server.client as client:
        client.flushall()
    yield


@pytest.mark.parametrize("trouble", [stopped, frozen, emptied])
async def test_no_limit_is_lifted_by_a_redis_that_goes_and_comes_back(make_auth, private_redis, clock, trouble):
    auth = make_auth(redis=private_redis.url, redis_options=BRIEF, rate_limits=FIFTY)
    async with client_of(auth) as client:
        assert await requests_at_once(client, 20) == {200: 20}
        async with trouble(private_redis):
            assert await requests_at_once(client, 10) == {200: 10}
            assert await requests_at_once(client, 10) == {200: 10}
        await answered(auth)
        assert await requests_at_once(client, 200) == {200: 10, 429: 190}
        clock.advance(hours=1)
        assert await requests_at_once(client, 200) == {200: 50, 429: 150}


@pytest.mark.parametrize("trouble", [stopped, frozen])
async def test_a_redis_that_goes_under_load_fails_no_request_and_lifts_no_limit(make_auth, private_redis, trouble):
    auth = make_auth(redis=private_redis.url, redis_options=BRIEF, rate_limits=FIFTY)
    async with client_of(auth) as client:
        used = await requests_at_once(client, 5)
        under_way = [asyncio.create_task(requests_at_once(client, 10)) for _ in range(10)]
        async with trouble(private_redis):
            for task in under_way:
                used += await task
            used += await requests_at_once(client, 100)
        await answered(auth)
        used += await requests_at_once(client, 100)
    assert set(used) == {200, 429}
    assert used[200] <= 50


@pytest.mark.parametrize("manner", ["shut", "refuse", "silence"])
async def test_a_redis_that_is_cut_off_under_load_fails_no_request_and_lifts_no_limit(make_auth, redis_url, manner):
    parts = urlsplit(redis_url)
    gate = Gate((parts.hostname, parts.port or 6379))
    await gate.open()
    auth = make_auth(redis=f"redis://127.0.0.1:{gate.port}{parts.path}", redis_options=BRIEF, rate_limits=FIFTY)
    async with client_of(auth) as client:
        used = await requests_at_once(client, 5)
        under_way = [asyncio.create_task(requests_at_once(client, 10)) for _ in range(3)]
        await asyncio.sleep(0)
        await getattr(gate, manner)()
        for task in under_way:
            used += await task
        used += await requests_at_once(client, 100)
        await gate.shut()
        await gate.open()
        await answered(auth)
        used += await requests_at_once(client, 100)
    await gate.shut()
    assert set(used) == {200, 429}
    assert used[200] <= 50


async def test_what_two_auths_let_through_apart_counts_on_in_each_when_redis_is_back(make_auth, private_redis):
    auths = [make_auth(redis=private_redis.url, redis_options=PATIENT, rate_limits=FIFTY) for _ in range(2)]
    async with client_of(auths[0]) as one, client_of(auths[1]) as another:
        async with stopped(private_redis):
            assert await requests_at_once(one, 30) == {200: 30}
            assert await requests_at_once(another, 40) == {200: 40}
        for auth in auths:
            await answered(auth)
        assert await requests_at_once(one, 200) == {200: 20, 429: 180}
        assert await requests_at_once(another, 200) == {200: 10, 429: 190}


async def test_whoever_guesses_finds_no_fresh_limit_while_redis_is_away(make_auth, private_redis):
    limits = RateLimitOptions(is_enabled=True, rules={"**": None}, failed_sign_ins=RateLimit(5, HOUR))
    auth = make_auth(redis=private_redis.url, redis_options=BRIEF, rate_limits=limits)
    async with client_of(auth) as client:
        assert await statuses(client, "/sign-in/email", 3, "POST", json=BOB) == [401] * 3
        async with stopped(private_redis):
            assert await statuses(client, "/sign-in/email", 4, "POST", json=BOB) == [401, 401, 429, 429]
        await answered(auth)
        assert await statuses(client, "/sign-in/email", 1, "POST", json=BOB) == [429]


async def test_a_counter_that_is_none_lifts_no_limit(sharing, redis_url):
    async with client_of(sharing()) as client, redis.asyncio.Redis.from_url(redis_url) as store:
        assert await statuses(client, "/sign-in/x", 1) == [404]
        (key,) = [key async for key in store.scan_iter("asgi_auth:rate:*")]
        await store.set(key, "something else")
        assert await statuses(client, "/sign-in/x", 3) == [404, 404, 429]


# in a Redis shared with a Better Auth server


THEIRS = SecondaryStorageOptions(is_enabled=True)
THREE_AN_HOUR = RateLimitOptions(is_enabled=True, rules={"/sign-in/*": RateLimit(3, HOUR)})


@pytest.fixture
async def store(redis_url):
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


async def test_requests_are_counted_as_a_better_auth_server_counts_them(sharing, store):
    auth = sharing(limits=THREE_AN_HOUR, secondary_storage=THEIRS)
    async with client_of(auth) as client:
        for count in ("1", "2", "3"):
            await client.get("/api/auth/sign-in/x")
            assert await store.get("203.0.113.7|/sign-in/x") == count
        await store.pexpire("203.0.113.7|/sign-in/x", 1_800_000)
        refused = await client.get("/api/auth/sign-in/x")
    assert (refused.status_code, refused.headers["x-retry-after"]) == (429, "3600")
    assert 0 < await store.pttl("203.0.113.7|/sign-in/x") <= 1_800_000


async def test_what_a_better_auth_server_has_counted_counts(sharing, store):
    auth = sharing(limits=THREE_AN_HOUR, secondary_storage=THEIRS)
    await store.set("203.0.113.7|/sign-in/x", "2", ex=1800)
    async with client_of(auth) as client, client_of(auth, None) as nobody:
        answers = [await client.get("/api/auth/sign-in/x") for _ in range(2)]
        await nobody.get("/api/auth/sign-in/x")
    assert [answer.status_code for answer in answers] == [404, 429]
    assert answers[0].headers["ratelimit"].startswith('"/sign-in/*";r=0;t=')
    assert await store.get("no-trusted-ip|/sign-in/x") == "1"


async def test_their_windows_begin_with_the_first_request_and_end_by_themselves(sharing, store):
    auth = sharing(limits=THREE_AN_HOUR, secondary_storage=THEIRS)
    async with client_of(auth) as client:
        await client.get("/api/auth/sign-in/x")
        await store.pexpire("203.0.113.7|/sign-in/x", 1_800_000)
        await client.get("/api/auth/sign-in/x")
        assert 0 < await store.pttl("203.0.113.7|/sign-in/x") <= 1_800_000


async def test_a_counter_that_was_left_without_an_end_gets_one(sharing, store):
    auth = sharing(limits=THREE_AN_HOUR, secondary_storage=THEIRS)
    await store.set("203.0.113.7|/sign-in/x", "3")
    async with client_of(auth) as client:
        assert await statuses(client, "/sign-in/x", 1) == [429]
    assert 0 < await store.pttl("203.0.113.7|/sign-in/x") <= 3_600_000


async def test_guesses_stay_in_a_form_of_our_own(sharing, store):
    auth = sharing(limits=RateLimitOptions(is_enabled=True, rules={"**": None}), secondary_storage=THEIRS)
    async with client_of(auth) as client:
        assert await statuses(client, "/sign-in/email", 6, "POST", json=BOB) == [401] * 5 + [429]
    kept = [key async for key in store.scan_iter() if ":rate:" in key]
    assert {key.rsplit(":", 1)[0] for key in kept} == {"asgi_auth:rate:guesses"}
    assert not [key async for key in store.scan_iter("*|*")]
