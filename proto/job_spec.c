/* Decoding goes in two passes. The first reads the members of the top map in the order they stand
 * and keeps, for each field of job_fields.h, the value as a slice; so what follows a wrong field
 * is still read, and what precedes a syntax error is not lost. The second converts: first the
 * fields that all operations share, which a failure is reported under, then the operation's own.
 * The first error is the one reported. */
#include "proto/job_spec.h"

#include <string.h>

#include "proto/job_lists.h"

#define ECHO_MAX 40 /* bytes of input in an error's text */

#define F(field) JOB_FIELD_BIT(JOB_FIELD_##field)

static const uint32_t shared_fields =
    F(OP) | F(ID) | F(APP) | F(REPLY_TO) | F(ORDER_KEY) | F(EXPIRES_AT) | F(DELIVER_AT);

const char *job_op_name(enum job_op op)
{
    return job_ops[op].name;
}

size_t job_spec_n_items(const struct job_spec *spec)
{
    if (spec->op == JOB_OP_TRIGGER_BATCH)
        return spec->n_events;
    return spec->op == JOB_OP_TRIGGER_MULTIPLE_CHANNELS ? spec->n_channels : 0;
}

const char *job_code_name(enum job_code code)
{
    static const char *const names[] = {
        [JOB_OK] = "",
        [JOB_INVALID] = "invalid_job",
        [JOB_UNKNOWN_OP] = "unknown_op",
        [JOB_INVALID_DATA] = "invalid_data",
    };
    return names[code];
}

/* Printable ASCII of at most ECHO_MAX bytes. */
static const char *sanitise(struct pusher_string text, char ret_text[ECHO_MAX + 4])
{
    size_t len = text.len < ECHO_MAX ? text.len : ECHO_MAX;

    for (size_t i = 0; i < len; i++)
        ret_text[i] = text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f ? text.ptr[i] : '?';
    strcpy(ret_text + len, text.len > ECHO_MAX ? "..." : "");
    return ret_text;
}

static void convert_op(struct job_context *ctx, const struct value *value, struct job_spec *spec)
{
    char text[ECHO_MAX + 4];

    if (job_convert_text(ctx, JOB_FIELD_OP, value, &spec->op_name) != JOB_OK)
        return;
    spec->op = job_op_find(spec->op_name.ptr, spec->op_name.len);
    if (spec->op == JOB_OP_NONE)
        (void)job_fail(ctx, JOB_UNKNOWN_OP, "op: no operation is named \"%s\"",
                       sanitise(spec->op_name, text));
}

static void convert(struct job_context *ctx, enum job_field field, const struct value *value,
                    struct job_spec *spec)
{
    void *member = (char *)spec + job_fields[field].offset;

    switch (job_fields[field].kind) {
    case JOB_KIND_OP:
        convert_op(ctx, value, spec);
        break;
    case JOB_KIND_TIME:
        (void)job_convert_time(ctx, field, value, member);
        break;
    case JOB_KIND_CHANNELS:
        (void)job_convert_channels(ctx, value, spec);
        break;
    case JOB_KIND_EVENTS:
        (void)job_convert_events(ctx, value, spec);
        break;
    default:
        (void)job_convert_text(ctx, field, value, member);
    }
}

/* Converts those of the fields that are there, even after an error. */
static void convert_set(struct job_context *ctx, const struct job_members *members, uint32_t set,
                        struct job_spec *spec)
{
    for (uint32_t left = set & members->seen; left; left &= left - 1) {
        enum job_field field = (enum job_field)__builtin_ctz(left);
        if (job_members_has(members, field))
            convert(ctx, field, &members->values[field], spec);
    }
}

static enum job_op infer_op(const struct job_members *members)
{
    if (job_members_has(members, JOB_FIELD_EVENTS))
        return JOB_OP_TRIGGER_BATCH;
    if (job_members_has(members, JOB_FIELD_CHANNELS))
        return JOB_OP_TRIGGER_MULTIPLE_CHANNELS;
    return job_members_has(members, JOB_FIELD_CHANNEL) ? JOB_OP_TRIGGER_EVENT : JOB_OP_NONE;
}

static void check_required(struct job_context *ctx, const struct job_members *members,
                           uint32_t required)
{
    for (uint32_t left = required; left; left &= left - 1) {
        enum job_field field = (enum job_field)__builtin_ctz(left);
        if (!job_members_has(members, field))
            (void)job_fail_missing(ctx, field);
    }
}

/* The shared fields are converted, and right. */
static void convert_operation(struct job_context *ctx, const struct job_members *members,
                              struct job_spec *spec)
{
    const struct job_op_row *row;

    if (!job_members_has(members, JOB_FIELD_OP))
        spec->op = infer_op(members);
    if (spec->op == JOB_OP_NONE) {
        (void)job_fail(ctx, JOB_INVALID, "op is missing, and so are events, channels and channel");
        return;
    }
    row = &job_ops[spec->op];
    check_required(ctx, members, row->required);
    if (ctx->error->code != JOB_OK)
        return;
    convert_set(ctx, members, row->required | row->optional, spec);
    if (ctx->error->code == JOB_OK)
        (void)job_check_unused(ctx, members, shared_fields | row->required | row->optional);
}

static bool is_json_object(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != ' ' && bytes[i] != '\t' && bytes[i] != '\r' && bytes[i] != '\n')
            return bytes[i] == '{';
    }
    return false;
}

/* Sets up the reader of the element's format; no error is noted before. */
static enum job_code choose_reader(struct job_context *ctx, const char *bytes, size_t len,
                                   struct reader *ret_reader)
{
    if (len == 0)
        return job_fail(ctx, JOB_INVALID, "an empty element");
    reader_init(ret_reader, READER_MSGPACK, bytes, len);
    if (reader_at_map(ret_reader))
        return JOB_OK;
    reader_init(ret_reader, READER_JSON, bytes, len);
    if (is_json_object(bytes, len))
        return JOB_OK;
    if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
        return job_fail(ctx, JOB_INVALID, "begins with a byte order mark, which JSON must not");
    return job_fail(ctx, JOB_INVALID, "neither a msgpack map nor a JSON object");
}

/* The members of the element, as far as its syntax is right. */
static void read_element(struct job_context *ctx, struct reader *reader,
                         struct job_members *ret_members)
{
    int rc = reader_open(reader, VALUE_MAP);

    ret_members->seen = 0;
    if (rc == 0)
        rc = job_members_read(reader, ret_members);
    if (rc == 0)
        rc = reader_finish(reader);
    if (rc < 0)
        (void)job_fail(ctx, JOB_INVALID, "syntax error at byte %zu: %s",
                       (size_t)(reader->error_at - reader->start), reader->error);
    else
        (void)job_check_keys(ctx, ret_members);
}

enum job_code job_spec_decode(const char *bytes, size_t len, struct arena *arena,
                              struct job_spec *ret_spec, struct job_error *ret_error)
{
    struct job_context ctx = {
        .arena = arena, .start = bytes, .list = JOB_FIELD_COUNT, .error = ret_error};
    struct job_members members;
    struct reader reader;

    memset(ret_spec, 0, sizeof(*ret_spec));
    ret_error->code = JOB_OK;
    ret_error->text[0] = '\0';
    if (choose_reader(&ctx, bytes, len, &reader) != JOB_OK)
        return ret_error->code;
    read_element(&ctx, &reader, &members);
    convert_set(&ctx, &members, shared_fields, ret_spec);
    if (ret_error->code == JOB_OK)
        convert_operation(&ctx, &members, ret_spec);
    return ret_error->code;
}
