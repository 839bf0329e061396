-- Takes one events record into effect, whole or not at all: position, operations, outcomes, notification.
--
-- Lua is not rolled back on an error, so everything is checked before the first write: the record's place in the
-- log, every operation's name, arity and arguments, and the type of every key it touches. Operations set values
-- and never increment them. Keys in operations are relative: the generation's prefix is put before them here, so
-- that a swap of the pointer takes effect between two records.
--
-- ARGV: noun, generation ('' follows the pointer), log id, partition, offset, src ('' where the record is no
-- events record), appended_at_ms, gateway id ('' sends no notification), record id, partitions of the topic,
-- number of outcomes, mark of the record, then key, value, expires_at_ms for each outcome,
-- then the operations, flat: name and arguments.
-- Returns {status, next offset, last src}; status: applied, repeated, dropped, or a refusal (nothing was written):
-- gap, log, generation, argument (the second item then says which).

local noun, generation, log_id = ARGV[1], ARGV[2], ARGV[3]
local partition, offset, src = ARGV[4], tonumber(ARGV[5]), ARGV[6]
if generation == '' then
  generation = redis.call('GET', 'generation:' .. noun)
  if not generation then return {'generation', '', ''} end
end
local prefix = noun .. ':' .. generation .. ':'
local positions = prefix .. 'positions'
local held = redis.call('HMGET', positions, partition .. ':next', partition .. ':src', 'log')
if held[3] and held[3] ~= log_id then return {'log', held[3], ''} end
local next_offset = tonumber(held[1] or '0')
local last_src = tonumber(held[2] or '-1')

local function notify()
  if ARGV[8] ~= '' then redis.call('PUBLISH', 'wake:' .. ARGV[8], ARGV[9]) end
end

if offset < next_offset then
  notify() -- applied before, and perhaps its notification was lost with the connection
  return {'repeated', tostring(next_offset), tostring(last_src)}
end
if offset > next_offset then return {'gap', tostring(next_offset), tostring(last_src)} end

local advanced = string.format('%.0f', offset + 1)
if src ~= '' and tonumber(src) ~= last_src + 1 then
  redis.call('HSET', positions, partition .. ':next', advanced, 'log', log_id, partition .. ':mark', ARGV[12])
  return {'dropped', advanced, tostring(last_src)}
end

-- name -> {arity, type of the key, index of the argument that must be a finite number,
--          types of the keys among the other arguments by their index}
local known = {
  set = {2, 'string'}, del = {1}, hset = {3, 'hash'}, hdel = {2, 'hash'}, sadd = {2, 'set'}, srem = {2, 'set'},
  hmerge = {4, 'hash'}, -- hmerge: key, field, names that go (name1\0name2…), entries as a MessagePack map
  saddunless = {4, 'set', nil, {[3] = 'hash'}}, -- saddunless: key, member, hash, field
  zadd = {3, 'zset', 2}, zrem = {2, 'zset'}, zlist = {3, 'zset', 3}, -- zlist: key, member, how many stay
  xadd = {4, 'stream'}, -- xadd: key, exact id, field, value
  expireat = {2, nil, 2}, expireas = {2, nil, nil, {[2] = 'hash'}}, zremwhen = {4, 'zset', nil, {[3] = 'set', [4] = 'set'}},
  expirewhen = {4, nil, 2, {[3] = 'set', [4] = 'set'}}, -- expirewhen: key, at, empty set, whole set
  forget = {3, 'zset', 2, {[3] = 'zset'}}, -- forget: scores, up to, list
  stream = {5, 'stream', 2, {[3] = 'zset'}}, -- stream: key, happened at, sorted set, member, payload
}
-- The entries of a MessagePack map: {name, bytes of its value, …}. Raises for anything else.
local function entries_of(map)
  local head, count, at = string.byte(map, 1), nil, 1
  if head == 0xde then count, at = string.byte(map, 2) * 256 + string.byte(map, 3), 3
  elseif head >= 0x80 and head <= 0x8f then count = head - 0x80
  else error('no map') end
  local found = {}
  for _ = 1, count do
    local value_at, name = cmsgpack.unpack_one(map, at)
    at = cmsgpack.unpack_one(map, value_at)
    if type(name) ~= 'string' or #name > 31 then error('no name') end
    found[#found + 1] = name
    found[#found + 1] = string.sub(map, value_at + 1, at)
  end
  if at ~= -1 and at ~= #map then error('more than a map') end
  return found
end
local function map_of(entries)
  local count = #entries / 2
  local parts = {count < 16 and string.char(0x80 + count) or string.char(0xde, math.floor(count / 256), count % 256)}
  for j = 1, #entries, 2 do
    parts[#parts + 1] = string.char(0xa0 + #entries[j]) .. entries[j]
    parts[#parts + 1] = entries[j + 1]
  end
  return table.concat(parts)
end
local function merged(held, without, entries)
  local gone, found = {}, {}
  for name in string.gmatch(without, '[^%z]+') do gone[name] = true end
  for j = 1, #entries, 2 do gone[entries[j]] = true end
  for _, some in ipairs({held, entries}) do
    for j = 1, #some, 2 do
      if some == entries or not gone[some[j]] then
        found[#found + 1] = some[j]
        found[#found + 1] = some[j + 1]
      end
    end
  end
  return found
end
local maps, given = {}, {} -- entries by key and field as they are held, and of each hmerge by its place in ARGV
-- Reads what an hmerge needs; says whether it can't be done.
local function unmergeable(i)
  local map, told = ARGV[i + 1] .. '\0' .. ARGV[i + 2]
  if not maps[map] then
    local bytes = redis.call('HGET', prefix .. ARGV[i + 1], ARGV[i + 2])
    if bytes then told, maps[map] = pcall(entries_of, bytes) else maps[map] = {} end
    if told == false then return true end
  end
  told, given[i] = pcall(entries_of, ARGV[i + 4])
  return not told
end
local first = 13 + 3 * tonumber(ARGV[11])
for i = 13, first - 1, 3 do
  local expires = tonumber(ARGV[i + 2])
  if not expires or expires <= 0 or ARGV[i] == '' then return {'argument', 'outcome ' .. tostring(ARGV[i]), ''} end
end
local checked, none = {}, {}
-- Says what is wrong with a key that must be of a type; nil where nothing is.
local function mistyped(key, wanted)
  if not checked[key] then
    local held_type = redis.call('TYPE', prefix .. key)['ok']
    if held_type ~= 'none' and held_type ~= wanted then return 'is a ' .. held_type end
    checked[key] = wanted
  end
  if checked[key] ~= wanted then return 'two types' end
end
local i = first
while i <= #ARGV do
  local rule = known[ARGV[i]]
  if not rule then return {'argument', 'unknown operation ' .. ARGV[i], ''} end
  local key = ARGV[i + 1]
  if i + rule[1] > #ARGV or not key or key == '' or key == 'positions' then
    return {'argument', ARGV[i] .. ' ' .. tostring(key), ''}
  end
  if rule[3] then
    local number = tonumber(ARGV[i + rule[3]])
    if not number or number ~= number or math.abs(number) == math.huge then
      return {'argument', ARGV[i] .. ' ' .. key .. ': not a number', ''}
    end
  end
  if ARGV[i] == 'xadd' and not string.match(ARGV[i + 2], '^%d+%-%d+$') then
    return {'argument', 'xadd ' .. key .. ': not an exact id', ''}
  end
  local wrong = rule[2] and mistyped(key, rule[2])
  if wrong then return {'argument', ARGV[i] .. ' ' .. key .. ': ' .. wrong, ''} end
  if ARGV[i] == 'hmerge' and unmergeable(i) then return {'argument', 'hmerge ' .. key .. ': not a map', ''} end
  for index, wanted in pairs(rule[4] or none) do
    local other = ARGV[i + index]
    wrong = (other == '' or other == 'positions') and 'no key' or mistyped(other, wanted)
    if wrong then return {'argument', ARGV[i] .. ' ' .. other .. ': ' .. wrong, ''} end
  end
  i = i + rule[1] + 1
end

-- Streams: what is older than this by Redis' clock is not published; entries are kept, and idle streams go.
local TELL_MS, KEEP_MS, IDLE_MS = 5 * 60 * 1000, 10 * 60 * 1000, 20 * 60 * 1000
local clock = redis.call('TIME')
local now_ms = clock[1] * 1000 + math.floor(clock[2] / 1000)
local published = {} -- streams that this record has added to

-- From here on everything is written.
i = first
while i <= #ARGV do
  local name, key = ARGV[i], prefix .. ARGV[i + 1]
  local arity = known[name][1]
  if name == 'xadd' then -- an id at or below the stream's last is a repeat: it changes nothing
    redis.pcall('XADD', key, ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
  elseif name == 'hmerge' then
    local map = ARGV[i + 1] .. '\0' .. ARGV[i + 2]
    maps[map] = merged(maps[map], ARGV[i + 3], given[i])
    redis.call('HSET', key, ARGV[i + 2], map_of(maps[map]))
  elseif name == 'stream' then
    if tonumber(ARGV[i + 2]) >= now_ms - TELL_MS then
      local rank = ARGV[i + 4] ~= '' and redis.call('ZRANK', prefix .. ARGV[i + 3], ARGV[i + 4])
      rank = rank and tostring(rank + 1) or ''
      if published[key] then redis.call('XADD', key, '*', 'd', ARGV[i + 5], 'r', rank)
      else
        local oldest = string.format('%.0f', now_ms - KEEP_MS)
        redis.call('XADD', key, 'MINID', '~', oldest, '*', 'd', ARGV[i + 5], 'r', rank)
        redis.call('PEXPIRE', key, IDLE_MS)
        published[key] = true
      end
    end
  elseif name == 'zremwhen' or name == 'expirewhen' then
    local empty, whole = prefix .. ARGV[i + 3], prefix .. ARGV[i + 4]
    if redis.call('SCARD', empty) == 0 and redis.call('SCARD', whole) >= tonumber(ARGV[10]) then
      redis.call(name == 'zremwhen' and 'ZREM' or 'PEXPIREAT', key, ARGV[i + 2])
    end
  elseif name == 'saddunless' then
    if redis.call('HEXISTS', prefix .. ARGV[i + 3], ARGV[i + 4]) == 0 then redis.call('SADD', key, ARGV[i + 2]) end
  elseif name == 'forget' then
    while true do
      local old = redis.call('ZRANGEBYSCORE', key, '-inf', ARGV[i + 2], 'LIMIT', 0, 1000)
      if #old == 0 then break end
      redis.call('ZREM', key, unpack(old))
      redis.call('ZREM', prefix .. ARGV[i + 3], unpack(old))
    end
  elseif name == 'zlist' then
    redis.call('ZADD', key, 0, ARGV[i + 2])
    redis.call('ZREMRANGEBYRANK', key, 0, -ARGV[i + 3] - 1)
  elseif name == 'expireat' then redis.call('PEXPIREAT', key, ARGV[i + 2])
  elseif name == 'expireas' then
    local gone_at = redis.call('HGET', prefix .. ARGV[i + 2], 'gone')
    if gone_at then redis.call('PEXPIREAT', key, gone_at) end
  elseif arity == 1 then redis.call(name, key)
  elseif arity == 2 then redis.call(name, key, ARGV[i + 2])
  else redis.call(name, key, ARGV[i + 2], ARGV[i + 3]) end
  i = i + arity + 1
end
for j = 13, first - 1, 3 do
  redis.call('SET', ARGV[j], ARGV[j + 1], 'PXAT', ARGV[j + 2])
end
redis.call('HSET', positions, partition .. ':next', advanced, 'log', log_id, partition .. ':at', ARGV[7],
  partition .. ':mark', ARGV[12])
if src ~= '' then
  redis.call('HSET', positions, partition .. ':src', src)
  last_src = src
end
notify()
return {'applied', advanced, tostring(last_src)}
