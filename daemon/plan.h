/* The plan of a delivery: which parts a job has, how large each is, and what is wrong with it.
 * Private to admission; lives in its scratch arena. */
#ifndef DAEMON_PLAN_H
#define DAEMON_PLAN_H

#include "daemon/admit.h"
#include "proto/record.h"
#include "pusher/event.h"

struct plan_part {
    bool alone; /* `trigger` goes by itself; else `event` joins a batch */
    struct pusher_event event;
    struct pusher_trigger trigger;
    size_t size;                   /* bytes when encoded */
    uint32_t first_item, n_listed; /* of plan->items */
    uint64_t *keys;                /* of its lanes */
    uint32_t n_keys;
    const char *code; /* not NULL: it has failed, and why */
    const char *error;
};

struct plan {
    struct record record;
    struct job_spec spec;
    struct pusher_string id;       /* the producer's or ours */
    struct pusher_string app_name; /* absent when neither job nor queue names one */
    const struct app_config *app;  /* NULL when it is not known */
    struct plan_part *parts;
    size_t n_parts;
    uint32_t n_items;            /* events or channels of the job */
    uint32_t *items;             /* the index in the job of what the parts carry */
    struct pusher_string *names; /* their channels */
    uint32_t n_listed;
    bool wants_info;
    uint64_t park_until_ms; /* monotonic; 0: no */
};

/* Makes the plan; `own_id` is the id of a job that has none. -1 when out of memory. */
int plan_make(const struct admission *admission, const char *record, size_t len,
              struct pusher_string own_id, struct plan *ret_plan)
    __attribute__((warn_unused_result));

/* The plan of a job that fails unread. */
int plan_fail(const struct admission *admission, struct pusher_string own_id, const char *text,
              struct plan *ret_plan) __attribute__((warn_unused_result));

#endif
