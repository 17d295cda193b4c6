"""Keys in the database, and in Redis beside it for a Better Auth server that looks there first (its contract)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial

from asgi_auth.clock import Clock
from asgi_auth.engine import Engine
from asgi_auth.engine.store import LIST_LIMIT, NOTHING, Store, Value
from asgi_auth.features.api_key.models import KeyName, StoredApiKey
from asgi_auth.features.api_key.secondary_form import milliseconds_left, names_of, write_key
from asgi_auth.infrastructure.redis_client import RedisClient, Script
from asgi_auth.models import User

_PUT = """
for place = 1, 2 do
  if tonumber(ARGV[2]) > 0 then
    redis.call('SET', KEYS[place], ARGV[1], 'PX', ARGV[2])
  else
    redis.call('SET', KEYS[place], ARGV[1])
  end
end
redis.call('DEL', KEYS[3])
"""


class MirroredKeys:
    """The database's table is the store of record; what is written there is written to Redis last before its commit.

    Whoever changes a row holds it until then, so that Redis is told in the order of the commits. Where Redis does not
    answer nothing is changed: the other server would go on believing what is there.
    """

    def __init__(
        self,
        store: Store[StoredApiKey],
        redis: RedisClient,
        engine: Engine,
        *,
        names: Store[KeyName],
        clock: Clock,
    ) -> None:
        self._store = store
        self._names = names
        self._redis = redis
        self._engine = engine
        self._clock = clock
        self._put = Script.of(_PUT)

    async def add(self, record: StoredApiKey) -> None:
        """Write a new row."""
        async with self._engine.transaction():
            await self._store.add(record)
            await self._engine.before_commit(partial(self._write, record))

    async def find(self, **where: Value) -> StoredApiKey | None:
        """The record that meets all conditions, or None."""
        return await self._store.find(**where)

    async def find_with(
        self, other: Store[User], field: str, /, **where: Value
    ) -> tuple[StoredApiKey, User | None] | None:
        """The record that meets all conditions, with its user."""
        return await self._store.find_with(other, field, **where)

    async def list(
        self,
        *,
        limit: int = LIST_LIMIT,
        offset: int = 0,
        order_by: str | None = None,
        is_descending: bool = False,
        **where: Value,
    ) -> Sequence[StoredApiKey]:
        """The records that meet the conditions."""
        return await self._store.list(
            limit=limit, offset=offset, order_by=order_by, is_descending=is_descending, **where
        )

    async def count(self, **where: Value) -> int:
        """How many records meet the conditions."""
        return await self._store.count(**where)

    async def change(self, where: Mapping[str, Value], /, **values: object) -> StoredApiKey | None:
        """Set values where all conditions hold; returns the row as it is now, or None."""
        async with self._engine.transaction():
            return await self._written(await self._store.change(where, **values))

    async def increment(
        self,
        where: Mapping[str, Value],
        /,
        *,
        by: Mapping[str, int],
        above: Mapping[str, int] = NOTHING,
        **values: object,
    ) -> StoredApiKey | None:
        """Add to numbers where all conditions hold; returns the row as it is now, or None."""
        async with self._engine.transaction():
            return await self._written(await self._store.increment(where, by=by, above=above, **values))

    async def take(self, **where: Value) -> StoredApiKey | None:
        """Delete the row and return it: of many callers one gets it."""
        async with self._engine.transaction():
            taken = await self._store.take(**where)
            if taken is not None:
                await self._engine.before_commit(partial(self._drop, taken))
            return taken

    async def remove(self, **where: Value) -> int:
        """Delete an owner's rows, readable or not, or the one row that meets the conditions; returns how many."""
        if not where.keys() <= {"id", "reference_id"}:
            return int(await self.take(**where) is not None)
        removed = 0
        async with self._engine.transaction():
            while found := await self._names.list(
                limit=LIST_LIMIT, offset=0, order_by=None, is_descending=False, **where
            ):
                for each in found:
                    removed += await self._names.take(id=each.id) is not None
                    await self._engine.before_commit(partial(self._drop, each))
        return removed

    async def trim(self, *, before: datetime, most: int, by: str = "created_at") -> int:
        """Delete what has ended; Redis drops it by itself."""
        return await self._store.trim(before=before, most=most, by=by)

    async def _written(self, record: StoredApiKey | None) -> StoredApiKey | None:
        if record is not None:
            await self._engine.before_commit(partial(self._write, record))
        return record

    async def _write(self, record: StoredApiKey) -> None:
        left = milliseconds_left(record, self._clock)
        await self._redis.evaluate(self._put, names_of(record), [write_key(record), left])

    async def _drop(self, record: StoredApiKey | KeyName) -> None:
        await self._redis.command("DEL", *names_of(record))
