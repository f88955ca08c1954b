/* A strict reader of JSON that keeps slices.
 *
 * Why not a library: `data` that arrives as JSON goes out with the same bytes, and a parser that
 * builds a tree has lost them (the digits of a number, white space, the order of keys). So a value
 * is scanned to its end and given as the slice it is; only strings of the job itself are unescaped.
 *
 * Nested containers are scanned in a loop. Two words of bits remember for each open level whether
 * it is an object or an array; JOB_DEPTH_MAX is what they can hold.
 */
#include "proto/json_read.h"

#include "proto/json_string.h"

struct levels {
    uint64_t is_map[JOB_DEPTH_MAX / 64]; /* one bit a level */
    unsigned depth, base;
};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && is_space(*r->at))
        r->at++;
}

/* The next byte that is not white space, or 0 at the end: no token begins with NUL. */
static char peek(struct reader *r)
{
    skip_space(r);
    return r->at < r->end ? *r->at : '\0';
}

static int fail(struct reader *r, const char *what)
{
    return reader_fail(r, r->at, r->at < r->end ? what : JSON_ENDS_EARLY);
}

static int scan_digits(struct reader *r)
{
    if (r->at == r->end || !is_digit(*r->at))
        return fail(r, "expected a digit");
    while (r->at < r->end && is_digit(*r->at))
        r->at++;
    return 0;
}

static int scan_number(struct reader *r, struct value *value)
{
    value->kind = VALUE_INTEGER;
    if (*r->at == '-')
        r->at++;
    if (r->at < r->end && *r->at == '0')
        r->at++;
    else if (scan_digits(r) < 0)
        return READER_SYNTAX;
    if (r->at < r->end && *r->at == '.') {
        value->kind = VALUE_DOUBLE;
        r->at++;
        if (scan_digits(r) < 0)
            return READER_SYNTAX;
    }
    if (r->at < r->end && (*r->at == 'e' || *r->at == 'E')) {
        value->kind = VALUE_DOUBLE;
        r->at++;
        if (r->at < r->end && (*r->at == '+' || *r->at == '-'))
            r->at++;
        return scan_digits(r);
    }
    return 0;
}

static int scan_literal(struct reader *r, const char *literal)
{
    for (; *literal; literal++, r->at++) {
        if (r->at == r->end || *r->at != *literal)
            return fail(r, "not a value of JSON");
    }
    return 0;
}

static int scan_scalar(struct reader *r, struct value *value)
{
    switch (*r->at) {
    case '"':
        value->kind = VALUE_STRING;
        return json_string_scan(r, value);
    case 't':
        value->kind = VALUE_BOOL;
        return scan_literal(r, "true");
    case 'f':
        value->kind = VALUE_BOOL;
        return scan_literal(r, "false");
    case 'n':
        value->kind = VALUE_NULL;
        return scan_literal(r, "null");
    default:
        if (*r->at == '-' || is_digit(*r->at))
            return scan_number(r, value);
        return fail(r, "expected a value");
    }
}

/* r->at is at the key's quote, or should be; ends behind the colon. */
static int scan_key(struct reader *r, struct value *key)
{
    if (peek(r) != '"')
        return fail(r, "expected '\"'");
    if (json_string_scan(r, key) < 0)
        return READER_SYNTAX;
    if (peek(r) != ':')
        return fail(r, "expected ':'");
    r->at++;
    return 0;
}

static bool in_map(const struct levels *levels)
{
    unsigned level = levels->depth - 1;

    return levels->is_map[level / 64] >> level % 64 & 1;
}

static int push_level(struct reader *r, struct levels *levels)
{
    unsigned level = levels->depth;
    uint64_t bit = UINT64_C(1) << level % 64;

    if (level >= JOB_DEPTH_MAX)
        return fail(r, READER_TOO_DEEP);
    if (*r->at == '{')
        levels->is_map[level / 64] |= bit;
    else
        levels->is_map[level / 64] &= ~bit;
    levels->depth++;
    r->at++;
    return 0;
}

/* Behind a value: closes what ends here, and takes the comma if more follows. */
static int close_levels(struct reader *r, struct levels *levels)
{
    while (levels->depth > levels->base) {
        char c = peek(r);
        if (c == ',') {
            r->at++;
            return 0;
        }
        if (c != (in_map(levels) ? '}' : ']'))
            return fail(r, in_map(levels) ? "expected ',' or '}'" : "expected ',' or ']'");
        r->at++;
        levels->depth--;
    }
    return 0;
}

static bool closes_at_once(struct reader *r, const struct levels *levels)
{
    return peek(r) == (in_map(levels) ? '}' : ']');
}

/* One member: its key, if any, and its value or the bracket that opens it. */
static int scan_member(struct reader *r, struct levels *levels, struct value *whole)
{
    struct value inner;
    int rc;

    inner.flaw = whole->flaw;
    if (levels->depth == levels->base + 1)
        whole->n_items++;
    if (in_map(levels) && scan_key(r, &inner) < 0)
        return READER_SYNTAX;
    switch (peek(r)) {
    case '{':
    case '[':
        rc = push_level(r, levels);
        if (rc == 0 && !closes_at_once(r, levels)) {
            whole->flaw = inner.flaw;
            return 0;
        }
        break;
    case '\0':
        rc = fail(r, "expected a value");
        break;
    default:
        rc = scan_scalar(r, &inner);
    }
    whole->flaw = inner.flaw;
    return rc < 0 ? rc : close_levels(r, levels);
}

static int scan_container(struct reader *r, struct value *value)
{
    struct levels levels = {.depth = r->depth, .base = r->depth};

    value->kind = *r->at == '{' ? VALUE_MAP : VALUE_ARRAY;
    if (push_level(r, &levels) < 0)
        return READER_SYNTAX;
    if (closes_at_once(r, &levels)) {
        r->at++;
        return 0;
    }
    while (levels.depth > levels.base) {
        if (scan_member(r, &levels, value) < 0)
            return READER_SYNTAX;
    }
    return 0;
}

int json_read_value(struct reader *r, struct value *ret_value)
{
    const char *begin;
    int rc;

    ret_value->format = READER_JSON;
    ret_value->n_items = 0;
    ret_value->flaw.at = NULL;
    switch (peek(r)) {
    case '\0':
        return fail(r, "expected a value");
    case '{':
    case '[':
        begin = r->at;
        rc = scan_container(r, ret_value);
        break;
    default:
        begin = r->at;
        rc = scan_scalar(r, ret_value);
    }
    ret_value->raw = (struct pusher_string){begin, (size_t)(r->at - begin)};
    return rc;
}

int json_read_open(struct reader *r, enum value_kind kind)
{
    if (peek(r) != (kind == VALUE_MAP ? '{' : '['))
        return fail(r, kind == VALUE_MAP ? "expected '{'" : "expected '['");
    r->at++;
    r->depth++;
    r->first = true;
    return 0;
}

static int read_key(struct reader *r, struct value *key)
{
    key->format = READER_JSON;
    key->kind = VALUE_STRING;
    key->flaw.at = NULL;
    skip_space(r);
    key->raw.ptr = r->at;
    if (scan_key(r, key) < 0)
        return READER_SYNTAX;
    key->raw.len = key->text.len + 2;
    return 0;
}

int json_read_next(struct reader *r, struct value *ret_key)
{
    const char close = ret_key ? '}' : ']';
    bool first = r->first;
    char c = peek(r);

    r->first = false;
    if (c == close) {
        r->at++;
        r->depth--;
        return READER_END;
    }
    if (!first) {
        if (c != ',')
            return fail(r, ret_key ? "expected ',' or '}'" : "expected ',' or ']'");
        r->at++;
    }
    if (ret_key && read_key(r, ret_key) < 0)
        return READER_SYNTAX;
    skip_space(r);
    return READER_ITEM;
}

bool json_read_at_map(const struct reader *r)
{
    return r->at < r->end && *r->at == '{';
}

int json_read_finish(struct reader *r)
{
    skip_space(r);
    return r->at == r->end ? 0 : reader_fail(r, r->at, "bytes after the end of the job");
}
