/* How libpusher's own files report an error: one line that sets the text and gives the code.
 *
 *     if (n > max)
 *         return pusher__fail(ret_error, PUSHER_ECHANNEL, "%zu channels, at most %zu", n, max);
 *
 * Names with two underscores are shared between the library's files and are not exported. */
#ifndef LIB_REPORT_H
#define LIB_REPORT_H

#include "pusher/error.h"
#include "pusher/string.h"

/* Sets *error, which may be NULL, and returns `code`. Control characters in the text are replaced,
 * and a text that is too long is cut at a UTF-8 boundary. */
int pusher__fail(struct pusher_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As pusher__fail(), with the general text of the code. */
int pusher__fail_plain(struct pusher_error *error, int code);

/* The beginning of a string that came from a caller, fit for an error's text; dots stand for what a
 * long one has more. Returns `buf`. */
#define PUSHER__SHOWN_MAX 64
const char *pusher__shown(struct pusher_string s, char buf[PUSHER__SHOWN_MAX]);

#endif
