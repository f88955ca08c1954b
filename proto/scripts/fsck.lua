#!lua flags=allow-oom
-- fsck: looks whether jobs are where a daemon would find them, and mends it. What it is asked about was seen a
-- moment ago: whatever a daemon has done since is no fault.
--
-- KEYS  leases retry:jobs retry parked, then the sets {L}:parked:APP that were seen
-- ARGV  what to look at, mend (1) or only tell (0), and
--   consumers  names: each that has claimed jobs has a lease; mended, it gets one that has run out, so that its
--              jobs can be taken over as those of any dead consumer (reap.lua)
--   records    ids: each that has a record is in the retry set or a parked one; mended, it is due at once
--   members    ids: each that is in the set of the last key has a record; mended, it leaves the set
--   apps       names: each that has a parked set is in `parked`, and no other is; mended, so it is
-- gives those of the names or ids that were not as they must be
local leases, retry_jobs, retry, parked = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix = string.sub(parked, 1, -#'parked' - 1)
local mend = ARGV[2] == '1'
local strays = {}

local sets = {retry}
for _, app in ipairs(redis.call('SMEMBERS', parked)) do
  sets[#sets + 1] = parked .. ':' .. app
end
for i = 5, #KEYS do
  sets[#sets + 1] = KEYS[i]
end

local function is_waiting(id)
  for _, set in ipairs(sets) do
    if redis.call('ZSCORE', set, id) then return true end
  end
  return false
end

local looks = {}
function looks.consumers(name)
  if redis.call('ZSCORE', leases, name) then return false end
  if redis.call('EXISTS', prefix .. 'inflight:' .. name) == 0 then return false end
  if mend then redis.call('ZADD', leases, 1, name) end
  return true
end
function looks.records(id)
  if redis.call('HEXISTS', retry_jobs, id) == 0 or is_waiting(id) then return false end
  if mend then redis.call('ZADD', retry, 0, id) end
  return true
end
function looks.members(id)
  local set = KEYS[#KEYS]
  if not redis.call('ZSCORE', set, id) or redis.call('HEXISTS', retry_jobs, id) == 1 then return false end
  if mend then redis.call('ZREM', set, id) end
  return true
end
function looks.apps(app)
  local has_set = redis.call('EXISTS', parked .. ':' .. app)
  if has_set == redis.call('SISMEMBER', parked, app) then return false end
  if mend then redis.call(has_set == 1 and 'SADD' or 'SREM', parked, app) end
  return true
end

for i = 3, #ARGV do
  if looks[ARGV[1]](ARGV[i]) then strays[#strays + 1] = ARGV[i] end
end
return strays
