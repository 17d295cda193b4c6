"""What the parts of a cache promise one another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

from asgi_auth.infrastructure.change_feed.base import Change

V = TypeVar("V")

Tag = tuple[str, str]
"""What an entry rests on: a table, and one of its rows as Changes name it."""

Seconds = Callable[[], float]
"""The present moment in seconds since 1970, by the clock of the Auth."""


class Codec(Protocol[V]):
    """How the values of one cache are written for all processes."""

    def encode(self, value: V) -> bytes:
        """The value without what its key already tells."""

    def decode(self, data: bytes, *, key: str) -> V:
        """The value of a key; raises ``msgspec.MsgspecError`` or ValueError where the data are of another form."""


class SharedCache(Protocol):
    """What all processes remember together. Nothing here raises: a cache that is down knows nothing."""

    async def find(self, space: str, key: str) -> bytes | None:
        """What was put there, if it is whole, of this very key, and nothing it rests on has changed since."""

    async def put(self, space: str, key: str, value: bytes, *, lifetime: float, tags: Sequence[Tag]) -> None:
        """Keep a value that was read just now for ``lifetime`` seconds, unless what it rests on has just changed."""

    async def forget(self, changes: Sequence[Change]) -> None:
        """Drop whatever rests on these, and let no read that began before put it back."""
