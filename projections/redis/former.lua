-- Finds what this Redis holds of a noun in former layouts, and shuts it unless it is kept up: nobody reads it any
-- more. Of the noun itself nothing is read either, until its partitions have reached the log's end anew, where a
-- former layout is ahead: an older release took in what this one has not.
-- ARGV: name, the former layout's that can be kept up ('' for none), the names of all former layouts.
-- Returns {the one that is kept up: it was whole once and nobody has let go of it; or '', the others that are held}.
local function positions(noun) return noun .. ':' .. (redis.call('GET', 'generation:' .. noun) or '') .. ':positions' end
local own = positions(ARGV[1])
local function ahead(noun)
  local fields = redis.call('HGETALL', positions(noun))
  for i = 1, #fields, 2 do
    if string.sub(fields[i], -5) == ':next' then
      if tonumber(fields[i + 1]) > tonumber(redis.call('HGET', own, fields[i]) or '0') then return true end
    end
  end
  return false
end
local reply, shut = {''}, false
for i = 3, #ARGV do
  local name = ARGV[i]
  if redis.call('EXISTS', 'generation:' .. name) == 1 then
    shut = shut or ahead(name)
    if name == ARGV[2] and redis.call('EXISTS', 'ready:' .. name) == 1 then reply[1] = name
    else
      redis.call('DEL', 'ready:' .. name, 'reached:' .. name, 'fresh:' .. name)
      reply[#reply + 1] = name
    end
  end
end
if shut then redis.call('DEL', 'ready:' .. ARGV[1], 'reached:' .. ARGV[1]) end
return reply
