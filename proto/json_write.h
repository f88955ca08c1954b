/* Writing JSON text: measured first, then written into memory of that size.
 *
 *   struct json_sink sink = JSON_SINK_COUNTS;
 *   put(&sink);
 *   sink = json_sink_into(malloc(sink.len), sink.len);
 *   put(&sink);                          writes, if there is memory: it counts again if not
 *
 * Both times put() must see the same: no clock, nothing that may change in between. It ends the
 * process if the second text is longer than the memory. */
#ifndef PROTO_JSON_WRITE_H
#define PROTO_JSON_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pusher/string.h"

struct json_sink {
    char *ptr;   /* borrowed; NULL: only count */
    size_t len;  /* bytes written, or that would be */
    size_t size; /* of the memory; 0 while it counts */
};

#define JSON_SINK_COUNTS ((struct json_sink){NULL, 0, 0})

static inline struct json_sink json_sink_into(char *memory, size_t size)
{
    return (struct json_sink){memory, 0, size};
}

/* The longest form of a double, "-2.2250738585072014e-308". */
#define JSON_DOUBLE_MAX 24

void json_write_raw(struct json_sink *sink, const char *text, size_t len);

/* Quoted and escaped, in the fewest bytes; what is not UTF-8 becomes U+FFFD. False if some of it
 * was not. */
bool json_write_string(struct json_sink *sink, struct pusher_string text);

void json_write_integer(struct json_sink *sink, bool negative, uint64_t magnitude);

/* The fewest digits that strtod() reads back as the same double, whatever the locale. The number
 * must be finite. A sink that counts takes it as JSON_DOUBLE_MAX bytes. */
void json_write_double(struct json_sink *sink, double number);

/* Turns what printf's %g made of a finite number in any locale into JSON, in place: the decimal
 * point, which can be several bytes, becomes a dot, and the exponent loses its plus sign and
 * leading zeros. Returns the new length; the text is not NUL-terminated any more. */
size_t json_write_from_printf(char *text);

#endif
