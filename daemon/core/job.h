/* Jobs and their parts, as the engine sees them.
 *
 * A job is what a producer enqueued. A part is the smallest thing that is sent and succeeds or
 * fails by itself: an event, or a call of its own (a trigger of up to 100 channels, a query). A job
 * is open until every part is resolved; then it has an outcome, and is settled.
 *
 *   part:  WAITING -> READY -> TAKEN -> DELIVERED | FAILED | PARKED
 *              ^------ put back ----'
 *
 *   WAITING    behind others in one of its lanes
 *   READY      may be sent
 *   TAKEN      belongs to a request, which holds its lanes
 *   DELIVERED, FAILED   resolved
 *   PARKED     to be tried again later, by whoever claims the job then
 *
 * Memory is the caller's: it makes a job with its parts, entries and bytes in one block, gives it
 * to engine_add(), and gets it back from engine_next_settled(). */
#ifndef DAEMON_CORE_JOB_H
#define DAEMON_CORE_JOB_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/core/list.h"
#include "pusher/string.h"

struct job;
struct lane;
struct part;

/* A place of a part in a lane. A part has one for each lane it must keep its order in. */
struct lane_entry {
    uint64_t key;      /* what the lane is found by: a hash of app and channel, or order key */
    struct list link;  /* in lane->entries */
    struct part *part; /* the owner */
    struct lane *lane; /* borrowed; NULL when the part is in no lane */
};

enum part_state {
    PART_WAITING,
    PART_READY,
    PART_TAKEN,
    PART_DELIVERED,
    PART_FAILED,
    PART_PARKED,
};

struct part {
    struct job *job; /* the owner */
    enum part_state state;
    bool alone;         /* a call of its own, never in a batch */
    uint8_t n_strikes;  /* it was refused as if its app were, which was accepted otherwise */
    uint16_t batch_cap; /* at most this many in a batch: lowered while a bad event is sought */
    unsigned attempts;  /* requests that carried it; see the job's */
    unsigned retries;   /* of them, those that ended in "try again" */
    const char *bytes;  /* the encoded event, or the body of the call */
    size_t size;
    const void *call;    /* for whoever sends it; the engine does not look */
    uint32_t first_item; /* the events or channels of the job that it carries: from, in the */
    uint32_t n_items;    /* order of the job's item table */
    struct lane_entry *entries; /* n_entries; none where order is off */
    uint32_t n_entries;
    uint32_t n_first; /* of its entries, those that are first in a lane that nobody holds */
    struct list ready_link;
    unsigned http;    /* status of the last answer, 0 if there was none */
    unsigned refusal; /* of the app, by its gate's number, that a request with it met; 0: none */
    const char *code; /* FAILED: why, a name of the `code` field of failures; static */
    char *error;      /* FAILED: the same for humans, one line; owned; NULL if memory was short */
    char *result;     /* DELIVERED: JSON text that the answer returned; owned; NULL for nothing */
};

enum job_fate {
    JOB_OPEN,
    JOB_DONE,        /* every part was delivered */
    JOB_FAILED,      /* at least one failed; the others were delivered */
    JOB_LATER,       /* to be claimed again at due_ms; delivered parts stay delivered */
    JOB_HANDED_BACK, /* never sent: back to the queue as it was */
    JOB_PARKED,      /* its app may not send: kept until it may, see parking.h */
    JOB_ABANDONED    /* somebody else may have it: nothing is to be told */
};

#define JOB_NO_APP UINT_MAX /* it names none that is known; then all its parts are resolved */

struct job {
    uint64_t claim_id; /* of the queue: ascending in queue order */
    unsigned app;      /* index, or JOB_NO_APP */
    unsigned queue;    /* index */
    bool abandoned;    /* its claim was lost: parts that would be tried again are not */
    bool parked;       /* to be settled as JOB_PARKED: likewise */
    bool has_slots;    /* settled: what was delivered of it takes up slots of the app */

    struct part *parts; /* n_parts */
    uint32_t n_parts;
    uint32_t n_unresolved; /* parts that wait, are ready or taken */
    uint32_t n_taken;

    uint64_t claimed_ms;       /* monotonic */
    uint64_t expires_at_ms;    /* monotonic; UINT64_MAX: never */
    uint64_t first_attempt_ms; /* monotonic; 0: not tried yet. May lie before the claim */
    unsigned attempts_before;  /* in earlier claims */
    unsigned attempts;         /* in all; of the part that took most. Requests that were answered
                                  by a refusal of the whole app do not count */
    enum job_fate fate;
    uint64_t due_ms;      /* JOB_LATER: monotonic */
    uint64_t answered_ms; /* monotonic, of the last answer */
    size_t bytes;         /* memory it counts for */
    struct list link;     /* among the open jobs, or those to settle */
    struct list progress_link;
};

/* Sets up a zeroed job whose parts have job, bytes, entries and n_entries set. */
void job_init(struct job *job);

/* Frees the errors and results of its parts. The block itself is the caller's. */
void job_deinit(struct job *job);

/* Marks a part as taken by a request. */
void part_take(struct part *part);

/* Undoes that: the part waits again. */
void part_untake(struct part *part);

/* Resolve a part. `due_ms` is when the job may be claimed again; the latest of its parts' counts.
 */
void part_deliver(struct part *part);
void part_fail(struct part *part, const char *code, const char *error);
void part_park(struct part *part, uint64_t due_ms);

/* The fate of a job with no unresolved part: failed parts win over parked ones only once no part is
 * parked, since the parked ones are still to be tried. */
enum job_fate job_decide(const struct job *job);

#endif
