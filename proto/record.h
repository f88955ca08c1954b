/* Records: a job as pusherd keeps it in Redis while it is claimed or waits for a retry.
 *
 *     attempts:orphanings:first_ms:progress:<the producer's bytes, unaltered>
 *
 *   attempts    requests that carried the job, or a part of it, so far
 *   orphanings  how often its claim was orphaned: a daemon that held it died
 *   first_ms    unix ms of the first attempt, 0 before it
 *   progress    of a job of several events or channels: a bit for each, lower-case hex, index 0 in
 * the lowest bit of the first digit; 1 where it was delivered. Empty: none was
 *
 * The scripts only count orphanings; everything else is written by the daemon. */
#ifndef PROTO_RECORD_H
#define PROTO_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pusher/string.h"

struct record {
    unsigned attempts;
    unsigned orphanings;
    uint64_t first_ms;
    struct pusher_string progress; /* hex digits; points into the record */
    struct pusher_string job;      /* the producer's bytes; points into the record */
};

/* Reads a record; -1 if it has no valid header. */
int record_read(const char *bytes, size_t len, struct record *ret_record)
    __attribute__((warn_unused_result));

/* True if the event or channel at `index` was delivered. */
bool record_is_delivered(struct pusher_string progress, size_t index);

/* Bytes that record_write_header() needs at most, NUL included, for a job of n_items. */
size_t record_header_max(size_t n_items);

/* Writes a header, NUL-terminated, and returns its length. `delivered` has a bit for each of
 * n_items (bit i of byte i/8), or is NULL when none was. */
size_t record_write_header(char *buf, unsigned attempts, unsigned orphanings, uint64_t first_ms,
                           const uint8_t *delivered, size_t n_items);

#endif
