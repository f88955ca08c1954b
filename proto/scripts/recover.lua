#!lua flags=allow-oom
-- recover: gives a consumer the jobs it has claimed without knowing it, since the reply of a claim was lost.
--
-- KEYS  inflight
-- ARGV  max_bytes, the claim ids it knows of
-- gives {now_ms, more, id, record, id, record, ...} of the others, in order: the first, and then as many as there are
-- within max_bytes. `more` is 1 if there are others still: then it is to be asked again.
local t = redis.call('TIME')
local out = {t[1] * 1000 + math.floor(t[2] / 1000), 0}
local left = tonumber(ARGV[1])
local known, unknown = {}, {}
for i = 2, #ARGV do
  known[ARGV[i]] = true
end
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  if not known[id] then unknown[#unknown + 1] = id end
end
table.sort(unknown)
for i, id in ipairs(unknown) do
  local record = redis.call('HGET', KEYS[1], id)
  left = left - #id - #record
  if i > 1 and left < 0 then
    out[2] = 1
    break
  end
  out[#out + 1] = id
  out[#out + 1] = record
end
return out
