/* Jobs for the list, written as JSON for both formats. */
#ifndef TESTS_SUPPORT_JOB_H
#define TESTS_SUPPORT_JOB_H

#include <stddef.h>

#include "redis.h"

#define JOB_LIST "pusher:jobs"

enum job_format { JOB_JSON, JOB_MSGPACK };

/* RPUSHes one job to JOB_LIST. The text is made as by printf; then ' stands for ". */
void job_push(struct redis *redis, enum job_format format, const char *text, ...)
    __attribute__((format(printf, 3, 4)));

/* The same bytes, to any list. */
void job_push_bytes(struct redis *redis, const char *list, const void *bytes, size_t len);

/* RPUSHes triggerEvents with the ids first to first + n - 1 and data {"n":id}, pipelined, to the
 * channels ch-0 to ch-(n_channels - 1) in turn. */
void job_push_many(struct redis *redis, enum job_format format, size_t first, size_t n,
                   size_t n_channels);

/* The same to any list. */
void job_push_many_to(struct redis *redis, const char *list, enum job_format format, size_t first,
                      size_t n, size_t n_channels);

/* The msgpack of a JSON text (shortest forms, maps in order); malloc'ed. */
char *job_to_msgpack(const char *json, size_t *ret_len);

#endif
