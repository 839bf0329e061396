-- Gives a position that an older release kept without a mark its mark, if it is still there.
-- ARGV: noun, generation ('' follows the pointer), partition, next offset, mark.
local generation = ARGV[2] ~= '' and ARGV[2] or redis.call('GET', 'generation:' .. ARGV[1])
local positions = ARGV[1] .. ':' .. generation .. ':positions'
if redis.call('HGET', positions, ARGV[3] .. ':next') ~= ARGV[4] then return 0 end
return redis.call('HSETNX', positions, ARGV[3] .. ':mark', ARGV[5])
