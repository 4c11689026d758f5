-- Mixed requests for wrk: 50 % reads, 20 % lists, 20 % changes, 10 % sign-ins.
-- The environment has TOKENS of users, separated by commas, that of an admin in ADMIN_TOKEN, and
-- EMAIL and PASSWORD for sign-ins.
local json = { ["Content-Type"] = "application/json" }
local admin = { ["Authorization"] = "Bearer " .. os.getenv("ADMIN_TOKEN") }
local users = {}
for token in string.gmatch(os.getenv("TOKENS"), "[^,]+") do
  table.insert(users, { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. token })
end
local credentials = string.format(
  '{"email":"%s","password":"%s"}', os.getenv("EMAIL"), os.getenv("PASSWORD"))
local counts = {}

function init(args)
  math.randomseed(os.time())
end

function request()
  local kind = math.random(10)
  if kind <= 5 then
    return wrk.format("GET", "/api/users/me", users[math.random(#users)])
  elseif kind <= 7 then
    return wrk.format("GET", "/api/users?page_size=20", admin)
  elseif kind <= 9 then
    local body = string.format('{"name":"Ada %d"}', math.random(1000000))
    return wrk.format("PATCH", "/api/users/me", users[math.random(#users)], body)
  end
  return wrk.format("POST", "/api/auth/login", json, credentials)
end

function setup(thread)
  thread:set("statuses", {})
  table.insert(counts, thread)
end

function response(status)
  statuses[status] = (statuses[status] or 0) + 1
end

function done(summary)
  local total = {}
  for _, thread in ipairs(counts) do
    for status, count in pairs(thread:get("statuses")) do
      total[status] = (total[status] or 0) + count
    end
  end
  for status, count in pairs(total) do
    print(string.format("status %d %d", status, count))
  end
  print(string.format("seconds %.3f", summary.duration / 1e6))
end
