#!lua
-- replay: gives failed jobs back to the queue. Each leaves the failures in the instant it is queued again.
--
-- KEYS  failures list retry retry:jobs seq
-- ARGV  for each job the id of its entry, and a record's header or ''
--   ''       the producer's bytes go to the end of the list
--   header   the job was delivered in part: a record with this header, which marks what was delivered, becomes
--            a retry that is due at once, behind the retries that are due already
-- A job that reap.lua failed becomes such a retry as well, under the claim id that it had: its mark still holds
-- that (dedupe.lua), and under another it would be its own duplicate.
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

local function fields_of(entry)
  local fields = {}
  for i = 1, entry and #entry[2] or 0, 2 do
    fields[entry[2][i]] = entry[2][i + 1]
  end
  return fields
end

local function own_id(fields)
  local number = tonumber(string.match(fields.id or '', '^pd%-(%d+)$'))
  if fields.code ~= 'crash_loop' or fields.op ~= '' or not number or number > MAX_ID then return nil end
  local id = string.format('%016.0f', number)
  return redis.call('HEXISTS', retry_jobs, id) == 0 and id or nil
end

-- The member first: without its record it is harmless, should the record be refused.
local function retry_job(id, header, job)
  redis.call('ZADD', retry, now, id)
  redis.call('HSET', retry_jobs, id, header .. job)
end

-- Removes nothing: fails here, before anything is queued, if entries could not be removed.
redis.call('XDEL', failures, '0-0')

for i = 1, #ARGV, 2 do
  local id, header = ARGV[i], ARGV[i + 1]
  local fields = fields_of(redis.call('XRANGE', failures, id, id)[1])
  if not fields.job then
    gone[#gone + 1] = id
  else
    local own = header == '' and own_id(fields)
    if own then
      retry_job(own, '0:0:0::', fields.job)
    elseif header == '' then
      redis.call('RPUSH', list, fields.job)
    else
      retry_job(new_id(), header, fields.job)
    end
    redis.call('XDEL', failures, id)
  end
end

return gone
