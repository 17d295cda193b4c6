"""Windows in Redis, in a form of our own and in Better Auth's: hits counted for every process, in one round trip."""

from __future__ import annotations

import hashlib

from asgi_auth.config import RateLimit
from asgi_auth.infrastructure.rate_limit import Hit, milliseconds
from asgi_auth.infrastructure.redis_client import RedisClient, Script

# A window is kept a minute longer than it lasts: moments are those of the processes, whose clocks differ.
_HIT = """
local now, window, most, restarts = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4] == '1'
local kept = redis.call('HMGET', KEYS[1], 'count', 'began')
local count, began = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
if now - began >= window then count = 0 end
if count >= most then return {0, count, began} end
if restarts or count < 1 then began = now end
redis.call('HSET', KEYS[1], 'count', count + 1, 'began', began)
redis.call('PEXPIRE', KEYS[1], window + 60000)
return {1, count + 1, began}
"""

_GIVE_BACK = """
local kept = redis.call('HMGET', KEYS[1], 'count', 'began')
if kept[2] ~= ARGV[1] then return 0 end
if tonumber(kept[1]) > 1 then return redis.call('HINCRBY', KEYS[1], 'count', -1) end
return redis.call('DEL', KEYS[1])
"""

# A counter without an end, which a program that counts in two steps may leave behind, would refuse for ever.
_COUNTER_HIT = """
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
"""

_COUNTER_GIVE_BACK = """
if tonumber(redis.call('GET', KEYS[1]) or 0) < 1 then return 0 end
return redis.call('DECR', KEYS[1])
"""


class RedisWindows:
    """Windows that all processes share, exact: judged and changed by one script. They expire by themselves.

    Args:
        redis: where they are.
        space: what their keys begin with after the prefix; other windows use another.
    """

    def __init__(self, redis: RedisClient, *, space: str) -> None:
        self._redis = redis
        self._space = f"{redis.prefix}:rate:{space}:"
        self._hit, self._give_back = Script.of(_HIT), Script.of(_GIVE_BACK)

    async def hit(self, key: str, limit: RateLimit, *, now: int, restarts: bool = True) -> Hit:
        """Count one; see Windows."""
        window = milliseconds(limit)
        given = (now, window, limit.most, int(restarts))
        is_allowed, count, began = await self._redis.evaluate(self._hit, [self._kept(key)], given)
        left = max(began + window - now, 1)
        return Hit(True, limit.most - count, left, began) if is_allowed else Hit(False, 0, left, began)

    async def give_back(self, key: str, limit: RateLimit, *, hit: Hit) -> None:  # noqa: ARG002  (the moment is stored)
        """Count one less; see Windows."""
        if hit.began is not None:
            await self._redis.evaluate(self._give_back, [self._kept(key)], [hit.began])

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:
        """Whether a hit is counted there now; see Windows."""
        began = await self._redis.command("HGET", self._kept(key), "began")
        return began is not None and now - int(began) < milliseconds(limit)

    def _kept(self, key: str) -> str:
        """A key in Redis: short whatever is counted, and no address is to be read in it."""
        return self._space + hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


class CounterWindows:
    """Windows as a Better Auth server counts them in the same Redis (contract): plain counters that expire.

    A window begins with its first hit, by the clock of Redis, and refused hits count, too. Keys are used as they are.
    """

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._hit, self._give_back = Script.of(_COUNTER_HIT), Script.of(_COUNTER_GIVE_BACK)

    async def hit(self, key: str, limit: RateLimit, *, now: int, restarts: bool = False) -> Hit:  # noqa: ARG002
        """Count one; see Windows. No hit restarts a window."""
        window = milliseconds(limit)
        count, left = await self._redis.evaluate(self._hit, [key], [window])
        return Hit(count <= limit.most, max(limit.most - count, 0), max(left, 1), now + left - window)

    async def give_back(self, key: str, limit: RateLimit, *, hit: Hit) -> None:  # noqa: ARG002  (it has no moment)
        """Count one less, in whichever window there is."""
        await self._redis.evaluate(self._give_back, [key])

    async def is_open(self, key: str, limit: RateLimit, *, now: int) -> bool:  # noqa: ARG002  (it expires by itself)
        """Whether a hit is counted there now; see Windows."""
        return int(await self._redis.command("GET", key) or 0) > 0
