"""What Redis does with sessions in one step: a session and the list of its user's sessions change together.

The scripts name keys that they find in others, so that they need one Redis, not a cluster; Better Auth's keys could not
be spread over one anyway.
"""

from __future__ import annotations

from typing import Final

from asgi_auth.infrastructure.redis_client import Script

_LIST = """
local function live(key, now)
  local entries = {}
  local is_json, known = pcall(cjson.decode, redis.call('GET', key) or '[]')
  if not is_json or type(known) ~= 'table' then return entries end
  for place, entry in ipairs(known) do
    if type(entry) == 'table' and type(entry.token) == 'string' and type(entry.expiresAt) == 'number'
        and entry.expiresAt > now then
      table.insert(entries, {token = entry.token, expiresAt = entry.expiresAt, place = place})
    end
  end
  return entries
end

local function keep(key, entries, now)
  if #entries == 0 then
    redis.call('DEL', key)
    return
  end
  table.sort(entries, function(one, other)
    if one.expiresAt ~= other.expiresAt then return one.expiresAt < other.expiresAt end
    return one.place < other.place
  end)
  local written = {}
  for _, entry in ipairs(entries) do
    table.insert(written, '{"token":' .. cjson.encode(entry.token) .. ',"expiresAt":'
      .. string.format('%.0f', entry.expiresAt) .. '}')
  end
  local seconds = math.max(math.floor((entries[#entries].expiresAt - now) / 1000), 1)
  redis.call('SET', key, '[' .. table.concat(written, ',') .. ']', 'EX', seconds)
end

local function owner(value)
  local is_json, held = pcall(cjson.decode, value)
  if is_json and type(held) == 'table' and type(held.session) == 'table'
      and type(held.session.userId) == 'string' then
    return held.session.userId
  end
  return false
end
"""

FIND: Final = Script.of(
    _LIST
    + """
local value = redis.call('GET', KEYS[1])
if not value then return {} end
local user = owner(value)
if not user then return {value, '', ''} end
return {value, user, redis.call('GET', ARGV[1] .. user) or ''}
"""
)
"""KEYS: the session. ARGV: what the names of markers begin with. Answers the value, its user and the user's marker."""

LIST: Final = Script.of(
    _LIST
    + """
local found = {redis.call('GET', KEYS[2]) or ''}
for _, entry in ipairs(live(KEYS[1], 0)) do
  local value = redis.call('GET', entry.token)
  if value then
    table.insert(found, entry.token)
    table.insert(found, value)
  end
end
return found
"""
)
"""KEYS: a user's list, its marker. Answers the marker, then each token with its value."""

PUT: Final = Script.of(
    _LIST
    + """
local expected, value, seconds, token = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local expires_at, now = tonumber(ARGV[5]), tonumber(ARGV[6])
if expected ~= '' and expected ~= redis.call('GET', KEYS[1]) then return 0 end
redis.call('SET', KEYS[1], value, 'EX', seconds)
redis.call('SET', KEYS[3], token, 'EX', seconds)
local entries = {}
for _, entry in ipairs(live(KEYS[2], now)) do
  if entry.token ~= token then table.insert(entries, entry) end
end
table.insert(entries, {token = token, expiresAt = expires_at, place = #entries + 2 ^ 31})
keep(KEYS[2], entries, now)
return 1
"""
)
"""KEYS: the session, its user's list, the name of its id. ARGV: the value it has to have ('' for any), its new value,
seconds, its token, its end and the present moment in milliseconds. Answers 1, or 0 where it has another value."""

REMOVE: Final = Script.of(
    _LIST
    + """
local user, now, kept = ARGV[1], tonumber(ARGV[2]), ARGV[6]
local entries, doomed, is_doomed = live(KEYS[1], now), {}, {}
local function doom(token)
  if token ~= kept and not is_doomed[token] then
    is_doomed[token] = true
    table.insert(doomed, token)
  end
end
if ARGV[5] == 'listed' then
  for _, entry in ipairs(live(KEYS[1], 0)) do doom(entry.token) end
end
for place = 7, #ARGV do doom(ARGV[place]) end
local removed = {}
for _, token in ipairs(doomed) do
  local value = redis.call('GET', token)
  if value and owner(value) == user then
    redis.call('DEL', token)
    table.insert(removed, token)
    table.insert(removed, value)
  end
end
local left = {}
for _, entry in ipairs(entries) do
  if not is_doomed[entry.token] then table.insert(left, entry) end
end
keep(KEYS[1], left, now)
if ARGV[3] ~= '' then redis.call('SET', KEYS[2], ARGV[3], 'EX', ARGV[4]) end
return removed
"""
)
"""KEYS: a user's list, its marker. ARGV: the user, the present moment, the marker to set ('' for none) and its seconds,
'listed' for all that the list names, a token to be kept, then further tokens. Answers each removed token with its
value."""
