/* What a daemon says of itself to those who look at its queues from outside: numbers of the last
 * seconds, and the apps that may not send. A JSON object of at most REPORT_MAX bytes, which
 * source_publish.c puts into Redis for `pusherctl top`:
 *
 *     {"version":"0.1.0","up_s":93,"ms":1000,"events":812,"requests":82,"retries":0,"batches":82,
 *      "batch_events":812,"p50_us":3100,"p99_us":9800,"in_flight":7,"gates":[{"app":"main",
 *      "cause":"down","text":"503"}],"more_gates":0,
 *      "queue":{"ms":1000,"claimed":800,"done":805,"failed":0,"held":640,"oldest_ms":12}}
 *
 * What is in "queue" is of the one queue, and its "ms" may differ; the rest is of the whole daemon.
 * A queue's report says what happened since the one before it. */
#ifndef DAEMON_REPORT_H
#define DAEMON_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/metrics.h"

#define REPORT_MAX 2048 /* bytes */

struct source;

/* Counts since the start, or those of a span of time. */
struct report_counts {
    uint64_t at_ms; /* when they were taken; of a span, how long it is */
    uint64_t events, requests, retries, batches, batch_events;
    struct metrics_histogram round_trips;
};

/* Of the daemon; zeroed at first. */
struct report {
    struct report_counts total, span;
};

/* Of a queue; zeroed at first. */
struct report_queue {
    uint64_t at_ms;
    uint64_t claimed, done, failed;
};

/* Gives a malloc'ed text, or NULL when out of memory. */
char *report_write(struct source *source, uint64_t now_ms, size_t *ret_len);

#endif
