-- Reads several fields of a projection behind its gate, at one moment.
-- ARGV: noun, then flat requests: 'hget' key field | 'hvals' key '' | 'hgetall' key ''
-- Returns false where the projection isn't ready in this very Redis, else the answers in order.
local noun = ARGV[1]
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local held = redis.call('MGET', 'ready:' .. noun, 'generation:' .. noun)
if held[1] ~= run_id or not held[2] then return false end
local prefix = noun .. ':' .. held[2] .. ':'
local answers = {}
for i = 2, #ARGV, 3 do
  if ARGV[i] == 'hget' then answers[#answers + 1] = redis.call('HGET', prefix .. ARGV[i + 1], ARGV[i + 2])
  elseif ARGV[i] == 'hvals' then answers[#answers + 1] = redis.call('HVALS', prefix .. ARGV[i + 1])
  else answers[#answers + 1] = redis.call('HGETALL', prefix .. ARGV[i + 1]) end
end
return answers
