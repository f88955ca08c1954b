/* A strict reader of the text that Prometheus scrapes, version 0.0.4. It takes less than Prometheus
 * does: each family has HELP and then TYPE, once, right before all of its samples; a counter's name
 * ends in _total; no series comes twice; histograms add up. What it does not take fails the test.
 */
#ifndef TESTS_SUPPORT_EXPOSITION_H
#define TESTS_SUPPORT_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>

#define EXPOSITION_NAME_MAX   96
#define EXPOSITION_LABELS_MAX 256

struct exposition_family {
    char name[EXPOSITION_NAME_MAX];
    char type[16];
};

struct exposition_sample {
    size_t family;                      /* index */
    char name[EXPOSITION_NAME_MAX];     /* with _bucket, _sum or _count */
    char labels[EXPOSITION_LABELS_MAX]; /* {a="b",c="d"} as written, but without le; or "" */
    bool has_le;
    double le, value;
};

struct exposition {
    struct exposition_family *families; /* owned */
    struct exposition_sample *samples;  /* owned */
    size_t n_families, n_samples;
};

void exposition_read(const char *text, struct exposition *ret_exposition);
void exposition_deinit(struct exposition *exposition);

/* The value of a series that is no bucket, e.g. "pusherd_jobs_held{queue=\"q\"}"; fails the test if
 * there is none. */
double exposition_value(const struct exposition *exposition, const char *series);

/* Likewise, as /metrics of this port of 127.0.0.1 has it now; -1 while nothing listens there. */
double exposition_ask(unsigned port, const char *series);

#endif
