/* Text of any length, written with stdio into memory. Like open_memstream(), but it does not hide
 * that memory ran out: glibc's loses what it had no room for, with neither ferror() nor fclose()
 * telling of it, and goes on with what comes next.
 *
 *   struct text_out text;
 *   FILE *out = text_out_open(&text);
 *   if (out)
 *       put(out);
 *   bytes = text_out_close(&text, &len);      NULL: out of memory, at any time
 */
#ifndef PROTO_TEXT_OUT_H
#define PROTO_TEXT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct text_out {
    FILE *file;  /* owned; NULL: out of memory at the beginning */
    char *bytes; /* owned */
    size_t len, size;
    bool is_cut; /* there was no memory for all of it */
};

/* The stream, which text_out_close() closes, or NULL. It has no position: ftell() fails. */
FILE *text_out_open(struct text_out *text);

/* To be called also when opening failed. Gives the whole text, malloc'ed and with a NUL behind it;
 * or NULL, with nothing left of it. */
char *text_out_close(struct text_out *text, size_t *ret_len) __attribute__((warn_unused_result));

#endif
