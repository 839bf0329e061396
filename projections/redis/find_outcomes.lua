-- Finds stored outcomes, and says how far behind the log they may be.
-- ARGV: noun, partition, then outcome keys.
-- Returns false where the projection isn't ready in this very Redis, else {milliseconds since the partition was
-- known to have answered everything, outcome or false, ...}.
local noun, partition = ARGV[1], ARGV[2]
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local held = redis.call('MGET', 'ready:' .. noun, 'generation:' .. noun)
if held[1] ~= run_id or not held[2] then return false end
local fresh = tonumber(redis.call('HGET', 'fresh:' .. noun, partition) or '0')
local at = tonumber(redis.call('HGET', noun .. ':' .. held[2] .. ':positions', partition .. ':at') or '0')
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if at > now + 5 * 60 * 1000 then at = 0 end -- a broker's clock that is ahead says nothing about what is applied
local answers = {string.format('%.0f', now - math.max(fresh, at))}
for i = 3, #ARGV do answers[i - 1] = redis.call('GET', ARGV[i]) end
return answers
