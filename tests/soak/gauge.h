/* What must not grow: measured while jobs flow, noted a slice of the run at a time, and judged at
 * the end. */
#ifndef TESTS_SOAK_GAUGE_H
#define TESTS_SOAK_GAUGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/scene.h"

#define GAUGE_MAX_SLICES 16

/* After a slice. */
struct sample {
    size_t n_events;                /* so far */
    double seconds;                 /* so far */
    size_t rss_kib, descriptors;    /* the daemon's; the most in the slice */
    size_t redis_bytes, redis_keys; /* when it was at rest */
};

struct gauge {
    struct scene *scene; /* borrowed */
    uint64_t begun_ms;
    struct sample samples[GAUGE_MAX_SLICES];
    size_t n;
};

void gauge_init(struct gauge *gauge, struct scene *scene);

/* Looks at the daemon; often. */
void gauge_look(struct gauge *gauge);

/* Ends a slice and prints its row. To be called when nothing is queued. */
void gauge_end_slice(struct gauge *gauge, size_t n_events);

/* The level after the warm-up: the most in the first so many slices. */
struct sample gauge_level(const struct gauge *gauge, size_t n_warm_up);

/* Says what is more in the last slice than it was in the first so many; true if nothing is. */
bool gauge_is_flat(const struct gauge *gauge, size_t n_warm_up);

#endif
