"""Windows in memory are bounded; a shared storage that fails is stood in for."""

from __future__ import annotations

from datetime import timedelta

from asgi_auth import RateLimit, Unavailable
from asgi_auth.infrastructure.rate_limit import RETRY_EVERY, MemoryWindows, SteadyWindows

ONE = RateLimit(1, timedelta(seconds=10))
LONG = RateLimit(1, timedelta(hours=1))
NOW = 1_795_348_800_123


async def test_no_more_is_remembered_than_may_be_and_the_oldest_goes_first():
    windows = MemoryWindows(most=100)
    for number in range(1_000):
        await windows.hit(f"client {number}", LONG, now=NOW + number)
        assert len(windows.expirations) == len(windows.storage) <= 100
    assert not (await windows.hit("client 999", LONG, now=NOW + 1_000)).is_allowed
    assert not (await windows.hit("client 900", LONG, now=NOW + 1_000)).is_allowed
    assert (await windows.hit("client 899", LONG, now=NOW + 1_000)).is_allowed


async def test_whoever_goes_on_asking_is_remembered_longest():
    windows = MemoryWindows(most=2)
    limit = RateLimit(3, timedelta(hours=1))
    await windows.hit("busy", limit, now=NOW)
    await windows.hit("idle", limit, now=NOW)
    await windows.hit("busy", limit, now=NOW)
    await windows.hit("new", limit, now=NOW)
    assert (await windows.hit("busy", limit, now=NOW)).remaining == 0


async def test_what_is_over_is_forgotten_with_the_hits_that_follow():
    windows = MemoryWindows()
    for number in range(100):
        await windows.hit(f"early {number}", ONE, now=NOW)
    for number in range(60):
        await windows.hit(f"late {number}", ONE, now=NOW + 10_000)
    assert len(windows.expirations) == len(windows.storage) == 60


class Flaky:
    """A shared storage that answers when told to."""

    def __init__(self):
        self.windows = MemoryWindows()
        self.is_down = False
        self.asked = 0

    def _check(self):
        self.asked += 1
        if self.is_down:
            raise Unavailable

    async def hit(self, key, limit, *, now, restarts=True):
        self._check()
        return await self.windows.hit(key, limit, now=now, restarts=restarts)

    async def give_back(self, key, limit, *, began):
        self._check()
        await self.windows.give_back(key, limit, began=began)

    async def is_open(self, key, limit, *, now):
        self._check()
        return await self.windows.is_open(key, limit, now=now)


async def test_a_storage_that_fails_lifts_no_limit():
    shared = Flaky()
    windows = SteadyWindows(shared)
    shared.is_down = True
    assert (await windows.hit("key", ONE, now=NOW)).is_allowed
    assert not (await windows.hit("key", ONE, now=NOW)).is_allowed
    assert await windows.is_open("key", ONE, now=NOW)


async def test_a_storage_that_failed_is_left_alone_for_a_while_and_then_used_again():
    shared = Flaky()
    windows = SteadyWindows(shared)
    shared.is_down = True
    await windows.hit("key", ONE, now=NOW)
    shared.is_down = False
    await windows.hit("key", ONE, now=NOW + RETRY_EVERY - 1)
    assert shared.asked == 1
    assert (await windows.hit("key", ONE, now=NOW + RETRY_EVERY)).is_allowed
    assert not (await windows.hit("key", ONE, now=NOW + RETRY_EVERY)).is_allowed
    assert shared.asked == 3


async def test_what_was_counted_in_memory_is_given_back_there():
    shared = Flaky()
    windows = SteadyWindows(shared)
    shared.is_down = True
    hit = await windows.hit("key", ONE, now=NOW, restarts=False)
    await windows.give_back("key", ONE, began=hit.began)
    assert (await windows.hit("key", ONE, now=NOW, restarts=False)).is_allowed
