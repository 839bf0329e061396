-- Calls against buckets, in order, by Redis' own clock, so that all processes count alike.
-- ARGV[1] is MessagePack of all calls, each a flat list of its buckets: key, limit (calls a period, may be a fraction),
-- period in ms, whether refused calls count too (then the call has this bucket alone).
-- Returns MessagePack of a list for each call: 1 or 0, retry after ms, remaining, reset ms, bucket (from 1); times are
-- rounded up so that waiting always suffices. They are the first bucket's, or those of the refusing one with the
-- longest wait; a refused call is taken out of none of its buckets.
--
-- Without 'count': a token bucket that holds one period's worth (GCRA; the key holds the theoretical arrival time).
-- With 'count': a log of the last `limit` calls, refused ones included: a call passes if fewer than `limit` were
-- made within the period before it, so every retry extends the wait, and the wait is never longer than a period.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds
local function ms(us) return math.max(0, math.ceil(us / 1000)) end

local function take_counted(key, limit, period)
  local kept = math.max(1, math.floor(limit))
  local oldest = tonumber(redis.call('LINDEX', key, kept - 1) or '0')
  if oldest > now then redis.call('DEL', key); oldest = 0 end -- the clock stepped back
  local allowed = (oldest + period <= now) and 1 or 0
  redis.call('LPUSH', key, string.format('%.0f', now))
  redis.call('LTRIM', key, 0, kept - 1)
  redis.call('PEXPIRE', key, ms(period))
  local edge = tonumber(redis.call('LINDEX', key, kept - 1) or '0')
  local wait = 0
  if allowed == 0 then wait = ms(edge + period - now) end
  local low, high = 0, redis.call('LLEN', key) -- how many calls lie within the period
  while low < high do
    local middle = math.floor((low + high) / 2)
    if tonumber(redis.call('LINDEX', key, middle)) + period > now then low = middle + 1 else high = middle end
  end
  return {allowed, wait, kept - low, ms(period), 1}
end

local arrivals = {} -- by key: buckets that several calls share are read and written once

-- The arrival time that a bucket would hold after one more call, and its verdict.
local function ask(key, limit, period)
  local interval = period / limit
  local burst = math.max(period, interval) -- a limit below one a period still lets one through
  local arrival = arrivals[key] or tonumber(redis.call('GET', key) or '0')
  if arrival > now + burst then arrival = now + burst end -- the limit rose, or the clock stepped back
  local after = math.max(arrival, now) + interval
  -- Half a microsecond forgives the rounding of the stored time.
  if after - now > burst + 0.5 then return after, 0, math.max(1, ms(after - now - burst)), 0, ms(arrival - now) end
  return after, 1, 0, math.floor((burst - (after - now)) / interval + 0.000001), ms(after - now)
end

local function take_all(call)
  local answer, taken = nil, {}
  for i = 1, #call, 4 do
    local after, allowed, wait, remaining, reset = ask(call[i], call[i + 1], call[i + 2] * 1000)
    taken[call[i]] = after
    if not answer or (allowed == 0 and (answer[1] == 1 or wait > answer[2])) then
      answer = {allowed, wait, remaining, reset, (i + 3) / 4}
    end
  end
  if answer[1] == 1 then
    for key, after in pairs(taken) do arrivals[key] = after end
  end
  return answer
end

local verdicts = {}
for i, call in ipairs(cmsgpack.unpack(ARGV[1])) do
  if call[4] then
    verdicts[i] = take_counted(call[1], call[2], call[3] * 1000)
  else
    verdicts[i] = take_all(call)
  end
end
for key, after in pairs(arrivals) do
  redis.call('SET', key, string.format('%.3f', after), 'PX', ms(after - now) + 1)
end
return cmsgpack.pack(verdicts)
