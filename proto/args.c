#include "proto/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/name.h"
#include "proto/reader.h"

static int fail(struct pusher_error *error, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct pusher_error *error, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    error->code = code;
    return code;
}

static int take_text(const struct value *value, const char *field, struct arena *arena,
                     struct pusher_string *ret_text, struct pusher_error *error)
{
    struct value_flaw flaw;
    if (value->kind == VALUE_NULL || value->kind == VALUE_MAP || value->kind == VALUE_ARRAY)
        return fail(error, PUSHER_EINVAL, "%s: a value is %s; strings, numbers and booleans can be",
                    field, value_kind_name(value->kind));
    int rc = value->kind == VALUE_STRING ? value_text(value, arena, ret_text, &flaw)
                                         : value_json(value, arena, ret_text, &flaw);
    if (rc == VALUE_FLAWED)
        return fail(error, PUSHER_EDATA, "%s: a text %s", field, flaw.what);
    return rc == 0 ? 0 : fail(error, PUSHER_ENOMEM, "out of memory");
}

/* Opens the text, which must be a map or an array, as `kind` says. */
static int open_text(struct pusher_string json, const char *field, enum value_kind kind,
                     struct reader *reader, struct pusher_error *error)
{
    reader_init(reader, READER_JSON, json.ptr, json.len);
    if (reader_open(reader, kind) == 0)
        return 0;
    return fail(error, PUSHER_EINVAL, "%s: not %s of JSON", field, value_kind_name(kind));
}

static int end_text(struct reader *reader, int rc, const char *field, struct pusher_error *error)
{
    if (rc == READER_END)
        rc = reader_finish(reader);
    return rc >= 0 ? 0 : fail(error, PUSHER_EINVAL, "%s: %s", field, reader->error);
}

int args_pairs(struct pusher_string json, const char *field, struct arena *arena,
               struct pusher_param ret_pairs[ARGS_MAX], size_t *ret_n,
               struct pusher_error *ret_error)
{
    struct reader reader;
    struct value name, value;
    size_t n = 0;
    int rc, failed;
    *ret_n = 0;
    if (!json.ptr)
        return 0;
    if ((failed = open_text(json, field, VALUE_MAP, &reader, ret_error)) != 0)
        return failed;
    while ((rc = reader_next(&reader, &name)) == READER_ITEM &&
           reader_value(&reader, &value) == 0) {
        if (n == ARGS_MAX)
            return fail(ret_error, PUSHER_EINVAL, "%s: more than %d", field, ARGS_MAX);
        if ((failed = take_text(&name, field, arena, &ret_pairs[n].name, ret_error)) != 0 ||
            (failed = take_text(&value, field, arena, &ret_pairs[n].value, ret_error)) != 0)
            return failed;
        n++;
    }
    *ret_n = n;
    return end_text(&reader, rc == READER_ITEM ? READER_SYNTAX : rc, field, ret_error);
}

static int take_token(const struct value *map, struct arena *arena, struct pusher_token *token,
                      struct pusher_error *error)
{
    static const char field[] = "additionalTokens";
    struct reader reader;
    struct value key, value;
    struct pusher_string name, text;
    int failed;
    *token = (struct pusher_token){.key = {.ptr = NULL}};
    if (map->kind != VALUE_MAP)
        return fail(error, PUSHER_EINVAL, "%s: each must be {\"key\":..,\"secret\":..}", field);
    reader_enter(&reader, map);
    while (reader_next(&reader, &key) == READER_ITEM && reader_value(&reader, &value) == 0) {
        if ((failed = take_text(&key, field, arena, &name, error)) != 0 ||
            (failed = take_text(&value, field, arena, &text, error)) != 0)
            return failed;
        if (pusher__equals(name, "key"))
            token->key = text;
        if (pusher__equals(name, "secret"))
            token->secret = text;
    }
    if (!token->key.ptr || !token->secret.ptr)
        return fail(error, PUSHER_EINVAL, "%s: each must be {\"key\":..,\"secret\":..}", field);
    return 0;
}

int args_tokens(struct pusher_string json, struct arena *arena,
                struct pusher_token ret_tokens[ARGS_MAX], size_t *ret_n,
                struct pusher_error *ret_error)
{
    static const char field[] = "additionalTokens";
    struct reader reader;
    struct value value;
    size_t n = 0;
    int rc, failed;
    *ret_n = 0;
    if (!json.ptr)
        return 0;
    if ((failed = open_text(json, field, VALUE_ARRAY, &reader, ret_error)) != 0)
        return failed;
    while ((rc = reader_next(&reader, NULL)) == READER_ITEM && reader_value(&reader, &value) == 0) {
        if (n == ARGS_MAX)
            return fail(ret_error, PUSHER_EINVAL, "%s: more than %d", field, ARGS_MAX);
        if ((failed = take_token(&value, arena, &ret_tokens[n++], ret_error)) != 0)
            return failed;
    }
    *ret_n = n;
    return end_text(&reader, rc == READER_ITEM ? READER_SYNTAX : rc, field, ret_error);
}
