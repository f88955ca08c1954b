#!lua flags=allow-oom
-- recover: gives a consumer the jobs it has claimed without knowing it, since the reply of a claim was lost.
--
-- KEYS  inflight
-- ARGV  the claim ids it knows of
-- gives {now_ms, id, record, id, record, ...} of the others, in order
local t = redis.call('TIME')
local out = {t[1] * 1000 + math.floor(t[2] / 1000)}
local known, unknown = {}, {}
for _, id in ipairs(ARGV) do
  known[id] = true
end
for _, id in ipairs(redis.call('HKEYS', KEYS[1])) do
  if not known[id] then unknown[#unknown + 1] = id end
end
table.sort(unknown)
for _, id in ipairs(unknown) do
  out[#out + 1] = id
  out[#out + 1] = redis.call('HGET', KEYS[1], id)
end
return out
