"""Requests that processes take in advance of those that all of them share, in Redis."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from asgi_auth.features.api_key.meters import Limit
from asgi_auth.infrastructure.redis_client import RedisClient, Script

# What was let through while Redis was away counts, even beyond the limit. A window is kept a minute longer than it
# lasts: moments are those of the processes, whose clocks differ.
_TAKE: Final = """
local now, window, most, want, owed =
  tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local kept = redis.call('HMGET', KEYS[1], 'taken', 'began')
local taken, began = tonumber(kept[1] or 0), tonumber(kept[2] or 0)
if not kept[2] or now - began >= window then taken, began = 0, now end
taken = taken + owed
local given = math.max(math.min(want, most - taken), 0)
if given + owed > 0 then
  redis.call('HSET', KEYS[1], 'taken', taken + given, 'began', began)
  redis.call('PEXPIRE', KEYS[1], window + 60000)
end
return {given, began}
"""


class Lease(NamedTuple):
    """Some of a window's requests, for one process alone.

    Attributes:
        units: how many; 0 where others have the rest.
        began: the window's moment, milliseconds since 1970.
    """

    units: int
    began: int


class Leases:
    """Where they are taken: by one script, in one round trip, so that never more than the limit are given."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._take = Script.of(_TAKE)

    @property
    def is_away(self) -> bool:
        """Whether Redis is known not to answer anybody."""
        return self._redis.breaker.is_open

    async def take(self, key_id: str, limit: Limit, *, want: int, owed: int, now: int) -> Lease:
        """So many of the requests of the window that is open, or as many as are left.

        ``owed`` were let through without asking. Raises Unavailable.
        """
        # An id is no secret, but it is somebody else's text: short and plain whatever it is.
        name = hashlib.blake2b(key_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        keys = [f"{self._redis.prefix}:api-key:{name}"]
        units, began = await self._redis.evaluate(self._take, keys, [now, limit.window, limit.most, want, owed])
        return Lease(int(units), int(began))
