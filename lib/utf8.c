#include "lib/utf8.h"

#include <stdint.h>
#include <string.h>

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The second byte carries the limits: what it may be depends on the first. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0; /* below: overlong */
    case 0xed:
        return second < 0xa0; /* above: a surrogate */
    case 0xf0:
        return second >= 0x90; /* below: overlong */
    case 0xf4:
        return second < 0x90; /* above: over U+10FFFF */
    default:
        return true;
    }
}

size_t pusher__utf8_char(const unsigned char *p, const unsigned char *end)
{
    size_t left = (size_t)(end - p);
    if (left == 0)
        return 0;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0xc2 || c > 0xf4 || n > left || !is_tail(p[1]) || !second_fits(c, p[1]))
        return 0;
    if ((n > 2 && !is_tail(p[2])) || (n > 3 && !is_tail(p[3])))
        return 0;
    return n;
}

/* Skips whole words of ASCII. */
static const unsigned char *skip_ascii(const unsigned char *p, const unsigned char *end)
{
    uint64_t word;
    while ((size_t)(end - p) >= sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        if (word & UINT64_C(0x8080808080808080))
            break;
        p += sizeof(word);
    }
    return p;
}

bool pusher__utf8_valid(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;
    while ((p = skip_ascii(p, end)) < end) {
        size_t n = pusher__utf8_char(p, end);
        if (n == 0)
            return false;
        p += n;
    }
    return true;
}

/* C0, DEL, and the C1 controls, which terminals may obey. */
static bool is_blank(const unsigned char *p, size_t n)
{
    return (n == 1 && (p[0] <= ' ' || p[0] == 0x7f)) || (n == 2 && p[0] == 0xc2 && p[1] < 0xa0);
}

size_t pusher__utf8_line(const char *text, size_t len, char *buf, size_t size)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;
    size_t used = 0;
    bool gap = false;
    while (p < end) {
        size_t n = pusher__utf8_char(p, end);
        size_t step = n ? n : 1;
        if (is_blank(p, n)) {
            gap = used > 0;
        } else {
            if (used + gap + step >= size)
                break;
            if (gap)
                buf[used++] = ' ';
            gap = false;
            memcpy(buf + used, n ? (const char *)p : "?", step);
            used += step;
        }
        p += step;
    }
    buf[used] = '\0';
    return used;
}
