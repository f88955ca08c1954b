/* The engine: every decision about jobs between claim and settlement, and nothing else.
 *
 * It keeps lanes, forms requests, and judges answers: done, try again, seek the bad event, stop
 * sending for this app. It does no I/O and reads no clock: time is an argument, in monotonic
 * milliseconds, and never runs backwards; chance comes from a seed. The same calls give the same
 * decisions.
 *
 *     engine_add(engine, job, now)                     jobs that were claimed
 *     while ((r = engine_next_request(engine, now)))   send each
 *     engine_answer(engine, r, &answer, now)           what came back; r is gone after it
 *     while ((j = engine_next_settled(engine)))        tell Redis what became of each
 *     engine_release(engine, j)                        when Redis has it; now it is the caller's
 *     sleep until engine_wake_at(engine), and from the start
 *
 * No call runs a callback. How many jobs it is given is the caller's to bound: it takes all. */
#ifndef DAEMON_CORE_ENGINE_H
#define DAEMON_CORE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/core/gate.h"
#include "daemon/core/job.h"
#include "daemon/core/limiter.h"
#include "daemon/core/request.h"

#define ENGINE_MAX_APPS 2048

struct engine;

struct engine_app_limits {
    unsigned max_in_flight;   /* requests, and what they delivered until that is released */
    unsigned max_events;      /* of a batch; up to 1000 */
    size_t max_request_bytes; /* of a batch's body; 0: no limit */
    bool fixed;               /* always up to max_in_flight, else what a limiter finds */
};

struct engine_limits {
    size_t max_jobs;                      /* held at a time, about: with more, lanes are slower */
    unsigned max_attempts;                /* tries of a part that may be tried again */
    uint64_t retry_base_ms, retry_cap_ms; /* backoff */
    uint64_t retry_for_ms; /* from a job's first attempt; then it fails as retries_exhausted */
    uint64_t
        lane_hold_ms; /* a request that waits longer is parked: its jobs go to be claimed again */
    uint64_t seed;    /* of chance and of lane keys */
};

enum answer_kind {
    ANSWER_DONE,
    ANSWER_RETRY,     /* the same request may succeed later, or may have succeeded unseen */
    ANSWER_REFUSED,   /* this request, or one event in it, is bad */
    ANSWER_FORBIDDEN, /* the app is refused; unless others of it are accepted all the while */
    ANSWER_CLOCK,     /* signed by a wrong clock; the caller has corrected it meanwhile */
    ANSWER_CANCELLED, /* the caller gave up waiting, on its way out */
    ANSWER_OUTDATED,  /* of a server or credentials that the app does not have any more */
    ANSWER_NOT_SENT,  /* there was no memory to send it: nobody was asked, and none is to blame */
};

struct answer {
    enum answer_kind kind;
    unsigned http;          /* status, 0 if none came */
    int64_t retry_after_ms; /* -1: the server did not say */
    const char *text;       /* what it said, one line; not NULL */
};

struct engine_counters {
    uint64_t requests, events;            /* sent, but ANSWER_NOT_SENT; an event is a part */
    uint64_t retries;                     /* requests answered by ANSWER_RETRY */
    uint64_t isolations;                  /* batches halved */
    uint64_t gate_changes;                /* times that an app's gate was shut, or opened again */
    uint64_t done, failed, later, parked; /* jobs by fate */
};

/* NULL when out of memory. The limits are copied. ENGINE_MAX_APPS apps at most. */
struct engine *engine_new(const struct engine_limits *limits, const struct engine_app_limits *apps,
                          unsigned n_apps);

/* Every job must have been released and no request be in flight; NULL is allowed. */
void engine_free(struct engine *engine);

unsigned engine_n_in_flight(const struct engine *engine);

/* The key of the lane for a text (a channel, an order key) of an app: for lane_entry.key. */
uint64_t engine_lane_key(const struct engine *engine, unsigned app, const char *text, size_t len);

/* Takes a job that job_init() has seen; parts that are bad may have been failed already. Jobs are
 * given in queue order. What finds no memory is parked; after engine_stop() everything is. */
void engine_add(struct engine *engine, struct job *job, uint64_t now_ms);

/* The next request to send now, or NULL. It is in flight until engine_answer(). */
struct request *engine_next_request(struct engine *engine, uint64_t now_ms);

/* What became of a request. The request is freed. */
void engine_answer(struct engine *engine, struct request *request, const struct answer *answer,
                   uint64_t now_ms);

/* The next job whose fate is known, or NULL. */
struct job *engine_next_settled(struct engine *engine);

/* The next job, still open, of which a part was delivered since it was last given; or NULL. */
struct job *engine_next_progress(struct engine *engine);

/* What was delivered of a settled job takes up slots of its app until the job is released, for a
 * crash would repeat it. This gives them back before: where Redis is slow, or away, the app should
 * not wait for it. */
void engine_free_slots(struct engine *engine, struct job *job);

/* The job is settled: it no longer counts, and belongs to the caller. */
void engine_release(struct engine *engine, struct job *job);

/* When engine_next_request() should be asked again at the latest; UINT64_MAX if only events matter.
 */
uint64_t engine_wake_at(const struct engine *engine, uint64_t now_ms);

/* Nothing is sent at `now` or later than this: the lease of some queue ends. */
void engine_set_send_until(struct engine *engine, uint64_t send_until_ms);

/* Sends nothing any more. Jobs with nothing in flight are settled as JOB_HANDED_BACK, or JOB_LATER
 * (due at once) if they were tried; the others when their answers are in. */
void engine_stop(struct engine *engine);

/* Somebody else may have a queue's jobs: what is not in flight is dropped as JOB_ABANDONED. */
void engine_abandon(struct engine *engine, unsigned queue);

/* Marks the open jobs of a queue and an app to be parked, but the `keep` that were added first:
 * none that stays has one of them before it in a lane. What of them is not in flight is not sent
 * any more; they are settled as JOB_PARKED, or by an answer that is still to come. Gives how many
 * were marked, and the lowest of their claim ids. A job whose `parked` is set before engine_add()
 * is parked then. */
size_t engine_park(struct engine *engine, unsigned queue, unsigned app, size_t keep,
                   uint64_t *ret_lowest);

/* Other limits from now on; the seed stays. */
void engine_set_limits(struct engine *engine, const struct engine_limits *limits);

/* Other limits of an app; or one more app, if `app` is the number of those there are. */
void engine_set_app(struct engine *engine, unsigned app, const struct engine_app_limits *limits);

/* What was learned of an app's server holds no more: if its gate is closed, a probe goes at once.
 */
void engine_try_app(struct engine *engine, unsigned app, uint64_t now_ms);

/* The index is another app's from now on; no job of the old one is left. */
void engine_forget_app(struct engine *engine, unsigned app);

/* An app's gate, for logs and status. `ret_text` is what the server said when it closed. */
const struct gate *engine_gate(const struct engine *engine, unsigned app, const char **ret_text);

/* How many requests of the app may be in flight, for status. */
const struct limiter *engine_limiter(const struct engine *engine, unsigned app);

const struct engine_counters *engine_counters(const struct engine *engine);

#endif
