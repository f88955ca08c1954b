/* Headers of an answer: the value of Retry-After, and any line, also of one that refuses the time.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/http_private.h"
#include "pusher/reply.h"
#include "tests/fuzz/fuzz.h"

#define NOW_S  INT64_C(1700000000)
#define MAX_MS INT64_C(60000)

static void check_value(const char *value, size_t len)
{
    int64_t ms = pusher_retry_after_ms(value, len, NOW_S, MAX_MS);
    MUST(ms >= -1 && ms <= MAX_MS);
    ms = pusher_retry_after_ms(value, len, 0, INT64_MAX);
    MUST(ms >= -1);
    ms = pusher_retry_after_ms(value, len, INT64_MAX, 0);
    MUST(ms >= -1 && ms <= 0);
}

static void check_clock(struct pusher_http *http)
{
    bool learned = pusher__http_learn_clock(http, 401);
    MUST(!learned || http->date_s >= 0);
    MUST(llabs(http->clock_offset_s) <= PUSHER_CLOCK_OFFSET_MAX_S);
}

/* libcurl gives one line at a time, not NUL-terminated. */
static void check_lines(char *at, size_t len)
{
    static char body[] = "Timestamp expired\n";
    struct pusher_http http = {
        .date_s = -1, .retry_after_ms = -1, .body = body, .len = sizeof(body) - 1};
    while (len > 0) {
        char *end = memchr(at, '\n', len);
        size_t n = end ? (size_t)(end - at) + 1 : len;
        MUST(pusher__http_on_header(at, 1, n, &http) == n);
        MUST(http.date_s >= -1 && http.retry_after_ms >= -1);
        check_clock(&http);
        at += n;
        len -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    check_value((const char *)bytes, len);
    check_lines((char *)(uintptr_t)bytes, len);
    return 0;
}
