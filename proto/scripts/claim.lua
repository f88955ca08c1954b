#!lua flags=allow-oom
-- claim: takes up to n jobs for a consumer: retries that are due, then what woke the consumer, then the list.
--
-- KEYS  list intake inflight retry retry:jobs leases seq paused failures
-- ARGV  consumer, n, max_bytes (of the claim), lease_ms, max_job_bytes, max_entries (of failures)
-- gives {now_ms, state, backlog, next_due_ms, id, record, id, record, ...}
--   state 1: claimed; 0: the queue is paused; -1: the lease is gone, nothing was claimed
--   next_due_ms: when the first retry that was not taken is due, -1 if there is none
--
-- A record is "attempts:orphanings:first_ms:progress:" and the producer's bytes, see proto/record.h.
-- An element over max_job_bytes never reaches a daemon: it becomes a failure here.
local list, intake, inflight, retry, retry_jobs, leases, seq, paused, failures = unpack(KEYS)
local consumer, n, max_bytes, lease_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local max_job_bytes, max_entries = tonumber(ARGV[5]), ARGV[6]

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function next_due()
  local first = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
  return first[2] and math.floor(tonumber(first[2])) or -1
end

if not redis.call('ZSCORE', leases, consumer) then return {now, -1, 0, -1} end
redis.call('ZADD', leases, now + lease_ms, consumer)
if redis.call('EXISTS', paused) == 1 then return {now, 0, redis.call('LLEN', list), -1} end

local out, set, bytes = {now, 1, 0, -1}, {}, 0

local function claim(id, record)
  out[#out + 1] = id
  out[#out + 1] = record
  set[#set + 1] = id
  set[#set + 1] = record
  bytes = bytes + #record
end

local function room()
  return bytes < max_bytes and n - #set / 2 or 0
end

local function claim_retries()
  local due = redis.call('ZRANGEBYSCORE', retry, '-inf', now, 'LIMIT', 0, n)
  for _, id in ipairs(due) do
    if room() <= 0 then return end
    local record = redis.call('HGET', retry_jobs, id)
    redis.call('ZREM', retry, id)
    if record then
      redis.call('HDEL', retry_jobs, id)
      claim(id, record)
    end
  end
end

local function refuse(number, element)
  redis.call('XADD', failures, 'MAXLEN', '~', max_entries, '*', 'id', 'pd-' .. number, 'op', '', 'app', '',
    'code', 'payload_too_large', 'http', 0, 'error',
    'the element has ' .. #element .. ' bytes, max_job_bytes is ' .. max_job_bytes, 'attempts', 0, 'job', element)
end

local function claim_list(key)
  while room() > 0 do
    local elements = redis.call('LPOP', key, math.min(room(), 64))
    if not elements then return end
    local last = redis.call('INCRBY', seq, #elements)
    for i, element in ipairs(elements) do
      local number = last - #elements + i
      if #element > max_job_bytes then
        refuse(string.format('%d', number), element)
      else
        claim(string.format('%016d', number), '0:0:0::' .. element)
      end
    end
  end
end

claim_retries()
claim_list(intake)
claim_list(list)
for i = 1, #set, 1000 do
  redis.call('HSET', inflight, unpack(set, i, math.min(i + 999, #set)))
end
out[3] = redis.call('LLEN', list)
out[4] = next_due()
return out
