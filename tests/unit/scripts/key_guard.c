/* The guard is Lua of its own behind the script's first line, where it takes the place of `redis`.
 * Which of a command's words are keys is asked of Redis. */
#include "tests/unit/scripts/key_guard.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#define STOPPED "the script was not given the key"

static const char guard[] =
    "local redis = (function(real)\n"
    "  local function is_in_order(key)\n"
    "    for _, known in ipairs(KEYS) do\n"
    "      local is_prefix = string.find(known, ':parked$') or string.find(known, ':seen$')\n"
    "      local tag = string.match(known, '^{.-}:')\n"
    "      if key == known then return true end\n"
    "      if is_prefix and string.sub(key, 1, #known + 1) == known .. ':' then return true end\n"
    "      for i = 1, tag and ARGV[1] == 'consumers' and #ARGV or 0 do\n"
    "        if key == tag .. 'inflight:' .. ARGV[i] then return true end\n"
    "      end\n"
    "    end\n"
    "    for i = 2, #ARGV do\n"
    "      if ARGV[i - 1] == 'L' and ARGV[i] == key then return true end\n"
    "    end\n"
    "  end\n"
    "  local function guarded(call)\n"
    "    return function(...)\n"
    "      if guard_clock and ... == 'TIME' then return guard_clock end\n"
    "      local keys = real.pcall('COMMAND', 'GETKEYS', ...)\n"
    "      for _, key in ipairs(keys.err and {} or keys) do\n"
    "        if not is_in_order(key) then error('" STOPPED " ' .. key) end\n"
    "      end\n"
    "      return call(...)\n"
    "    end\n"
    "  end\n"
    "  return {call = guarded(real.call), pcall = guarded(real.pcall)}\n"
    "end)(redis)\n";

static const char short_long[] =
    "local string = setmetatable({format = function(text, ...)\n"
    "  local args, n = {...}, 0\n"
    "  for kind in string.gmatch(text, '%%[%d.]*(%a)') do\n"
    "    n = n + 1\n"
    "    if kind == 'd' and math.abs(tonumber(args[n])) >= 2 ^ 31 then args[n] = -2 ^ 31 end\n"
    "  end\n"
    "  return string.format(text, unpack(args))\n"
    "end}, {__index = string})\n";

static const char *clock_reply;
static bool long_is_short;

void key_guard_clock(const char *reply)
{
    clock_reply = reply;
}

void key_guard_short_long(bool is_short)
{
    long_is_short = is_short;
}

const char *key_guard(const char *script)
{
    static char text[32768];
    const char *rest = strchr(script, '\n');
    int len;

    cr_assert(strncmp(script, "#!lua", 5) == 0 && rest, "the first line tells Redis the flags");
    len = snprintf(text, sizeof(text), "%.*s\nlocal guard_clock = %s\n%s%s%s", (int)(rest - script),
                   script, clock_reply ? clock_reply : "nil", guard,
                   long_is_short ? short_long : "", rest + 1);
    cr_assert_lt(len, (int)sizeof(text));
    return text;
}

redisReply *key_guard_check(redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ERROR)
        cr_assert(!strstr(reply->str, STOPPED), "%s", reply->str);
    return reply;
}
