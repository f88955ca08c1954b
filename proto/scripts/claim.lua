#!lua flags=allow-oom
-- claim: takes up to n jobs for a consumer: retries that are due, then the list.
--
-- KEYS  list inflight retry retry:jobs leases seq paused failures
-- ARGV  consumer, n, max_bytes (of the claim), lease_ms, max_job_bytes, max_entries (of failures),
--       at_least (1: one job is taken even if it alone has more than max_bytes)
-- gives {now_ms, state, backlog, next_due_ms, {paused app, ...}, id, record, id, record, ...}
--   state 1: claimed; 2: likewise, and what comes next does not fit; 0: the queue is paused;
--         -1: the lease is gone, nothing was claimed
--   next_due_ms: when the first retry that was not taken is due, -1 if there is none
--
-- A record is "attempts:orphanings:first_ms:progress:" and the producer's bytes, see proto/record.h.
-- An element over max_job_bytes never reaches a daemon: it becomes a failure here.
local list, inflight, retry, retry_jobs, leases, seq, paused, failures = unpack(KEYS)
local consumer, n, max_bytes, lease_ms = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local max_job_bytes, max_entries, at_least = tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[7])

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local function next_due()
  local first = redis.call('ZRANGE', retry, 0, 0, 'WITHSCORES')
  return first[2] and math.floor(tonumber(first[2]))
end

if not redis.call('ZSCORE', leases, consumer) then return {now, -1, 0, -1, {}} end
redis.call('ZADD', leases, now + lease_ms, consumer)
local paused_apps = redis.call('HKEYS', paused)
if redis.call('HEXISTS', paused, '*') == 1 then
  return {now, 0, redis.call('LLEN', list), -1, paused_apps}
end

-- Everything is written to the claim first and removed from where it was after that: an error in between (a
-- key of another type, a missing right) loses nothing.
local out, bytes, n_refused, refused_bytes, trouble = {now, 1, 0, -1, paused_apps}, 0, 0, 0, nil

-- What is refused is copied to the failures, and nobody else is served meanwhile: the rest has to wait.
local MAX_REFUSED_BYTES = 8388608
local function room()
  if refused_bytes >= MAX_REFUSED_BYTES then return 0 end
  return n - (#out - 5) / 2 - n_refused
end

-- Whoever does not fit is not passed by others that would: that keeps the order.
local function fits(record_bytes)
  if bytes + record_bytes <= max_bytes or (at_least > 0 and #out == 5) then return true end
  out[2] = 2
  return false
end

local function claim(set, id, record)
  out[#out + 1] = id
  out[#out + 1] = record
  set[#set + 1] = id
  set[#set + 1] = record
  bytes = bytes + #record
end

-- How ids are written. %d is for C's long, which is too short for them where it has 32 bits; %.0f is as exact, and slow.
local is_long = string.format('%d', 2 ^ 40) == '1099511627776'
local NUMBER, ID = is_long and '%d' or '%.0f', is_long and '%016d' or '%016.0f'

-- The last of n new claim ids. They follow the clock, a thousand a millisecond: a counter that is behind begins anew
-- there. So one that was lost, or is without its last writes, after a failover or from an older snapshot, does not give
-- again what it has forgotten: daemons may still have outcomes under those ids, and would settle other jobs with them.
-- A counter that is ahead of the clock counts on, and ids ascend. It is ahead for the rest of a millisecond, since Redis
-- takes longer than a microsecond to push, claim and settle a job; or because the clock was put back; or beyond the
-- year 2223, where the clock is not followed any more: ids must stay below 2^53. From there on Lua would take one for
-- the next, and lose its job; a counter that somebody set to so much begins anew as well. (One that is lost or spoilt
-- twice in a millisecond begins twice at the same id.)
local MAX_ID, MAX_BASE = 9007199254740991, 8000000000000000
local base = math.min(now * 1000, MAX_BASE)
local function new_ids(count)
  local last = redis.call('INCRBY', seq, count)
  if last - count >= base and last <= MAX_ID then return last end
  last = base + count
  redis.call('SET', seq, string.format(NUMBER, last))
  return last
end

local function in_chunks(command, key, args)
  for i = 1, #args, 1000 do
    redis.call(command, key, unpack(args, i, math.min(i + 999, #args)))
  end
end

local function claim_retries()
  local set, taken = {}, {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', retry, '-inf', now, 'LIMIT', 0, n)) do
    if room() <= 0 then break end
    local record = redis.call('HGET', retry_jobs, id)
    if record and not fits(#record) then break end
    if record then claim(set, id, record) end
    taken[#taken + 1] = id
  end
  in_chunks('HSET', inflight, set)
  in_chunks('ZREM', retry, taken)
  in_chunks('HDEL', retry_jobs, taken)
end

local function refuse(number, element)
  redis.call('HEXISTS', inflight, '') -- fails here, before the failure is written, if the rest could not be claimed
  local reply = redis.pcall('XADD', failures, 'MAXLEN', '~', max_entries, '*', 'id', 'pd-' .. number, 'op', '',
    'app', '', 'code', 'payload_too_large', 'http', 0, 'error',
    'the element has ' .. #element .. ' bytes, max_job_bytes is ' .. max_job_bytes, 'attempts', 0, 'job', element)
  n_refused = n_refused + 1
  refused_bytes = refused_bytes + #element
  if type(reply) == 'table' then trouble = reply end
end

local new_record = '0:0:0::'

-- Few at first, then as many as will fit by their size: what is read and not taken is read again.
local largest = max_bytes / 8
local function chunk()
  return math.min(room(), 64, 1 + math.max(0, math.floor((max_bytes - bytes) / largest)))
end

local function claim_list()
  while room() > 0 and out[2] == 1 and not trouble do
    local set, n_taken = {}, 0
    local elements = redis.call('LRANGE', list, 0, chunk() - 1)
    if #elements == 0 then return end
    local last = new_ids(#elements)
    largest = 1
    for i, element in ipairs(elements) do
      local number = last - #elements + i
      if room() <= 0 then break end
      if #element > max_job_bytes then
        refuse(string.format(NUMBER, number), element)
      elseif fits(#new_record + #element) then
        claim(set, string.format(ID, number), new_record .. element)
      else
        break
      end
      if trouble then break end
      largest = math.max(largest, #element)
      n_taken = i
    end
    in_chunks('HSET', inflight, set)
    redis.call('LTRIM', list, n_taken, -1)
    if n_taken < #elements then return end
  end
end

local due = next_due()
if due and due <= now then
  claim_retries()
  due = next_due()
end
claim_list()
if trouble and #out == 5 then return trouble end
out[3] = redis.call('LLEN', list)
out[4] = due or -1
return out
