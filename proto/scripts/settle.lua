#!lua flags=allow-oom
-- settle: what was decided about claimed jobs. A job leaves the claim in the instant its outcome appears.
--
-- KEYS  inflight retry retry:jobs results failures list parked seen
-- ARGV  max_entries, then for each job an operation, its claim id, and
--   D  id op app http attempts ms              done: an entry in results
--   V  id op app http attempts ms result       done, with a result
--   N                                          done, and no entry is wanted
--   F  id op app code http error attempts parts   failed: an entry in failures; parts may be ''
--   R  due_ms header                           to be claimed again when due
--   K  header app                              parked: kept until its app may send, see unpark.lua
--   P  header                                  still claimed; the header is replaced
--   B                                          back to the front of the list, for jobs never tried; the
--                                              last one given becomes the first: give the youngest first
-- and, behind an operation whose outcome is to be sent to a list as well:
--   L  list json                               for the job before it
--   U  id                                      the job before it failed: its id may be used again, unless it is
--                                              the id of another job that was not a duplicate, see dedupe.lua
-- gives the claim ids that were no longer claimed: nothing was written for them.
--
-- A job whose claim was taken from its consumer (reap.lua) keeps its id. As long as nobody has claimed it again
-- it can be settled where it waits, in retry:jobs: so no event is sent twice that need not be.
local inflight, retry, retry_jobs, results, failures, list, parked, seen = unpack(KEYS)
local max_entries = ARGV[1]
local gone = {}
local i, id, settled = 2, nil, false

local function add(stream, ...)
  redis.call('XADD', stream, 'MAXLEN', '~', max_entries, '*', ...)
end

-- The producer's bytes behind a record's header, or the record whole if it has none.
local function job_of(record)
  local _, e = string.find(record, '^%d+:%d+:%d+:%x*:')
  return string.sub(record, (e or 0) + 1)
end

-- Each gets the claim id, the index of its first own argument and, where it needs_record, the record. The
-- outcome is written first and the claim dropped after, so that an error in between loses no job.
local ops = {}
function ops.D(_, a)
  add(results, 'id', ARGV[a], 'op', ARGV[a + 1], 'app', ARGV[a + 2], 'http', ARGV[a + 3],
    'attempts', ARGV[a + 4], 'ms', ARGV[a + 5])
end
function ops.V(_, a)
  add(results, 'id', ARGV[a], 'op', ARGV[a + 1], 'app', ARGV[a + 2], 'http', ARGV[a + 3],
    'attempts', ARGV[a + 4], 'ms', ARGV[a + 5], 'result', ARGV[a + 6])
end
function ops.N() end
function ops.F(_, a, record)
  local fields = {'id', ARGV[a], 'op', ARGV[a + 1], 'app', ARGV[a + 2], 'code', ARGV[a + 3],
    'http', ARGV[a + 4], 'error', ARGV[a + 5], 'attempts', ARGV[a + 6], 'job', job_of(record)}
  if ARGV[a + 7] ~= '' then
    fields[#fields + 1] = 'parts'
    fields[#fields + 1] = ARGV[a + 7]
  end
  add(failures, unpack(fields))
end
function ops.R(id, a, record)
  redis.call('HSET', retry_jobs, id, ARGV[a + 1] .. job_of(record))
  redis.call('ZADD', retry, ARGV[a], id)
end
function ops.K(id, a, record)
  redis.call('HSET', retry_jobs, id, ARGV[a] .. job_of(record))
  redis.call('ZADD', parked .. ':' .. ARGV[a + 1], id, id)
  redis.call('SADD', parked, ARGV[a + 1])
end
function ops.P(id, a, record)
  redis.call('HSET', inflight, id, ARGV[a] .. job_of(record))
end
function ops.B(_, _, record)
  redis.call('LPUSH', list, job_of(record))
end
local n_args = {D = 6, V = 7, N = 0, F = 8, R = 2, K = 2, P = 1, B = 0}
local needs_record = {F = true, R = true, K = true, P = true, B = true}

local function union(progress, other)
  if #progress < #other then progress, other = other, progress end
  return (string.gsub(progress, '()(%x)', function(at, digit)
    local digit2 = string.sub(other, at, at)
    return digit2 ~= '' and string.format('%x', bit.bor(tonumber(digit, 16), tonumber(digit2, 16))) or digit
  end))
end

-- What a header says is added to what the record says, which may be newer.
local function add_header(id, header, record)
  local _, e, attempts, orphanings, first_ms, progress = string.find(record, '^(%d+):(%d+):(%d+):(%x*):')
  local attempts2, first_ms2, progress2 = string.match(header, '^(%d+):%d+:(%d+):(%x*):')
  if not e or not attempts2 then return end
  attempts = math.max(tonumber(attempts), tonumber(attempts2))
  if tonumber(first_ms) == 0 then first_ms = first_ms2 end
  redis.call('HSET', retry_jobs, id, string.format('%.0f:%s:%s:%s:', attempts, orphanings, first_ms,
    union(progress, progress2)) .. string.sub(record, e + 1))
end

-- Jobs that go back where they are already keep their place there; only a later due time counts.
local function settle_waiting(op, id, a)
  local record = redis.call('HGET', retry_jobs, id)
  if not record then return false end
  if op == 'R' then
    add_header(id, ARGV[a + 1], record)
    redis.call('ZADD', retry, 'XX', 'GT', ARGV[a], id)
  elseif op == 'K' or op == 'P' then
    add_header(id, ARGV[a], record)
  elseif op ~= 'B' then
    redis.call('ZSCORE', retry, id) -- fails here, before an outcome is written, if the set is of another type
    ops[op](id, a, record)
    redis.call('ZREM', retry, id) -- if it is parked instead, unpark.lua and claim.lua pass over it
    redis.call('HDEL', retry_jobs, id)
  end
  return true
end

-- A list that cannot be written to (another type, no right) must not undo the job's outcome. One that was there and
-- does not expire is somebody else's: it must not end because a job named it. GT takes no expiry for an endless one.
local function reply(to, json)
  local n = redis.pcall('RPUSH', to, json)
  if n == 1 then
    redis.pcall('EXPIRE', to, 60)
  elseif type(n) == 'number' then
    redis.pcall('EXPIRE', to, 60, 'GT')
  end
end

-- A mark of another type is nobody's: an error here would undo the outcomes that follow.
local function forget(mark)
  if redis.pcall('GET', mark) == id then redis.call('DEL', mark) end
end

while i <= #ARGV do
  local op = ARGV[i]
  if op == 'L' then
    if settled then reply(ARGV[i + 1], ARGV[i + 2]) end
    i = i + 3
  elseif op == 'U' then
    if settled then forget(seen .. ':' .. ARGV[i + 1]) end
    i = i + 2
  else
    id = ARGV[i + 1]
    local record = redis.call(needs_record[op] and 'HGET' or 'HEXISTS', inflight, id)
    settled = record and record ~= 0
    if settled then
      ops[op](id, i + 2, record)
      if op ~= 'P' then redis.call('HDEL', inflight, id) end
    else
      settled = settle_waiting(op, id, i + 2)
      if not settled then gone[#gone + 1] = id end
    end
    i = i + 2 + n_args[op]
  end
end

return gone
