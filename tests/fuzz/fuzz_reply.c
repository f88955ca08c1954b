/* An answer of the API: two bytes of status, and a body. */
#include <stdlib.h>
#include <string.h>

#include "proto/outcome.h"
#include "pusher/reply.h"
#include "tests/fuzz/fuzz.h"

static void check_verdict(unsigned status, const char *body, size_t len)
{
    struct pusher_reply reply;

    memset(&reply, 'x', sizeof(reply));
    pusher_reply_read(status, body, len, &reply);
    MUST(fuzz_is_line(reply.text, sizeof(reply.text)));
    MUST(reply.class_ >= PUSHER_REPLY_DONE && reply.class_ <= PUSHER_REPLY_NOT_FOUND);
    MUST(reply.class_ != PUSHER_REPLY_DONE || status / 100 == 2);
    MUST(reply.class_ != PUSHER_REPLY_DONE || reply.status == status);
    MUST(status / 100 == 2 || reply.status == status);
}

/* What an answer becomes in an outcome is one JSON value, whatever it was. */
static void check_json(char *json)
{
    MUST(json);
    MUST(fuzz_is_text(pusher_str(json)));
    json_t *value =
        json_loads(json, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
    MUST(value);
    json_decref(value);
    free(json);
}

static void check_info(char *json)
{
    if (!json)
        return;
    json_t *value = json_loads(json, 0, NULL);
    MUST(json_is_object(value) && json_object_size(value) > 0);
    json_decref(value);
    free(json);
}

/* jansson refuses nesting and numbers that are sound JSON; what passes on as it came may have them.
 */
static void check_result(const char *body, size_t len)
{
    char *json = outcome_result_json(body, len);
    MUST(json && fuzz_is_text(pusher_str(json)));
    free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    unsigned status = (unsigned)(bytes[0] << 8 | bytes[1]);
    const char *body = (const char *)bytes + 2;
    len -= 2;
    check_verdict(status, body, len);
    check_verdict(200, body, len);
    check_json(pusher_reply_json(body, len));
    check_result(body, len);
    check_info(pusher_reply_channels_info(body, len));
    check_info(pusher_reply_batch_info(body, len, 1));
    return 0;
}
