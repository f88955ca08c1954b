/* Jobs for the tests of the core, each in one block of memory, as engine_add() wants them. */
#ifndef TESTS_UNIT_CORE_BUILD_H
#define TESTS_UNIT_CORE_BUILD_H

#include <stdlib.h>

#include "daemon/core/job.h"

#define BUILD_PART_BYTES 100

/* A job whose parts have room for n_keys lane entries each; job_init() is still to come. */
static inline struct job *build_raw(unsigned n_parts, unsigned n_keys)
{
    size_t size = sizeof(struct job) + n_parts * sizeof(struct part) +
                  n_parts * n_keys * sizeof(struct lane_entry);
    struct job *job = calloc(1, size);
    struct lane_entry *entries;

    if (!job)
        abort();
    job->parts = (struct part *)(job + 1);
    entries = (struct lane_entry *)(job->parts + n_parts);
    job->n_parts = n_parts;
    job->bytes = size;
    job->expires_at_ms = UINT64_MAX;
    for (unsigned i = 0; i < n_parts; i++) {
        job->parts[i].size = BUILD_PART_BYTES;
        job->parts[i].entries = entries + i * n_keys;
        job->parts[i].n_entries = n_keys;
    }
    return job;
}

/* A job of n events: event i keeps its order in the lane keys[i]. */
static inline struct job *build_events(unsigned n, const uint64_t *keys)
{
    struct job *job = build_raw(n, 1);

    for (unsigned i = 0; i < n; i++)
        job->parts[i].entries[0].key = keys[i];
    job_init(job);
    return job;
}

/* A job of one event in a lane. */
static inline struct job *build_event(uint64_t key)
{
    return build_events(1, &key);
}

/* A job of one event of an app. */
static inline struct job *build_event_of(unsigned app, uint64_t key)
{
    struct job *job = build_event(key);

    job->app = app;
    return job;
}

/* A job of one call, in the lanes first_key, first_key + 1, ... */
static inline struct job *build_call(unsigned n_keys, uint64_t first_key)
{
    struct job *job = build_raw(1, n_keys);

    for (unsigned i = 0; i < n_keys; i++)
        job->parts[0].entries[i].key = first_key + i;
    job->parts[0].alone = true;
    job_init(job);
    return job;
}

static inline void build_free(struct job *job)
{
    job_deinit(job);
    free(job);
}

#endif
