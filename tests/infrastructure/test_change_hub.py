"""Whether what is remembered may be believed: every feed has a say."""

from __future__ import annotations

from time import monotonic

import pytest

from asgi_auth.infrastructure.change_feed.base import Change
from tests.infrastructure.cache.feeds import TestFeed, make_hub
from tests.services.recorders import Figures


class Rememberer:
    """Notes what it is told to forget."""

    def __init__(self) -> None:
        self.forgotten: list[object] = []

    def forget(self, changes) -> None:
        self.forgotten += changes

    def forget_all(self) -> None:
        self.forgotten.append("everything")


@pytest.fixture
def record():
    return TestFeed()


@pytest.fixture
def relay():
    return TestFeed("relay")


async def listening(record, relay, **options):
    """A hub that hears both."""
    hub = make_hub(record=record, relay=relay, **options)
    await hub.start()
    record.comes_up()
    relay.comes_up()
    return hub


def is_trusted(hub) -> bool:
    return monotonic() < hub.trusted_until


async def test_a_process_that_is_alone_needs_nobody_s_word():
    hub = make_hub()
    assert hub.is_alone
    assert is_trusted(hub)
    assert hub.is_complete


async def test_nothing_is_trusted_before_every_feed_has_spoken(record, relay):
    hub = make_hub(record=record, relay=relay)
    assert not is_trusted(hub)
    await hub.start()
    record.comes_up()
    assert not is_trusted(hub)
    relay.comes_up()
    assert is_trusted(hub)


async def test_everything_is_forgotten_when_a_feed_comes_back(record):
    hub, rememberer = make_hub(record=record), Rememberer()
    hub.subscribe(rememberer)
    await hub.start()
    record.comes_up()
    record.is_lost()
    rememberer.forgotten.clear()
    record.comes_up()
    assert rememberer.forgotten == ["everything"]


async def test_while_the_database_does_not_answer_the_relay_s_word_is_enough_for_a_while(record, relay):
    hub = await listening(record, relay)
    record.is_lost(is_unreachable=True)
    assert is_trusted(hub)
    assert hub.trusted_until <= monotonic() + 30
    assert not hub.is_complete


async def test_the_grace_begins_once_however_often_the_database_is_tried(record, relay):
    hub = await listening(record, relay)
    record.is_lost(is_unreachable=True)
    until = hub.trusted_until
    record.is_lost(is_unreachable=True)
    relay.vouches()
    assert hub.trusted_until == until


async def test_the_grace_counts_from_the_last_word_however_late_its_absence_is_noticed(record, relay):
    hub = await listening(record, relay)
    record.vouches(lasting=-3600)  # and then the whole process was frozen
    record.is_lost(is_unreachable=True)
    relay.vouches()
    assert not is_trusted(hub)


async def test_what_was_not_believed_before_the_database_was_gone_is_not_believed_then(record, relay):
    hub = await listening(record, relay)
    hub.unusable(record.name, "its triggers are gone")
    record.is_lost(is_unreachable=True)
    assert not is_trusted(hub)


async def test_a_database_that_answers_now_and_then_and_tells_nothing_gets_no_more_grace(record, relay):
    hub = await listening(record, relay)
    record.is_lost(is_unreachable=True)
    until = hub.trusted_until
    record.is_lost()
    assert not is_trusted(hub)
    record.is_lost(is_unreachable=True)
    assert hub.trusted_until == until


async def test_there_is_no_grace_where_only_the_feed_is_lost(record, relay):
    hub = await listening(record, relay)
    record.is_lost()
    assert not is_trusted(hub)


async def test_there_is_no_grace_without_the_relay(record, relay):
    hub = await listening(record, relay)
    relay.is_lost()
    record.is_lost(is_unreachable=True)
    assert not is_trusted(hub)
    alone = make_hub(record=record)
    await alone.start()
    record.comes_up()
    record.is_lost(is_unreachable=True)
    assert not is_trusted(alone)


async def test_there_is_no_grace_where_none_is_configured(record, relay):
    hub = await listening(record, relay, grace=0)
    record.is_lost(is_unreachable=True)
    assert not is_trusted(hub)


async def test_a_feed_that_cannot_work_here_leaves_nothing_to_trust(record):
    hub = make_hub(record=record)
    await hub.start()
    record.comes_up()
    record.observer.unusable(record.name, "no triggers")
    assert not is_trusted(hub)


async def test_the_state_of_feeds_is_shown(record):
    figures = Figures()
    hub = make_hub(record=record, metrics=figures)
    await hub.start()
    record.comes_up()
    record.is_lost()
    assert [value for name, value in figures.gauges if name == "auth.feed.trusted"] == [1, 0]
    assert [name for name, _ in figures.observations] == ["auth.feed.lag"]


async def test_what_a_feed_tells_reaches_everybody(record):
    hub, rememberers = make_hub(record=record), [Rememberer(), Rememberer()]
    for rememberer in rememberers:
        hub.subscribe(rememberer)
    await hub.start()
    record.tells(Change("user", ("ada",)))
    assert [rememberer.forgotten for rememberer in rememberers] == [[Change("user", ("ada",))]] * 2


async def test_after_closing_nothing_is_trusted(record):
    hub = make_hub(record=record)
    await hub.start()
    record.comes_up()
    await hub.close()
    assert not is_trusted(hub)
