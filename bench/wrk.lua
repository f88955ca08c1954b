-- One fixed request, with a query as long as a signed one's.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.path = "/apps/bench/batch_events?auth_key=bench-key&auth_timestamp=1700000000&auth_version=1.0&body_md5="
    .. string.rep("0", 32) .. "&auth_signature=" .. string.rep("0", 64)
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = file:read("*a")
end
