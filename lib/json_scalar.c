#include "lib/json_scalar.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/json_load.h"
#include "lib/utf8.h"

#define NUMBER_MAX 64 /* bytes of a number that is read without an allocation */

void *pusher__json_fail(struct pusher__json_reader *r, int code, const char *what)
{
    if (r->code == 0) {
        r->code = code;
        r->what = what;
    }
    return NULL;
}

void *pusher__json_fail_syntax(struct pusher__json_reader *r)
{
    return pusher__json_fail(r, PUSHER_EDATA, "invalid JSON");
}

void *pusher__json_built(struct pusher__json_reader *r, void *value)
{
    return value ? value : pusher__json_fail(r, PUSHER_ENOMEM, NULL);
}

bool pusher__json_take(struct pusher__json_reader *r, char c)
{
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* ---- strings */

/* The number behind "\u", or -1. */
static int read_hex4(struct pusher__json_reader *r)
{
    int unit = 0;
    if (r->end - r->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(r->at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    r->at += 4;
    return unit;
}

/* Behind "\u": the code point, of two escapes where they are a pair; -1 if it is none. */
static int read_code_point(struct pusher__json_reader *r)
{
    int high = read_hex4(r);
    if (high < 0xd800 || high > 0xdfff)
        return high;
    if (high > 0xdbff || !pusher__json_take(r, '\\') || !pusher__json_take(r, 'u'))
        return -1;
    int low = read_hex4(r);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    return 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
}

/* Behind a backslash; gives how many bytes it stands for, 0 if it is no escape. */
static size_t read_escape(struct pusher__json_reader *r, char *out)
{
    static const char names[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
    char c = r->at < r->end ? *r->at++ : '\0';
    if (c == 'u') {
        int code_point = read_code_point(r);
        return code_point < 0 ? 0 : pusher__utf8_encode((unsigned)code_point, out);
    }
    const char *name = c ? strchr(names, c) : NULL;
    if (!name)
        return 0;
    *out = bytes[name - names];
    return 1;
}

/* The next character of a string, of 1 to 4 bytes; 0 if none can stand here. */
static size_t read_char(struct pusher__json_reader *r, char *out)
{
    if (pusher__json_take(r, '\\'))
        return read_escape(r, out);
    size_t len = pusher__utf8_char(r->at, r->end);
    if (len == 0 || (unsigned char)*r->at < 0x20)
        return 0;
    memcpy(out, r->at, len);
    r->at += len;
    return len;
}

/* Bytes up to the closing quote, or to the end: no fewer than the string has. */
static size_t raw_length(const struct pusher__json_reader *r)
{
    const char *at = r->at;
    while (at < r->end && *at != '"')
        at += *at == '\\' && r->end - at > 1 ? 2 : 1;
    return (size_t)(at - r->at);
}

char *pusher__json_text(struct pusher__json_reader *r, size_t *ret_len)
{
    r->at++;
    char *text = pusher__json_built(r, malloc(raw_length(r) + 1));
    size_t len = 0;
    while (text && !pusher__json_take(r, '"')) {
        size_t n = read_char(r, text + len);
        len += n;
        if (n == 0) {
            free(text);
            return pusher__json_fail_syntax(r);
        }
    }
    if (text)
        text[len] = '\0';
    *ret_len = len;
    return text;
}

json_t *pusher__json_string(struct pusher__json_reader *r)
{
    size_t len;
    char *text = pusher__json_text(r, &len);
    if (!text)
        return NULL;
    json_t *value = pusher__json_built(r, json_stringn_nocheck(text, len));
    free(text);
    return value;
}

/* ---- numbers */

static bool skip_digits(struct pusher__json_reader *r)
{
    const char *from = r->at;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
        r->at++;
    return r->at > from;
}

/* False if no number stands here. */
static bool skip_number(struct pusher__json_reader *r, bool *ret_whole)
{
    *ret_whole = true;
    pusher__json_take(r, '-');
    if (!pusher__json_take(r, '0') && !skip_digits(r))
        return false;
    if (pusher__json_take(r, '.')) {
        *ret_whole = false;
        if (!skip_digits(r))
            return false;
    }
    if (pusher__json_take(r, 'e') || pusher__json_take(r, 'E')) {
        *ret_whole = false;
        if (!pusher__json_take(r, '+'))
            pusher__json_take(r, '-');
        return skip_digits(r);
    }
    return true;
}

/* strtod() wants the point of the locale. */
static json_t *make_real(struct pusher__json_reader *r, char *digits)
{
    char *point = strchr(digits, '.');
    if (point)
        *point = *localeconv()->decimal_point;
    double number = strtod(digits, NULL);
    return isfinite(number) ? pusher__json_built(r, json_real(number))
                            : pusher__json_fail_syntax(r);
}

static json_t *make_number(struct pusher__json_reader *r, bool whole, char *digits)
{
    if (!whole || r->flags & PUSHER__JSON_INT_AS_REAL)
        return make_real(r, digits);
    errno = 0;
    long long number = strtoll(digits, NULL, 10);
    if (errno != 0)
        return r->flags & PUSHER__JSON_BIG_AS_REAL ? make_real(r, digits)
                                                   : pusher__json_fail_syntax(r);
    return pusher__json_built(r, json_integer(number));
}

json_t *pusher__json_number(struct pusher__json_reader *r)
{
    const char *from = r->at;
    char few[NUMBER_MAX];
    bool whole;
    if (!skip_number(r, &whole))
        return pusher__json_fail_syntax(r);
    size_t len = (size_t)(r->at - from);
    char *digits = len < sizeof(few) ? few : pusher__json_built(r, malloc(len + 1));
    if (!digits)
        return NULL;
    memcpy(digits, from, len);
    digits[len] = '\0';
    json_t *value = make_number(r, whole, digits);
    if (digits != few)
        free(digits);
    return value;
}
