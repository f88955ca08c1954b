/* A walk over the value's tokens keeps, for each level that is open, how many it still has; a map
 * has two for each member. A small value is walked once, into memory for the longest text it could
 * be, the rest of which is given back; a large one is walked first to check and measure it.
 *
 * Values of msgpack that JSON does not have are flaws, not syntax errors. */
#include "proto/msgpack_json.h"

#include <math.h>

#include "lib/utf8.h"
#include "proto/json_write.h"
#include "proto/msgpack_read.h"

#define GROWTH_MAX  6 /* bytes of JSON from one of msgpack: "false,", or a control character */
#define SMALL_BYTES 512

struct level {
    uint64_t left; /* tokens */
    bool is_map;
};

static int flawed(struct value_flaw *ret_flaw, const char *at, const char *what)
{
    *ret_flaw = (struct value_flaw){at, what};
    return VALUE_FLAWED;
}

static int write_text(struct json_sink *sink, const struct value *token,
                      struct value_flaw *ret_flaw)
{
    if (json_write_string(sink, token->text))
        return 0;
    return flawed(ret_flaw, token->text.ptr + pusher__utf8_prefix(token->text.ptr, token->text.len),
                  "is not UTF-8");
}

/* A container is opened only. */
static int write_token(struct json_sink *sink, const struct value *token,
                       struct value_flaw *ret_flaw)
{
    switch (token->kind) {
    case VALUE_NULL:
        json_write_raw(sink, "null", 4);
        return 0;
    case VALUE_BOOL:
        json_write_raw(sink, token->boolean ? "true" : "false", token->boolean ? 4 : 5);
        return 0;
    case VALUE_INTEGER:
        json_write_integer(sink, token->negative, token->magnitude);
        return 0;
    case VALUE_DOUBLE:
        if (!isfinite(token->number))
            return flawed(ret_flaw, token->raw.ptr, "begins a number that is not finite");
        json_write_double(sink, token->number);
        return 0;
    case VALUE_STRING:
        return write_text(sink, token, ret_flaw);
    case VALUE_MAP:
    case VALUE_ARRAY:
        json_write_raw(sink, token->kind == VALUE_MAP ? "{" : "[", 1);
        return 0;
    default:
        return flawed(ret_flaw, token->raw.ptr,
                      token->kind == VALUE_BIN
                          ? "begins binary data, which JSON does not have"
                          : "begins an extension type, which JSON does not have");
    }
}

/* In front of a level's next token: the comma or colon, except before the first. */
static void write_separator(struct json_sink *sink, const struct level *level, bool first)
{
    if (!first)
        json_write_raw(sink, level->is_map && level->left % 2 == 1 ? ":" : ",", 1);
}

static unsigned close_levels(struct json_sink *sink, const struct level *levels, unsigned depth)
{
    while (depth > 0 && levels[depth].left == 0) {
        json_write_raw(sink, levels[depth].is_map ? "}" : "]", 1);
        depth--;
    }
    return depth;
}

static int write_value(const struct value *value, struct json_sink *sink,
                       struct value_flaw *ret_flaw)
{
    struct reader reader;
    struct level levels[JOB_DEPTH_MAX + 1];
    unsigned depth = 0;
    struct value token;
    bool first = true;

    reader_init(&reader, READER_MSGPACK, value->raw.ptr, value->raw.len);
    do {
        bool is_key = depth > 0 && levels[depth].is_map && levels[depth].left % 2 == 0;
        int rc;
        if (depth > 0) {
            write_separator(sink, &levels[depth], first);
            levels[depth].left--;
        }
        if (msgpack_read_token(&reader, &token) < 0)
            return flawed(ret_flaw, reader.error_at, reader.error);
        if (is_key && token.kind != VALUE_STRING)
            return flawed(ret_flaw, token.raw.ptr, "begins a map key that is not a string");
        rc = write_token(sink, &token, ret_flaw);
        if (rc < 0)
            return rc;
        if (msgpack_read_is_container(&token))
            levels[++depth] =
                (struct level){msgpack_read_n_tokens(&token), token.kind == VALUE_MAP};
        first = msgpack_read_is_container(&token) && token.n_items > 0;
        depth = close_levels(sink, levels, depth);
    } while (depth > 0);
    return 0;
}

static int write_small(const struct value *value, struct arena *arena, struct json_sink *sink,
                       struct value_flaw *ret_flaw)
{
    size_t size = value->raw.len * GROWTH_MAX;
    int rc;

    *sink = json_sink_into(arena_alloc(arena, size), size);
    if (!sink->ptr)
        return VALUE_NO_MEMORY;
    rc = write_value(value, sink, ret_flaw);
    arena_shrink(arena, sink->ptr, size, sink->len);
    return rc;
}

static int write_measured(const struct value *value, struct arena *arena, struct json_sink *sink,
                          struct value_flaw *ret_flaw)
{
    int rc;

    *sink = JSON_SINK_COUNTS;
    rc = write_value(value, sink, ret_flaw);
    if (rc < 0)
        return rc;
    *sink = json_sink_into(arena_alloc(arena, sink->len), sink->len);
    return sink->ptr ? write_value(value, sink, ret_flaw) : VALUE_NO_MEMORY;
}

int msgpack_json(const struct value *value, struct arena *arena, struct pusher_string *ret_json,
                 struct value_flaw *ret_flaw)
{
    int rc = VALUE_NO_MEMORY;
    struct json_sink sink;

    if (value->raw.len <= SMALL_BYTES)
        rc = write_small(value, arena, &sink, ret_flaw);
    if (rc == VALUE_NO_MEMORY)
        rc = write_measured(value, arena, &sink, ret_flaw);
    if (rc == 0)
        *ret_json = (struct pusher_string){sink.ptr, sink.len};
    return rc;
}
