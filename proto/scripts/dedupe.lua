#!lua flags=allow-oom
-- dedupe: remembers the ids of jobs for a while, and tells which were seen under another claim id.
--
-- KEYS  seen (a prefix: the marks are seen:ID)
-- ARGV  window_ms, then for each job its id and its claim id
-- gives the claim ids of the jobs that are duplicates
--
-- A mark holds the claim id, which a job keeps through retries and crashes: no job is its own duplicate.
local seen, window_ms = KEYS[1], ARGV[1]
local duplicates = {}
for i = 2, #ARGV, 2 do
  local mark, claim_id = seen .. ':' .. ARGV[i], ARGV[i + 1]
  if not redis.call('SET', mark, claim_id, 'NX', 'PX', window_ms) and redis.call('GET', mark) ~= claim_id then
    duplicates[#duplicates + 1] = claim_id
  end
end
return duplicates
