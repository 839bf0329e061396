-- Notes under which name this Redis holds a noun, unless it holds it already.
-- ARGV: noun, name. Returns the name under which it holds the noun. A store of an older release has noted none.
local key = 'groups:' .. ARGV[1]
local held = redis.call('GET', key)
if held then return held end
held = redis.call('EXISTS', 'generation:' .. ARGV[1]) == 1 and ARGV[1] or ARGV[2]
redis.call('SET', key, held)
return held
