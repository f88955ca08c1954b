/* The plan of a delivery: which parts a job has, how large each is, and what is wrong with it.
 * Private to admission; lives in its scratch arena.
 *
 * plan.c reads the job and rules out what must not be sent, plan_event.c plans what publishes,
 * plan_call.c what asks, commands or computes. */
#ifndef DAEMON_PLAN_H
#define DAEMON_PLAN_H

#include "daemon/admit.h"
#include "proto/record.h"
#include "pusher/event.h"
#include "pusher/request.h"

/* What a part is made of: an event for a batch; a trigger, which is a request of its own; another
 * request; or nothing, since it has failed or is done already. */
enum plan_kind { PLAN_EVENT, PLAN_TRIGGER, PLAN_REQUEST, PLAN_DONE };

struct plan_part {
    enum plan_kind kind;
    struct pusher_event event;
    struct pusher_trigger trigger;
    const struct pusher_request *request; /* PLAN_TRIGGER, PLAN_REQUEST */
    size_t target_size;                   /* bytes that hold the request's target */
    char *result;                         /* PLAN_DONE: JSON; malloc'ed, goes to the part */
    size_t size;                          /* bytes when encoded */
    uint32_t first_item, n_listed;        /* of plan->items */
    uint64_t *keys;                       /* of its lanes */
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

/* The job becomes parts that are events or triggers, or have failed. For the operations that
 * publish. */
int plan_events(const struct admission *admission, struct plan *plan)
    __attribute__((warn_unused_result));

/* The job becomes one part that is a request, or done. For the operations that publish nothing. */
int plan_call(const struct admission *admission, struct plan *plan)
    __attribute__((warn_unused_result));

/* The job fails as a whole: one failed part, which lists no items. The text is copied. */
int plan_fail_job(struct arena *arena, struct plan *plan, const char *code, const char *text)
    __attribute__((warn_unused_result));

/* The same, but of a job of which some was delivered only the other items fail: who sends it again
 * must know which. If there are no others, as what two daemons knew was put together, it has no
 * parts, and is done. */
int plan_fail_undelivered(struct arena *arena, struct plan *plan, const char *code,
                          const char *text) __attribute__((warn_unused_result));

/* Room for parts and items; -1 when out of memory. */
int plan_reserve(struct arena *arena, struct plan *plan, size_t n_parts, size_t n_listed)
    __attribute__((warn_unused_result));
struct plan_part *plan_add_part(struct plan *plan, enum plan_kind kind);

/* The part carries the job's event or channel of this index. */
void plan_list_item(struct plan *plan, struct plan_part *part, uint32_t index,
                    struct pusher_string channel);

/* The text is copied. */
void plan_fail_part(struct arena *arena, struct plan_part *part, const char *code,
                    const char *text);

/* The lanes of a part: the job's order key, else these channels. -1 when out of memory. */
int plan_set_lanes(const struct admission *admission, const struct plan *plan,
                   struct plan_part *part, const struct pusher_string *channels, size_t n)
    __attribute__((warn_unused_result));

/* The name that a failure has for an error of libpusher. */
const char *plan_code_name(int error);

#endif
