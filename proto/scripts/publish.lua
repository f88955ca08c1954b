#!lua
-- publish: a consumer says how it is doing, for those who look (pusherctl top).
--
-- KEYS  leases daemons watched
-- ARGV  consumer, report (a JSON object; or '': forget the one before), seconds until all are forgotten
-- gives 1 if somebody is looking, who wants to hear again soon; else 0
--
-- The time of Redis's clock is put first into the report. What consumers that are gone have said is removed.
-- Nothing depends on it: Redis may refuse it, over maxmemory as well.
local leases, daemons, watched = unpack(KEYS)
local consumer, report, expire_s = ARGV[1], ARGV[2], ARGV[3]
if report == '' then redis.call('HDEL', daemons, consumer) end
if report == '' or not redis.call('ZSCORE', leases, consumer) then return 0 end

local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('HSET', daemons, consumer, '{"at_ms":' .. now .. ',' .. string.sub(report, 2))
redis.call('EXPIRE', daemons, expire_s)
for _, name in ipairs(redis.call('HKEYS', daemons)) do
  if not redis.call('ZSCORE', leases, name) then redis.call('HDEL', daemons, name) end
end
return redis.call('EXISTS', watched)
