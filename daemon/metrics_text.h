/* The text format of Prometheus, version 0.0.4: families of samples, one sample a line.
 *
 *     metrics_text_family(out, "pusherd_jobs_claimed_total", "counter", "Jobs that were claimed.")
 *     metrics_text_sample(out, "pusherd_jobs_claimed_total", LABELS({"queue", name}), n)
 *
 * All samples of a family follow its head. Values of labels may be any text: they are escaped. */
#ifndef DAEMON_METRICS_TEXT_H
#define DAEMON_METRICS_TEXT_H

#include <stdint.h>
#include <stdio.h>

#include "daemon/metrics.h"

#define METRICS_TEXT_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metrics_label {
    const char *name; /* NULL ends the list */
    const char *value;
};

#define LABELS(...) ((const struct metrics_label[]){__VA_ARGS__, {NULL, NULL}})
#define NO_LABELS   ((const struct metrics_label[]){{NULL, NULL}})

/* `type`: counter, gauge or histogram. `help`: one line without backslashes. */
void metrics_text_family(FILE *out, const char *name, const char *type, const char *help);

void metrics_text_sample(FILE *out, const char *name, const struct metrics_label *labels,
                         uint64_t value);

/* The same of a time, written in seconds. */
void metrics_text_time(FILE *out, const char *name, const struct metrics_label *labels,
                       uint64_t value_us);

/* Buckets, sum and count. */
void metrics_text_histogram(FILE *out, const char *name, const struct metrics_label *labels,
                            const struct metrics_histogram *histogram);

#endif
