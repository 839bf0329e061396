-- Removes deliveries that wait in a subject's lines at all targets of a game: those that hold a text, or all.
-- ARGV: game, subject, text ('' for all). Returns how many were removed.
local removed = 0
for _, target in ipairs(redis.call('SMEMBERS', 'webhooks:targets')) do
  if string.sub(target, 1, #ARGV[1] + 1) == ARGV[1] .. '/' then
    local line = target .. '/' .. ARGV[2]
    local key, retry = 'webhooks:line:' .. line, 'webhooks:retry:' .. target
    local members = redis.call('ZRANGE', key, 0, -1)
    local count = 0
    for place, member in ipairs(members) do
      if ARGV[3] == '' or string.find(member, ARGV[3], 1, true) then
        redis.call('ZREM', key, member)
        count = count + 1
        if place == 1 then redis.call('HDEL', retry, line) end -- it was the first's, which was tried
      end
    end
    if count > 0 and redis.call('HINCRBY', 'webhooks:waiting', target, -count) <= 0 then
      redis.call('HDEL', 'webhooks:waiting', target)
    end
    if count == #members then
      redis.call('HDEL', retry, line)
      redis.call('ZREM', 'webhooks:due:' .. target, line)
    end
    removed = removed + count
  end
end
return removed
