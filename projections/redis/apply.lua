-- Takes one events record into effect, whole or not at all: position, operations, outcomes, wake-up.
--
-- Lua is not rolled back on an error, so everything is checked before the first write: the record's place in the
-- log, every operation's name, arity and arguments, and the type of every key it touches. Operations set values
-- and never increment them. Keys in operations are relative: the generation's prefix is put before them here, so
-- that a swap of the pointer takes effect between two records.
--
-- ARGV: noun, generation ('' follows the pointer), log id, partition, offset, src ('' where the record is no
-- events record), appended_at_ms, gateway id ('' wakes nobody), record id,
-- number of outcomes, then key, value, expires_at_ms for each,
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

local function wake()
  if ARGV[8] ~= '' then redis.call('PUBLISH', 'wake:' .. ARGV[8], ARGV[9]) end
end

if offset < next_offset then
  wake() -- applied before, and perhaps its wake-up was lost with the connection
  return {'repeated', tostring(next_offset), tostring(last_src)}
end
if offset > next_offset then return {'gap', tostring(next_offset), tostring(last_src)} end

local advanced = string.format('%.0f', offset + 1)
if src ~= '' and tonumber(src) ~= last_src + 1 then
  redis.call('HSET', positions, partition .. ':next', advanced, 'log', log_id)
  return {'dropped', advanced, tostring(last_src)}
end

-- name -> {arity, type of the key, index of the argument that must be a finite number}
local known = {
  set = {2, 'string'}, del = {1}, hset = {3, 'hash'}, hdel = {2, 'hash'}, sadd = {2, 'set'}, srem = {2, 'set'},
  zadd = {3, 'zset', 2}, zrem = {2, 'zset'}, xadd = {4, 'stream'}, -- xadd: key, exact id, field, value
}
local first = 11 + 3 * tonumber(ARGV[10])
for i = 11, first - 1, 3 do
  local expires = tonumber(ARGV[i + 2])
  if not expires or expires <= 0 or ARGV[i] == '' then return {'argument', 'outcome ' .. tostring(ARGV[i]), ''} end
end
local checked = {}
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
  if rule[2] and not checked[key] then
    local held_type = redis.call('TYPE', prefix .. key)['ok']
    if held_type ~= 'none' and held_type ~= rule[2] then
      return {'argument', ARGV[i] .. ' ' .. key .. ': is a ' .. held_type, ''}
    end
  end
  if rule[2] then
    if checked[key] and checked[key] ~= rule[2] then return {'argument', ARGV[i] .. ' ' .. key .. ': two types', ''} end
    checked[key] = rule[2]
  end
  i = i + rule[1] + 1
end

-- From here on everything is written.
i = first
while i <= #ARGV do
  local name, key = ARGV[i], prefix .. ARGV[i + 1]
  local arity = known[name][1]
  if name == 'xadd' then -- an id at or below the stream's last is a repeat: it changes nothing
    redis.pcall('XADD', key, ARGV[i + 2], ARGV[i + 3], ARGV[i + 4])
  elseif arity == 1 then redis.call(name, key)
  elseif arity == 2 then redis.call(name, key, ARGV[i + 2])
  else redis.call(name, key, ARGV[i + 2], ARGV[i + 3]) end
  i = i + arity + 1
end
for j = 11, first - 1, 3 do
  redis.call('SET', ARGV[j], ARGV[j + 1], 'PXAT', ARGV[j + 2])
end
redis.call('HSET', positions, partition .. ':next', advanced, 'log', log_id, partition .. ':at', ARGV[7])
if src ~= '' then
  redis.call('HSET', positions, partition .. ':src', src)
  last_src = src
end
wake()
return {'applied', advanced, tostring(last_src)}
