-- A projection's position, and whether its readers may read it.
-- ARGV: noun, generation ('' follows the pointer, making the first one where there is none), partition.
-- Returns {run id, generation, next offset or '', last src or '', log id or '', 'ready' or '', mark or ''}.
local noun, generation = ARGV[1], ARGV[2]
local run_id = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
if generation == '' then
  redis.call('SET', 'generation:' .. noun, '1', 'NX')
  generation = redis.call('GET', 'generation:' .. noun)
end
local held = redis.call('HMGET', noun .. ':' .. generation .. ':positions',
  ARGV[3] .. ':next', ARGV[3] .. ':src', 'log', ARGV[3] .. ':mark')
local ready = redis.call('GET', 'ready:' .. noun) == run_id and 'ready' or ''
return {run_id, generation, held[1] or '', held[2] or '', held[3] or '', ready, held[4] or ''}
