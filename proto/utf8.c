/* Most text is ASCII: utf8_valid() looks at sixteen bytes at a time until one is not. */
#include "proto/utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The second byte tells overlong forms, surrogates and what is over U+10FFFF. */
static bool second_fits(unsigned char first, unsigned char second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_continuation(second);
    }
}

static unsigned length_by_first(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first < 0xc2 || first > 0xf4)
        return 0;
    return first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

unsigned utf8_sequence(const char *at, const char *end)
{
    const unsigned char *byte = (const unsigned char *)at;
    unsigned len = length_by_first(byte[0]);

    if (len < 2)
        return len;
    if ((size_t)(end - at) < len || !second_fits(byte[0], byte[1]))
        return 0;
    for (unsigned i = 2; i < len; i++) {
        if (!is_continuation(byte[i]))
            return 0;
    }
    return len;
}

static const char *skip_ascii(const char *at, const char *end)
{
    while (end - at >= 16) {
        uint64_t words[2];
        memcpy(words, at, sizeof(words));
        if ((words[0] | words[1]) & HIGH_BITS)
            break;
        at += 16;
    }
    if (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        if (!(word & HIGH_BITS))
            at += 8;
    }
    while (at < end && (unsigned char)*at < 0x80)
        at++;
    return at;
}

size_t utf8_valid(const char *text, size_t len)
{
    const char *at = text, *end = text + len;

    for (;;) {
        unsigned n;
        at = skip_ascii(at, end);
        if (at == end)
            return len;
        n = utf8_sequence(at, end);
        if (n == 0)
            return (size_t)(at - text);
        at += n;
    }
}

unsigned utf8_encode(unsigned code_point, char ret_bytes[4])
{
    if (code_point < 0x80) {
        ret_bytes[0] = (char)code_point;
        return 1;
    }
    if (code_point < 0x800) {
        ret_bytes[0] = (char)(0xc0 | code_point >> 6);
        ret_bytes[1] = (char)(0x80 | (code_point & 0x3f));
        return 2;
    }
    if (code_point < 0x10000) {
        ret_bytes[0] = (char)(0xe0 | code_point >> 12);
        ret_bytes[1] = (char)(0x80 | (code_point >> 6 & 0x3f));
        ret_bytes[2] = (char)(0x80 | (code_point & 0x3f));
        return 3;
    }
    ret_bytes[0] = (char)(0xf0 | code_point >> 18);
    ret_bytes[1] = (char)(0x80 | (code_point >> 12 & 0x3f));
    ret_bytes[2] = (char)(0x80 | (code_point >> 6 & 0x3f));
    ret_bytes[3] = (char)(0x80 | (code_point & 0x3f));
    return 4;
}

size_t utf8_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && is_continuation((unsigned char)text[max]))
        max--;
    return max;
}
