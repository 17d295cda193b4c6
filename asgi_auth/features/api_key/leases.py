"""Requests that processes take in advance of those that all of them share, in Redis."""

from __future__ import annotations

import hashlib
from secrets import token_hex
from typing import Final, NamedTuple

from asgi_auth.features.api_key.meters import Limit
from asgi_auth.infrastructure.redis_client import RedisClient, Script

# What was let through while Redis was away counts, even beyond the limit; who is heard twice counts once. A process may
# know of an open window that Redis has lost: then what it knows stands in its place. A window is kept a minute longer
# than it lasts: moments are those of the processes, whose clocks differ; further ahead lies none.
_TAKE: Final = """
local now, window, most, want, owed, known, since =
  tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]),
  tonumber(ARGV[6]), tonumber(ARGV[7])
local kept = redis.call('HMGET', KEYS[1], 'taken', 'began', ARGV[8])
local taken, began, told = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
local is_ahead = began - now > 60000
if is_ahead then began = now end
local is_over = not kept[2] or now - began >= window
local is_lost = since > 0 and (is_over or (began ~= since and began - since < window))
if is_over then
  redis.call('DEL', KEYS[1])
  taken, began, told = 0, is_lost and since or now, 0
end
if is_lost then taken, told = math.max(taken, known), math.max(told, owed) end
local more = math.max(owed - told, 0)
local given = math.max(math.min(want, most - taken - more), 0)
if given + more > 0 or is_lost or is_ahead then
  redis.call('HSET', KEYS[1], 'taken', taken + more + given, 'began', began)
  if owed > 0 then redis.call('HSET', KEYS[1], ARGV[8], math.max(owed, told)) end
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


class Knowledge(NamedTuple):
    """What one process knows of a window.

    Attributes:
        owed: requests that it has let through there without asking, all of them.
        counted: all that it knows to have been let through.
        since: the moment that it was told of the window; 0: it was told of none that is open.
    """

    owed: int
    counted: int
    since: int


class Leases:
    """Where they are taken: by one script, in one round trip, so that never more than the limit are given."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._take = Script.of(_TAKE)
        self._by = token_hex(8)

    @property
    def is_away(self) -> bool:
        """Whether Redis is known not to answer anybody."""
        return self._redis.breaker.is_open

    async def take(self, key_id: str, limit: Limit, *, want: int, known: Knowledge, now: int) -> Lease:
        """So many of the requests of the window that is open, or as many as are left. Raises Unavailable."""
        # An id is no secret, but it is somebody else's text: short and plain whatever it is.
        name = hashlib.blake2b(key_id.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        keys = [f"{self._redis.prefix}:api-key:{name}"]
        units, began = await self._redis.evaluate(
            self._take, keys, [now, limit.window, limit.most, want, *known, self._by]
        )
        return Lease(int(units), int(began))
