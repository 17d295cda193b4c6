"""What Redis does in one step for the shared cache.

A tag is a row that entries rest on; its key holds a stamp, which changes with the row, and how many changes there had
been when it last did. An entry begins with the stamps that its tags had: it counts while they still have them. A stamp
that Redis has lost or thrown out makes entries miss, never count; and where a tag has none, whatever changed since a
value was read may have been that row: it is not put. The tags' names are made up here from what the entry says, which
Redis Cluster does not allow.
"""

from __future__ import annotations

from typing import Final

from asgi_auth.infrastructure.redis_client import Script

DIGEST: Final = 22
"""Characters of a tag's name, of a stamp and of an epoch."""

FIND: Final = Script.of("""
local mark = redis.call('HMGET', KEYS[1], 'id', 'count')
local entry = redis.call('GET', KEYS[2])
if not mark[1] or not entry then return {mark[1], mark[2], false} end
for i = 0, (string.byte(entry, 1) or 0) - 1 do
  local at = 2 + i * 44
  local stamp = redis.call('GET', ARGV[1] .. string.sub(entry, at, at + 21))
  if not stamp or string.sub(stamp, 1, 22) ~= string.sub(entry, at + 22, at + 43) then
    return {mark[1], mark[2], false}
  end
end
return {mark[1], mark[2], entry}
""")
"""KEYS: epoch, entry. ARGV: what tags' keys begin with. Returns the epoch, the count of changes, the entry."""

PUT: Final = Script.of("""
local mark = redis.call('HMGET', KEYS[1], 'id', 'count')
if mark[1] ~= ARGV[1] then return 0 end
local is_quiet = tonumber(mark[2] or 0) <= tonumber(ARGV[2])
local stamps = {}
for i = 7, #ARGV do
  local stamp = redis.call('GET', ARGV[5] .. ARGV[i])
  if not stamp and not is_quiet then return 0 end
  if stamp and tonumber(string.sub(stamp, 23)) > tonumber(ARGV[2]) then return 0 end
  stamps[i] = stamp and string.sub(stamp, 1, 22)
end
local head = {string.char(#ARGV - 6)}
for i = 7, #ARGV do
  local tag = ARGV[5] .. ARGV[i]
  if not stamps[i] then
    stamps[i] = ARGV[4]
    redis.call('SET', tag, ARGV[4] .. (mark[2] or '0'), 'PX', ARGV[3])
  elseif redis.call('PTTL', tag) < tonumber(ARGV[3]) then
    redis.call('PEXPIRE', tag, ARGV[3])
  end
  head[#head + 1] = ARGV[i] .. stamps[i]
end
redis.call('SET', KEYS[2], table.concat(head) .. ARGV[6], 'PX', ARGV[3])
return 1
""")
"""KEYS: epoch, entry. ARGV: the epoch and the count seen before the read, lifetime in ms, a new stamp, what tags' keys
begin with, the sealed value, the tags."""

FORGET: Final = Script.of("""
if redis.call('HEXISTS', KEYS[1], 'id') == 0 then return 0 end
local count = redis.call('HINCRBY', KEYS[1], 'count', 1)
for i = 4, #ARGV do
  redis.call('SET', ARGV[3] .. ARGV[i], ARGV[1] .. count, 'PX', ARGV[2])
end
return 1
""")
"""KEYS: epoch. ARGV: a new stamp, for how many ms it is kept, what tags' keys begin with, the tags."""

# A server that takes another one's place may lack the last changes that were dropped there: to its epochs no other
# server's belong. Whoever may not ask which server it is does without.
_EPOCH: Final = """
local info = redis.pcall('INFO', 'server')
local server = type(info) == 'string' and string.match(info, 'run_id:(%w+)') or ''
local function is_begun()
  local epoch = redis.call('HMGET', KEYS[1], 'id', 'server')
  local began_on = epoch[2] or ''
  return epoch[1] and (began_on == '' or server == '' or began_on == server)
end
"""

BEGIN: Final = Script.of(f"""{_EPOCH}
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'server', server)
return 1
""")
"""KEYS: epoch. ARGV: a word never used before."""

LOOK: Final = Script.of(f"""{_EPOCH}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if not is_begun() then return {{now, false}} end
return {{now, redis.call('GET', KEYS[2])}}
""")
"""KEYS: epoch, listening. Returns Redis' time in ms, and who said last that somebody listens."""

ATTEND: Final = Script.of(f"""{_EPOCH}
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if now > tonumber(ARGV[3]) or not is_begun() then return false end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
return now
""")
"""KEYS: epoch, listening. ARGV: a word never used before, for how many ms it counts, when it is too late to say."""
