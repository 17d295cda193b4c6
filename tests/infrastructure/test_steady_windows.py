"""A shared storage that fails is stood in for by memory, and of the two the stricter counts."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from asgi_auth import RateLimit, Unavailable
from asgi_auth.infrastructure.rate_limit import MemoryWindows
from asgi_auth.infrastructure.steady_windows import RETRY_EVERY, SteadyWindows

ONE = RateLimit(1, timedelta(seconds=10))
THREE = RateLimit(3, timedelta(seconds=10))
NOW = 1_795_348_800_123


class Flaky:
    """A shared storage that answers when told to, as late as told to."""

    def __init__(self) -> None:
        self.windows = MemoryWindows()
        self.is_down = False
        self.asked = 0

    async def _check(self) -> None:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_down:
            raise Unavailable

    async def hit(self, key, limit, *, now, restarts=True):
        await self._check()
        return await self.windows.hit(key, limit, now=now, restarts=restarts)

    async def give_back(self, key, limit, *, hit):
        await self._check()
        await self.windows.give_back(key, limit, hit=hit)

    async def is_open(self, key, limit, *, now):
        await self._check()
        return await self.windows.is_open(key, limit, now=now)


@pytest.fixture
def shared() -> Flaky:
    return Flaky()


@pytest.fixture
def windows(shared) -> SteadyWindows:
    """Windows that ask the storage each time."""
    return SteadyWindows(shared, retry_every=0)


async def allowed(windows, times: int, *, at: int = 0, limit: RateLimit = THREE, restarts: bool = False) -> int:
    """How many of so many hits at once are let through."""
    hits = [windows.hit("key", limit, now=NOW + at, restarts=restarts) for _ in range(times)]
    return sum(hit.is_allowed for hit in await asyncio.gather(*hits))


async def test_a_storage_that_fails_lifts_no_limit(shared, windows):
    shared.is_down = True
    assert await allowed(windows, 200) == 3
    assert await windows.is_open("key", THREE, now=NOW)


@pytest.mark.parametrize("restarts", [True, False])
async def test_nobody_finds_a_fresh_limit_when_the_storage_goes_away(shared, windows, restarts):
    assert await allowed(windows, 2, restarts=restarts) == 2
    shared.is_down = True
    assert await allowed(windows, 200, at=1, restarts=restarts) == 1


async def test_what_other_processes_let_through_counts_on_where_the_storage_told_of_it(shared, windows):
    assert await allowed(SteadyWindows(shared), 2) == 2
    assert await allowed(windows, 2, at=1) == 1
    shared.is_down = True
    assert await allowed(windows, 200, at=2) == 0
    assert await allowed(windows, 200, at=10_000) == 3


async def test_what_was_let_through_meanwhile_counts_on_when_the_storage_is_back(shared, windows):
    shared.is_down = True
    assert await allowed(windows, 2) == 2
    shared.is_down = False
    assert await allowed(windows, 200, at=1) == 1
    assert await allowed(windows, 200, at=9_999) == 0


async def test_what_others_let_through_meanwhile_counts_when_the_storage_is_back(shared, windows):
    shared.is_down = True
    assert await allowed(windows, 1) == 1
    shared.is_down = False
    assert await allowed(SteadyWindows(shared), 2, at=1) == 2
    assert await allowed(windows, 200, at=2) == 1


async def test_a_storage_that_comes_back_empty_forgets_for_nobody(shared, windows):
    assert await allowed(windows, 2) == 2
    shared.windows = MemoryWindows()
    assert await allowed(windows, 200, at=1) == 1
    assert await allowed(windows, 200, at=2) == 0


async def test_what_memory_refuses_is_not_counted_in_the_storage(shared, windows):
    shared.is_down = True
    assert await allowed(windows, 2) == 2
    shared.is_down = False
    assert await allowed(windows, 200, at=1) == 1
    assert await allowed(SteadyWindows(shared), 200, at=2) == 2


async def test_the_storage_alone_decides_while_it_answers(shared, windows):
    other = SteadyWindows(shared)
    assert await allowed(other, 1) == 1
    assert await allowed(windows, 2, at=9_000) == 2
    # the window began with the other's hit, and is over for both
    assert await allowed(windows, 200, at=10_000) == 3


async def test_a_window_that_others_have_emptied_begins_anew_for_all(shared, windows):
    other = SteadyWindows(shared)
    for at in range(0, 9_000, 1_000):
        ours, theirs = [await each.hit("key", THREE, now=NOW + at, restarts=False) for each in (windows, other)]
        for each, hit in ((windows, ours), (other, theirs)):
            await each.give_back("key", THREE, hit=hit)
    assert await allowed(windows, 200, at=9_000) == 3


async def test_a_hit_says_what_remains_by_the_stricter_of_both(shared, windows):
    shared.is_down = True
    assert (await windows.hit("key", THREE, now=NOW, restarts=False)).remaining == 2
    shared.is_down = False
    hit = await windows.hit("key", THREE, now=NOW + 4_000, restarts=False)
    assert (hit.remaining, hit.seconds_left) == (1, 6)


@pytest.mark.parametrize("is_down_then", [True, False])
async def test_what_was_counted_in_both_is_given_back_in_both(shared, windows, is_down_then):
    shared.is_down = is_down_then
    first = await windows.hit("key", THREE, now=NOW, restarts=False)
    shared.is_down = False
    second = await windows.hit("key", THREE, now=NOW + 1, restarts=False)
    for hit in (first, second):
        await windows.give_back("key", THREE, hit=hit)
    assert await allowed(SteadyWindows(shared), 3, at=2) == 3
    shared.windows = MemoryWindows()
    assert await allowed(windows, 200, at=3) == 3


async def test_what_only_memory_counted_is_not_given_back_in_the_storage(shared, windows):
    assert await allowed(windows, 1) == 1
    shared.is_down = True
    hit = await windows.hit("key", THREE, now=NOW, restarts=False)
    shared.is_down = False
    await windows.give_back("key", THREE, hit=hit)
    assert await allowed(SteadyWindows(shared), 200, at=1) == 2


async def test_whoever_has_had_all_from_one_process_is_refused_without_asking(shared, windows):
    assert await allowed(windows, 3) == 3
    assert await allowed(windows, 200, at=1) == 0
    assert shared.asked == 3


async def test_what_was_counted_in_memory_is_given_back_there(shared, windows):
    shared.is_down = True
    hit = await windows.hit("key", ONE, now=NOW, restarts=False)
    await windows.give_back("key", ONE, hit=hit)
    assert await allowed(windows, 200, limit=ONE) == 1


async def test_what_is_given_back_while_the_storage_is_away_is_free_in_memory(shared, windows):
    hit = await windows.hit("key", ONE, now=NOW, restarts=False)
    shared.is_down = True
    await windows.give_back("key", ONE, hit=hit)
    assert await allowed(windows, 200, limit=ONE) == 1


async def test_what_could_not_be_given_back_is_given_back_when_the_storage_answers(shared, windows):
    hits = [await windows.hit("key", THREE, now=NOW, restarts=False) for _ in range(2)]
    shared.is_down = True
    for hit in hits:
        await windows.give_back("key", THREE, hit=hit)
    shared.is_down = False
    for _ in range(2):
        await windows.hit("another key", THREE, now=NOW)
    assert await allowed(SteadyWindows(shared), 200) == 3


async def test_what_was_remembered_while_the_storage_was_away_is_known_when_it_is_back(shared, windows):
    shared.is_down = True
    await windows.hit("key", ONE, now=NOW)
    shared.is_down = False
    assert await windows.is_open("key", ONE, now=NOW)
    assert not await windows.is_open("another key", ONE, now=NOW)


async def test_a_storage_that_failed_is_left_alone_for_a_while_and_then_asked_by_one(shared):
    windows = SteadyWindows(shared)
    shared.is_down = True
    await allowed(windows, 1)
    await allowed(windows, 1, at=RETRY_EVERY - 1)
    assert shared.asked == 1
    many = RateLimit(100, timedelta(seconds=10))
    assert await allowed(windows, 50, at=RETRY_EVERY, limit=many) == 50
    assert shared.asked == 2
    shared.is_down = False
    await allowed(windows, 1, at=2 * RETRY_EVERY, limit=many)
    await allowed(windows, 1, at=2 * RETRY_EVERY, limit=many)
    assert shared.asked == 4
