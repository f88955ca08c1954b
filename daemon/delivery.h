/* A delivery: a claimed job with everything that is needed until it is settled, in one block of
 * memory. */
#ifndef DAEMON_DELIVERY_H
#define DAEMON_DELIVERY_H

#include "daemon/core/job.h"
#include "proto/job_spec.h"
#include "pusher/request.h"
#include "pusher/string.h"

/* A part that is no event of a batch: a request of its own. part->call points to it. */
struct delivery_call {
    const char *method;                /* static */
    const char *path;                  /* without the prefix, NUL-terminated */
    const struct pusher_param *params; /* n_params */
    size_t n_params;
    size_t target_size; /* bytes that hold its target */
};

struct source_spool;

struct delivery {
    struct job job;
    enum job_op op;
    struct pusher_string id;       /* the producer's, or "pd-" and the claim id */
    bool has_own_id;               /* the producer's */
    bool is_duplicate;             /* of a job that was seen before: nothing is sent */
    bool owes_progress;            /* what was delivered of it is still to be told to Redis */
    struct pusher_string op_name;  /* as reported: also of an operation that is not known */
    struct pusher_string app_name; /* likewise */
    struct pusher_string reply_to; /* absent: none */
    unsigned orphanings;
    uint64_t first_ms; /* unix, of the first attempt in an earlier claim; 0: none */
    uint32_t *items;   /* index in the job, of each item of each part */
    uint32_t n_items;  /* events or channels of the job, delivered ones included */
    struct pusher_string
        *item_names;       /* the channel of each of `items`, where info was asked for; or NULL */
    uint8_t *delivered;    /* a bit for each item of the job; those of earlier claims are set */
    struct list held_link; /* among all of its source */
    struct list link;      /* among those to be settled */
    size_t result_bytes;   /* of the results of its parts, from source_settle() on */
    struct source_spool *spool; /* borrowed; its outcome is in that one's journal; or NULL */
};

#define DELIVERY_OF(j) LIST_ENTRY(j, struct delivery, job)

/* True for the operations that publish events, which stand together in enum job_op. */
static inline bool delivery_is_trigger(enum job_op op)
{
    return op >= JOB_OP_TRIGGER_EVENT && op <= JOB_OP_SEND_TO_USER;
}

/* Frees the delivery; it must be out of the engine. */
void delivery_free(struct delivery *delivery);

#endif
