"""What is shared is believed only while somebody has listened all the time, and void after changes that were lost."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest

from asgi_auth import Unavailable
from asgi_auth.infrastructure.cache.attendance import SAYS_EVERY
from asgi_auth.infrastructure.cache.redis_scripts import ATTEND, LOOK
from asgi_auth.infrastructure.cache.tiered import Found
from asgi_auth.infrastructure.change_feed.base import Change
from tests.infrastructure.cache.feeds import Source, make_cache
from tests.infrastructure.cache.shared import Process, polled, process, until
from tests.servers.private_redis import running_private_redis

TOKEN = "token"
USER = Change("user", ("u1",))


@pytest.fixture
async def here(redis_url):
    async with process(redis_url) as one:
        yield one


async def epoch(one):
    return await one.client.command("HGET", "asgi_auth:epoch", "id")


async def says_so(one):
    return await one.client.command("GET", "asgi_auth:listening")


async def nobody_attends(one):
    """Wait until the word of whoever attended last has run out."""
    await polled(lambda: says_so(one), lambda word: word is None)


async def test_who_comes_while_somebody_listens_reads_what_is_there(redis_url, here):
    await here.remember(TOKEN, b"value")
    before = await epoch(here)
    async with process(redis_url) as other:
        assert await other.find(TOKEN) == b"value"
    assert await epoch(here) == before


async def test_who_comes_after_nobody_had_listened_voids_what_is_there(redis_url):
    async with process(redis_url) as first:
        await first.remember(TOKEN, b"value")
    later = Process(redis_url)
    await nobody_attends(later)  # whatever changed meanwhile nobody has heard
    await later.start()
    await later.attends()
    assert await later.find(TOKEN) is None
    await later.close()


async def test_the_word_of_somebody_who_has_ended_since_is_not_enough(redis_url):
    async with process(redis_url) as first:
        await first.remember(TOKEN, b"value")
    later = Process(redis_url)
    assert await later.client.command("GET", "asgi_auth:listening") is not None
    await later.start()
    await later.attends()
    assert await later.find(TOKEN) is None
    await later.close()


async def test_nor_is_one_that_was_said_before_our_own_feeds_were_up(redis_url, here):
    later = Process(redis_url)
    await later.hub.start()
    await later.attendance.start()
    await asyncio.sleep(3 * SAYS_EVERY)  # long enough to have seen the other one say so more than once
    assert not later.attendance.is_present
    up_at = monotonic()
    later.feed.comes_up()
    await later.attends()
    assert monotonic() - up_at >= SAYS_EVERY
    await later.close()


async def test_while_a_feed_is_down_nothing_is_read_and_after_it_nothing_old(redis_url, here):
    await here.remember(TOKEN, b"value")
    here.feed.is_lost()
    here.feed.comes_up()
    assert await here.find(TOKEN) is None
    await here.attends()  # alone, and something may have been missed
    assert await here.find(TOKEN) is None


async def test_a_feed_that_is_lost_costs_nothing_while_another_process_hears_everything(redis_url, here):
    async with process(redis_url) as other:
        await here.remember(TOKEN, b"value")
        before = await epoch(here)
        here.feed.is_lost()
        here.feed.comes_up()
        await here.attends()
        assert await here.find(TOKEN) == b"value"
        assert await epoch(other) == before


async def test_an_answer_that_comes_after_a_feed_was_lost_does_not_count(here):
    await here.remember(TOKEN, b"value")
    finding = asyncio.create_task(here.find(TOKEN))
    await asyncio.sleep(0)
    here.feed.is_lost()
    assert await finding is None


async def test_a_change_that_could_not_be_dropped_voids_everything_before_anything_is_read_again(private_redis):
    async with process(private_redis.url, timeout=0.3) as one:
        await one.remember(TOKEN, b"old")
        before = await epoch(one)
        private_redis.freeze()
        await one.cache.forget([USER])
        assert not one.attendance.is_present
        private_redis.thaw()
        await one.attends()
        assert await epoch(one) != before
        assert await one.find(TOKEN) is None


async def test_a_change_lost_in_a_restart_voids_what_redis_has_kept(private_redis):
    async with process(private_redis.url) as one:
        await one.remember(TOKEN, b"old")
        private_redis.stop()
        await one.cache.forget([USER])
        await one.cache.forget([USER])
        private_redis.start()
        await one.attends()
        assert await one.client.command("KEYS", "asgi_auth:session:*")  # it is still there
        assert await one.find(TOKEN) is None


async def test_a_change_whose_dropping_was_cancelled_counts_as_lost(here):
    dropping = asyncio.create_task(here.cache.forget([USER]))
    await asyncio.sleep(0)
    dropping.cancel()
    await asyncio.gather(dropping, return_exceptions=True)
    assert dropping.cancelled()
    assert not here.attendance.is_present
    await here.attends()


async def test_a_change_that_was_lost_voids_everything_for_everybody_although_others_attend(redis_url, here):
    async with process(redis_url) as other:
        await here.remember(TOKEN, b"old")
        assert await other.find(TOKEN) == b"old"
        with suppress(Unavailable), here.attendance.dropping():
            raise Unavailable
        await here.attends()
        assert await other.find(TOKEN) is await here.find(TOKEN) is None


async def test_a_redis_that_was_emptied_is_begun_anew(private_redis):
    async with process(private_redis.url) as one:
        before = await epoch(one)
        await one.client.command("FLUSHALL")
        assert await one.find(TOKEN) is None
        await until(lambda: not one.attendance.is_present)
        await one.attends()
        assert await epoch(one) not in {None, before}
        await one.remember(TOKEN, b"value")
        assert await one.find(TOKEN) == b"value"


@asynccontextmanager
async def two_servers(tmp_path):
    """Where Redis is, and how another server, a copy of it that has stood still since, takes its place."""
    with running_private_redis() as first, running_private_redis() as second:
        place = tmp_path / "redis"
        place.symlink_to(first.url.removeprefix("unix://"))

        def copy():
            with first.client as here, second.client as there:
                for name in here.scan_iter():
                    there.restore(name, max(here.pttl(name), 0), here.dump(name))

        def take_over():
            place.unlink()
            place.symlink_to(second.url.removeprefix("unix://"))
            with first.client as here:
                here.client_kill_filter(_type="normal", skipme=True)

        yield f"unix://{place}", copy, take_over


async def test_a_replica_that_takes_over_without_the_last_changes_is_begun_anew(tmp_path):
    async with two_servers(tmp_path) as (url, copy, take_over), process(url) as one:
        await one.remember(TOKEN, b"old")
        before = await epoch(one)
        copy()
        await one.cache.forget([USER])
        take_over()  # so that no feed notices: they may listen elsewhere, or through a proxy
        with suppress(Unavailable):
            await one.client.ping()
        await until(lambda: not one.client.breaker.is_open)
        await polled(lambda: epoch(one), lambda now: now != before)
        await one.attends()
        assert await one.client.command("KEYS", "asgi_auth:session:*")  # it is still there
        assert await one.find(TOKEN) is None


async def test_a_user_who_may_not_ask_which_server_it_is_shares_all_the_same(private_redis):
    with private_redis.client as redis:
        redis.execute_command("ACL", "SETUSER", "default", "-info")
    async with process(private_redis.url) as one:
        await one.remember(TOKEN, b"value")
        assert await one.find(TOKEN) == b"value"


async def test_who_attends_says_so_again_and_again(here):
    words = set()
    await polled(lambda: says_so(here), lambda word: words.add(word) or len(words) == 3)
    assert None not in words


async def test_who_cannot_drop_a_change_for_long_says_nothing_meanwhile(here):
    with here.attendance.dropping():
        await nobody_attends(here)
    await until(lambda: here.attendance.is_present)
    await polled(lambda: says_so(here), lambda word: word is not None)


async def test_a_word_that_redis_hears_late_is_not_kept(redis_url):
    late = Process(redis_url)  # nobody attends
    keys = ("asgi_auth:epoch", "asgi_auth:listening")
    await late.client.command("HSET", "asgi_auth:epoch", "id", "x" * 22)
    now, word = await late.client.evaluate(LOOK, keys)
    assert word is None
    assert await late.client.evaluate(ATTEND, keys, ["word", 3_000, now - 1]) is None
    assert (await late.client.evaluate(LOOK, keys))[1] is None
    assert await late.client.evaluate(ATTEND, keys, ["word", 60_000, now + 60_000]) >= now
    assert (await late.client.evaluate(LOOK, keys))[1] == b"word"
    await late.close()


async def test_changes_of_programs_that_know_nothing_of_this_are_dropped_by_who_hears_of_them(redis_url, here):
    await here.remember(TOKEN, b"old")
    here.feed.tells(USER)
    await polled(lambda: here.find(TOKEN), lambda found: found is None)


async def test_what_one_process_has_read_another_need_not_read(redis_url, here, clock):
    async with process(redis_url) as other:
        here.now = other.now = clock().timestamp()
        one, two = (make_cache(each.hub, clock, shared=each.cache) for each in (here, other))
        source = Source(hello="hello")
        assert await one.find("hello", source.load("hello")) == Found("hello", "record", one.peek("hello"))
        await one.close()  # waits for what is being shared
        found = await two.find("hello", source.load("hello"))
        assert (found.value, found.layer) == ("hello", "shared")
        await other.hub.publish([Change("word", ("hello",))])
        here.feed.tells(Change("word", ("hello",)))
        assert (await one.find("hello", source.load("hello"))).layer == "record"
        assert source.reads == ["hello", "hello"]
