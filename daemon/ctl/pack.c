/* A container is read as one value, which checks it and counts its members, and is then entered:
 * msgpack wants the number of members first. Depth is bounded by the reader (JOB_DEPTH_MAX). */
#include "daemon/ctl/pack.h"

#include <errno.h>
#include <msgpack/pack.h>
#include <stdio.h>
#include <string.h>

#include "proto/reader.h"

struct packer {
    const char *start; /* of the text: positions count from here */
    msgpack_packer out;
    struct arena arena; /* for strings with escapes */
    char *why;
};

static int fail(char why[PACK_WHY_MAX], const char *start, const char *at, const char *what)
{
    snprintf(why, PACK_WHY_MAX, "byte %zu: %s", (size_t)(at - start) + 1, what);
    return -1;
}

/* A flaw's text goes on where the byte is named: "byte 7 is not UTF-8". */
static int fail_flaw(char why[PACK_WHY_MAX], const char *start, const struct value_flaw *flaw)
{
    snprintf(why, PACK_WHY_MAX, "byte %zu %s", (size_t)(flaw->at - start) + 1, flaw->what);
    return -1;
}

static int read_value(const char *text, size_t len, struct value *ret_value, char why[PACK_WHY_MAX])
{
    struct reader reader;
    reader_init(&reader, READER_JSON, text, len);
    if (reader_value(&reader, ret_value) != 0 || reader_finish(&reader) != 0)
        return fail(why, text, reader.error_at, reader.error);
    if (ret_value->flaw.at)
        return fail_flaw(why, text, &ret_value->flaw);
    return 0;
}

static int read_object(const char *text, size_t len, struct value *ret_object,
                       char why[PACK_WHY_MAX])
{
    if (read_value(text, len, ret_object, why) != 0)
        return -1;
    if (ret_object->kind != VALUE_MAP)
        return fail(why, text, ret_object->raw.ptr, "a job is a JSON object");
    return 0;
}

int pack_check(const char *text, size_t len, char ret_why[PACK_WHY_MAX])
{
    struct value object;
    return read_object(text, len, &object, ret_why);
}

int pack_check_value(const char *text, size_t len, char ret_why[PACK_WHY_MAX])
{
    struct value value;
    return read_value(text, len, &value, ret_why);
}

static int pack_string(struct packer *packer, const struct value *value)
{
    struct pusher_string text;
    struct value_flaw flaw;
    int rc = value_text(value, &packer->arena, &text, &flaw);
    if (rc == VALUE_FLAWED)
        return fail_flaw(packer->why, packer->start, &flaw);
    if (rc != 0)
        return fail(packer->why, packer->start, value->raw.ptr, "out of memory");
    return msgpack_pack_str_with_body(&packer->out, text.ptr, text.len);
}

static int pack_integer(struct packer *packer, const struct value *value)
{
    bool negative;
    uint64_t magnitude;
    if (value_integer(value, &negative, &magnitude) != 0)
        return fail(packer->why, packer->start, value->raw.ptr,
                    "an integer beyond 64 bits, which msgpack cannot say");
    if (!negative)
        return msgpack_pack_uint64(&packer->out, magnitude);
    return msgpack_pack_int64(&packer->out, (int64_t)(0 - magnitude));
}

static int pack_double(struct packer *packer, const struct value *value)
{
    double number;
    if (value_double(value, &number) != 0)
        return fail(packer->why, packer->start, value->raw.ptr,
                    "a number beyond a double's range, or 1100 digits");
    return msgpack_pack_double(&packer->out, number);
}

static int pack_value(struct packer *packer, const struct value *value);

static int pack_container(struct packer *packer, const struct value *value)
{
    bool is_map = value->kind == VALUE_MAP;
    struct reader reader;
    struct value key, member;
    int rc = is_map ? msgpack_pack_map(&packer->out, value->n_items)
                    : msgpack_pack_array(&packer->out, value->n_items);
    reader_enter(&reader, value);
    while (rc == 0 && reader_next(&reader, is_map ? &key : NULL) == READER_ITEM) {
        rc = is_map ? pack_string(packer, &key) : 0;
        if (rc == 0)
            rc = reader_value(&reader, &member);
        if (rc == 0)
            rc = pack_value(packer, &member);
    }
    return rc;
}

static int pack_value(struct packer *packer, const struct value *value)
{
    switch (value->kind) {
    case VALUE_NULL:
        return msgpack_pack_nil(&packer->out);
    case VALUE_BOOL:
        return value->raw.ptr[0] == 't' ? msgpack_pack_true(&packer->out)
                                        : msgpack_pack_false(&packer->out);
    case VALUE_INTEGER:
        return pack_integer(packer, value);
    case VALUE_DOUBLE:
        return pack_double(packer, value);
    case VALUE_STRING:
        return pack_string(packer, value);
    case VALUE_MAP:
    case VALUE_ARRAY:
        return pack_container(packer, value);
    case VALUE_BIN:
    case VALUE_EXT:
        break; /* not of JSON */
    }
    return fail(packer->why, packer->start, value->raw.ptr, "not a value of JSON");
}

int pack_msgpack(const char *text, size_t len, msgpack_sbuffer *buffer, char ret_why[PACK_WHY_MAX])
{
    struct packer packer = {.start = text, .why = ret_why};
    struct value object;
    if (read_object(text, len, &object, ret_why) != 0)
        return -1;
    strcpy(ret_why, "out of memory");
    msgpack_packer_init(&packer.out, buffer, msgpack_sbuffer_write);
    arena_init(&packer.arena, 2 * len + 4096);
    int rc = pack_value(&packer, &object);
    arena_deinit(&packer.arena);
    return rc == 0 ? 0 : -1;
}
