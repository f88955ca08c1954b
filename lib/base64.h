/* base64 of what anybody may see: not in constant time. Secrets go through libsodium. */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include <stddef.h>

static inline size_t pusher__base64_size(size_t len)
{
    return (len + 2) / 3 * 4;
}

/* Writes exactly pusher__base64_size() characters, with padding and without NUL; gives their end.
 */
char *pusher__base64_encode(const unsigned char *bytes, size_t len, char *buf);

#endif
