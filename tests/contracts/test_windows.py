"""Windows count alike and exactly, in memory, in SQLite, Postgres and Redis, from one process and from several."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from asgi_auth import Auth, AuthConfig, DatabaseOptions, RateLimit, RateLimitOptions
from asgi_auth.infrastructure.rate_limit import Hit, MemoryWindows
from asgi_auth.infrastructure.redis_rate_limit import RedisWindows
from asgi_auth.infrastructure.steady_windows import SteadyWindows
from tests.contracts.redis_windows import redis_windows
from tests.support import SECRET

ROOT = Path(__file__).parents[2]
THREE = RateLimit(3, timedelta(seconds=10))
NOW = 1_795_348_800_123  # a moment of 2026, in milliseconds


PATIENT = DatabaseOptions(
    timeout=timedelta(seconds=60), read_timeout=timedelta(seconds=60)
)  # 200 hits at once wait for one writer


def shared_auth(url: str) -> Auth:
    limits = RateLimitOptions(is_enabled=True, storage="database")
    return Auth(AuthConfig.testing(secret=SECRET, database=url, rate_limits=limits, database_options=PATIENT))


@pytest.fixture(params=["memory", "sqlite", "postgres", "redis"])
async def bare(request):
    if request.param == "memory":
        yield MemoryWindows()
        return
    url = request.getfixturevalue(f"{request.param}_url")
    if request.param == "redis":
        async with redis_windows(url) as windows:
            yield windows
        return
    auth = shared_auth(url)
    yield auth.services.engine.rate_limits
    await auth.services.close()


@pytest.fixture(params=["bare", "steady"])
def windows(request, bare):
    """Windows as they are, and with this process' memory beside them, which must make no difference."""
    return bare if request.param == "bare" else SteadyWindows(bare)


async def hits(windows, *moments: int, limit: RateLimit = THREE, restarts: bool = True) -> list[tuple[bool, int, int]]:
    """Whether each hit is allowed, how many remain, how many seconds are left; moments count from NOW."""
    counted = [await windows.hit("key", limit, now=NOW + moment, restarts=restarts) for moment in moments]
    return [(hit.is_allowed, hit.remaining, hit.seconds_left) for hit in counted]


async def test_a_hit_beyond_the_limit_is_refused_until_the_window_is_over(windows):
    assert await hits(windows, 0, 0, 0, 0) == [(True, 2, 10), (True, 1, 10), (True, 0, 10), (False, 0, 10)]
    assert await hits(windows, 9_999) == [(False, 0, 1)]
    assert await hits(windows, 10_000) == [(True, 2, 10)]


async def test_every_allowed_hit_begins_the_window_anew(windows):
    assert await hits(windows, 0, 6_000, 12_000) == [(True, 2, 10), (True, 1, 10), (True, 0, 10)]
    assert await hits(windows, 18_000) == [(False, 0, 4)]


async def test_a_refused_hit_changes_nothing(windows):
    await hits(windows, 0, 0, 0)
    assert await hits(windows, 1_000, 5_000, 9_500) == [(False, 0, 9), (False, 0, 5), (False, 0, 1)]
    assert await hits(windows, 10_000) == [(True, 2, 10)]


async def test_seconds_are_rounded_up(windows):
    await hits(windows, 0, 0, 0)
    assert [left for _, _, left in await hits(windows, 1, 999, 1_000, 1_001, 9_001)] == [10, 10, 9, 9, 1]


async def test_a_lasting_window_ends_when_its_first_hit_is_old(windows):
    assert await hits(windows, 0, 6_000, 9_000, restarts=False) == [(True, 2, 10), (True, 1, 4), (True, 0, 1)]
    assert await hits(windows, 9_999, 10_000, restarts=False) == [(False, 0, 1), (True, 2, 10)]


async def test_what_is_given_back_was_never_counted(windows):
    first = await windows.hit("key", THREE, now=NOW, restarts=False)
    await windows.give_back("key", THREE, hit=first)
    assert not await windows.is_open("key", THREE, now=NOW)
    # not even the window's beginning is left of it
    assert await hits(windows, 5_000, 5_000, 5_000, 14_999, restarts=False) == [
        (True, 2, 10),
        (True, 1, 10),
        (True, 0, 10),
        (False, 0, 1),
    ]


async def test_nothing_is_given_back_to_a_window_that_began_later(windows):
    first = await windows.hit("key", THREE, now=NOW, restarts=False)
    await hits(windows, 10_000, 10_000, 10_000, restarts=False)
    await windows.give_back("key", THREE, hit=first)
    assert await hits(windows, 10_001, restarts=False) == [(False, 0, 10)]


async def test_nothing_is_given_back_where_nothing_was_counted(windows):
    await windows.give_back("key", THREE, hit=Hit(True, 2, 10_000, NOW))
    assert await hits(windows, 0) == [(True, 2, 10)]


async def test_a_window_is_open_until_it_ends(windows):
    assert not await windows.is_open("key", THREE, now=NOW)
    await windows.hit("key", THREE, now=NOW)
    assert await windows.is_open("key", THREE, now=NOW + 9_999)
    assert not await windows.is_open("key", THREE, now=NOW + 10_000)
    assert not await windows.is_open("another key", THREE, now=NOW)


async def test_keys_do_not_meet(windows):
    await hits(windows, 0, 0, 0)
    assert (await windows.hit("key2", THREE, now=NOW)).is_allowed


@pytest.mark.parametrize("restarts", [True, False])
async def test_of_200_hits_at_once_exactly_as_many_are_allowed_as_may_be(windows, restarts):
    limit = RateLimit(17, timedelta(minutes=1))
    counted = await asyncio.gather(*(windows.hit("key", limit, now=NOW, restarts=restarts) for _ in range(200)))
    remaining = sorted(hit.remaining for hit in counted if hit.is_allowed)
    assert (len(remaining), remaining[0]) == (17, 0)


@pytest.mark.parametrize("storage", ["sqlite", "postgres", "redis"])
async def test_of_200_hits_of_several_processes_exactly_as_many_are_allowed_as_may_be(request, storage):
    url = request.getfixturevalue(f"{storage}_url")
    if storage != "redis":
        auth = shared_auth(url)
        await auth.services.start()
        await auth.services.close()
    command = [sys.executable, "-m", "tests.contracts.hammer", url, "50", "17"]
    workers = [
        await asyncio.create_subprocess_exec(
            *command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(4)
    ]
    told = [await worker.communicate() for worker in workers]
    assert sum(int(output.splitlines()[-1]) for output, _ in told) == 17


async def test_of_200_hits_by_several_clients_of_a_redis_exactly_as_many_are_allowed_as_may_be(redis_url):
    limit = RateLimit(17, timedelta(hours=1))
    async with AsyncExitStack() as stack:
        several = [await stack.enter_async_context(redis_windows(redis_url)) for _ in range(4)]
        steady = [SteadyWindows(windows) for windows in several]
        counted = await asyncio.gather(*(steady[n % 4].hit("key", limit, now=NOW) for n in range(200)))
    assert sum(hit.is_allowed for hit in counted) == 17


async def test_windows_in_redis_end_by_themselves_and_tell_nothing_of_their_keys(redis_url):
    async with redis_windows(redis_url) as windows:
        await windows.hit("203.0.113.7|/sign-in/email", THREE, now=NOW)
        await RedisWindows(windows._redis, space="others").hit("203.0.113.7|/sign-in/email", THREE, now=NOW)
        keys = sorted(await windows._redis.command("KEYS", "*"))
        lifetimes = [await windows._redis.command("PTTL", key) for key in keys]
    assert [key.decode().rsplit(":", 1)[0] for key in keys] == ["asgi_auth:rate:others", "asgi_auth:rate:tests"]
    assert not any(b"203" in key.rsplit(b":", 1)[0] or b"sign-in" in key for key in keys)
    assert all(0 < lifetime <= 70_000 for lifetime in lifetimes)


async def test_rows_that_no_window_can_hold_are_deleted(database_url):
    auth = shared_auth(database_url)
    windows = auth.services.engine.rate_limits
    week = timedelta(days=7) // timedelta(milliseconds=1)
    for number in range(3):
        await windows.hit(f"old {number}", THREE, now=NOW)
    await windows.hit("young", THREE, now=NOW + week)
    await windows.hit("new", THREE, now=NOW + week + 1)
    # a process cleans up once an hour
    await windows.hit("last", THREE, now=NOW + week + 3_600_001)
    counted = await auth.services.engine._executor.run_text('SELECT "key" FROM "rateLimit" ORDER BY "key"')
    assert [key for (key,) in counted] == ["last", "new", "young"]
    await auth.services.close()


async def test_the_table_is_there_only_where_limits_are_stored_in_the_database(make_auth, database_url):
    apart = make_auth(database=database_url)
    assert not any("rateLimit" in sql for sql in await apart.create_schema())
    shared = shared_auth(database_url)
    created = await shared.create_schema()
    assert any("rateLimit" in sql for sql in created)
    await shared.services.close()
