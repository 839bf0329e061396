-- Compares keys of two generations, but only at a moment when both are at the same positions.
-- ARGV: noun, one generation, other generation, number of partitions, then relative keys.
-- Returns false where their positions differ, else the relative keys whose contents differ.
local noun = ARGV[1]
local one, other = noun .. ':' .. ARGV[2] .. ':', noun .. ':' .. ARGV[3] .. ':'
for p = 0, tonumber(ARGV[4]) - 1 do
  for _, field in ipairs({p .. ':next', p .. ':src'}) do
    if redis.call('HGET', one .. 'positions', field) ~= redis.call('HGET', other .. 'positions', field) then
      return false
    end
  end
end

local function same_hash(a, b)
  if redis.call('HLEN', a) ~= redis.call('HLEN', b) then return false end
  local fields = redis.call('HGETALL', a)
  for i = 1, #fields, 2 do
    if redis.call('HGET', b, fields[i]) ~= fields[i + 1] then return false end
  end
  return true
end

local function same_list(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if type(a[i]) == 'table' then
      if type(b[i]) ~= 'table' or not same_list(a[i], b[i]) then return false end
    elseif a[i] ~= b[i] then return false end
  end
  return true
end

local function same(key)
  local a, b = one .. key, other .. key
  local kind = redis.call('TYPE', a)['ok']
  if kind ~= redis.call('TYPE', b)['ok'] then return false end
  if kind == 'hash' then return same_hash(a, b) end
  if kind == 'string' then return redis.call('GET', a) == redis.call('GET', b) end
  if kind == 'set' then
    return redis.call('SCARD', a) == redis.call('SCARD', b) and #redis.call('SDIFF', a, b) == 0
  end
  if kind == 'zset' then
    return same_list(redis.call('ZRANGE', a, 0, -1, 'WITHSCORES'), redis.call('ZRANGE', b, 0, -1, 'WITHSCORES'))
  end
  if kind == 'stream' then return same_list(redis.call('XRANGE', a, '-', '+'), redis.call('XRANGE', b, '-', '+')) end
  return kind == 'none'
end

local different = {}
for i = 5, #ARGV do
  if not same(ARGV[i]) then different[#different + 1] = ARGV[i] end
end
return different
