-- Calls against buckets, in order, by Redis' own clock, so that all processes count alike.
-- ARGV, for each call: key, limit (calls a period, may be a fraction), period in ms, 'count' where refused calls
-- count too, else ''.
-- Returns for each call {1 or 0, retry after ms, remaining, reset ms}, all rounded up so that waiting always suffices.
--
-- Without 'count': a token bucket that holds one period's worth (GCRA; the key holds the theoretical arrival time).
-- With 'count': a log of the last `limit` calls, refused ones included: a call passes if fewer than `limit` were
-- made within the period before it, so every retry extends the wait, and the wait is never longer than a period.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] -- microseconds
local function ms(us) return math.max(0, math.ceil(us / 1000)) end

local function take(key, limit, period, count)
  if count == 'count' then
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
    local remaining = kept - low
    return {allowed, wait, remaining, ms(period)}
  end

  local interval = period / limit
  local burst = math.max(period, interval) -- a limit below one a period still lets one through
  local arrival = tonumber(redis.call('GET', key) or '0')
  if arrival > now + burst then arrival = now + burst end -- the limit rose, or the clock stepped back
  local after = math.max(arrival, now) + interval
  -- Half a microsecond forgives the rounding of the stored time.
  if after - now > burst + 0.5 then
    return {0, math.max(1, ms(after - now - burst)), 0, ms(arrival - now)}
  end
  redis.call('SET', key, string.format('%.3f', after), 'PX', ms(after - now) + 1)
  return {1, 0, math.floor((burst - (after - now)) / interval + 0.000001), ms(after - now)}
end

local verdicts = {}
for i = 1, #ARGV, 4 do
  verdicts[#verdicts + 1] = take(ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]) * 1000, ARGV[i + 3])
end
return verdicts
