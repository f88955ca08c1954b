#!lua
-- replay: gives failed jobs back to the queue. Each leaves the failures in the instant it is queued again.
--
-- KEYS  failures list retry retry:jobs seq
-- ARGV  for each job the id of its entry, and a record's header or ''
--   ''       the producer's bytes go to the end of the list
--   header   the job was delivered in part: a record with this header, which marks what was delivered, becomes
--            a retry that is due at once, behind the retries that are due already
-- gives the ids of the entries that were gone: somebody else has replayed or dropped those
--
-- It is the one script that is not allowed to run while Redis is over maxmemory: replaying frees nothing at
-- first, since a stream gives memory back by whole nodes, and nobody waits for it. Redis refuses the call
-- before it begins.
local failures, list, retry, retry_jobs, seq = unpack(KEYS)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local gone = {}

-- As in claim.lua.
local MAX_ID, MAX_BASE = 9007199254740991, 8000000000000000
local base = math.min(now * 1000, MAX_BASE)
local function new_id()
  local id = redis.call('INCRBY', seq, 1)
  if id <= base or id > MAX_ID then
    id = base + 1
    redis.call('SET', seq, string.format('%.0f', id))
  end
  return string.format('%016.0f', id)
end

local function job_of(entry)
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'job' then return fields[i + 1] end
  end
end

-- The member first: without its record it is harmless, should the record be refused.
local function retry_rest(header, job)
  local id = new_id()
  redis.call('ZADD', retry, now, id)
  redis.call('HSET', retry_jobs, id, header .. job)
end

-- Removes nothing: fails here, before anything is queued, if entries could not be removed.
redis.call('XDEL', failures, '0-0')

for i = 1, #ARGV, 2 do
  local id, header = ARGV[i], ARGV[i + 1]
  local entry = redis.call('XRANGE', failures, id, id)[1]
  local job = entry and job_of(entry)
  if not job then
    gone[#gone + 1] = id
  else
    if header == '' then redis.call('RPUSH', list, job) else retry_rest(header, job) end
    redis.call('XDEL', failures, id)
  end
end

return gone
