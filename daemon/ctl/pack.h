/* Jobs as JSON text: checked, and turned into msgpack. */
#ifndef DAEMON_CTL_PACK_H
#define DAEMON_CTL_PACK_H

#include <msgpack/sbuffer.h>
#include <stddef.h>

#define PACK_WHY_MAX 160

/* 0 if the text is one JSON object in UTF-8; else -1 and what is wrong at which byte. What the
 * object means is not looked at: that is pusherd's to say, in the failures stream. */
int pack_check(const char *text, size_t len, char ret_why[PACK_WHY_MAX])
    __attribute__((warn_unused_result));

/* 0 if the text is one JSON value of any kind, in UTF-8; else as above. */
int pack_check_value(const char *text, size_t len, char ret_why[PACK_WHY_MAX])
    __attribute__((warn_unused_result));

/* Appends the object as msgpack. Integers keep their value up to 64 bits; beyond that, and for
 * numbers no double can hold, -1. On failure the buffer may hold a part. */
int pack_msgpack(const char *text, size_t len, msgpack_sbuffer *buffer, char ret_why[PACK_WHY_MAX])
    __attribute__((warn_unused_result));

#endif
