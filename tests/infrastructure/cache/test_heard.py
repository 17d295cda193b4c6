"""What somebody else wrote counts only while no change since can have been missed, whatever their clock says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from asgi_auth.infrastructure.cache.heard import CLOCKS_DIFFER, ChangesHeard
from asgi_auth.infrastructure.change_feed.base import Change
from tests.infrastructure.cache.feeds import TestFeed, make_hub

WINDOW = timedelta(minutes=5)
SECOND = timedelta(seconds=1)
TAGS = (("session", "1"), ("user", "ada"))


class Passing:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, duration: timedelta) -> None:
        self.now += duration.total_seconds()


@pytest.fixture
def time(monkeypatch):
    time = Passing()
    for room in ("cache.heard", "cache.recent", "change_feed.hub"):
        monkeypatch.setattr(f"asgi_auth.infrastructure.{room}.monotonic", time)
    return time


@pytest.fixture
async def feed():
    return TestFeed()


@pytest.fixture
async def heard(time, feed):
    """What a process has heard that listens for a long time already."""
    hub = make_hub(record=feed)
    heard = ChangesHeard(hub, window=WINDOW)
    await hub.start()
    feed.comes_up()
    time.advance(timedelta(days=1))
    feed.observer.vouch(feed.name, until=time() + 1e6)
    return heard


@pytest.mark.parametrize("age", [-CLOCKS_DIFFER, timedelta(), WINDOW])
async def test_where_nothing_has_changed_it_counts(heard, age):
    assert heard.vouches_for(TAGS, age=age)


@pytest.mark.parametrize("changed", TAGS)
async def test_it_does_not_count_once_something_has_changed(heard, feed, changed):
    table, row = changed
    feed.tells(Change(table, ("another",)))
    assert heard.vouches_for(TAGS, age=SECOND)
    feed.tells(Change(table, (row,)))
    assert not heard.vouches_for(TAGS, age=SECOND)


async def test_a_change_is_known_for_as_long_as_what_a_fast_clock_dated_ahead_can_count(heard, feed, time):
    feed.tells(Change("session", ("1",)))
    time.advance(WINDOW + CLOCKS_DIFFER - SECOND)
    assert not heard.vouches_for(TAGS, age=WINDOW - SECOND)


async def test_what_is_older_than_any_change_that_is_known_does_not_count(heard):
    assert not heard.vouches_for(TAGS, age=WINDOW + SECOND)


async def test_what_comes_from_a_clock_too_far_ahead_does_not_count(heard):
    assert not heard.vouches_for(TAGS, age=-CLOCKS_DIFFER - SECOND)


async def test_what_may_be_older_than_our_listening_does_not_count(heard, feed, time):
    feed.is_lost()
    feed.comes_up()
    feed.observer.vouch(feed.name, until=time() + 1e6)
    time.advance(WINDOW / 2)
    assert not heard.vouches_for(TAGS, age=WINDOW / 2)
    assert not heard.vouches_for(TAGS, age=WINDOW / 2 - CLOCKS_DIFFER + SECOND)
    assert heard.vouches_for(TAGS, age=WINDOW / 2 - CLOCKS_DIFFER)


async def test_nothing_counts_while_a_feed_is_silent(heard, feed):
    feed.is_lost()
    assert not heard.vouches_for(TAGS, age=SECOND)
