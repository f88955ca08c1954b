/* An entry of a results or failures stream, as Redis gives it: [id, [field, value, ...]].
 *
 * As JSON every field keeps its name: numbers are numbers, `result` and `parts` the JSON that they
 * are, `job` the job as JSON and beside it `format`, which says what the producer's bytes are;
 * bytes that no text can say stand in `job_base64`. Before them `stream_id`, `time`, `time_ms`. */
#ifndef DAEMON_VIEW_ENTRY_H
#define DAEMON_VIEW_ENTRY_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/arena.h"
#include "pusher/string.h"

#define STREAM_ID_MAX 48

struct stream_entry {
    const char *id; /* borrowed of the reply, as all of it */
    uint64_t unix_ms;
    const redisReply *fields;
};

/* False if it is none. */
bool stream_entry_read(const redisReply *reply, struct stream_entry *ret_entry);

/* What peek.lua gives: its entries, each of which is still to be read, and whether there may be
 * older ones. NULL if it is not that. */
const redisReply *stream_peeked(const redisReply *reply, bool *ret_more);

/* The value of a field; absent if the entry has none. */
struct pusher_string stream_field(const struct stream_entry *entry, const char *name);

/* "1732443467123-0", or "1732443467123" for the first of that millisecond, in full. */
bool stream_id_read(const char *text, char ret_id[STREAM_ID_MAX]);

/* One JSON object; the arena is for scratch. */
void entry_json(FILE *out, const struct stream_entry *entry, struct arena *arena);

#endif
