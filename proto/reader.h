/* Reading an element, whatever its format.
 *
 * A struct reader stands in one container (a map or an array) and gives its members one by one. A
 * value is checked whole when it is read, but not converted: a nested container is one value, which
 * reader_enter() opens. json_read.c and msgpack_read.c do the work; nothing here recurses,
 * allocates or reads beyond the element.
 *
 *   reader_init(&reader, READER_JSON, bytes, len);
 *   rc = reader_open(&reader, VALUE_MAP);
 *   while (rc >= 0 && (rc = reader_next(&reader, &key)) == READER_ITEM)
 *       rc = reader_value(&reader, &value);
 *   if (rc < 0)
 *       report(reader.error, reader.error_at - reader.start);
 */
#ifndef PROTO_READER_H
#define PROTO_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/arena.h"
#include "proto/job_spec.h"
#include "pusher/string.h"

enum reader_format { READER_JSON, READER_MSGPACK };

enum value_kind {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INTEGER,
    VALUE_DOUBLE, /* JSON: a number with a fraction or an exponent */
    VALUE_STRING,
    VALUE_ARRAY,
    VALUE_MAP,
    VALUE_BIN, /* these two are of msgpack only */
    VALUE_EXT,
};

/* What no text in UTF-8 and no JSON can say: found in a value whose syntax is right. */
struct value_flaw {
    const char *at;   /* in the element; NULL: no flaw */
    const char *what; /* static; continues "byte 7 ...": "is not UTF-8" */
};

struct value {
    enum reader_format format;
    enum value_kind kind;
    struct pusher_string raw;  /* the value's bytes in the element */
    struct pusher_string text; /* VALUE_STRING: what it holds, in JSON with the escapes */
    union {
        size_t n_items;     /* VALUE_ARRAY, VALUE_MAP: members */
        uint64_t magnitude; /* VALUE_INTEGER of msgpack */
        double number;      /* VALUE_DOUBLE of msgpack */
        bool boolean;       /* VALUE_BOOL of msgpack */
    };
    bool negative;          /* VALUE_INTEGER of msgpack: it is -magnitude */
    bool escaped;           /* VALUE_STRING of JSON: `text` has escapes */
    struct value_flaw flaw; /* JSON: the first in the value; in msgpack looked for on conversion */
};

struct reader {
    enum reader_format format;
    const char *start; /* of the element: positions count from here */
    const char *at, *end;
    unsigned depth;       /* containers that are open at `at` */
    bool first;           /* JSON: no member was read yet */
    uint64_t left;        /* msgpack: members to come */
    const char *error;    /* static; NULL as long as the syntax is right */
    const char *error_at; /* where in the element */
};

/* What a syntax error says beyond JOB_DEPTH_MAX. */
#define READER_TOO_DEEP "nested deeper than 128 levels"
_Static_assert(JOB_DEPTH_MAX == 128, "READER_TOO_DEEP");

enum { READER_END = 0, READER_ITEM = 1, READER_SYNTAX = -1 };

void reader_init(struct reader *reader, enum reader_format format, const char *bytes, size_t len);

/* Steps into the map or array that must begin here. 0 or READER_SYNTAX. */
int reader_open(struct reader *reader, enum value_kind kind);

/* Moves in front of the value of the next member: READER_ITEM, READER_END after the last one, or
 * READER_SYNTAX. In a map it reads the key, which is a VALUE_STRING in JSON and can be anything in
 * msgpack; in an array `ret_key` is NULL. */
int reader_next(struct reader *reader, struct value *ret_key);

/* Reads that value. 0 or READER_SYNTAX. */
int reader_value(struct reader *reader, struct value *ret_value);

/* True if that value is a map. Instead of reading it, its members can be read by a copy of the
 * reader, opened; the reader then goes on where the copy ended. */
bool reader_at_map(const struct reader *reader);

/* After READER_END: 0 if nothing follows, else READER_SYNTAX. */
int reader_finish(struct reader *reader);

/* Opens a map or array that another reader gave, to read its members. No syntax error is left. */
void reader_enter(struct reader *reader, const struct value *container);

/* Notes a syntax error, once; returns READER_SYNTAX. For the readers of the formats. */
int reader_fail(struct reader *reader, const char *at, const char *what);

enum { VALUE_FLAWED = -1, VALUE_NO_MEMORY = -2, VALUE_RANGE = -3 };

/* What a VALUE_STRING holds: a slice of the element where it can be, else in the arena. 0,
 * VALUE_FLAWED with the flaw, or VALUE_NO_MEMORY. */
int value_text(const struct value *value, struct arena *arena, struct pusher_string *ret_text,
               struct value_flaw *ret_flaw);

/* Any value as JSON text: of JSON its own bytes, of msgpack the shortest that reads back equal.
 * Codes as above. */
int value_json(const struct value *value, struct arena *arena, struct pusher_string *ret_json,
               struct value_flaw *ret_flaw);

/* A VALUE_INTEGER. 0, or VALUE_RANGE if it is beyond 64 bits. */
int value_integer(const struct value *value, bool *ret_negative, uint64_t *ret_magnitude);

/* A VALUE_DOUBLE; of JSON the double next to it. 0, or VALUE_RANGE if it is not finite, or written
 * in more than 1100 bytes. */
int value_double(const struct value *value, double *ret_number);

/* A number from 0 to INT64_MAX; as a double, since some languages have no other numbers, only if it
 * is whole and below 2^53. 0 or VALUE_RANGE. */
int value_count(const struct value *value, int64_t *ret_count);

/* "a string", "an integer": for messages. */
const char *value_kind_name(enum value_kind kind);

#endif
