-- Says that one partition has reached the log's end as it was at some time; opens the gate once all have.
-- ARGV: noun, partition, number of partitions, run id, the offset that must be reached,
--   '1' where that partition was seen at the log's end just now
-- Returns {'ready' | 'waiting' | 'behind' | 'run'}; 'run': this is another Redis than the one that was looked at.
local noun, partition, run_id = ARGV[1], ARGV[2], ARGV[4]
if string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') ~= run_id then return 'run' end
local generation = redis.call('GET', 'generation:' .. noun)
if not generation then return 'behind' end
local positions = noun .. ':' .. generation .. ':positions'
local next_offset = tonumber(redis.call('HGET', positions, partition .. ':next') or '0')
if next_offset < tonumber(ARGV[5]) then return 'behind' end
-- When the partition was last seen at the log's end: how far answers may be behind, for look-ups by key.
if ARGV[6] == '1' then
  local time = redis.call('TIME')
  redis.call('HSET', 'fresh:' .. noun, partition, time[1] .. string.format('%03d', math.floor(time[2] / 1000)))
end
redis.call('HSET', 'reached:' .. noun, partition, run_id)
for p = 0, tonumber(ARGV[3]) - 1 do
  if redis.call('HGET', 'reached:' .. noun, tostring(p)) ~= run_id then return 'waiting' end
end
redis.call('SET', 'ready:' .. noun, run_id)
return 'ready'
