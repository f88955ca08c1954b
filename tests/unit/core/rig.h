/* An engine under test, with its clock, and what it has sent and settled. rig_close() ends whatever
 * is still going on, so that a test may stop anywhere. */
#ifndef TESTS_UNIT_CORE_RIG_H
#define TESTS_UNIT_CORE_RIG_H

#include <criterion/criterion.h>

#include "daemon/core/engine.h"
#include "tests/unit/core/build.h"

#define RIG_MAX 256

#define RIG_IN_FLIGHT 4
#define RIG_EVENTS    10
#define RIG_ATTEMPTS  5
#define RIG_BASE_MS   100
#define RIG_CAP_MS    10000
#define RIG_FOR_MS    600000
#define RIG_HOLD_MS   30000
#define RIG_BAD       666 /* the size of a part that the server does not like */

struct rig {
    struct engine *engine;
    uint64_t now_ms;
    struct request *sent[RIG_MAX]; /* in flight; n_sent */
    unsigned n_sent;
    struct job *settled[RIG_MAX]; /* n_settled; of them n_released, the first ones */
    unsigned n_settled, n_released;
};

static struct rig rig;

__attribute__((unused)) static struct engine_limits rig_limits(void)
{
    return (struct engine_limits){
        .max_jobs = 200,
        .max_attempts = RIG_ATTEMPTS,
        .retry_base_ms = RIG_BASE_MS,
        .retry_cap_ms = RIG_CAP_MS,
        .retry_for_ms = RIG_FOR_MS,
        .lane_hold_ms = RIG_HOLD_MS,
        .seed = 7,
    };
}

__attribute__((unused)) static void rig_open_with(const struct engine_limits *limits,
                                                  const struct engine_app_limits *apps,
                                                  unsigned n_apps)
{
    rig = (struct rig){.engine = engine_new(limits, apps, n_apps), .now_ms = 1000};
    cr_assert(rig.engine);
}

/* Two apps alike. */
__attribute__((unused)) static void rig_open_limited(unsigned max_in_flight, unsigned max_events,
                                                     size_t max_request_bytes)
{
    struct engine_limits limits = rig_limits();
    struct engine_app_limits app = {max_in_flight, max_events, max_request_bytes, true};

    rig_open_with(&limits, (struct engine_app_limits[]){app, app}, 2);
}

__attribute__((unused)) static void rig_open(void)
{
    rig_open_limited(RIG_IN_FLIGHT, RIG_EVENTS, 0);
}

/* Adds it, and gives it back. */
__attribute__((unused)) static struct job *rig_add(struct job *job)
{
    engine_add(rig.engine, job, rig.now_ms);
    return job;
}

/* n jobs of an event each, in the lanes first_key, first_key + 1, ... */
__attribute__((unused)) static void rig_add_events(unsigned n, uint64_t first_key)
{
    for (unsigned i = 0; i < n; i++)
        rig_add(build_event(first_key + i));
}

__attribute__((unused)) static struct request *rig_next(void)
{
    struct request *request = engine_next_request(rig.engine, rig.now_ms);

    if (request)
        rig.sent[rig.n_sent++] = request;
    return request;
}

__attribute__((unused)) static void rig_answer_with(struct request *request, struct answer answer)
{
    for (unsigned i = 0; i < rig.n_sent; i++) {
        if (rig.sent[i] == request)
            rig.sent[i] = rig.sent[--rig.n_sent];
    }
    engine_answer(rig.engine, request, &answer, rig.now_ms);
}

__attribute__((unused)) static void rig_answer(struct request *request, enum answer_kind kind)
{
    static const unsigned http[] = {
        [ANSWER_DONE] = 200,      [ANSWER_RETRY] = 503, [ANSWER_REFUSED] = 400,
        [ANSWER_FORBIDDEN] = 403, [ANSWER_CLOCK] = 401, [ANSWER_CANCELLED] = 0,
        [ANSWER_OUTDATED] = 401,  [ANSWER_NOT_SENT] = 0};

    rig_answer_with(request, (struct answer){kind, http[kind], -1, "the answer"});
}

__attribute__((unused)) static bool rig_has_bad(const struct request *request)
{
    for (unsigned i = 0; i < request->n_parts; i++) {
        if (request->parts[i]->size == RIG_BAD)
            return true;
    }
    return false;
}

/* Sends the next request, which there must be, and answers it. */
__attribute__((unused)) static void rig_exchange(enum answer_kind kind)
{
    struct request *request = rig_next();

    cr_assert(request, "there is no request");
    rig_answer(request, kind);
}

/* The next job that is settled, or NULL. It is released at the end. */
__attribute__((unused)) static struct job *rig_settled(void)
{
    struct job *job = engine_next_settled(rig.engine);

    if (job)
        rig.settled[rig.n_settled++] = job;
    return job;
}

/* Redis has everything that was settled so far. Once only, before the end. */
__attribute__((unused)) static void rig_release(void)
{
    struct job *job;

    while ((job = rig_settled()))
        engine_release(rig.engine, job);
    rig.n_released = rig.n_settled;
}

/* To the time the engine asks for, which must be to come. */
__attribute__((unused)) static void rig_sleep(void)
{
    uint64_t at = engine_wake_at(rig.engine, rig.now_ms);

    cr_assert_gt(at, rig.now_ms, "the engine spins");
    cr_assert_lt(at, UINT64_MAX, "the engine sleeps for ever");
    rig.now_ms = at;
}

__attribute__((unused)) static void rig_close(void)
{
    if (!rig.engine)
        return;
    engine_stop(rig.engine);
    while (rig.n_sent > 0)
        rig_answer(rig.sent[0], ANSWER_CANCELLED);
    while (rig_settled())
        ;
    while (rig.n_settled > 0) {
        struct job *job = rig.settled[--rig.n_settled];

        if (rig.n_settled >= rig.n_released)
            engine_release(rig.engine, job);
        build_free(job);
    }
    engine_free(rig.engine);
    rig.engine = NULL;
}

#endif
