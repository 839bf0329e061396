-- Reads several things of a projection behind its gate, at one moment.
-- ARGV: noun, then flat requests of four: kind, key, and two more, '' where the kind needs none:
--   get key | hget key field | hmget key f1\0f2… | hgetall key | smembers key
--   top key count: {members in all, member, score, …} of a sorted set, ascending
--   slice key start count: {member, score, …}
--   place key hash field: {member, rank from 1, score} of the member that the hash's field names, or false
--   until key most count: {member, score, …} with scores up to `most`
-- Returns false where the projection isn't ready in this very Redis, else the answers in order.
local noun = ARGV[1]
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local held = redis.call('MGET', 'ready:' .. noun, 'generation:' .. noun)
if held[1] ~= run_id or not held[2] then return false end
local prefix = noun .. ':' .. held[2] .. ':'
local answers = {}
for i = 2, #ARGV, 4 do
  local kind, key, one, two = ARGV[i], prefix .. ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local answer
  if kind == 'get' then answer = redis.call('GET', key)
  elseif kind == 'hget' then answer = redis.call('HGET', key, one)
  elseif kind == 'hmget' then
    local fields = {}
    for field in string.gmatch(one, '[^%z]+') do fields[#fields + 1] = field end
    answer = redis.call('HMGET', key, unpack(fields))
  elseif kind == 'hgetall' then answer = redis.call('HGETALL', key)
  elseif kind == 'smembers' then answer = redis.call('SMEMBERS', key)
  elseif kind == 'top' then
    answer = redis.call('ZRANGE', key, 0, tonumber(one) - 1, 'WITHSCORES')
    table.insert(answer, 1, redis.call('ZCARD', key))
  elseif kind == 'slice' then
    answer = redis.call('ZRANGE', key, one, tonumber(one) + tonumber(two) - 1, 'WITHSCORES')
  elseif kind == 'place' then
    local member = redis.call('HGET', prefix .. one, two)
    local rank = member and redis.call('ZRANK', key, member)
    answer = rank and {member, rank + 1, redis.call('ZSCORE', key, member)} or false
  elseif kind == 'until' then
    answer = redis.call('ZRANGEBYSCORE', key, '-inf', one, 'WITHSCORES', 'LIMIT', 0, two)
  else return redis.error_reply('gather.lua knows no ' .. kind)
  end
  answers[#answers + 1] = answer
end
return answers
