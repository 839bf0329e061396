-- Takes the first delivery of lines that are due, under a lease: no other worker gets the line until it is over.
-- A line that waits for its next try keeps waiting, whatever new events have said of it.
--
-- ARGV: now_ms, lease_ms, most of all, most of one target, then target, most for those that may have fewer.
-- Returns target, line, attempts so far, member for each, flat.
local now, lease, total = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local until_ms = string.format('%.0f', now + lease)
local most = {}
for i = 5, #ARGV, 2 do most[ARGV[i]] = tonumber(ARGV[i + 1]) end
local targets = redis.call('SMEMBERS', 'webhooks:targets')
local taken = {}
for n = 1, #targets do
  local target = targets[(n + now) % #targets + 1] -- begin elsewhere each time: none is always last
  local left = math.min(most[target] or tonumber(ARGV[4]), total)
  local due, retry = 'webhooks:due:' .. target, 'webhooks:retry:' .. target
  local looked = 0
  while left > 0 and looked < 100 do
    local line = redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[1], 'LIMIT', 0, 1)[1]
    if not line then break end
    looked = looked + 1
    local attempts, next_ms = string.match(redis.call('HGET', retry, line) or '0:0', '^(%d+):(%d+)$')
    local member = redis.call('ZRANGE', 'webhooks:line:' .. line, 0, 0)[1]
    if not member then
      redis.call('ZREM', due, line)
      redis.call('HDEL', retry, line)
    elseif tonumber(next_ms) > now then
      redis.call('ZADD', due, next_ms, line)
    else
      redis.call('HSET', retry, line, attempts .. ':' .. until_ms)
      redis.call('ZADD', due, until_ms, line)
      for _, value in ipairs({target, line, attempts, member}) do taken[#taken + 1] = value end
      left, total = left - 1, total - 1
    end
  end
  if redis.call('ZCARD', due) == 0 then redis.call('SREM', 'webhooks:targets', target) end
end
return taken
