"""The feed over Redis: what one process tells, all hear; whoever has none of our secrets tells nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from time import monotonic

import pytest
import redis.asyncio
from structlog.testing import capture_logs

from asgi_auth.config import RedisOptions
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.change_feed.message import Envelope
from asgi_auth.infrastructure.change_feed.redis import RedisFeed
from asgi_auth.infrastructure.metrics import NoMetrics
from asgi_auth.infrastructure.redis_client import RedisClient

NEW, OLD, FOREIGN = b"n" * 32, b"o" * 32, b"f" * 32
CHANGES = [Change("session", ("a", "b")), Change("user"), Change("user", ("c",), is_new=True)]


class Observer:
    """Notes what a feed says, in order."""

    def __init__(self):
        self.heard = []
        self.said = []
        self.until = float("-inf")

    def deliver(self, feed, changes):  # noqa: ARG002
        self.heard += changes

    def vouch(self, feed, *, until):  # noqa: ARG002
        self.until = until
        if self.said[-1:] != ["vouched"]:
            self.said.append("vouched")

    def connected(self, feed):  # noqa: ARG002
        self.said.append("connected")

    def lost(self, feed, *, is_unreachable):  # noqa: ARG002
        if self.said[-1:] != ["lost"]:
            self.said.append("lost")

    def unusable(self, feed, reason):  # noqa: ARG002
        self.said.append("unusable")


async def until(condition):
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110  (what happens in other tasks)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def process(url, *, keys=(NEW,), prefix="asgi_auth"):
    """The feed of one process, and what it says."""
    options = RedisOptions(prefix=prefix, timeout=timedelta(seconds=5))
    client = RedisClient(url, options, metrics=NoMetrics())
    feed, observer = RedisFeed(client, keys=keys), Observer()
    await feed.start(observer)
    await feed.start(observer)  # does nothing
    try:
        yield feed, observer
    finally:
        await feed.close()
        await client.close()


async def both_up(*observers):
    await until(lambda: all("vouched" in observer.said for observer in observers))


async def test_what_one_process_tells_the_others_hear_and_it_need_not_hear_itself(redis_url):
    async with process(redis_url) as (feed, own), process(redis_url) as (other_feed, other):
        await both_up(own, other)
        await feed.publish(CHANGES)
        await until(lambda: other.heard == CHANGES)
        await other_feed.publish([Change("word", ("x",))])
        await until(lambda: own.heard)
        assert own.heard == [Change("word", ("x",))]


async def test_it_says_that_it_listens_before_it_vouches_and_goes_on_vouching(redis_url):
    async with process(redis_url) as (_, observer):
        await both_up(observer)
        assert observer.said == ["connected", "vouched"]
        first = observer.until
        await until(lambda: observer.until > first)
        assert observer.until <= monotonic() + 1


async def test_while_secrets_are_rotated_processes_with_and_without_the_new_one_understand_each_other(redis_url):
    async with (
        process(redis_url, keys=(NEW, OLD)) as (rotated, seen_by_rotated),
        process(redis_url, keys=(OLD,)) as (not_yet, seen_by_not_yet),
    ):
        await both_up(seen_by_rotated, seen_by_not_yet)
        await rotated.publish([Change("user", ("1",))])
        await not_yet.publish([Change("user", ("2",))])
        await until(lambda: seen_by_rotated.heard and seen_by_not_yet.heard)
        assert seen_by_not_yet.heard == [Change("user", ("1",))]
        assert seen_by_rotated.heard == [Change("user", ("2",))]


async def test_whoever_has_none_of_our_secrets_tells_nothing_and_is_complained_of_once(redis_url):
    foreign = Envelope([FOREIGN], channel="x").seal([Change("user")], sender=b"somebody")
    other_channel = Envelope([NEW], channel="elsewhere").seal([Change("user")], sender=b"somebody")
    junk = [b"", b"1", b"1\xff", b"\x00" * 500, b"hello", foreign, other_channel]
    with capture_logs() as logs:
        async with process(redis_url) as (_, observer), process(redis_url) as (other, seen):
            await both_up(observer, seen)
            plain = redis.asyncio.from_url(redis_url)
            for message in junk:
                assert await plain.publish(other._channel, message) == 2
            await plain.aclose()
            await other.publish([Change("user", ("real",))])
            await until(lambda: observer.heard)
            assert observer.heard == [Change("user", ("real",))]
            assert observer.said == ["connected", "vouched"]
    complaints = [log for log in logs if log["event"] == "change_feed.unreadable_message"]
    assert len(complaints) == 2  # one of each process


@pytest.mark.parametrize("place", range(0, 200, 7))
def test_a_message_changed_anywhere_is_none(place):
    envelope = Envelope([NEW], channel="changes")
    message = bytearray(envelope.seal([Change("user", ("x" * 200,))], sender=b"somebody"))
    assert envelope.open(bytes(message)) is not None
    message[place] ^= 1
    assert envelope.open(bytes(message)) is None


def test_a_message_costs_one_code_for_each_secret_however_many_it_offers(monkeypatch):
    counted = []
    code = Envelope._code
    monkeypatch.setattr(Envelope, "_code", lambda *given: counted.append(given) or code(*given))
    envelope = Envelope([NEW, OLD], channel="changes")
    assert envelope.open(b"1\xff" + 255 * 32 * b"x" + b"body") is None
    assert len(counted) == 2


async def test_deployments_in_other_databases_or_with_other_prefixes_hear_nothing_of_it(redis_server):
    with redis_server.database() as one, redis_server.database() as another:
        async with (
            process(one) as (feed, own),
            process(one) as (_, same),
            process(another) as (_, elsewhere),
            process(one, prefix="other") as (_, renamed),
        ):
            await both_up(own, same, elsewhere, renamed)
            await feed.publish(CHANGES)
            await until(lambda: same.heard)
            before = elsewhere.until, renamed.until
            await until(lambda: elsewhere.until > before[0] and renamed.until > before[1])
            assert elsewhere.heard == renamed.heard == []


async def test_a_frozen_redis_is_noticed_and_so_is_its_coming_back(private_redis):
    async with process(private_redis.url) as (feed, own), process(private_redis.url) as (_, other):
        await both_up(own, other)
        private_redis.freeze()
        await until(lambda: other.said[-1] == "lost")
        assert other.until <= monotonic()  # by then nobody trusts it any more
        private_redis.thaw()
        await until(lambda: other.said[-1] == "vouched")
        assert other.said == ["connected", "vouched", "lost", "connected", "vouched"]
        await until(lambda: not feed._client.breaker.is_open)
        await feed.publish(CHANGES)
        await until(lambda: other.heard[-3:] == CHANGES)


async def test_a_redis_that_is_stopped_is_noticed_and_looked_for_until_it_is_back(private_redis):
    async with process(private_redis.url) as (_, observer):
        await both_up(observer)
        for _ in range(2):
            private_redis.stop()
            await until(lambda: observer.said[-1] == "lost")
            private_redis.start()
            await until(lambda: observer.said[-1] == "vouched")
        assert observer.said == ["connected", "vouched"] + 2 * ["lost", "connected", "vouched"]


async def test_a_connection_that_redis_ends_is_a_gap(private_redis):
    async with process(private_redis.url) as (_, observer):
        await both_up(observer)
        with private_redis.client as plain:
            plain.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: observer.said == ["connected", "vouched", "lost", "connected", "vouched"])


async def test_publishing_to_a_redis_that_is_gone_raises_nothing(private_redis):
    async with process(private_redis.url) as (feed, observer):
        await both_up(observer)
        private_redis.stop()
        await feed.publish(CHANGES)
        await feed.publish(CHANGES)


async def test_a_user_who_may_not_subscribe_is_told_so(private_redis):
    with private_redis.client as plain:
        plain.execute_command("ACL", "SETUSER", "ada", "on", ">pw", "~*", "+@all", "resetchannels")
    async with process(private_redis.url.replace("unix://", "unix://ada:pw@")) as (_, observer):
        await until(lambda: "unusable" in observer.said)
        assert "vouched" not in observer.said


def test_one_feed_serves_several_event_loops_one_after_the_other(redis_url):
    client = RedisClient(redis_url, RedisOptions(timeout=timedelta(seconds=5)), metrics=NoMetrics())
    feed = RedisFeed(client, keys=[NEW])
    numbers = count()

    async def use():
        observer = Observer()
        await feed.start(observer)
        await both_up(observer)
        await feed.close()
        await client.close()
        return next(numbers)

    assert [asyncio.run(use()) for _ in range(3)] == [0, 1, 2]
