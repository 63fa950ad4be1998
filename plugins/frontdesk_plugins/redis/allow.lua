-- One try of ARGV[1] within ARGV[2] microseconds: 0 if it was taken, else the microseconds until there is one.
-- The same as frontdesk.core.pacing.take; the server's clock, so that processes need not agree on theirs.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local per = tonumber(ARGV[2])
local interval = per / tonumber(ARGV[1])
local ready = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
local arrival = math.min(math.max(ready, now), now + per)
local wait = arrival - now - (per - interval)
if wait > 1 then
  return math.ceil(wait)
end
local left = math.max(1, math.ceil((arrival + interval - now) / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', arrival + interval), 'PX', left)
return 0
