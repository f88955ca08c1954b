/* The jobs of a soak: mixed kinds on channels that come and go, by number, so that each run has the
 * same ones. They are counted by what must become of them. */
#ifndef TESTS_SOAK_LOAD_H
#define TESTS_SOAK_LOAD_H

#include <stddef.h>

#include "tests/support/redis.h"

#define LOAD_POISON "poison" /* in the data of an event that the server is to refuse with 400 */

struct load {
    size_t n_jobs, n_failing_jobs;
    size_t n_events,
        n_failing_events; /* of jobs; one a channel; a job that is no job counts as one */
};

/* RPUSHes the next jobs, some hundred at most, until they have so many events; the last may have a
 * few more. */
void load_push(struct load *load, struct redis *redis, size_t n_events);

#endif
