/* The state of pusher__json_load(), and the values that hold no others: see json_load.c. Each
 * function begins at the value's first byte, ends behind its last, and gives NULL once the reader
 * has failed. */
#ifndef LIB_JSON_SCALAR_H
#define LIB_JSON_SCALAR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct pusher__json_reader {
    const char *at, *end;
    unsigned flags, depth;
    int code; /* 0 until it fails */
    const char *what;
};

/* Of several failures the first counts. Both give NULL. */
void *pusher__json_fail(struct pusher__json_reader *r, int code, const char *what);
void *pusher__json_fail_syntax(struct pusher__json_reader *r);

/* What was to be built, or NULL if there was no memory for it. */
void *pusher__json_built(struct pusher__json_reader *r, void *value);

/* Takes the next byte if it is `c`. */
bool pusher__json_take(struct pusher__json_reader *r, char c);

/* At the opening quote: the text, NUL-terminated and malloc'ed. */
char *pusher__json_text(struct pusher__json_reader *r, size_t *ret_len);

json_t *pusher__json_string(struct pusher__json_reader *r);
json_t *pusher__json_number(struct pusher__json_reader *r);

#endif
