#!lua flags=allow-oom
-- lease: opens, renews and closes a consumer's lease. A lease is a promise to be alive until its score,
-- by the server's clock; whoever finds one that ran out may take its consumer's jobs (reap.lua).
--
-- KEYS  leases list retry inflight intake
-- ARGV  open | beat | close, consumer, lease_ms
-- gives {now_ms, state, backlog, next_due_ms, consumer, ms left of its lease, consumer, ms left, ...} of others
--   state 1: held; -1: gone (beat never brings a lease back: its jobs may be somebody else's by now)
--   close gives 1 when the lease was removed, 0 when jobs are left: the lease then runs out and they are reaped
local leases, list, retry, inflight, intake = unpack(KEYS)
local op, consumer, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function close()
  -- What woke the consumer and was not claimed goes back to where it came from, in order.
  while redis.call('LMOVE', intake, list, 'RIGHT', 'LEFT') do end
  if redis.call('EXISTS', inflight) == 1 then return 0 end
  redis.call('ZREM', leases, consumer)
  return 1
end

local state = 1
if op == 'open' then
  redis.call('ZADD', leases, now + lease_ms, consumer)
elseif op == 'close' then
  state = close()
elseif redis.call('ZSCORE', leases, consumer) then
  redis.call('ZADD', leases, now + lease_ms, consumer)
else
  state = -1
end

local first = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
local out = {now, state, redis.call('LLEN', list), first[2] and math.floor(tonumber(first[2])) or -1}
local others = redis.call('ZRANGE', leases, 0, 255, 'WITHSCORES')
for i = 1, #others, 2 do
  if others[i] ~= consumer then
    out[#out + 1] = others[i]
    out[#out + 1] = math.floor(tonumber(others[i + 1]) - now)
  end
end
return out
