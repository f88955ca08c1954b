/* The state of a queue, as its keys in Redis tell it. */
#ifndef DAEMON_CTL_STATUS_H
#define DAEMON_CTL_STATUS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/ctl/pauses.h"

#define STATUS_MAX_CONSUMERS 256
#define STATUS_MAX_APPS      1024 /* with parked jobs */

struct consumer_status {
    char *name;       /* owned */
    int64_t lease_ms; /* left of its lease; negative: it ran out, its jobs will be taken over */
    uint64_t held;
    json_t *report; /* owned; what it says of itself, see report_read.h; NULL if nothing */
};

/* Jobs of an app that cannot be sent to, or that is paused: they wait apart from the others. */
struct parked_status {
    char *app; /* owned */
    uint64_t jobs;
};

struct queue_status {
    const char *name, *list; /* borrowed */
    uint64_t backlog;        /* jobs on the list */
    uint64_t held;           /* claimed, not settled: of all consumers */
    uint64_t waiting;        /* for a retry, or until their time */
    int64_t next_due_ms;     /* when the first of those is due, from now; meaningless without any */
    uint64_t results, failures;   /* entries in the streams */
    bool paused;                  /* the whole queue */
    struct pauses pauses;         /* the queue and apps, since when and why */
    uint64_t now_ms;              /* by Redis's clock */
    struct parked_status *parked; /* owned */
    size_t n_parked;
    struct consumer_status *consumers; /* owned */
    size_t n_consumers;
};

/* Reads one queue. The keys are read one after the other, so a queue at work may not add up. 0, or
 * -1 and link->why. */
int status_read(struct link *link, const char *name, const char *list,
                struct queue_status *ret_status);

void status_deinit(struct queue_status *status);

/* The object of one queue. */
void status_print_queue_json(const struct queue_status *queue, FILE *out);

/* {"queues":[...]} on one line, and a table for a terminal. */
void status_print_json(const struct queue_status *queues, size_t n, FILE *out);
void status_print_table(const struct queue_status *queues, size_t n, FILE *out);

#endif
