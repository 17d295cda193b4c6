"""Keys that may be used so often and no more: each use is one conditional statement."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from asgi_auth.clock import Clock, Timestamp
from asgi_auth.features.api_key.errors import InvalidApiKey, UsageExceeded
from asgi_auth.features.api_key.key_store import KeyStore
from asgi_auth.features.api_key.models import StoredApiKey
from asgi_auth.models import ApiKey

MOST_TRIES: Final = 10
"""How often a use is tried while others refill and use up the key at the same time."""

_MILLISECOND: Final = timedelta(milliseconds=1)


class RemainingUses:
    """Uses up what remains of keys, exactly: of many at once nobody gets more than there is."""

    def __init__(self, store: KeyStore, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def use(self, key: ApiKey) -> ApiKey:
        """The key as it is after one use more, refilled if that was due.

        ``key`` may have been read a while ago. Raises UsageExceeded where nothing remains (a key that is never refilled
        is deleted by that), InvalidApiKey where the key is gone.
        """
        for _ in range(MOST_TRIES):
            used = await self._use(key)
            if used is not None:
                return used
            found = await self._store.find(id=key.id)
            if found is None:
                raise InvalidApiKey
            if found.remaining is None:
                return found.public
            if found.remaining < 1 and not self._is_due(found):
                await self._give_up(found)
            key = found.public
        raise UsageExceeded

    async def _use(self, key: ApiKey) -> ApiKey | None:
        now = self._clock()
        if self._is_due(key):
            amount = key.refill_amount or 0
            where = {"id": key.id, "last_refill_at": key.last_refill_at}
            row = await self._store.change(where, remaining=amount - 1, last_refill_at=now)
        else:
            row = await self._store.increment({"id": key.id}, by={"remaining": -1}, above={"remaining": 0})
        return None if row is None else row.public

    async def _give_up(self, key: StoredApiKey) -> None:
        if not key.refill_amount:
            await self._store.remove(id=key.id, remaining=key.remaining, refill_amount=key.refill_amount)
            raise UsageExceeded
        left = None if not key.refill_interval else self._due_at(key) - self._clock()
        raise UsageExceeded(retry_after=None if left is None else max(-(-left // timedelta(seconds=1)), 1))

    def _is_due(self, key: ApiKey) -> bool:
        return bool(key.refill_interval and key.refill_amount) and self._clock() > self._due_at(key)

    def _due_at(self, key: ApiKey) -> Timestamp:
        return (key.last_refill_at or key.created_at) + (key.refill_interval or 0) * _MILLISECOND
