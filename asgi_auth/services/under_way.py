"""What is being judged now, by key; and waiting for what becomes of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager


class UnderWay:
    """Counts what is under way in this process, and wakes those who wait for room."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._counts

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        """A block during which one more is under way."""
        self._counts[key] += 1
        try:
            yield
        finally:
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]
                self._wake(key, most=None)

    async def news(self, key: str) -> bool:
        """Wait until there may be room; False at once where nothing is under way that could make some."""
        if key not in self:
            return False
        told = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, []).append(told)
        await told
        return True

    def tell(self, key: str) -> None:
        """One place has become free: whoever has waited longest may try."""
        self._wake(key, most=1)

    def _wake(self, key: str, *, most: int | None) -> None:
        waiting = [told for told in self._waiting.pop(key, []) if not told.done()]
        if waiting[most:] and most is not None:
            self._waiting[key] = waiting[most:]
        for told in waiting[:most]:
            told.set_result(None)
