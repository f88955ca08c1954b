/* What the engine's files share: engine.c keeps the books, sender.c forms requests, judge.c judges
 * answers, learn.c what they say of the app, withdraw.c takes back what is not sent, settings.c
 * changes limits. */
#ifndef DAEMON_CORE_STATE_H
#define DAEMON_CORE_STATE_H

#include "daemon/core/engine.h"
#include "daemon/core/lane.h"

#define ENGINE_NO_MEMORY_MS 1000 /* what found no memory is tried again after this */

struct app {
    struct engine_app_limits limits;
    struct gate gate;
    char gate_text[200];         /* what the server said when the gate closed */
    struct limiter limiter;      /* counts what is in flight */
    size_t n_unsettled_events;   /* delivered, of jobs that are not released; */
    size_t n_unsettled_calls;    /* ... and those that went alone: each was a request */
    bool calls_next;             /* whose turn it is: calls or events */
    bool fresh_next;             /* ... to be the probe: what is ready, or what waits */
    struct list events;          /* ready parts that may share a batch */
    struct list calls;           /* ready parts that go alone */
    struct list suspects;        /* ready parts of refused batches, in smaller batches */
    struct request_heap waiting; /* to be sent again */
    struct list link;            /* in engine->busy while any of these is not empty */
};

struct engine {
    struct engine_limits limits;
    struct app *apps; /* owned; n_apps */
    unsigned n_apps;
    struct lanes lanes;
    struct list busy;      /* apps with something to send, round robin */
    struct list open;      /* jobs with parts not resolved */
    struct list settled;   /* jobs whose fate is known */
    struct list progress;  /* open jobs with news */
    struct list in_flight; /* requests */
    unsigned n_in_flight;
    size_t n_jobs;
    uint64_t send_until_ms;
    uint64_t random;
    bool stopping;
    uint64_t n_expired; /* parts */
    struct engine_counters counters;
};

/* ---- engine.c */

/* Puts parts that have become ready (their ready_link in `ready`) where the sender finds them. */
void engine_make_ready(struct engine *engine, struct list *ready);

/* Removes a ready part from where it waits. */
void engine_unready(struct part *part);

/* To be called after a part of the job was resolved. */
void engine_part_resolved(struct engine *engine, struct job *job);

/* The app has something to send. */
void engine_app_is_busy(struct engine *engine, struct app *app);

/* Parks every part of a request, and frees it. */
void engine_park_request(struct engine *engine, struct request *request, uint64_t due_ms);

/* ---- learn.c */

/* Tells limiter and gate of an answer. False if it refuses the app, but only this request does not
 * pass: the answer is the request's own. */
bool engine_learn(struct engine *engine, struct request *request, const struct answer *answer,
                  uint64_t now_ms);

/* ---- withdraw.c */

/* The job's parts are not to be sent any more. */
bool engine_has_withdrawn(const struct engine *engine, const struct job *job);

/* Parks the parts of such jobs in a request that is not in flight. What is left of it, or NULL. */
struct request *engine_without_withdrawn(struct engine *engine, struct request *request);

#endif
