#!lua flags=no-writes
-- peek: looks at the newest failures, without more of their jobs than a screen shows.
--
-- KEYS  failures
-- ARGV  id before which to begin, or '+' for the newest; how many at most; bytes that a value may have
-- gives {more, {{id, {field, value, ...}}, ...}}, the newest first, as XREVRANGE does. Behind a job that was cut
--       comes a field of its own, job_bytes: how many it has. more: 0 if these are the last, 1 if there may be older
--
-- It stops early when what it has read is a lot: whoever wants more asks again, before the last id.
local failures, before, count, max_bytes = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local MAX_READ = 4 * 1024 * 1024

local function cut(fields, out)
  local bytes = 0
  for i = 1, #fields, 2 do
    local name, value = fields[i], fields[i + 1]
    bytes = bytes + #value
    out[#out + 1] = name
    out[#out + 1] = string.sub(value, 1, max_bytes)
    if name == 'job' and #value > max_bytes then
      out[#out + 1] = 'job_bytes'
      out[#out + 1] = string.format('%.0f', #value)
    end
  end
  return bytes
end

local out, read, from = {}, 0, before == '+' and '+' or '(' .. before
while #out < count and read < MAX_READ do
  local entry = redis.call('XREVRANGE', failures, from, '-', 'COUNT', 1)[1]
  if not entry then return {0, out} end
  local fields = {}
  read = read + cut(entry[2], fields)
  out[#out + 1] = {entry[1], fields}
  from = '(' .. entry[1]
end
return {1, out}
