"""Windows in memory are bounded."""

from __future__ import annotations

from datetime import timedelta

from asgi_auth import RateLimit
from asgi_auth.infrastructure.rate_limit import MemoryWindows

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
