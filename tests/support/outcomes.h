/* The entries of a results or failures stream. */
#ifndef TESTS_SUPPORT_OUTCOMES_H
#define TESTS_SUPPORT_OUTCOMES_H

#include <jansson.h>
#include <stddef.h>

#include "redis.h"

#define RESULTS  "{pusher:jobs}:results"
#define FAILURES "{pusher:jobs}:failures"

struct outcomes {
    redisReply *reply; /* owned */
    size_t n;
};

/* All entries of the stream, oldest first. */
void outcomes_read(struct redis *redis, const char *stream, struct outcomes *ret_outcomes);
void outcomes_deinit(struct outcomes *outcomes);

/* A field of the i-th entry: NUL-terminated, or NULL if it has none. *ret_len may be NULL. */
const char *outcomes_get(const struct outcomes *outcomes, size_t i, const char *field,
                         size_t *ret_len);

/* The index of the entry of this job; fails the test unless there is exactly one. */
size_t outcomes_find(const struct outcomes *outcomes, const char *id);

/* How many entries the stream has. */
size_t outcomes_count(struct redis *redis, const char *stream);

/* How many it was ever given, with those that were trimmed. */
size_t outcomes_added(struct redis *redis, const char *stream);

/* A field of the one entry of this job, malloc'ed; NULL if the entry has no such field. */
char *outcomes_field(struct redis *redis, const char *stream, const char *id, const char *field);

#endif
