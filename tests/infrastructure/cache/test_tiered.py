"""What is remembered is true, or is not believed."""

from __future__ import annotations

import asyncio

import pytest

from asgi_auth.errors import Unavailable
from asgi_auth.infrastructure.change_feed.base import MOST_KEYS, Change
from tests.infrastructure.cache.feeds import Source, TestFeed, make_cache, make_hub


@pytest.fixture
async def feed():
    return TestFeed()


@pytest.fixture
async def hub(feed):
    hub = make_hub(record=feed)
    await hub.start()
    feed.comes_up()
    yield hub
    await hub.close()


@pytest.fixture
def cache(hub, clock):
    return make_cache(hub, clock)


@pytest.fixture
def source():
    return Source(a="apple", b="banana")


async def found(cache, source, key):
    return (await cache.find(key, source.load(key))).value


async def test_what_was_read_once_is_not_read_again(cache, source):
    assert [await found(cache, source, "a") for _ in range(3)] == ["apple"] * 3
    assert source.reads == ["a"]


async def test_it_tells_which_layer_knew(cache, source):
    assert (await cache.find("a", source.load("a"))).layer == "record"
    assert (await cache.find("a", source.load("a"))).layer == "memory"


async def test_what_is_unknown_is_not_asked_for_again(cache, source):
    assert [await found(cache, source, "z") for _ in range(3)] == [None] * 3
    assert source.reads == ["z"]


async def test_a_new_row_makes_the_unknown_worth_a_look(cache, feed, source):
    await found(cache, source, "z")
    source.words["z"] = "zucchini"
    feed.tells(Change("word", ("zucchini",), is_new=True))
    assert await found(cache, source, "z") == "zucchini"


async def test_a_new_row_leaves_what_is_known_alone(cache, feed, source):
    await found(cache, source, "a")
    feed.tells(Change("word", ("apple",), is_new=True))
    await found(cache, source, "a")
    assert source.reads == ["a"]


@pytest.mark.parametrize("change", [Change("word", ("new",), is_new=True), Change("word", ("other",)), Change("word")])
async def test_a_value_about_a_whole_table_is_read_anew_whatever_changes_there(hub, feed, clock, source, change):
    cache = make_cache(hub, clock, codec=None, is_whole=True)
    await found(cache, source, "a")
    cell = cache.peek("a")
    feed.tells(Change("another", ("apple",)))
    assert cell.is_live
    feed.tells(change)
    assert not cell.is_live
    source.words["a"] = "apricot"
    assert await found(cache, source, "a") == "apricot"


async def test_a_value_about_a_whole_table_that_was_read_before_a_new_row_is_not_remembered(hub, feed, clock, source):
    cache = make_cache(hub, clock, codec=None, is_whole=True)

    async def a_row_comes():
        feed.tells(Change("word", ("new",), is_new=True))

    source.meanwhile = a_row_comes
    await found(cache, source, "a")
    assert cache.peek("a") is None


class NeverAsked:
    """What all processes remember together, of which nobody should want anything."""

    async def find(self, space, key):  # noqa: ARG002
        raise AssertionError(key)

    put = find


async def test_what_has_no_form_for_others_is_not_shared(hub, clock, source):
    cache = make_cache(hub, clock, codec=None, shared=NeverAsked())
    assert await found(cache, source, "a") == "apple"
    assert (await cache.find("a", source.load("a"))).layer == "memory"


async def test_a_change_drops_what_rests_on_it_and_nothing_else(cache, feed, source):
    await found(cache, source, "a")
    await found(cache, source, "b")
    feed.tells(Change("word", ("apple",)))
    source.words["a"] = "apricot"
    assert [await found(cache, source, key) for key in "ab"] == ["apricot", "banana"]
    assert source.reads == ["a", "b", "a"]


async def test_a_change_of_a_whole_table_drops_all_that_rests_on_it(cache, feed, source):
    await found(cache, source, "a")
    await found(cache, source, "b")
    feed.tells(Change("word"))
    await found(cache, source, "a")
    await found(cache, source, "b")
    assert source.reads == ["a", "b", "a", "b"]


async def test_changes_of_other_tables_drop_nothing(cache, feed, source):
    await found(cache, source, "a")
    feed.tells(Change("sentence", ("apple",)), Change("sentence"))
    await found(cache, source, "a")
    assert source.reads == ["a"]


async def test_a_change_of_one_s_own_is_heard_at_once_and_told_to_the_relay(clock, source):
    relay = TestFeed("relay")
    hub = make_hub(relay=relay)
    cache = make_cache(hub, clock)
    await hub.start()
    relay.comes_up()
    await found(cache, source, "a")
    await hub.publish([Change("word", ("apple",))])
    await found(cache, source, "a")
    assert source.reads == ["a", "a"]
    assert relay.published == [Change("word", ("apple",))]


async def test_a_read_that_began_before_a_change_is_not_remembered(cache, feed, source):
    async def changing() -> None:
        source.meanwhile = None
        source.words["a"] = "apricot"
        feed.tells(Change("word", ("apple",)))

    source.meanwhile = changing
    assert await found(cache, source, "a") == "apple"
    assert await found(cache, source, "a") == "apricot"


async def test_a_read_that_began_before_a_change_of_the_whole_table_is_not_remembered(cache, feed, source):
    async def changing() -> None:
        source.meanwhile = None
        source.words["a"] = "apricot"
        feed.tells(Change("word"))

    source.meanwhile = changing
    await found(cache, source, "a")
    assert await found(cache, source, "a") == "apricot"


async def test_a_read_that_found_a_row_while_it_was_new_is_remembered(cache, feed, source):
    async def adding() -> None:
        source.meanwhile = None
        feed.tells(Change("word", ("apple",), is_new=True))

    source.meanwhile = adding
    await found(cache, source, "a")
    await found(cache, source, "a")
    assert source.reads == ["a"]


async def test_a_read_that_found_nothing_before_a_new_row_is_not_remembered(cache, feed, source):
    async def adding() -> None:
        source.meanwhile = None
        source.words["z"] = "zucchini"
        feed.tells(Change("word", ("zucchini",), is_new=True))

    source.meanwhile = adding
    assert await found(cache, source, "z") is None
    assert await found(cache, source, "z") == "zucchini"


async def test_a_read_that_began_before_a_gap_is_not_remembered(cache, feed, source):
    async def losing() -> None:
        source.meanwhile = None
        source.words["a"] = "apricot"
        feed.is_lost()
        feed.comes_up()

    source.meanwhile = losing
    await found(cache, source, "a")
    assert await found(cache, source, "a") == "apricot"


async def test_a_change_forgotten_for_lack_of_room_still_stops_the_read_that_began_before_it(
    cache, feed, source, monkeypatch
):
    monkeypatch.setattr("asgi_auth.infrastructure.cache.recent.MOST_RECENT", 3)

    async def changing() -> None:
        source.meanwhile = None
        source.words["a"] = "apricot"
        feed.tells(Change("word", ("apple",)))
        feed.tells(Change("word", tuple(map(str, range(MOST_KEYS)))))

    source.meanwhile = changing
    await found(cache, source, "a")
    assert await found(cache, source, "a") == "apricot"


async def test_of_many_who_want_the_same_one_reads(cache, source):
    source.meanwhile = lambda: asyncio.sleep(0.01)
    assert await asyncio.gather(*(found(cache, source, "a") for _ in range(50))) == ["apple"] * 50
    assert source.reads == ["a"]


async def test_who_comes_after_a_change_does_not_join_a_read_from_before_it(cache, feed, source):
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def waiting() -> None:
        has_begun.set()
        await may_end.wait()

    source.meanwhile = waiting
    first = asyncio.create_task(found(cache, source, "a"))
    await has_begun.wait()
    source.words["a"], source.meanwhile = "apricot", None
    feed.tells(Change("word", ("apple",)))
    assert await found(cache, source, "a") == "apricot"
    may_end.set()
    assert await first == "apple"
    assert await found(cache, source, "a") == "apricot"


async def test_if_the_one_who_reads_is_cancelled_another_reads(cache, source):
    has_begun = asyncio.Event()

    async def hanging() -> None:
        source.meanwhile = None
        has_begun.set()
        await asyncio.Event().wait()

    source.meanwhile = hanging
    first = asyncio.create_task(found(cache, source, "a"))
    await has_begun.wait()
    others = [asyncio.create_task(found(cache, source, "a")) for _ in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == ["apple"] * 5
    assert source.reads == ["a", "a"]


async def test_who_waits_for_a_read_may_be_cancelled_alone(cache, source):
    has_begun, may_end = asyncio.Event(), asyncio.Event()

    async def waiting() -> None:
        has_begun.set()
        await may_end.wait()

    source.meanwhile = waiting
    first = asyncio.create_task(found(cache, source, "a"))
    await has_begun.wait()
    second, third = (asyncio.create_task(found(cache, source, "a")) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    may_end.set()
    assert await asyncio.gather(first, third) == ["apple"] * 2
    assert second.cancelled()
    assert source.reads == ["a"]


async def test_a_fault_is_everybody_s_and_is_not_remembered(cache, source):
    async def failing() -> None:
        await asyncio.sleep(0.01)
        raise Unavailable

    source.meanwhile = failing
    outcomes = await asyncio.gather(*(found(cache, source, "a") for _ in range(5)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 5
    source.meanwhile = None
    assert await found(cache, source, "a") == "apple"


async def test_nothing_is_believed_while_a_feed_is_lost(cache, feed, source):
    await found(cache, source, "a")
    feed.is_lost()
    source.words["a"] = "apricot"
    assert await found(cache, source, "a") == "apricot"


async def test_nothing_is_remembered_while_a_feed_is_lost(cache, feed, source):
    feed.is_lost()
    await found(cache, source, "a")
    await found(cache, source, "z")
    assert await found(cache, source, "a") == "apple"
    assert source.reads == ["a", "z", "a"]


async def test_nothing_is_believed_once_nobody_has_vouched_for_it(cache, feed, source):
    await found(cache, source, "a")
    feed.vouches(lasting=-0.001)
    source.words["a"] = "apricot"
    assert await found(cache, source, "a") == "apricot"


async def test_a_lease_that_is_renewed_brings_back_what_was_remembered(cache, feed, source):
    await found(cache, source, "a")
    feed.vouches(lasting=-0.001)
    feed.vouches()
    await found(cache, source, "a")
    assert source.reads == ["a"]


async def test_after_a_gap_everything_is_read_anew(cache, feed, source):
    await found(cache, source, "a")
    feed.is_lost()
    source.words["a"] = "apricot"
    feed.comes_up()
    assert await found(cache, source, "a") == "apricot"


async def test_one_lost_feed_of_two_is_enough_for_disbelief(clock, source):
    record, relay = TestFeed(), TestFeed("relay")
    hub = make_hub(record=record, relay=relay)
    cache = make_cache(hub, clock)
    await hub.start()
    record.comes_up()
    await found(cache, source, "a")
    await found(cache, source, "a")
    relay.comes_up()
    await found(cache, source, "a")
    await found(cache, source, "a")
    assert source.reads == ["a", "a", "a"]


async def test_what_is_over_is_read_anew(cache, clock, source):
    await found(cache, source, "a")
    clock.advance(minutes=5)
    await found(cache, source, "a")
    assert source.reads == ["a", "a"]


async def test_an_entry_never_outlives_its_value(hub, clock, source):
    ends = clock().timestamp() + 60
    cache = make_cache(hub, clock, expires_at=lambda _: ends)
    await found(cache, source, "a")
    clock.advance(seconds=59)
    await found(cache, source, "a")
    clock.advance(seconds=1)
    await found(cache, source, "a")
    assert source.reads == ["a", "a"]


async def test_no_more_is_kept_than_allowed_and_what_is_used_stays(hub, clock):
    source = Source(**{f"k{number}": f"w{number}" for number in range(100)})
    cache = make_cache(hub, clock, most=10)
    for number in range(100):
        await found(cache, source, f"k{number}")
        await found(cache, source, "k0")
    assert len(cache) == 10
    assert source.reads.count("k0") == 1


async def test_whoever_holds_a_cell_sees_that_it_was_dropped(cache, feed, source):
    for drop in (
        lambda: feed.tells(Change("word", ("apple",))),
        lambda: feed.tells(Change("word")),
        feed.comes_up,
    ):
        await found(cache, source, "a")
        cell = cache.peek("a")
        assert cache.holds(cell)
        drop()
        assert not cell.is_live


async def test_a_cell_that_had_to_make_room_is_dropped_as_well(hub, clock, source):
    cache = make_cache(hub, clock, most=1)
    await found(cache, source, "a")
    cell = cache.peek("a")
    cell.was_used = False
    await found(cache, source, "b")
    assert not cell.is_live


async def test_the_record_is_asked_and_what_it_says_replaces_what_was_remembered(cache, source):
    await found(cache, source, "a")
    source.words["a"] = "apricot"
    assert (await cache.find_record("a", source.load("a"))).value == "apricot"
    assert await found(cache, source, "a") == "apricot"
    del source.words["a"]
    assert (await cache.find_record("a", source.load("a"))).value is None
    assert await found(cache, source, "a") is None


async def test_values_that_could_be_changed_are_everybody_s_own(hub, clock):
    cache = make_cache(hub, clock, copied=lambda word: "".join(list(word)))
    source = Source(a="apple")
    first, second = await found(cache, source, "a"), await found(cache, source, "a")
    assert first == second
    assert first is not second
    assert (await cache.find("a", source.load("a"))).cell is None


async def test_what_the_record_says_is_everybody_s_own_as_well(hub, clock):
    cache = make_cache(hub, clock, copied=lambda word: "".join(list(word)))
    source = Source(a="apple")
    given = await cache.find_record("a", source.load("a"))
    assert given.value == "apple"
    assert given.value is not cache.peek("a").value


async def test_what_was_closed_remembers_nothing_even_if_nobody_else_can_write(clock, source):
    hub = make_hub()
    cache = make_cache(hub, clock)
    await found(cache, source, "a")
    cell = cache.peek("a")
    await hub.close()
    assert not cell.is_live
    await found(cache, source, "a")
    assert source.reads == ["a", "a"]


async def test_a_cache_that_is_off_reads_each_time(hub, clock, source):
    cache = make_cache(hub, clock)
    cache.is_enabled = False
    await found(cache, source, "a")
    await found(cache, source, "a")
    assert source.reads == ["a", "a"]
