/* UTF-8, strictly as RFC 3629 has it: no overlong forms, no surrogates, nothing over U+10FFFF. */
#ifndef LIB_UTF8_H
#define LIB_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes, 1 to 4, of the character that begins at `p`; 0 if none does before `end`. */
size_t pusher__utf8_char(const unsigned char *p, const unsigned char *end);

bool pusher__utf8_valid(const char *text, size_t len);

/* Copies text for humans to see: one line, NUL-terminated, in `size` bytes. Runs of white space and
 * control characters become one space, none stays at the ends, bytes that are not UTF-8 become "?",
 * and what is too long is cut between characters. Returns the bytes written, without the NUL. */
size_t pusher__utf8_line(const char *text, size_t len, char *buf, size_t size);

#endif
