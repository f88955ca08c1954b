#!lua flags=allow-oom
-- unpark: brings the oldest parked jobs of an app back, to be claimed before anything newer.
--
-- KEYS  parked retry
-- ARGV  app, n
-- gives {how many came back, claim id of the oldest that is left or ''}
local parked, retry = unpack(KEYS)
local app, n = ARGV[1], tonumber(ARGV[2])
local of_app = parked .. ':' .. app

local ids = redis.call('ZRANGE', of_app, 0, n - 1)
for _, id in ipairs(ids) do
  redis.call('ZADD', retry, 0, id)
  redis.call('ZREM', of_app, id)
end
local oldest = redis.call('ZRANGE', of_app, 0, 0)[1]
if not oldest then redis.call('SREM', parked, app) end
return {#ids, oldest or ''}
