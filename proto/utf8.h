/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing over U+10FFFF. */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stddef.h>

/* Bytes of the sequence that begins at `at`, 1 to 4; 0 if none does. Reads no byte from `end` on;
 * `at` must be below it. */
unsigned utf8_sequence(const char *at, const char *end);

/* Bytes from the start of `text` that are UTF-8: `len` if all are. */
size_t utf8_valid(const char *text, size_t len);

/* Writes a code point that is neither a surrogate nor over U+10FFFF; returns its 1 to 4 bytes. */
unsigned utf8_encode(unsigned code_point, char ret_bytes[4]);

/* The largest length up to `max` at which `text`, which may be longer, can be cut without cutting
 * through a sequence. */
size_t utf8_cut(const char *text, size_t len, size_t max);

#endif
