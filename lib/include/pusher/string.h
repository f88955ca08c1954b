/* A run of bytes that somebody else owns: pointer and length, not NUL-terminated.
 * `ptr == NULL` means absent, which is not the same as empty. */
#ifndef PUSHER_STRING_H
#define PUSHER_STRING_H

#include <stddef.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct pusher_string {
    const char *ptr; /* borrowed */
    size_t len;      /* bytes */
};

/* Wraps a C string; NULL gives the absent string. */
static inline struct pusher_string pusher_str(const char *text)
{
    struct pusher_string s;
    s.ptr = text;
    s.len = text ? strlen(text) : 0;
    return s;
}

#ifdef __cplusplus
}
#endif

#endif
