"""A feed that says what a test tells it to say, and a cache of words over it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from time import monotonic

from asgi_auth import CacheLifetimes
from asgi_auth.infrastructure.cache.tiered import CacheSpec, TieredCache
from asgi_auth.infrastructure.change_feed.base import Change, FeedObserver
from asgi_auth.infrastructure.change_feed.hub import ChangeHub
from asgi_auth.infrastructure.metrics import NoMetrics

LONG = 3600.0


class TestFeed:
    """Hears what it is told to."""

    __test__ = False

    def __init__(self, name: str = "record") -> None:
        self.name = name
        self.published: list[Change] = []
        self.observer: FeedObserver | None = None

    async def start(self, observer: FeedObserver) -> None:
        self.observer = observer

    async def publish(self, changes: Sequence[Change]) -> None:
        self.published += changes

    async def close(self) -> None:
        self.observer = None

    def comes_up(self) -> None:
        self.observer.connected(self.name)
        self.vouches()

    def vouches(self, *, lasting: float = LONG) -> None:
        self.observer.vouch(self.name, until=monotonic() + lasting)

    def tells(self, *changes: Change) -> None:
        self.observer.deliver(self.name, changes)

    def is_lost(self, *, is_unreachable: bool = False) -> None:
        self.observer.lost(self.name, is_unreachable=is_unreachable)


class PlainCodec:
    """Words as they are."""

    def encode(self, value: str) -> bytes:
        return value.encode()

    def decode(self, data: bytes, *, key: str) -> str:  # noqa: ARG002
        return data.decode()


class Source:
    """Where words are read from; notes each read, and waits where it is told to."""

    def __init__(self, **words: str) -> None:
        self.words = words
        self.reads: list[str] = []
        self.meanwhile = None

    def load(self, key: str):
        async def loading() -> str | None:
            self.reads.append(key)
            word = self.words.get(key)
            if self.meanwhile is not None:
                await self.meanwhile()
            return word

        return loading


def make_hub(*, record=None, relay=None, grace: float = 30.0, metrics=None) -> ChangeHub:
    return ChangeHub(record=record, relay=relay, grace=grace, metrics=metrics or NoMetrics())


def make_cache(hub: ChangeHub, clock, *, most: int = 100, shared=None, **options) -> TieredCache[str]:
    """A cache of words: each rests on the row of its own name in the table "word"."""
    spec = CacheSpec(
        space="word",
        lifetimes=CacheLifetimes(timedelta(minutes=5), timedelta(minutes=30)),
        most=most,
        unknown_lifetime=timedelta(seconds=10),
        tags=lambda value: (("word", value),),
        tables=frozenset({"word"}),
        **{"codec": PlainCodec(), **options},
    )
    return TieredCache(spec, hub=hub, seconds=lambda: clock().timestamp(), shared=shared)
