/* Webhooks: what Pusher sends to an application's own endpoint.
 *
 *     struct pusher_webhook webhook = {
 *         .headers = headers, .n_headers = n_headers, .body = body,
 *     };
 *     char *json;
 *     int rc = pusher_webhook_read(client, &webhook, &json, &error);
 *
 * Source: Pusher "Webhooks". Answer with a 2xx status: Pusher repeats what it did not get one for,
 * for five minutes. */
#ifndef PUSHER_WEBHOOK_H
#define PUSHER_WEBHOOK_H

#include <stdint.h>

#include "pusher/client.h"
#include "pusher/request.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Another key of the app. Pusher signs with the oldest active one, so that an app whose keys are
 * being changed needs to know several. The same key may come with several secrets, also that of the
 * client: a webhook that one of them has signed is good. A token without key or secret is skipped.
 */
struct pusher_token {
    struct pusher_string key, secret; /* borrowed */
};

struct pusher_webhook {
    const struct pusher_param *headers; /* of the HTTP request; case of names does not matter */
    size_t n_headers;
    struct pusher_string body;         /* the raw bytes, before any parsing */
    const struct pusher_token *tokens; /* beside the client's own; may be NULL */
    size_t n_tokens;
    int64_t max_age_ms; /* refuse if time_ms is further than this from unix_ms; 0: any age. An
                           honest webhook may be five minutes late */
    int64_t unix_ms;    /* the time now, since 1970; not read when max_age_ms is 0 */
};

/* Checks X-Pusher-Key and X-Pusher-Signature over the raw body, in constant time, and then reads
 * it. Gives {"time_ms":N,"events":[...]}, malloc'ed and NUL-terminated; the caller frees it.
 *
 * Data of client events on encrypted channels is decrypted if the client has the master key. What
 * cannot be decrypted does not hide the other events: the event's "data" is then null, so that it
 * is never taken for text that was decrypted, and "encrypted_data" holds what came. So it is with
 * every such event when the client has no master key: the webhook is read, and that is no error.
 *
 * PUSHER_ESIGNATURE: a header or the body is missing, the key is not known, the signature is wrong,
 * or the webhook is too old; PUSHER_EDATA: it is signed well, but is no webhook; PUSHER_ENOMEM:
 * nothing is said of it. */
PUSHER_EXTERN PUSHER_MUST_CHECK int pusher_webhook_read(const struct pusher_client *client,
                                                        const struct pusher_webhook *webhook,
                                                        char **ret_json,
                                                        struct pusher_error *ret_error);

#ifdef __cplusplus
}
#endif

#endif
