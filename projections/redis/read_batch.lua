-- Reads several things of a projection behind its gate, at one moment.
-- ARGV: noun, and a MessagePack list of flat requests of four: kind, key, and two more, '' where the kind needs none:
--   get key | hget key field | hmget key f1\0f2… | hgetall key | smembers key
--   top key count: {members in all, member, score, …} of a sorted set, ascending
--   slice key start count: {member, score, …}
--   place key hash field: {member, rank from 1, score} of the member that the hash's field names, or false
--   until key most count: {member, score, …} with scores up to `most`
--   count key: members of a sorted set
--   which key member1\0member2…: 1 for each that the set has, else 0
--   page key before most: {member, …} of a list (a sorted set of equal scores), the last first, those that come
--     before the text `before` ('' for all)
--   rows key before most\0prefix: {member, fields, …} likewise, each with the hash at prefix and the member's id
--   fields key before most\0prefix\0length: {value, …} likewise: of each member what the hash at prefix and the first
--     `length` bytes of the member's id holds under that id, if anything
--   each key field id1\0id2…: {value or false, …}: what the hash at the key and each id holds under the field
--   newest key offset most\0prefix\0scores\0gone: {members in all, member, value, …} of a list, the last first after
--     `offset`, each with the string at prefix and the member's id; those that the sorted set `scores` has at
--     `gone` or below don't count
-- Returns false where the projection isn't ready in this very Redis, else the answers in order.
local noun = ARGV[1]
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local held = redis.call('MGET', 'ready:' .. noun, 'generation:' .. noun)
if held[1] ~= run_id or not held[2] then return false end
local prefix = noun .. ':' .. held[2] .. ':'
local PLACE = 15 -- bytes of a member before its id: digits of a time and a colon
local function page(key, before, most)
  local last = before == '' and '+' or '(' .. before
  return redis.call('ZRANGE', key, last, '-', 'BYLEX', 'REV', 'LIMIT', 0, most)
end
local function split(text)
  local parts = {}
  for part in string.gmatch(text, '[^%z]+') do parts[#parts + 1] = part end
  return parts
end
-- Members that come together mostly share their hash: it is asked once for all of them.
local function fields(members, rows, length)
  local found, hash, ids = {}, nil, {}
  local function take()
    if not hash then return end
    for _, value in ipairs(redis.call('HMGET', prefix .. rows .. hash, unpack(ids))) do
      if value then found[#found + 1] = value end
    end
  end
  for _, member in ipairs(members) do
    local id = string.sub(member, PLACE + 1)
    local own = string.sub(id, 1, length)
    if own ~= hash then
      take()
      hash, ids = own, {}
    end
    ids[#ids + 1] = id
  end
  take()
  return found
end
local asked = cmsgpack.unpack(ARGV[2])
local answers = {}
for i = 1, #asked, 4 do
  local kind, key, one, two = asked[i], prefix .. asked[i + 1], asked[i + 2], asked[i + 3]
  local answer
  if kind == 'get' then answer = redis.call('GET', key)
  elseif kind == 'hget' then answer = redis.call('HGET', key, one)
  elseif kind == 'hmget' then answer = redis.call('HMGET', key, unpack(split(one)))
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
  elseif kind == 'count' then answer = redis.call('ZCARD', key)
  elseif kind == 'which' then answer = redis.call('SMISMEMBER', key, unpack(split(one)))
  elseif kind == 'each' then
    answer = {}
    for j, id in ipairs(split(two)) do answer[j] = redis.call('HGET', key .. id, one) end
  elseif kind == 'page' then answer = page(key, one, two)
  elseif kind == 'fields' then
    local most, rows, length = unpack(split(two))
    answer = fields(page(key, one, most), rows, tonumber(length))
  elseif kind == 'newest' then
    local most, rows, scores, gone = unpack(split(two))
    answer = {redis.call('ZCARD', key) - redis.call('ZCOUNT', prefix .. scores, '-inf', gone)}
    if tonumber(most) > 0 then
      for _, member in ipairs(redis.call('ZRANGE', key, one, tonumber(one) + tonumber(most) - 1, 'REV')) do
        answer[#answer + 1] = member
        answer[#answer + 1] = redis.call('GET', prefix .. rows .. string.sub(member, PLACE + 1))
      end
    end
  elseif kind == 'rows' then
    local most, rows = unpack(split(two))
    answer = {}
    for _, member in ipairs(page(key, one, most)) do
      answer[#answer + 1] = member
      answer[#answer + 1] = redis.call('HGETALL', prefix .. rows .. string.sub(member, PLACE + 1))
    end
  else return redis.error_reply('read_batch.lua knows no ' .. kind)
  end
  answers[#answers + 1] = answer
end
return answers
