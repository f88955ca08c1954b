/* What an answer of the API means.
 *
 * Servers differ: hosted Pusher answers errors with a status and plain text, soketi answers them
 * with 200 and a JSON object that has an "error" key, others with JSON and a status.
 * pusher_reply_read() makes one verdict of all of them; what is done about it is the caller's
 * decision. */
#ifndef PUSHER_REPLY_H
#define PUSHER_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "pusher/visibility.h"

#ifdef __cplusplus
extern "C" {
#endif

/* So far a clock is corrected by a server's Date: any mistake about the time zone is less. By a
 * false Date, whoever can change answers has requests signed for another time, and can repeat them
 * then: for one that is further away nothing is signed. */
#define PUSHER_CLOCK_OFFSET_MAX_S (24 * 60 * 60)

enum pusher_reply_class {
    PUSHER_REPLY_DONE = 0,  /* accepted */
    PUSHER_REPLY_RETRY,     /* 408, 421, 425, 429, 5xx: the same request may succeed later */
    PUSHER_REPLY_REFUSED,   /* 400, 405, 413, 422, ...: this request, or one event in it, is bad */
    PUSHER_REPLY_FORBIDDEN, /* 401, 402, 403, 407 (of the proxy), redirects, unknown app: what is
                               configured is wrong, and every request will meet the same */
    PUSHER_REPLY_CLOCK,     /* 401 for the timestamp: sign again by the server's clock, if it
                               differs by no more than PUSHER_CLOCK_OFFSET_MAX_S */
    PUSHER_REPLY_NOT_FOUND, /* 404 that is not about the app: no such path */
};

struct pusher_reply {
    enum pusher_reply_class class_; /* the verdict */
    unsigned status; /* the HTTP status, or the "code" of an error that came with 200 */
    char text[256];  /* what the server said, for logs and results: one line, control characters
                        replaced, cut at a UTF-8 boundary; "" when it said nothing */
};

/* Reads a complete answer. `body` may be NULL when body_len is 0. Cannot fail: what cannot be
 * understood is judged by its status alone, and a 2xx that there is no memory to read, though it
 * may hold an error, is to be tried again. */
PUSHER_EXTERN void pusher_reply_read(unsigned status, const char *body, size_t body_len,
                                     struct pusher_reply *ret_reply);

/* The milliseconds that a Retry-After header asks for: seconds or an HTTP date, both from `unix_s`.
 * -1 if it cannot be understood; never more than `max_ms`. */
PUSHER_EXTERN int64_t pusher_retry_after_ms(const char *value, size_t len, int64_t unix_s,
                                            int64_t max_ms);

/* What an answer says, as JSON text that the caller frees: the body itself without the white space
 * around it, {} for an empty one, a JSON string where the body is something else (bytes that are
 * not UTF-8 become "?"). NULL when out of memory. */
PUSHER_EXTERN char *pusher_reply_json(const char *body, size_t body_len);

/* Attributes that `info` asked for, as JSON text; the caller frees it. NULL if the answer has none,
 * or when out of memory. From a batch: the object at `index`. From a trigger: the object of
 * "channels". */
PUSHER_EXTERN char *pusher_reply_batch_info(const char *body, size_t body_len, size_t index);
PUSHER_EXTERN char *pusher_reply_channels_info(const char *body, size_t body_len);

#ifdef __cplusplus
}
#endif

#endif
