-- Shuts what older releases hold of a noun in layouts of their own, where this Redis has any of it: nothing is read
-- there any more, and of the noun itself nothing until its partitions have reached the log's end anew, since an
-- older release may have answered meanwhile.
-- ARGV: name, the names of former layouts. Returns those of them that this Redis holds.
local held = {}
for i = 2, #ARGV do
  if redis.call('EXISTS', 'generation:' .. ARGV[i]) == 1 then
    redis.call('DEL', 'ready:' .. ARGV[i], 'reached:' .. ARGV[i], 'fresh:' .. ARGV[i])
    held[#held + 1] = ARGV[i]
  end
end
if #held > 0 then redis.call('DEL', 'ready:' .. ARGV[1], 'reached:' .. ARGV[1]) end
return held
