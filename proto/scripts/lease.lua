#!lua flags=allow-oom
-- lease: opens, renews and closes a consumer's lease. A lease is a promise to be alive until its score,
-- by the server's clock; whoever finds one that ran out may take its consumer's jobs (reap.lua).
--
-- KEYS  leases list retry inflight paused parked waiting
-- ARGV  open | beat | close, consumer, lease_ms, exclusive (1: one consumer at a time), owned (how many partitions
--       of the queue the consumer's daemon has: who waits for one says so to the one that has it)
-- gives {now_ms, state, backlog, next_due_ms, {paused app, ...}, {app, its oldest parked claim id, ...},
--        the least that a waiting daemon owns or -1, how many jobs are in the consumer's claim,
--        consumer, ms left of its lease, consumer, ms left, ...} of others
--   state 1: held; 0: open found another consumer on an exclusive list;
--         -1: gone (beat never brings a lease back: its jobs may be somebody else's by now)
--   close gives 1 when the lease was removed, 0 when jobs are left: the lease then runs out and they are reaped; and
--   nothing of the rest, so that no key of another type makes an error of what is done
local leases, list, retry, inflight, paused, parked, waiting = unpack(KEYS)
local op, consumer, lease_ms, exclusive, owned = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', ARGV[5]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function close()
  if redis.call('EXISTS', inflight) == 1 then return 0 end
  redis.call('ZREM', leases, consumer)
  return 1
end

-- Those that wait are asked again and again: who stops to ask does not wait any more.
local function least_waiting()
  local least = -1
  local all = redis.call('HGETALL', waiting)
  for i = 1, #all, 2 do
    local n, ends = string.match(all[i + 1], '^(%d+):(%d+)$')
    if not ends or tonumber(ends) < now then
      redis.call('HDEL', waiting, all[i])
    elseif least < 0 or tonumber(n) < least then
      least = tonumber(n)
    end
  end
  return least
end

local state = 1
if op == 'open' and exclusive and redis.call('ZCARD', leases) > 0 and not redis.call('ZSCORE', leases, consumer) then
  redis.call('HSET', waiting, consumer, owned .. ':' .. string.format('%.0f', now + lease_ms))
  state = 0
elseif op == 'open' then
  redis.call('HDEL', waiting, consumer)
  redis.call('ZADD', leases, now + lease_ms, consumer)
elseif op == 'close' then
  return {now, close(), 0, -1, {}, {}, -1, 0}
elseif redis.call('ZSCORE', leases, consumer) then
  redis.call('ZADD', leases, now + lease_ms, consumer)
else
  state = -1
end

local first = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
local oldest_parked = {}
for _, app in ipairs(redis.call('SMEMBERS', parked)) do
  local oldest = redis.call('ZRANGE', parked .. ':' .. app, 0, 0)[1]
  if oldest then -- else its set was removed: a name without an id would take that of the next app
    oldest_parked[#oldest_parked + 1] = app
    oldest_parked[#oldest_parked + 1] = oldest
  end
end
local out = {now, state, redis.call('LLEN', list), first[2] and math.floor(tonumber(first[2])) or -1,
  redis.call('HKEYS', paused), oldest_parked, exclusive and least_waiting() or -1, redis.call('HLEN', inflight)}
local others = redis.call('ZRANGE', leases, 0, 255, 'WITHSCORES')
for i = 1, #others, 2 do
  if others[i] ~= consumer then
    out[#out + 1] = others[i]
    out[#out + 1] = math.floor(tonumber(others[i + 1]) - now)
  end
end
return out
