/* Hands each call to the reader of the format, and converts values. */
#include "proto/reader.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/utf8.h"
#include "proto/json_read.h"
#include "proto/json_string.h"
#include "proto/msgpack_json.h"
#include "proto/msgpack_read.h"

#define SAFE_INTEGER_MAX                                                                           \
    9007199254740991.0  /* 2^53 - 1: beyond it doubles stand for several numbers */
#define NUMBER_MAX 1100 /* bytes; no double needs more digits */

void reader_init(struct reader *reader, enum reader_format format, const char *bytes, size_t len)
{
    *reader = (struct reader){.format = format, .start = bytes, .at = bytes, .end = bytes + len};
}

int reader_open(struct reader *reader, enum value_kind kind)
{
    if (reader->format == READER_JSON)
        return json_read_open(reader, kind);
    return msgpack_read_open(reader, kind);
}

int reader_next(struct reader *reader, struct value *ret_key)
{
    if (reader->format == READER_JSON)
        return json_read_next(reader, ret_key);
    return msgpack_read_next(reader, ret_key);
}

int reader_value(struct reader *reader, struct value *ret_value)
{
    if (reader->format == READER_JSON)
        return json_read_value(reader, ret_value);
    return msgpack_read_value(reader, ret_value);
}

bool reader_at_map(const struct reader *reader)
{
    if (reader->format == READER_JSON)
        return json_read_at_map(reader);
    return msgpack_read_at_map(reader);
}

int reader_finish(struct reader *reader)
{
    if (reader->format == READER_JSON)
        return json_read_finish(reader);
    return msgpack_read_finish(reader);
}

void reader_enter(struct reader *reader, const struct value *container)
{
    reader_init(reader, container->format, container->raw.ptr, container->raw.len);
    (void)reader_open(reader, container->kind);
}

int reader_fail(struct reader *reader, const char *at, const char *what)
{
    if (!reader->error) {
        reader->error = what;
        reader->error_at = at;
    }
    return READER_SYNTAX;
}

static int unescape(const struct value *value, struct arena *arena, struct pusher_string *ret_text)
{
    char *text = arena_alloc(arena, value->text.len);

    if (!text)
        return VALUE_NO_MEMORY;
    *ret_text = (struct pusher_string){text, json_string_unescape(value->text, text)};
    return 0;
}

static int flawed(const struct value *value, struct value_flaw *ret_flaw)
{
    *ret_flaw = value->flaw;
    return VALUE_FLAWED;
}

int value_text(const struct value *value, struct arena *arena, struct pusher_string *ret_text,
               struct value_flaw *ret_flaw)
{
    if (value->format == READER_JSON) {
        if (value->flaw.at)
            return flawed(value, ret_flaw);
        if (value->escaped)
            return unescape(value, arena, ret_text);
    } else {
        size_t valid = pusher__utf8_prefix(value->text.ptr, value->text.len);
        if (valid < value->text.len) {
            *ret_flaw = (struct value_flaw){value->text.ptr + valid, "is not UTF-8"};
            return VALUE_FLAWED;
        }
    }
    *ret_text = value->text;
    return 0;
}

int value_json(const struct value *value, struct arena *arena, struct pusher_string *ret_json,
               struct value_flaw *ret_flaw)
{
    if (value->format == READER_MSGPACK)
        return msgpack_json(value, arena, ret_json, ret_flaw);
    if (value->flaw.at)
        return flawed(value, ret_flaw);
    *ret_json = value->raw;
    return 0;
}

static bool add_digit(uint64_t *number, char digit)
{
    uint64_t value = (uint64_t)(digit - '0');

    if (*number > (UINT64_MAX - value) / 10)
        return false;
    *number = *number * 10 + value;
    return true;
}

int value_integer(const struct value *value, bool *ret_negative, uint64_t *ret_magnitude)
{
    const char *at = value->raw.ptr, *end = at + value->raw.len;
    uint64_t magnitude = 0;
    bool negative;

    if (value->format == READER_MSGPACK) {
        *ret_negative = value->negative;
        *ret_magnitude = value->magnitude;
        return 0;
    }
    negative = *at == '-';
    for (at += negative; at < end; at++) {
        if (!add_digit(&magnitude, *at))
            return VALUE_RANGE;
    }
    if (negative && magnitude > UINT64_C(1) << 63)
        return VALUE_RANGE;
    *ret_negative = negative && magnitude > 0;
    *ret_magnitude = magnitude;
    return 0;
}

int value_double(const struct value *value, double *ret_number)
{
    char text[NUMBER_MAX + 1];

    *ret_number = value->number;
    if (value->format == READER_JSON) {
        if (value->raw.len > NUMBER_MAX)
            return VALUE_RANGE;
        memcpy(text, value->raw.ptr, value->raw.len);
        text[value->raw.len] = '\0';
        *ret_number = strtod(text, NULL);
    }
    return isfinite(*ret_number) ? 0 : VALUE_RANGE;
}

static int whole_double(const struct value *value, uint64_t *ret_number)
{
    double number;

    if (value_double(value, &number) < 0 || !(number >= 0 && number <= SAFE_INTEGER_MAX))
        return VALUE_RANGE;
    *ret_number = (uint64_t)number;
    return (double)*ret_number == number ? 0 : VALUE_RANGE;
}

int value_count(const struct value *value, int64_t *ret_count)
{
    bool negative = false;
    uint64_t number = 0;
    int rc;

    if (value->kind == VALUE_INTEGER)
        rc = value_integer(value, &negative, &number);
    else
        rc = whole_double(value, &number);
    if (rc < 0 || negative || number > INT64_MAX)
        return VALUE_RANGE;
    *ret_count = (int64_t)number;
    return 0;
}

const char *value_kind_name(enum value_kind kind)
{
    static const char *const names[] = {
        [VALUE_NULL] = "null",       [VALUE_BOOL] = "a boolean",  [VALUE_INTEGER] = "a number",
        [VALUE_DOUBLE] = "a number", [VALUE_STRING] = "a string", [VALUE_ARRAY] = "an array",
        [VALUE_MAP] = "an object",   [VALUE_BIN] = "binary data", [VALUE_EXT] = "an extension type",
    };
    return names[kind];
}
