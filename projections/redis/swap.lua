-- Moves a noun's pointer to another generation, if that one is not behind.
-- ARGV: noun, new generation, number of partitions, 'discard' to swap whatever the old one holds, else ''
-- Returns {'swapped' | 'behind' | 'same', old generation, partition that is behind or ''}.
local noun, new = ARGV[1], ARGV[2]
local old = redis.call('GET', 'generation:' .. noun)
if old == new then return {'same', old, ''} end
if old and ARGV[4] ~= 'discard' then
  local before, after = noun .. ':' .. old .. ':positions', noun .. ':' .. new .. ':positions'
  if redis.call('EXISTS', before) == 1 and redis.call('HGET', before, 'log') ~= redis.call('HGET', after, 'log') then
    return {'behind', old, 'log'}
  end
  for p = 0, tonumber(ARGV[3]) - 1 do
    local field = p .. ':next'
    if tonumber(redis.call('HGET', after, field) or '0') < tonumber(redis.call('HGET', before, field) or '0') then
      return {'behind', old, tostring(p)}
    end
  end
end
redis.call('SET', 'generation:' .. noun, new)
return {'swapped', old or '', ''}
