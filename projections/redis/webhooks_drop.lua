-- Removes the deliveries that wait in a subject's lines at all targets of a game.
-- ARGV: game, subject. Returns how many were removed.
local removed = 0
for _, target in ipairs(redis.call('SMEMBERS', 'webhooks:targets')) do
  if string.sub(target, 1, #ARGV[1] + 1) == ARGV[1] .. '/' then
    local line = target .. '/' .. ARGV[2]
    local count = redis.call('ZCARD', 'webhooks:line:' .. line)
    if count > 0 then
      redis.call('DEL', 'webhooks:line:' .. line)
      if redis.call('HINCRBY', 'webhooks:waiting', target, -count) <= 0 then
        redis.call('HDEL', 'webhooks:waiting', target)
      end
      removed = removed + count
    end
    redis.call('HDEL', 'webhooks:retry:' .. target, line)
    redis.call('ZREM', 'webhooks:due:' .. target, line)
  end
end
return removed
