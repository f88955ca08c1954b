/* Both functions take 16 bytes at a time where the compiler has SSE2 (any x86-64). What those
 * blocks cannot hold goes byte by byte through a table: control characters, when measuring also
 * non-ASCII text, and the end of the text. Without SSE2 the table does it all, so that both ways
 * are tested by short and long texts.
 *
 * Escaped are the quote, the backslash and U+0000 to U+001F, the latter by their short forms where
 * JSON has them. Everything else, DEL and U+2028 too, stands as it is. */
#include "lib/json_text.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/utf8.h"

/* What stands behind the backslash; 'u' for \u00XX; 0 for bytes that stand as they are. */
static const char escapes[256] = {
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
    'f', 'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
    'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static size_t escaped_size(unsigned char c)
{
    return escapes[c] == 0 ? 1 : escapes[c] == 'u' ? 6 : 2;
}

#define BLOCK 16

#ifdef __SSE2__
static __m128i load(const unsigned char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static void store(char *p, __m128i block)
{
    _mm_storeu_si128((__m128i *)(void *)p, block);
}

/* 0xff where a byte is a quote or a backslash. */
static __m128i quotes(__m128i block)
{
    return _mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
                        _mm_cmpeq_epi8(block, _mm_set1_epi8('\\')));
}

/* Skips blocks of printable ASCII and adds their backslashes to *size. The comparison is signed:
 * bytes over 0x7f are negative and so below the space, as control characters are. */
static const unsigned char *measure_blocks(const unsigned char *p, const unsigned char *end,
                                           size_t *size)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i extra = zero;
    while (end - p >= BLOCK) {
        __m128i block = load(p);
        if (_mm_movemask_epi8(_mm_cmplt_epi8(block, _mm_set1_epi8(' '))))
            break;
        __m128i ones = _mm_sub_epi8(zero, quotes(block));
        extra = _mm_add_epi64(extra, _mm_sad_epu8(ones, zero));
        p += BLOCK;
    }
    *size += (size_t)_mm_cvtsi128_si64(extra) +
             (size_t)_mm_cvtsi128_si64(_mm_unpackhi_epi64(extra, extra));
    return p;
}

/* Writes a block whose quotes and backslashes are the bits of `mask`: each is its own second byte,
 * so that a backslash and the bytes from it on, copied one place further, do. With any, it reads up
 * to 31 bytes and writes up to 47, of which those behind the returned end mean nothing. */
static char *escape_block(const unsigned char *p, __m128i block, unsigned mask, char *buf)
{
    store(buf, block);
    for (; mask; mask &= mask - 1) {
        int at = __builtin_ctz(mask);
        buf[at] = '\\';
        buf++;
        store(buf + at, load(p + at));
    }
    return buf + BLOCK;
}

/* Writes whole blocks, up to the first that has a control character. */
static const unsigned char *escape_blocks(const unsigned char *p, const unsigned char *end,
                                          char **buf, const char *buf_end)
{
    while (end - p >= BLOCK && buf_end - *buf >= BLOCK) {
        __m128i block = load(p);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
        unsigned mask = (unsigned)_mm_movemask_epi8(quotes(block));
        if (_mm_movemask_epi8(control) ||
            (mask && (end - p < 2 * BLOCK || buf_end - *buf < 3 * BLOCK)))
            break;
        *buf = escape_block(p, block, mask, *buf);
        p += BLOCK;
    }
    return p;
}
#else
static const unsigned char *measure_blocks(const unsigned char *p, const unsigned char *end,
                                           size_t *size)
{
    (void)end;
    (void)size;
    return p;
}

static const unsigned char *escape_blocks(const unsigned char *p, const unsigned char *end,
                                          char **buf, const char *buf_end)
{
    (void)end;
    (void)buf;
    (void)buf_end;
    return p;
}
#endif

int pusher__json_measure(const char *text, size_t len, size_t *ret_size)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *end = p + len;
    size_t size = 0;
    while (p < end) {
        const unsigned char *from = p;
        size_t escaped = 0;
        p = measure_blocks(p, end, &escaped);
        size += (size_t)(p - from) + escaped;
        /* A byte that stopped the blocks is rarely alone: go on slowly for a block's length. */
        for (from = p; p < end && p - from < BLOCK;) {
            size_t n = pusher__utf8_char((const char *)p, (const char *)end);
            if (n == 0)
                return PUSHER_EDATA;
            size += n > 1 ? n : escaped_size(*p);
            p += n;
        }
    }
    *ret_size = size;
    return 0;
}

/* How many of the next bytes stand as they are; it looks at a block of them at most. */
static size_t plain_length(const unsigned char *p, const unsigned char *end)
{
    size_t n = end - p < BLOCK ? (size_t)(end - p) : BLOCK, plain = 0;
    while (plain < n && escapes[p[plain]] == 0)
        plain++;
    return plain;
}

static char *escape_byte(unsigned char c, char *buf, const char *end)
{
    static const char digits[] = "0123456789abcdef";
    if ((size_t)(end - buf) < escaped_size(c))
        return NULL;
    if (!escapes[c]) {
        *buf++ = (char)c;
        return buf;
    }
    *buf++ = '\\';
    *buf++ = escapes[c];
    if (escapes[c] == 'u') {
        *buf++ = '0';
        *buf++ = '0';
        *buf++ = digits[c >> 4];
        *buf++ = digits[c & 15];
    }
    return buf;
}

char *pusher__json_escape(const char *text, size_t len, char *buf, char *end)
{
    const unsigned char *p = (const unsigned char *)text;
    const unsigned char *text_end = p + len;
    while (p < text_end) {
        p = escape_blocks(p, text_end, &buf, end);
        size_t n = plain_length(p, text_end);
        if ((size_t)(end - buf) < n)
            return NULL;
        memcpy(buf, p, n);
        buf += n;
        p += n;
        if (n == BLOCK || p == text_end)
            continue;
        buf = escape_byte(*p++, buf, end);
        if (!buf)
            return NULL;
    }
    return buf;
}
