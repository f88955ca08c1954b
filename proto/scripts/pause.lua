#!lua flags=allow-oom
-- pause: pauses a queue or one of its apps, or lets it go on.
--
-- KEYS  paused
-- ARGV  pause | resume, app (* for the whole queue), and for pause the reason as a JSON string or ''
-- gives 1 if that changed whether it is paused, else 0
--
-- What is paused already stays paused since then; a reason that is given replaces the one before.
local paused, op, app, reason = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
if op == 'resume' then return redis.call('HDEL', paused, app) end

local before = redis.call('HGET', paused, app)
if before and reason == '' then return 0 end
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local since = before and string.match(before, '"since_ms":(%d+)') or now
redis.call('HSET', paused, app,
  '{"since_ms":' .. since .. ',"reason":' .. (reason == '' and '""' or reason) .. '}')
return before and 0 or 1
