"""One kind of value in all its layers: this process, Redis, and whoever reads the store of record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import inf
from time import monotonic
from typing import Generic, Literal, TypeVar

import msgspec
from cachetools import TTLCache

from asgi_auth.config import CacheLifetimes
from asgi_auth.infrastructure.cache.base import Codec, Seconds, SharedCache, Tag
from asgi_auth.infrastructure.cache.flights import Flights
from asgi_auth.infrastructure.cache.memory import Cell, MemoryCache
from asgi_auth.infrastructure.cache.recent import RecentChanges
from asgi_auth.infrastructure.change_feed.base import Change
from asgi_auth.infrastructure.change_feed.hub import ChangeHub

V = TypeVar("V")
Layer = Literal["memory", "shared", "record"]
Load = Callable[[], Awaitable[V | None]]

MOST_UNKNOWN = 10_000
"""Keys remembered as nobody's, at a time."""

MOST_SHARING = 10_000
"""Values on their way to all processes, at a time; beyond it none is shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheSpec(Generic[V]):
    """What one kind of value is to a cache.

    Attributes:
        space: its name, once in an Auth.
        lifetimes: how long it is kept.
        most: how many are kept in this process.
        unknown_lifetime: how long it is remembered in this process that a key stands for nothing.
        tags: the rows that a value rests on.
        tables: the tables of these rows: whatever changes in them, a key that stood for nothing may stand for
            something.
        codec: how values are written for all processes; None for what each of them reads by itself.
        is_whole: a value is about all rows of these tables, so that a new one changes it as well; without a ``codec``
            only, because what all processes share rests on rows that it names.
        expires_at: when a value ends by itself, in seconds since 1970 (default: never).
        copied: makes a value of one's own for whoever asks; None where values cannot be changed by anybody.
    """

    space: str
    lifetimes: CacheLifetimes
    most: int
    unknown_lifetime: timedelta
    tags: Callable[[V], Sequence[Tag]]
    tables: frozenset[str]
    codec: Codec[V] | None
    is_whole: bool = False
    expires_at: Callable[[V], float] = lambda value: inf  # noqa: ARG005  (a default)
    copied: Callable[[V], V] | None = None


@dataclass(frozen=True, slots=True)
class Found(Generic[V]):
    """What a key stands for.

    Attributes:
        value: None where it stands for nothing.
        layer: who knew: "memory", "shared" or "record".
        cell: where it is remembered in this process; None where it is not.
    """

    value: V | None
    layer: Layer
    cell: Cell[V] | None = None


class TieredCache(Generic[V]):
    """Values by key. What it gives was true when it was asked, or has changed within the last milliseconds.

    Nothing is believed for longer than the feeds of changes vouch for it. Nothing that was read before a change is
    remembered after it. Of many who want the same key at once, one reads.
    """

    def __init__(
        self,
        spec: CacheSpec[V],
        *,
        hub: ChangeHub,
        seconds: Seconds,
        shared: SharedCache | None,
        is_enabled: bool = True,
    ) -> None:
        self.is_enabled = is_enabled
        self._spec = spec
        self._hub = hub
        self._seconds = seconds
        self._shared = None if shared is None or spec.codec is None else (shared, spec.codec)
        self._memory: MemoryCache[V] = MemoryCache(spec.most, tags=spec.tags)
        self._unknown: TTLCache[str, bool] = TTLCache(MOST_UNKNOWN, max(spec.unknown_lifetime.total_seconds(), 1e-9))
        self._recent = RecentChanges()
        self._flights: Flights[Found[V]] = Flights()
        self._sharing: set[asyncio.Task[None]] = set()
        self._memory_lifetime = spec.lifetimes.memory.total_seconds()
        self._shared_lifetime = spec.lifetimes.shared.total_seconds()
        if is_enabled:
            hub.subscribe(self)

    def __len__(self) -> int:
        return len(self._memory)

    def peek(self, key: str) -> Cell[V] | None:
        """What this process knows of a key and may believe now, or None."""
        cell = self._memory.find(key)
        if cell is None or not self.holds(cell):
            return None
        return cell

    def holds(self, cell: Cell[V]) -> bool:
        """Whether a cell of this cache may be believed now."""
        return cell.is_live and monotonic() < self._hub.trusted_until and self._seconds() < cell.until

    @property
    def _may_remember(self) -> bool:
        return self.is_enabled and self._hub.is_complete

    async def find(self, key: str, load: Load[V]) -> Found[V]:
        """What a key stands for; ``load`` reads it from the store of record. Raises what ``load`` raises."""
        return self._given(await self._find(key, load))

    def _given(self, found: Found[V]) -> Found[V]:
        """What may be given away: nobody changes what others are given next."""
        if self._spec.copied is None or found.value is None:
            return found
        return Found(self._spec.copied(found.value), found.layer)

    async def _find(self, key: str, load: Load[V]) -> Found[V]:
        cell = self.peek(key)
        if cell is not None:
            return Found(cell.value, "memory", cell)
        if not self._may_remember:
            return Found(await load(), "record")
        if key in self._unknown:
            return Found(None, "memory")
        return await self._flights.join(key, partial(self._read, key, load))

    async def find_record(self, key: str, load: Load[V]) -> Found[V]:
        """What the store of record says of a key, whatever is remembered; it is remembered."""
        mark = self._recent.mark
        value = await load()
        self._remember(key, value, mark)
        return self._given(Found(value, "record"))

    def forget(self, changes: Sequence[Change]) -> None:
        """Drop whatever rests on these; see Rememberer."""
        ours = [change for change in changes if change.table in self._spec.tables]
        if self._spec.is_whole:
            ours = [Change(change.table) for change in ours]
        if not ours:
            return
        self._recent.note([change for change in ours if not change.is_new])
        self._flights.close_gates()
        self._unknown.clear()
        for change in ours:
            self._memory.forget(change)

    def forget_all(self) -> None:
        """Drop everything; see Rememberer."""
        self._recent.note_all()
        self._flights.close_gates()
        self._unknown.clear()
        self._memory.clear()

    async def close(self) -> None:
        """Wait for what is still being written for all processes."""
        await asyncio.gather(*self._sharing, return_exceptions=True)

    async def _read(self, key: str, load: Load[V]) -> Found[V]:
        cell = self.peek(key)
        if cell is not None:  # somebody else has read it while we waited for one who was cancelled
            return Found(cell.value, "memory", cell)
        mark = self._recent.mark
        shared = await self._read_shared(key)
        if shared is not None:
            return Found(shared, "shared", self._remember(key, shared, mark))
        value = await load()
        cell = self._remember(key, value, mark)
        if value is not None:
            self._share(key, value, mark)
        return Found(value, "record", cell)

    async def _read_shared(self, key: str) -> V | None:
        if self._shared is None:
            return None
        shared, codec = self._shared
        data = await shared.find(self._spec.space, key)
        if data is None:
            return None
        try:
            value = codec.decode(data, key=key)
        except (msgspec.MsgspecError, ValueError):
            return None
        # Somebody may have put it there before a change that is not dropped there yet.
        if self._recent.has_changed_lately(self._spec.tags(value)):
            return None
        return value if self._spec.expires_at(value) > self._seconds() else None

    def _remember(self, key: str, value: V | None, mark: int) -> Cell[V] | None:
        self._memory.drop(key)
        if not self._may_remember:
            return None
        if value is None:
            if self._recent.mark == mark and self._spec.unknown_lifetime:
                self._unknown[key] = True
            return None
        if self._recent.has_changed(self._spec.tags(value), since=mark):
            return None
        until = min(self._seconds() + self._memory_lifetime, self._spec.expires_at(value))
        return self._memory.put(key, value, until=until)

    def _share(self, key: str, value: V, mark: int) -> None:
        if self._shared is None:
            return
        shared, codec = self._shared
        tags = self._spec.tags(value)
        lifetime = min(self._shared_lifetime, self._spec.expires_at(value) - self._seconds())
        if lifetime <= 0 or self._recent.has_changed(tags, since=mark) or len(self._sharing) >= MOST_SHARING:
            return
        data = codec.encode(value)
        putting = shared.put(self._spec.space, key, data, lifetime=lifetime, tags=tags)
        task = asyncio.get_running_loop().create_task(putting)
        self._sharing.add(task)
        task.add_done_callback(self._sharing.discard)
