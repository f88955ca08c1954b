/* Strings of JSON: their syntax, and what they say. */
#ifndef PROTO_JSON_STRING_H
#define PROTO_JSON_STRING_H

#include "proto/reader.h"

#define JSON_ENDS_EARLY "the JSON text ends too early"

/* Reads the string whose opening quote is at reader->at: `text`, `escaped` and, if the value has
 * none yet, `flaw`. 0 or READER_SYNTAX. */
int json_string_scan(struct reader *reader, struct value *value);

/* The first byte from `at` on that is a quote, a backslash, a control character or not ASCII; `end`
 * if there is none before it. */
const char *json_string_skip_plain(const char *at, const char *end);

/* Writes the text of a string without flaw, its escapes resolved; never longer than it was. Returns
 * the bytes written to `ret_text`, which holds text.len. */
size_t json_string_unescape(struct pusher_string text, char *ret_text);

#endif
