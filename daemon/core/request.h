/* Requests: what is sent in one HTTP call: a batch of events, or one part that goes alone.
 *
 * A request keeps its parts through its retries, so that what may have been delivered is sent again
 * unchanged or not at all. It holds the lanes of its parts while it lives. */
#ifndef DAEMON_CORE_REQUEST_H
#define DAEMON_CORE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/job.h"
#include "daemon/core/limiter.h"
#include "daemon/core/list.h"

struct request {
    unsigned app;           /* index */
    unsigned probe;         /* it tests whether a closed gate may open: its number there; or 0 */
    bool clock_corrected;   /* it was answered once that the clock is wrong */
    uint64_t first_sent_ms; /* 0: not sent yet, or not since its app's gate opened */
    uint64_t due_ms;        /* while it waits to be sent again */
    size_t bytes;           /* of all parts */
    struct list link;       /* in flight */
    struct limiter_attempt attempt;
    unsigned n_refused; /* parts that it had when it was last refused as its app; 0: never */
    void *transfer;     /* of whoever sends it; the engine does not look */
    unsigned n_parts;
    struct part *parts[]; /* borrowed, in the order in which they are sent */
};

/* Requests that wait, the one that is due first on top: a binary heap. */
struct request_heap {
    struct request **items; /* owned */
    size_t n_items, size;
};

/* -1 when out of memory. */
int request_heap_push(struct request_heap *heap, struct request *request)
    __attribute__((warn_unused_result));

/* NULL when empty. */
struct request *request_heap_top(const struct request_heap *heap);

/* Removes and gives the top; NULL when empty. */
struct request *request_heap_pop(struct request_heap *heap);

/* Frees the array; it must be empty. */
void request_heap_deinit(struct request_heap *heap);

#endif
