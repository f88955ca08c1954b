#include "daemon/ctl/span.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/ctl.h"

#define MAX_DIGITS 15 /* unix milliseconds for 30,000 years */

/* The number that `text` begins with; NULL, or where it ends. */
static const char *read_number(const char *text, uint64_t *ret_number)
{
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > MAX_DIGITS)
        return NULL;
    *ret_number = strtoull(text, NULL, 10);
    return text + n;
}

int span_count(const char *option, const char *text, uint64_t max, uint64_t *ret_count)
{
    uint64_t count;
    if (!text)
        return CTL_DONE;
    const char *end = read_number(text, &count);
    if (!end || *end != '\0' || count > max)
        return ctl_fail(CTL_USAGE, "--%s is a number from 0 to %" PRIu64, option, max);
    *ret_count = count;
    return CTL_DONE;
}

static bool unit_ms(const char *unit, uint64_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},    {"min", 60000},
                 {"h", 3600000}, {"d", 86400000}, {"w", 604800000}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(units[i].unit, unit) != 0)
            continue;
        *ret_ms = units[i].ms;
        return true;
    }
    return false;
}

int span_time(const char *option, const char *text, uint64_t now_ms, uint64_t *ret_unix_ms)
{
    uint64_t number, ms;
    if (!text)
        return CTL_DONE;
    const char *end = read_number(text, &number);
    if (end && *end == '\0') {
        *ret_unix_ms = number;
        return CTL_DONE;
    }
    if (!end || !unit_ms(end, &ms))
        return ctl_fail(CTL_USAGE,
                        "--%s: %.40s is neither a time in unix milliseconds nor one as long ago as "
                        "90s, 15m, 2h, 7d",
                        option, text);
    *ret_unix_ms = number > now_ms / ms ? 0 : now_ms - number * ms;
    return CTL_DONE;
}
