-- A wake-up from ARGV[1] (if from anybody) for one process that waits at the list KEYS[1]: no more than ARGV[2] of
-- them, none older than ARGV[3] milliseconds. Then words: a channel and what to say there, pair by pair.
if ARGV[1] ~= '' then
  redis.call('LPUSH', KEYS[1], ARGV[1])
  redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[2]) - 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
for place = 4, #ARGV, 2 do
  redis.call('PUBLISH', ARGV[place], ARGV[place + 1])
end
return 0
