/* Reads a JSON text into jansson's values. In place of json_loadb(), which cannot tell memory that
 * runs out from a text that is wrong, and may give another text than was there: see json_load.c.
 *
 *     json_t *root = NULL;
 *     int rc = pusher__json_load(text, len, 0, &root, NULL);
 *     if (rc != 0)
 *         ...                             (PUSHER_EDATA: no JSON; PUSHER_ENOMEM)
 *     json_decref(root); */
#ifndef LIB_JSON_LOAD_H
#define LIB_JSON_LOAD_H

#include <jansson.h>
#include <stddef.h>

#include "pusher/error.h"

enum {
    PUSHER__JSON_UNIQUE_KEYS = 1, /* a key that an object has twice is refused */
    PUSHER__JSON_INT_AS_REAL = 2, /* so that no integer is too large */
    PUSHER__JSON_BIG_AS_REAL = 4, /* only integers that do not fit 64 bits */
};

/* What is wrong, and at which byte. */
struct pusher__json_flaw {
    const char *what;
    size_t at;
};

/* Any value, strict as RFC 8259 has it, in UTF-8. As json_loadb() with JSON_DECODE_ANY and
 * JSON_ALLOW_NUL: not in keys, numbers must fit, the last of several equal keys counts, nested 2048
 * deep at most. *ret_flaw, which may be NULL, is set with PUSHER_EDATA. */
PUSHER_MUST_CHECK int pusher__json_load(const char *text, size_t len, unsigned flags,
                                        json_t **ret_value, struct pusher__json_flaw *ret_flaw);

#endif
