-- Takes one record's deliveries into effect together with the reader's position.
-- Records that give none are not put: the reader vouches that nothing between `expected` and `next` was left out.
--
-- ARGV: '<log id>/<partition>', expected next offset, the new position as text (next offset:src:mark),
-- then for each delivery: target, line, sequence, member, due_at_ms.
-- Returns {'put'}; {'held', next offset} where the store's position differs from the expected one: nothing was written then.
local at = ARGV[1]
local held = tonumber(string.match(redis.call('HGET', 'webhooks:positions', at) or '0:-1', '^(%d+):'))
if held ~= tonumber(ARGV[2]) then return {'held', string.format('%.0f', held)} end
for i = 4, #ARGV, 5 do
  local target, line = ARGV[i], ARGV[i + 1]
  if redis.call('ZADD', 'webhooks:line:' .. line, ARGV[i + 2], ARGV[i + 3]) == 1 then
    redis.call('HINCRBY', 'webhooks:waiting', target, 1)
  end
  redis.call('ZADD', 'webhooks:due:' .. target, ARGV[i + 4], line)
  redis.call('SADD', 'webhooks:targets', target)
end
redis.call('HSET', 'webhooks:positions', at, ARGV[3])
return {'put'}
