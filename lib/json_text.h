/* The inside of a JSON string, written fast: the hot path of the library.
 *
 * measure first, then write into a buffer of exactly that size:
 *
 *     size_t size;
 *     if (pusher__json_measure(text, len, &size) != 0)
 *         ...                                              (not UTF-8)
 *     char *end = pusher__json_escape(text, len, buf, buf + size);   (end == buf + size) */
#ifndef LIB_JSON_TEXT_H
#define LIB_JSON_TEXT_H

#include <stddef.h>

#include "pusher/error.h"

/* The bytes that pusher__json_escape() writes for `text`. PUSHER_EDATA if it is not UTF-8. */
PUSHER_MUST_CHECK int pusher__json_measure(const char *text, size_t len, size_t *ret_size);

/* Writes `text`, which must be UTF-8, without quotes around it. Returns the end of what was
 * written, or NULL if it does not fit before `end`. */
PUSHER_MUST_CHECK char *pusher__json_escape(const char *text, size_t len, char *buf, char *end);

#endif
