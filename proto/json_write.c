/* Every text goes through json_write_raw(); the rest decides what the text is. */
#include "proto/json_write.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/require.h"
#include "lib/utf8.h"
#include "proto/json_string.h"

#define DOUBLE_EXACT_MAX 9007199254740992.0 /* 2^53: up to it every whole number is a double */

void json_write_raw(struct json_sink *sink, const char *text, size_t len)
{
    if (sink->ptr) {
        REQUIRE(len <= sink->size - sink->len);
        memcpy(sink->ptr + sink->len, text, len);
    }
    sink->len += len;
}

static void write_escape(struct json_sink *sink, char c)
{
    static const char shorts[] = "\"\"\\\\\bb\ff\nn\rr\tt";
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4 & 0xf], hex[c & 0xf]};

    for (size_t i = 0; i < sizeof(shorts) - 1; i += 2) {
        if (shorts[i] == c) {
            escape[1] = shorts[i + 1];
            json_write_raw(sink, escape, 2);
            return;
        }
    }
    json_write_raw(sink, escape, sizeof(escape));
}

bool json_write_string(struct json_sink *sink, struct pusher_string text)
{
    const char *at = text.ptr, *end = text.ptr + text.len;
    bool valid = true;

    json_write_raw(sink, "\"", 1);
    while (at < end) {
        const char *run = at;
        size_t n;
        at = json_string_skip_plain(at, end);
        json_write_raw(sink, run, (size_t)(at - run));
        if (at == end)
            break;
        n = pusher__utf8_char(at, end);
        if (n > 1)
            json_write_raw(sink, at, n);
        else if (n == 1)
            write_escape(sink, *at);
        else
            json_write_raw(sink, "\xef\xbf\xbd", 3);
        valid = valid && n > 0;
        at += n ? n : 1;
    }
    json_write_raw(sink, "\"", 1);
    return valid;
}

void json_write_integer(struct json_sink *sink, bool negative, uint64_t magnitude)
{
    char digits[21];
    char *at = digits + sizeof(digits);

    do {
        *--at = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (negative)
        *--at = '-';
    json_write_raw(sink, at, (size_t)(digits + sizeof(digits) - at));
}

size_t json_write_from_printf(char *text)
{
    const char *in = text;
    char *out = text;

    while (*in) {
        if (strchr("0123456789-", *in)) {
            *out++ = *in++;
        } else if (*in == 'e') {
            *out++ = *in++;
            if (*in == '-')
                *out++ = *in;
            in += strspn(in, "+-0");
        } else {
            *out++ = '.';
            in += strcspn(in, "0123456789");
        }
    }
    return (size_t)(out - text);
}

/* Normal numbers need 15 digits at least to tell neighbours apart, or have trailing zeros that %g
 * drops; subnormal ones can do with fewer. */
static size_t format_double(double number, char ret_text[48])
{
    int precision = fabs(number) < DBL_MIN ? 1 : DBL_DIG;

    for (; precision <= DBL_DECIMAL_DIG; precision++) {
        snprintf(ret_text, 48, "%.*g", precision, number);
        if (strtod(ret_text, NULL) == number)
            break;
    }
    return json_write_from_printf(ret_text);
}

void json_write_double(struct json_sink *sink, double number)
{
    char text[48];

    if (!sink->ptr) {
        sink->len += JSON_DOUBLE_MAX;
        return;
    }
    if (number == 0 && signbit(number)) {
        json_write_raw(sink, "-0", 2);
    } else if (fabs(number) < DOUBLE_EXACT_MAX && number == (double)(int64_t)number) {
        json_write_integer(sink, number < 0, (uint64_t)fabs(number));
    } else {
        size_t len = format_double(number, text);
        json_write_raw(sink, text, len);
    }
}
