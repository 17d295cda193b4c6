"""Verifications in Redis, under Better Auth's keys."""

from __future__ import annotations

import hashlib
from typing import Final

from asgi_auth.clock import Clock
from asgi_auth.infrastructure.redis_client import RedisClient, Script
from asgi_auth.infrastructure.secondary_storage.records import read_record, seconds_until, write_plain
from asgi_auth.models import Verification

KEY: Final = "verification:"

PUT: Final = Script.of("""
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
redis.call('SADD', KEYS[2], ARGV[3])
if redis.call('TTL', KEYS[2]) < tonumber(ARGV[2]) then redis.call('EXPIRE', KEYS[2], ARGV[2]) end
""")
"""KEYS: the verification, those of its value. ARGV: the JSON, seconds, the identifier."""

TAKE: Final = Script.of("""
local data = redis.call('GET', KEYS[1])
if not data then return false end
if ARGV[1] == '=' then
  local is_json, held = pcall(cjson.decode, data)
  if not is_json or type(held) ~= 'table' or held.value ~= ARGV[2] then return false end
end
redis.call('DEL', KEYS[1])
return data
""")
"""KEYS: the verification. ARGV: '=' if its value has to be the next one. Answers the JSON that was there."""

REMOVE: Final = Script.of("""
local value, prefix, name = ARGV[1], ARGV[2], ARGV[3]
local count = 0
for _, identifier in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if string.sub(identifier, 1, #prefix) == prefix then
    local data = redis.call('GET', name .. identifier)
    local is_json, held = pcall(cjson.decode, data or 'null')
    if is_json and type(held) == 'table' and held.value == value then
      count = count + 1
      if ARGV[4] == 'remove' then redis.call('DEL', name .. identifier) end
    end
    if ARGV[4] == 'remove' then redis.call('SREM', KEYS[1], identifier) end
  end
end
return count
""")
"""KEYS: the verifications of a value. ARGV: the value, what identifiers begin with, what keys begin with, 'remove' or
'count'. Answers how many there were."""


class RedisVerifications:
    """The verifications in one Redis; a Better Auth server may share it.

    Every method raises Unavailable where Redis does not answer, or holds what cannot be read.

    Args:
        redis: where they are.
        clock: the present moment.
        is_row: they are written as rows of the database are; else without their id.
    """

    def __init__(self, redis: RedisClient, *, clock: Clock, is_row: bool) -> None:
        self._redis = redis
        self._clock = clock
        self._is_row = is_row

    async def put(self, verification: Verification) -> None:
        """Write one."""
        keys = (KEY + verification.identifier, self._standing_for(verification.value))
        seconds = seconds_until(verification.expires_at, self._clock())
        await self._redis.evaluate(PUT, keys, (self._written(verification), seconds, verification.identifier))

    async def find(self, identifier: str) -> Verification | None:
        """One that is there, whether or not it has expired."""
        data = await self._redis.command("GET", KEY + identifier)
        return None if data is None else _read(data)

    async def take(self, identifier: str, *, value: str | None = None) -> Verification | None:
        """Delete it, if it stands for ``value`` where one is given; of many callers at once, one gets it."""
        condition = ("", "") if value is None else ("=", value)
        data = await self._redis.evaluate(TAKE, (KEY + identifier,), condition)
        return None if data is None else _read(data)

    async def remove_standing_for(self, value: str, *, prefix: str) -> int:
        """Delete what we have written of this value and with an identifier that begins like this."""
        return await self._of_value(value, prefix, "remove")

    async def count_standing_for(self, value: str, *, prefix: str) -> int:
        """How many that would delete."""
        return await self._of_value(value, prefix, "count")

    async def _of_value(self, value: str, prefix: str, what: str) -> int:
        key = self._standing_for(value)
        return int(await self._redis.evaluate(REMOVE, (key,), (value, prefix, KEY, what)))

    def _written(self, verification: Verification) -> bytes:
        moments: dict[str, object] = {"createdAt": verification.created_at, "updatedAt": verification.updated_at}
        named = {"identifier": verification.identifier}
        stands = {"value": verification.value}
        ends: dict[str, object] = {"expiresAt": verification.expires_at}
        if self._is_row:
            return write_plain(named | stands | ends | moments | {"id": verification.id})
        return write_plain(moments | stands | named | ends)

    def _standing_for(self, value: str) -> str:
        """Our own key beside Better Auth's: what stands for a value, so that it can be revoked together."""
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self._redis.prefix}:standing-for:{digest}"


def _read(data: bytes) -> Verification:
    return read_record(data, Verification, id="")
