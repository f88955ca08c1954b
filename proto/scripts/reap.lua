#!lua flags=allow-oom
-- reap: takes the jobs of a consumer whose lease ran out and puts them before the queue, in order.
--
-- KEYS  leases inflight retry retry:jobs failures
-- ARGV  consumer, grace_ms (or 'dead' where its process is known to be gone), max_orphanings, max_entries
-- gives the number of jobs moved, or -1 if the lease has not run out after all
--
-- Jobs go to the retry set with score 0 under their own ids: they are claimed before anything newer and
-- in their old order. The daemon that claims a job orphaned too often reports it as crash_loop, under the
-- producer's id; here that happens only to jobs that even this report has killed, twice. What replay.lua does with
-- them rests on the entry that is written here.
local leases, inflight, retry, retry_jobs, failures = unpack(KEYS)
local consumer, max_orphanings, max_entries = ARGV[1], tonumber(ARGV[3]), ARGV[4]
local is_dead, grace_ms = ARGV[2] == 'dead', tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local ends = redis.call('ZSCORE', leases, consumer)
if not ends or not is_dead and tonumber(ends) > now - grace_ms then return -1 end

local function fail(id, attempts, orphanings, job)
  redis.call('XADD', failures, 'MAXLEN', '~', max_entries, '*', 'id', 'pd-' .. string.format('%.0f', id),
    'op', '', 'app', '', 'code', 'crash_loop', 'http', 0,
    'error', 'its claim was orphaned ' .. orphanings .. ' times', 'attempts', attempts, 'job', job)
end

local function orphan(id, record)
  local _, e, attempts, orphanings, first_ms, progress = string.find(record, '^(%d+):(%d+):(%d+):(%x*):')
  local job = string.sub(record, (e or 0) + 1)
  orphanings = tonumber(orphanings or 0) + 1
  if orphanings >= max_orphanings + 2 then
    fail(id, attempts or 0, orphanings, job)
  else
    redis.call('HSET', retry_jobs, id, (attempts or 0) .. ':' .. string.format('%.0f', orphanings) .. ':' ..
      (first_ms or 0) .. ':' .. (progress or '') .. ':' .. job)
    redis.call('ZADD', retry, 0, id)
  end
end

local claimed = redis.call('HGETALL', inflight)
for i = 1, #claimed, 2 do
  orphan(claimed[i], claimed[i + 1])
  redis.call('HDEL', inflight, claimed[i])
end
redis.call('ZREM', leases, consumer)
return #claimed / 2
