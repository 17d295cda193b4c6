"""Keys in Redis alone, in Better Auth's form (its contract), for whoever shares that Redis with one of its servers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import structs

from asgi_auth.clock import Clock
from asgi_auth.engine import Engine
from asgi_auth.engine.store import LIST_LIMIT, NOTHING, Store, Value
from asgi_auth.errors import Unavailable
from asgi_auth.features.api_key.models import StoredApiKey
from asgi_auth.features.api_key.secondary_form import milliseconds_left, names_of, read_key, write_key
from asgi_auth.infrastructure.redis_client import RedisClient, Script
from asgi_auth.models import User

MOST_TRIES: Final = 500
"""How often a row that others change at the same time is tried: of so many at once each loses to another one only."""

FindUser = Callable[[str], Awaitable[User | None]]

Changed = Callable[[StoredApiKey], StoredApiKey | None]

_BY_REFERENCE: Final = """
local function ids(name)
  local found = redis.call('GET', name)
  local is_list, list = pcall(cjson.decode, found or '[]')
  return is_list and type(list) == 'table' and list or {}
end
local function without(list, id)
  local kept = {}
  for _, each in ipairs(list) do if each ~= id then kept[#kept + 1] = each end end
  return kept
end
local function keep(name, list)
  if #list > 0 then redis.call('SET', name, cjson.encode(list)) else redis.call('DEL', name) end
end
local function put(name, value, left)
  if tonumber(left) > 0 then redis.call('SET', name, value, 'PX', left) else redis.call('SET', name, value) end
end
"""

_ADD: Final = f"""{_BY_REFERENCE}
put(KEYS[1], ARGV[2], ARGV[3])
put(KEYS[2], ARGV[2], ARGV[3])
local list = without(ids(KEYS[3]), ARGV[1])
list[#list + 1] = ARGV[1]
keep(KEYS[3], list)
"""

_SWAP: Final = f"""{_BY_REFERENCE}
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end
put(KEYS[1], ARGV[2], ARGV[3])
put(KEYS[2], ARGV[2], ARGV[3])
return 1
"""

_DROP: Final = f"""{_BY_REFERENCE}
if redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
keep(KEYS[3], without(ids(KEYS[3]), ARGV[1]))
return 1
"""


class SecondaryKeys:
    """The rows of keys by their stored form, by their id, and the ids of each owner's.

    A change is a compare-and-set of the whole row, so that of many at once each counts. What has ended Redis drops by
    itself. Nothing of it may be remembered: a server that shares it tells nobody of its changes.
    """

    def __init__(self, redis: RedisClient, engine: Engine, *, find_user: FindUser, clock: Clock) -> None:
        self._redis = redis
        self._engine = engine
        self._find_user = find_user
        self._clock = clock
        self._add, self._swap, self._drop = Script.of(_ADD), Script.of(_SWAP), Script.of(_DROP)

    async def add(self, record: StoredApiKey) -> None:
        """Write a new row."""
        await self._redis.evaluate(
            self._add, names_of(record), [record.id, write_key(record), milliseconds_left(record, self._clock)]
        )

    async def find(self, **where: Value) -> StoredApiKey | None:
        """The record that meets all conditions, one of which is its id or its stored key; or None."""
        found = await self._read(where)
        return None if found is None else found[0]

    async def find_with(
        self,
        other: Store[User],  # noqa: ARG002  (a store's)
        field: str,
        /,
        **where: Value,
    ) -> tuple[StoredApiKey, User | None] | None:
        """The record that meets all conditions, with the user whose id a field of it holds, as users are remembered."""
        found = await self.find(**where)
        return None if found is None else (found, await self._find_user(getattr(found, field)))

    async def list(
        self,
        *,
        limit: int = LIST_LIMIT,
        offset: int = 0,
        order_by: str | None = None,
        is_descending: bool = False,
        **where: Value,
    ) -> Sequence[StoredApiKey]:
        """An owner's records that meet the conditions; see ``Store.list``."""
        name = order_by or "created_at"
        # What is not there comes first, as in SQLite; whatever is equal is ordered by id.
        found = sorted(
            await self._all(where), key=lambda key: (_place(getattr(key, name)), key.id), reverse=is_descending
        )
        return found[offset : offset + limit]

    async def count(self, **where: Value) -> int:
        """How many records of an owner meet the conditions."""
        return len(await self._all(where))

    async def change(self, where: Mapping[str, Value], /, **values: object) -> StoredApiKey | None:
        """Set values where all conditions hold; returns the row as it is now, or None."""
        return await self._change(where, lambda key: structs.replace(key, **values))

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

        def changed(key: StoredApiKey) -> StoredApiKey | None:
            if not all((getattr(key, name) or 0) > least for name, least in above.items()):
                return None
            added = {name: (getattr(key, name) or 0) + number for name, number in by.items()}
            return structs.replace(key, **added, **values)

        return await self._change(where, changed)

    async def take(self, **where: Value) -> StoredApiKey | None:
        """Delete the row and return it: of many callers one gets it."""

        async def dropped(key: StoredApiKey, data: bytes) -> StoredApiKey | None:
            return key if await self._redis.evaluate(self._drop, names_of(key), [key.id, data]) else None

        return await self._until_done(where, dropped)

    async def remove(self, **where: Value) -> int:
        """Delete every row that meets the conditions; within a transaction as the last thing before its commit."""
        found = await self._all(where) if "reference_id" in where else [await self.find(**where)]
        rows = [key for key in found if key is not None]

        async def removing() -> None:
            for key in rows:
                await self.take(**{**where, "id": key.id})

        await self._engine.before_commit(removing)
        return len(rows)

    async def trim(self, *, before: datetime, most: int, by: str = "created_at") -> int:  # noqa: ARG002  (a store's)
        """Nothing is left to be deleted: what has ended is gone."""
        return 0

    async def _read(self, where: Mapping[str, Value]) -> tuple[StoredApiKey, bytes] | None:
        name = f"api-key:{where['key']}" if "key" in where else f"api-key:by-id:{where['id']}"
        data: bytes | None = await self._redis.command("GET", name)
        key = None if data is None else read_key(data)
        return None if data is None or key is None or not _meets(key, where) else (key, data)

    async def _all(self, where: Mapping[str, Value]) -> Sequence[StoredApiKey]:
        listed = await self._redis.command("GET", f"api-key:by-ref:{where['reference_id']}")
        try:
            ids = msgspec.json.decode(listed or b"[]", type=list[str])
        except msgspec.MsgspecError:
            raise Unavailable from None
        rows = await self._redis.command("MGET", *(f"api-key:by-id:{each}" for each in ids)) if ids else []
        keys = [read_key(data) for data in rows if data is not None]
        return [key for key in keys if _meets(key, where)]

    async def _change(self, where: Mapping[str, Value], changed: Changed) -> StoredApiKey | None:
        async def swapped(key: StoredApiKey, data: bytes) -> StoredApiKey | None:
            new = changed(key)
            if new is None:
                raise _Unmet
            given = (data, write_key(new), milliseconds_left(new, self._clock))
            return new if await self._redis.evaluate(self._swap, names_of(key), given) else None

        return await self._until_done(where, swapped)

    async def _until_done(
        self, where: Mapping[str, Value], act: Callable[[StoredApiKey, bytes], Awaitable[StoredApiKey | None]]
    ) -> StoredApiKey | None:
        """What came of an act on the row as it is, tried again where somebody changed it in between."""
        for _ in range(MOST_TRIES):
            found = await self._read(where)
            if found is None:
                return None
            try:
                done = await act(*found)
            except _Unmet:
                return None
            if done is not None:
                return done
        raise Unavailable


class _Unmet(Exception):
    """A condition that only the row itself tells does not hold."""


def _meets(key: StoredApiKey, where: Mapping[str, Value]) -> bool:
    return all(getattr(key, name) == value for name, value in where.items())


def _place(value: Any) -> tuple[bool, Any]:
    """Where a value stands among others, some of which are None."""
    return (False, 0) if value is None else (True, value)
