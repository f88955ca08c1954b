/* Outcomes: what became of a job, as text for Redis.
 *
 * A success becomes an entry of the results stream, a failure one of the failures stream, and
 * either, where the job asked for it, one JSON object on its replyTo list:
 *   {"id":"7","op":"triggerEvent","app":"main","ok":true,"http":200,"attempts":1,"ms":12,"result":{..}}
 *   {"id":"7","op":"triggerEvent","app":"main","ok":false,"code":"rejected","http":400,
 *    "error":"..","attempts":1,"ms":12,"parts":[{"index":3,"code":"..","error":".."}]} */
#ifndef PROTO_OUTCOME_H
#define PROTO_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pusher/string.h"

#define OUTCOME_TEXT_MAX 512 /* bytes of an error's text; longer ones are cut */

struct outcome_part {
    size_t index; /* of the event or channel in the job */
    const char *code;
    struct pusher_string error;
};

struct outcome {
    struct pusher_string id, op, app;
    const char *code; /* NULL: the job succeeded */
    unsigned http;    /* status of the last answer, 0 if there was none */
    unsigned attempts;
    uint64_t ms; /* from claim to answer */
    struct pusher_string error;
    struct pusher_string result; /* JSON text; absent for operations that return nothing */
    const struct outcome_part *parts;
    size_t n_parts;
};

/* The JSON array of the failed parts; malloc'ed, NUL-terminated, *ret_len without the NUL.
 * NULL when out of memory. Text that is not UTF-8 is mended with U+FFFD. */
char *outcome_parts_json(const struct outcome_part *parts, size_t n_parts, size_t *ret_len);

/* The JSON object for replyTo; ownership as above. `result` is embedded as it is. */
char *outcome_reply_json(const struct outcome *outcome, size_t *ret_len);

/* The answer of an API call as a result: JSON as it is, without space around it; any other text as
 * a JSON string; nothing as null. malloc'ed, NUL-terminated; NULL when out of memory. */
char *outcome_result_json(const char *text, size_t len);

#endif
