/* What the log says again and again: of each kind a few lines a second, and then one that counts
 * the rest.
 *
 * A kind is a decision about somebody: tag, message and the line's first text, such as an app's
 * name. It allocates nothing and reads no clock: the second is an argument, and never runs
 * backwards. */
#ifndef DAEMON_LOG_REPEAT_H
#define DAEMON_LOG_REPEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/log.h"

#define LOG_KINDS       64 /* of which is known what they said; the one that is silent longest goes */
#define LOG_SUBJECT_MAX 128

struct log_kind {
    const char *tag, *message; /* static texts; NULL: not in use */
    int level;
    const char *subject_key; /* static; NULL: it has no subject */
    char subject[LOG_SUBJECT_MAX];
    uint64_t second;
    unsigned n_lines, n_more; /* in that second: written, and not */
};

struct log_kinds {
    struct log_kind kinds[LOG_KINDS];
};

typedef void (*log_more_cb)(const struct log_kind *kind); /* n_more is to be told */

/* True if the line is to be written. What is over is told before. */
bool log_kinds_take(struct log_kinds *kinds, int level, const char *tag, const char *message,
                    const struct log_field *fields, uint64_t second, log_more_cb more_cb);

/* Tells of all whose second is over; UINT64_MAX: of all. */
void log_kinds_flush(struct log_kinds *kinds, uint64_t second, log_more_cb more_cb);

/* True if there will be something to tell. */
bool log_kinds_have_more(const struct log_kinds *kinds);

#endif
