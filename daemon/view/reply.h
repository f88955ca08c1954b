/* What an answer of Redis must be before it is read. Whoever answers may be no Redis, or a proxy
 * that knows better: what does not fit is refused, and not read as if it were something else.
 *
 *     if (!reply_fits(reply, "iiS", "ss")) ...
 *     {1, 2, {"a", "b"}, "name", "value", "name", "value"} */
#ifndef DAEMON_VIEW_REPLY_H
#define DAEMON_VIEW_REPLY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

/* True for an array whose first elements are as `head` says and whose others are as `rest` says,
 * again and again: s a text, i an integer, a an array, S an array of texts. NULL does not fit. */
bool reply_fits(const redisReply *reply, const char *head, const char *rest);

/* A score that is a time, in ms. Somebody may have set it to anything: one that is out of reach is
 * cut to 2^53 or its negative, from which a time of today can be subtracted. */
int64_t reply_score_ms(const redisReply *score);

#endif
