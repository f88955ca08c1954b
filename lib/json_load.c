/* A reader of its own, since jansson's (2.14) is not for when memory runs out: its lexer ignores
 * that the buffer of a token could not grow, so that bytes of it are lost, or one of its assertions
 * ends the process; and a string that it has no memory for is an "invalid token". What builds
 * values, json_object_set_new() and the like, does report it. */
#include "lib/json_load.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json_scalar.h"

#define DEPTH_MAX 2048 /* as jansson's */

static json_t *read_value(struct pusher__json_reader *r);

/* The next byte that is not white space; 0, with which nothing begins, at the end. */
static char peek(struct pusher__json_reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
        r->at++;
    return r->at < r->end ? *r->at : '\0';
}

/* A comma, or the bracket that closes: *ret_more says which. False if neither stands here. */
static bool read_separator(struct pusher__json_reader *r, char close, bool *ret_more)
{
    char c = peek(r);
    *ret_more = c == ',';
    return pusher__json_take(r, ',') || pusher__json_take(r, close);
}

/* Sets a member of the object; takes the value, which may be NULL. */
static bool set_member(struct pusher__json_reader *r, json_t *object, const char *key,
                       json_t *value)
{
    if (value && json_object_set_new_nocheck(object, key, value) != 0)
        pusher__json_fail(r, PUSHER_ENOMEM, NULL);
    return r->code == 0;
}

static bool read_member(struct pusher__json_reader *r, json_t *object)
{
    size_t len;
    char *key = peek(r) == '"' ? pusher__json_text(r, &len) : pusher__json_fail_syntax(r);
    if (!key)
        return false;
    if (memchr(key, '\0', len))
        pusher__json_fail_syntax(r);
    else if (r->flags & PUSHER__JSON_UNIQUE_KEYS && json_object_get(object, key))
        pusher__json_fail(r, PUSHER_EDATA, "a key stands there twice");
    else if (peek(r) != ':')
        pusher__json_fail_syntax(r);
    else
        r->at++;
    bool is_set = r->code == 0 && set_member(r, object, key, read_value(r));
    free(key);
    return is_set;
}

static bool read_item(struct pusher__json_reader *r, json_t *array)
{
    json_t *value = read_value(r);
    if (value && json_array_append_new(array, value) != 0)
        pusher__json_fail(r, PUSHER_ENOMEM, NULL);
    return r->code == 0;
}

/* At the opening bracket. */
static json_t *read_container(struct pusher__json_reader *r, json_t *container, char close,
                              bool (*read_next)(struct pusher__json_reader *r, json_t *container))
{
    bool more = true;
    if (!pusher__json_built(r, container))
        return NULL;
    r->at++;
    if (peek(r) == close) {
        r->at++;
        return container;
    }
    while (more && read_next(r, container)) {
        if (!read_separator(r, close, &more))
            pusher__json_fail_syntax(r);
    }
    if (r->code == 0)
        return container;
    json_decref(container);
    return NULL;
}

static json_t *read_literal(struct pusher__json_reader *r, const char *literal, json_t *value)
{
    size_t len = strlen(literal);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, literal, len) != 0)
        return pusher__json_fail_syntax(r);
    r->at += len;
    return value;
}

static json_t *read_any(struct pusher__json_reader *r)
{
    switch (peek(r)) {
    case '{':
        return read_container(r, json_object(), '}', read_member);
    case '[':
        return read_container(r, json_array(), ']', read_item);
    case '"':
        return pusher__json_string(r);
    case 't':
        return read_literal(r, "true", json_true());
    case 'f':
        return read_literal(r, "false", json_false());
    case 'n':
        return read_literal(r, "null", json_null());
    default:
        return pusher__json_number(r);
    }
}

static json_t *read_value(struct pusher__json_reader *r)
{
    if (r->depth == DEPTH_MAX)
        return pusher__json_fail_syntax(r);
    r->depth++;
    json_t *value = read_any(r);
    r->depth--;
    return value;
}

int pusher__json_load(const char *text, size_t len, unsigned flags, json_t **ret_value,
                      struct pusher__json_flaw *ret_flaw)
{
    struct pusher__json_reader r = {.at = text, .end = text + len, .flags = flags};
    json_t *value = read_value(&r);
    if (value && peek(&r) == '\0' && r.at == r.end) {
        *ret_value = value;
        return 0;
    }
    json_decref(value);
    if (value)
        pusher__json_fail_syntax(&r);
    if (ret_flaw)
        *ret_flaw = (struct pusher__json_flaw){r.what, (size_t)(r.at - text)};
    return r.code;
}
