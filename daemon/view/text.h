/* Text for standard output: for programs as JSON, for people on a terminal. */
#ifndef DAEMON_VIEW_TEXT_H
#define DAEMON_VIEW_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "pusher/string.h"

#define TEXT_TIME_MAX 32

/* True if people look at it: a terminal, and --json was not given. */
bool text_for_people(FILE *out, bool wants_json);

/* Columns of the terminal; 80 if it does not say. */
size_t text_columns(FILE *out);

/* A JSON string; what is not UTF-8 becomes U+FFFD. */
void text_json(FILE *out, struct pusher_string text);

/* A JSON value that is known to be sound, without the white space around its tokens: one line. */
void text_json_compact(FILE *out, struct pusher_string json);

/* Text of strangers for a terminal: one line, at most `columns` wide, with "..." at the end of what
 * was cut. What could steer the terminal or deceive its reader, for nobody sees it
 * (pusher__utf8_is_hidden()), becomes "?". */
void text_clean(FILE *out, struct pusher_string text, size_t columns);

/* "2026-11-24T10:17:47.123Z", or for people "2026-11-24 10:17:47" in the local time zone. */
void text_time(uint64_t unix_ms, bool for_people, char ret_text[TEXT_TIME_MAX]);

/* "850 ms", "12 s", "5 min", "3 h", "2 d". */
void text_duration(uint64_t ms, char ret_text[TEXT_TIME_MAX]);

#endif
