/* One function for each kind of field. The element is never echoed: errors name fields, kinds and
 * positions. */
#include "proto/job_convert.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/json_write.h"

#define JOB_NAME_MAX  256 /* bytes of replyTo and orderKey */
#define INTEGER_BYTES 20  /* "-9223372036854775808", "18446744073709551615" */
#define LABEL_BYTES   64

/* Keeps the buffers of messages out of the functions that usually have nothing to say. */
#define COLD __attribute__((cold, noinline))

COLD enum job_code job_fail(struct job_context *ctx, enum job_code code, const char *format, ...)
{
    va_list args;

    if (ctx->error->code != JOB_OK)
        return code;
    ctx->error->code = code;
    va_start(args, format);
    vsnprintf(ctx->error->text, sizeof(ctx->error->text), format, args);
    va_end(args);
    return code;
}

/* "data", "events[3].data", "channels[3]". */
static const char *label(const struct job_context *ctx, enum job_field field,
                         char ret_label[LABEL_BYTES])
{
    if (ctx->list == JOB_FIELD_CHANNELS)
        snprintf(ret_label, LABEL_BYTES, "channels[%zu]", ctx->index);
    else if (ctx->list == JOB_FIELD_EVENTS)
        snprintf(ret_label, LABEL_BYTES, "events[%zu].%s", ctx->index, job_fields[field].name);
    else
        snprintf(ret_label, LABEL_BYTES, "%s", job_fields[field].name);
    return ret_label;
}

/* "events[3]: " where an item is meant rather than a field of it, else nothing. */
static const char *prefix(const struct job_context *ctx, char ret_prefix[LABEL_BYTES])
{
    ret_prefix[0] = '\0';
    if (ctx->list == JOB_FIELD_EVENTS)
        snprintf(ret_prefix, LABEL_BYTES, "events[%zu]: ", ctx->index);
    return ret_prefix;
}

COLD enum job_code job_fail_field(struct job_context *ctx, enum job_field field, const char *what)
{
    char text[LABEL_BYTES];

    return job_fail(ctx, JOB_INVALID, "%s: %s", label(ctx, field, text), what);
}

COLD enum job_code job_fail_memory(struct job_context *ctx, enum job_field field)
{
    ctx->out_of_memory = true;
    return job_fail_field(ctx, field, "too large");
}

COLD enum job_code job_fail_missing(struct job_context *ctx, enum job_field field)
{
    char text[LABEL_BYTES];

    return job_fail(ctx, JOB_INVALID, "%s%s is missing", prefix(ctx, text), job_fields[field].name);
}

COLD enum job_code job_fail_kind(struct job_context *ctx, enum job_field field,
                                 const char *expected, const struct value *value)
{
    char text[LABEL_BYTES];

    return job_fail(ctx, JOB_INVALID, "%s: expected %s, got %s", label(ctx, field, text), expected,
                    value_kind_name(value->kind));
}

COLD static enum job_code fail_flaw(struct job_context *ctx, enum job_code code,
                                    enum job_field field, const struct value_flaw *flaw)
{
    char text[LABEL_BYTES];

    return job_fail(ctx, code, "%s: byte %zu %s", label(ctx, field, text),
                    (size_t)(flaw->at - ctx->start), flaw->what);
}

COLD static enum job_code fail_len(struct job_context *ctx, enum job_field field, size_t len,
                                   size_t max)
{
    char text[LABEL_BYTES];

    return job_fail(ctx, JOB_INVALID, "%s: %zu bytes long, at most %zu are allowed",
                    label(ctx, field, text), len, max);
}

/* Something about a map as a whole, "events[3]: ..." where it is an item. */
COLD static enum job_code fail_map(struct job_context *ctx, const char *at, const char *before,
                                   const char *after)
{
    char text[LABEL_BYTES];

    return job_fail(ctx, JOB_INVALID, "%s%s %zu %s", prefix(ctx, text), before,
                    (size_t)(at - ctx->start), after);
}

COLD static enum job_code fail_twice(struct job_context *ctx, enum job_field field)
{
    char text[LABEL_BYTES];

    return job_fail(ctx, JOB_INVALID, "%s%s is there twice", prefix(ctx, text),
                    job_fields[field].name);
}

enum job_code job_check_keys(struct job_context *ctx, const struct job_members *members)
{
    if (members->odd_key)
        return fail_map(ctx, members->odd_key, "the key at byte", "is not a string");
    if (members->duplicate != JOB_FIELD_COUNT)
        return fail_twice(ctx, members->duplicate);
    return JOB_OK;
}

enum job_code job_check_unused(struct job_context *ctx, const struct job_members *members,
                               uint32_t used)
{
    uint32_t unused = members->flawed & ~used;
    enum job_field field;

    if (members->flaw.at)
        return fail_map(ctx, members->flaw.at, "byte", members->flaw.what);
    if (unused == 0)
        return JOB_OK;
    field = (enum job_field)__builtin_ctz(unused);
    return fail_flaw(ctx, JOB_INVALID, field, &members->values[field].flaw);
}

/* The outcome of value_text() or value_json(). */
static enum job_code check_value(struct job_context *ctx, enum job_field field, int rc,
                                 const struct value_flaw *flaw)
{
    if (rc == VALUE_FLAWED)
        return fail_flaw(ctx, field == JOB_FIELD_DATA ? JOB_INVALID_DATA : JOB_INVALID, field,
                         flaw);
    return rc == VALUE_NO_MEMORY ? job_fail_memory(ctx, field) : JOB_OK;
}

static enum job_code convert_string(struct job_context *ctx, enum job_field field,
                                    const struct value *value, struct pusher_string *ret_text)
{
    struct value_flaw flaw;
    int rc;

    if (value->kind != VALUE_STRING)
        return job_fail_kind(ctx, field, "a string", value);
    rc = value_text(value, ctx->arena, ret_text, &flaw);
    return rc == 0 ? JOB_OK : check_value(ctx, field, rc, &flaw);
}

static enum job_code convert_json(struct job_context *ctx, enum job_field field,
                                  const struct value *value, struct pusher_string *ret_text)
{
    struct value_flaw flaw;
    int rc;

    if (value->kind == VALUE_STRING)
        return convert_string(ctx, field, value, ret_text);
    rc = value_json(value, ctx->arena, ret_text, &flaw);
    return rc == 0 ? JOB_OK : check_value(ctx, field, rc, &flaw);
}

static enum job_code convert_json_of(struct job_context *ctx, enum job_field field,
                                     enum value_kind kind, const struct value *value,
                                     struct pusher_string *ret_text)
{
    if (value->kind == kind || value->kind == VALUE_STRING)
        return convert_json(ctx, field, value, ret_text);
    return job_fail_kind(
        ctx, field, kind == VALUE_MAP ? "an object or a string" : "an array or a string", value);
}

static enum job_code convert_integer(struct job_context *ctx, enum job_field field,
                                     const struct value *value, struct pusher_string *ret_text)
{
    struct json_sink sink;
    uint64_t magnitude;
    bool negative;

    if (value_integer(value, &negative, &magnitude) < 0)
        return job_fail_field(ctx, field, "an integer of more than 64 bits");
    sink = json_sink_into(arena_alloc(ctx->arena, INTEGER_BYTES), INTEGER_BYTES);
    if (!sink.ptr)
        return job_fail_memory(ctx, field);
    json_write_integer(&sink, negative, magnitude);
    *ret_text = (struct pusher_string){sink.ptr, sink.len};
    return JOB_OK;
}

static enum job_code convert_string_or_integer(struct job_context *ctx, enum job_field field,
                                               const struct value *value,
                                               struct pusher_string *ret_text)
{
    if (value->kind == VALUE_INTEGER)
        return convert_integer(ctx, field, value, ret_text);
    if (value->kind != VALUE_STRING)
        return job_fail_kind(ctx, field, "a string or an integer", value);
    return convert_string(ctx, field, value, ret_text);
}

static enum job_code check_len(struct job_context *ctx, enum job_field field,
                               struct pusher_string text, size_t max)
{
    if (text.len == 0)
        return job_fail_field(ctx, field, "empty");
    return text.len > max ? fail_len(ctx, field, text.len, max) : JOB_OK;
}

static enum job_code convert_name(struct job_context *ctx, enum job_field field,
                                  const struct value *value, struct pusher_string *ret_text)
{
    struct pusher_string text;
    enum job_code code = convert_string(ctx, field, value, &text);

    if (code == JOB_OK)
        code = check_len(ctx, field, text, JOB_NAME_MAX);
    if (code == JOB_OK)
        *ret_text = text;
    return code;
}

static bool has_control(struct pusher_string text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return true;
    }
    return false;
}

static enum job_code convert_id(struct job_context *ctx, enum job_field field,
                                const struct value *value, struct pusher_string *ret_text)
{
    struct pusher_string text;
    enum job_code code = convert_string_or_integer(ctx, field, value, &text);

    if (code == JOB_OK)
        code = check_len(ctx, field, text, JOB_ID_MAX);
    if (code == JOB_OK && has_control(text))
        code = job_fail_field(ctx, field, "has a control character");
    if (code == JOB_OK)
        *ret_text = text;
    return code;
}

enum job_code job_convert_text(struct job_context *ctx, enum job_field field,
                               const struct value *value, struct pusher_string *ret_text)
{
    switch (job_fields[field].kind) {
    case JOB_KIND_ID:
        return convert_id(ctx, field, value, ret_text);
    case JOB_KIND_NAME:
        return convert_name(ctx, field, value, ret_text);
    case JOB_KIND_TEXT_OR_INTEGER:
        return convert_string_or_integer(ctx, field, value, ret_text);
    case JOB_KIND_DATA:
    case JOB_KIND_JSON_ANY:
        return convert_json(ctx, field, value, ret_text);
    case JOB_KIND_JSON_MAP:
        return convert_json_of(ctx, field, VALUE_MAP, value, ret_text);
    case JOB_KIND_JSON_ARRAY:
        return convert_json_of(ctx, field, VALUE_ARRAY, value, ret_text);
    default:
        return convert_string(ctx, field, value, ret_text);
    }
}

enum job_code job_convert_time(struct job_context *ctx, enum job_field field,
                               const struct value *value, int64_t *ret_ms)
{
    if (value->kind != VALUE_INTEGER && value->kind != VALUE_DOUBLE)
        return job_fail_kind(ctx, field, "an integer", value);
    if (value_count(value, ret_ms) < 0)
        return job_fail_field(ctx, field, "not a whole number of milliseconds from 0 to 2^63-1");
    return JOB_OK;
}
