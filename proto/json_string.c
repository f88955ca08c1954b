/* Most bytes of most strings are plain ASCII, so the scan looks at eight at a time until one is
 * not.
 *
 * Bytes that are not UTF-8 and lone surrogates are not syntax errors but flaws of the value they
 * stand in, so that a bad payload costs a job its code only, not what follows it in the element. */
#include "proto/json_string.h"

#include <endian.h>
#include <string.h>

#include "lib/hex.h"
#include "lib/utf8.h"

#define ONES(byte) (UINT64_C(0x0101010101010101) * (byte))

static void note_flaw(struct value *value, const char *at, const char *what)
{
    if (!value->flaw.at)
        value->flaw = (struct value_flaw){at, what};
}

/* A byte is marked by its top bit. In the differences a borrow can only spoil bytes above one that
 * is marked rightly, so the lowest mark counts. */
const char *json_string_skip_plain(const char *at, const char *end)
{
    while (end - at >= 8) {
        uint64_t word, marks;
        memcpy(&word, at, sizeof(word));
        word = le64toh(word);
        marks = (word | (word - ONES(0x20)) | ((word ^ ONES('"')) - ONES(1)) |
                 ((word ^ ONES('\\')) - ONES(1))) &
                ONES(0x80);
        if (marks)
            return at + __builtin_ctzll(marks) / 8;
        at += 8;
    }
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 &&
           (unsigned char)*at < 0x80)
        at++;
    return at;
}

/* The four digits of an escape \uXXXX, or -1. */
static int hex4(const char *at, const char *end)
{
    int unit = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

static bool is_high_surrogate(int unit)
{
    return (unit & 0xfc00) == 0xd800;
}

static bool is_low_surrogate(int unit)
{
    return (unit & 0xfc00) == 0xdc00;
}

/* r->at is behind "\u". */
static int scan_unicode_escape(struct reader *r, struct value *value)
{
    const char *escape = r->at - 2;
    int unit = hex4(r->at, r->end);

    if (unit < 0)
        return reader_fail(r, escape, "\\u needs four hexadecimal digits");
    r->at += 4;
    if (is_high_surrogate(unit) && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u' &&
        is_low_surrogate(hex4(r->at + 2, r->end)))
        r->at += 6;
    else if (is_high_surrogate(unit) || is_low_surrogate(unit))
        note_flaw(value, escape, "is half of a surrogate pair");
    return 0;
}

/* r->at is at the backslash. */
static int scan_escape(struct reader *r, struct value *value)
{
    if (r->end - r->at < 2)
        return reader_fail(r, r->end, JSON_ENDS_EARLY);
    r->at += 2;
    if (r->at[-1] == 'u')
        return scan_unicode_escape(r, value);
    if (r->at[-1] == '\0' || !strchr("\"\\/bfnrt", r->at[-1]))
        return reader_fail(r, r->at - 2, "not an escape of JSON");
    return 0;
}

int json_string_scan(struct reader *r, struct value *value)
{
    const char *text = ++r->at;

    value->escaped = false;
    for (;;) {
        size_t n;
        r->at = json_string_skip_plain(r->at, r->end);
        if (r->at == r->end)
            return reader_fail(r, r->at, JSON_ENDS_EARLY);
        if (*r->at == '"')
            break;
        if (*r->at == '\\') {
            value->escaped = true;
            if (scan_escape(r, value) < 0)
                return READER_SYNTAX;
            continue;
        }
        if ((unsigned char)*r->at < 0x20)
            return reader_fail(r, r->at, "a control character in a string");
        n = pusher__utf8_char(r->at, r->end);
        if (n == 0)
            note_flaw(value, r->at, "is not UTF-8");
        r->at += n ? n : 1;
    }
    value->text = (struct pusher_string){text, (size_t)(r->at - text)};
    r->at++;
    return 0;
}

static char short_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

/* `at` is behind "\u"; gives how many bytes of the text it took. */
static size_t unescape_unicode(const char *at, const char *end, char **out)
{
    unsigned unit = (unsigned)hex4(at, end);
    size_t taken = 4;

    if (is_high_surrogate((int)unit)) {
        unsigned low = (unsigned)hex4(at + 6, end);
        unit = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
        taken = 10;
    }
    *out += pusher__utf8_encode(unit, *out);
    return taken;
}

size_t json_string_unescape(struct pusher_string text, char *ret_text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    char *out = ret_text;

    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((escape ? escape : end) - at);
        memcpy(out, at, plain);
        out += plain;
        at += plain;
        if (!escape)
            break;
        at += 2;
        if (at[-1] == 'u')
            at += unescape_unicode(at, end, &out);
        else
            *out++ = short_escape(at[-1]);
    }
    return (size_t)(out - ret_text);
}
