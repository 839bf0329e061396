-- What came of a delivery that was taken.
-- ARGV: target, line, member, attempts (0: it is done, delivered or given up), when it may be tried again, now_ms
-- Returns 1 where the delivery was still the line's.
local target, line, member = ARGV[1], ARGV[2], ARGV[3]
local key, due, retry = 'webhooks:line:' .. line, 'webhooks:due:' .. target, 'webhooks:retry:' .. target
if not redis.call('ZSCORE', key, member) then return 0 end
if ARGV[4] ~= '0' then
  redis.call('HSET', retry, line, ARGV[4] .. ':' .. ARGV[5])
  redis.call('ZADD', due, ARGV[5], line)
  return 1
end
redis.call('ZREM', key, member)
redis.call('HDEL', retry, line)
if redis.call('HINCRBY', 'webhooks:waiting', target, -1) <= 0 then redis.call('HDEL', 'webhooks:waiting', target) end
if redis.call('ZCARD', key) > 0 then redis.call('ZADD', due, ARGV[6], line) else redis.call('ZREM', due, line) end
return 1
