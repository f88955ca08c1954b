/* UTF-8, strictly as RFC 3629 has it: no overlong forms, no surrogates, nothing over U+10FFFF.
 * The one place for it: proto reads and writes by these too. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

static inline bool pusher__utf8_is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* The second byte carries the limits: what it may be depends on the first. */
static inline bool pusher__utf8_second_fits(unsigned char first, unsigned char second)
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

/* The bytes, 1 to 4, of the character that begins at `at`; 0 if none does before `end`. Inline, for
 * the readers and writers call it for each character that is not ASCII. */
static inline size_t pusher__utf8_char(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t left = (size_t)(end - at);
    if (left == 0)
        return 0;
    unsigned char c = p[0];
    if (c < 0x80)
        return 1;
    size_t n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0xc2 || c > 0xf4 || n > left || !pusher__utf8_is_tail(p[1]) ||
        !pusher__utf8_second_fits(c, p[1]))
        return 0;
    if ((n > 2 && !pusher__utf8_is_tail(p[2])) || (n > 3 && !pusher__utf8_is_tail(p[3])))
        return 0;
    return n;
}

/* The number of a character; `len` is pusher__utf8_char()'s, not 0. */
unsigned pusher__utf8_code_point(const char *at, size_t len);

/* True for a character that a person does not see, or that changes how others are seen: C0 and C1
 * controls, separators of lines and paragraphs, and what Unicode has as
 * Default_Ignorable_Code_Point, such as controls of direction, joiners, spaces without width,
 * variation selectors and tags. `len` is pusher__utf8_char()'s, not 0. */
bool pusher__utf8_is_hidden(const char *at, size_t len);

/* Bytes from the start of `text` that are UTF-8: `len` if all are. */
size_t pusher__utf8_prefix(const char *text, size_t len);

static inline bool pusher__utf8_valid(const char *text, size_t len)
{
    return pusher__utf8_prefix(text, len) == len;
}

/* Writes a code point that is neither a surrogate nor over U+10FFFF; returns its 1 to 4 bytes. */
size_t pusher__utf8_encode(unsigned code_point, char ret_bytes[4]);

/* The largest length up to `max` at which `text`, which may be longer, can be cut without cutting
 * through a character. */
size_t pusher__utf8_cut(const char *text, size_t len, size_t max);

/* Copies text for humans to see: one line, NUL-terminated, in `size` bytes. Runs of white space and
 * control characters become one space, none stays at the ends, bytes that are not UTF-8 become "?",
 * and what is too long is cut between characters. Returns the bytes written, without the NUL. */
size_t pusher__utf8_line(const char *text, size_t len, char *buf, size_t size);

#endif
