/* Most text is ASCII: pusher__utf8_prefix() looks at sixteen bytes at a time until one is not. */
#include "lib/utf8.h"

#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static const char *skip_ascii(const char *at, const char *end)
{
    while (end - at >= 16) {
        uint64_t words[2];
        memcpy(words, at, sizeof(words));
        if ((words[0] | words[1]) & HIGH_BITS)
            break;
        at += sizeof(words);
    }
    while (at < end && (unsigned char)*at < 0x80)
        at++;
    return at;
}

size_t pusher__utf8_prefix(const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    while ((at = skip_ascii(at, end)) < end) {
        size_t n = pusher__utf8_char(at, end);
        if (n == 0)
            break;
        at += n;
    }
    return (size_t)(at - text);
}

size_t pusher__utf8_encode(unsigned code_point, char ret_bytes[4])
{
    static const unsigned char heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    if (code_point < 0x80) {
        ret_bytes[0] = (char)code_point;
        return 1;
    }
    size_t n = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        ret_bytes[i] = (char)(0x80 | (code_point & 0x3f));
        code_point >>= 6;
    }
    ret_bytes[0] = (char)(heads[n] | code_point);
    return n;
}

unsigned pusher__utf8_code_point(const char *at, size_t len)
{
    static const unsigned char masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    unsigned c = (unsigned char)at[0] & masks[len];
    for (size_t i = 1; i < len; i++)
        c = c << 6 | ((unsigned char)at[i] & 0x3f);
    return c;
}

bool pusher__utf8_is_hidden(const char *at, size_t len)
{
    /* Unicode 15, DerivedCoreProperties.txt; and Cc, Zl, Zp, and the marks of annotations. */
    static const struct {
        unsigned first, last;
    } hidden[] = {
        {0x0000, 0x001f},   {0x007f, 0x009f},   {0x00ad, 0x00ad},   {0x034f, 0x034f},
        {0x061c, 0x061c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},   {0x180b, 0x180f},
        {0x200b, 0x200f},   {0x2028, 0x202e},   {0x2060, 0x206f},   {0x3164, 0x3164},
        {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},
        {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
    };
    unsigned c = pusher__utf8_code_point(at, len);
    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]) && c >= hidden[i].first; i++) {
        if (c <= hidden[i].last)
            return true;
    }
    return false;
}

size_t pusher__utf8_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && pusher__utf8_is_tail((unsigned char)text[max]))
        max--;
    return max;
}

/* C0, DEL, and the C1 controls, which terminals may obey. */
static bool is_blank(const char *at, size_t n)
{
    const unsigned char *p = (const unsigned char *)at;
    return (n == 1 && (p[0] <= ' ' || p[0] == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

size_t pusher__utf8_line(const char *text, size_t len, char *buf, size_t size)
{
    const char *at = text, *end = text + len;
    size_t used = 0;
    bool gap = false;
    while (at < end) {
        size_t n = pusher__utf8_char(at, end);
        size_t step = n ? n : 1;
        if (is_blank(at, n)) {
            gap = used > 0;
        } else {
            if (used + gap + step >= size)
                break;
            if (gap)
                buf[used++] = ' ';
            gap = false;
            memcpy(buf + used, n ? at : "?", step);
            used += step;
        }
        at += step;
    }
    buf[used] = '\0';
    return used;
}
