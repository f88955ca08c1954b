/* The books: which jobs are open, which parts are ready, what is settled.
 *
 * Invariants, checked by the simulation:
 *   - a job is in exactly one of `open` and `settled`, or not the engine's;
 *   - a part is READY exactly while its ready_link is in one of its app's three lists;
 *   - a part is TAKEN exactly while it is in one request, in flight or waiting. */
#include <stdlib.h>

#include "daemon/core/state.h"
#include "lib/require.h"

struct engine *engine_new(const struct engine_limits *limits, const struct engine_app_limits *apps,
                          unsigned n_apps)
{
    struct engine *engine = calloc(1, sizeof(*engine));

    if (!engine)
        return NULL;
    REQUIRE(n_apps <= ENGINE_MAX_APPS);
    engine->apps = calloc(ENGINE_MAX_APPS, sizeof(*engine->apps)); /* memory of those in use only */
    if (!engine->apps || lanes_init(&engine->lanes, limits->max_jobs) != 0) {
        free(engine->apps);
        free(engine);
        return NULL;
    }
    engine->limits = *limits;
    engine->random = limits->seed | 1;
    engine->send_until_ms = UINT64_MAX;
    for (unsigned i = 0; i < n_apps; i++)
        engine_set_app(engine, i, &apps[i]);
    list_init(&engine->busy);
    list_init(&engine->open);
    list_init(&engine->settled);
    list_init(&engine->progress);
    list_init(&engine->in_flight);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    REQUIRE(engine->n_jobs == 0 && engine->n_in_flight == 0);
    for (unsigned i = 0; i < engine->n_apps; i++)
        request_heap_deinit(&engine->apps[i].waiting);
    lanes_deinit(&engine->lanes);
    free(engine->apps);
    free(engine);
}

unsigned engine_n_in_flight(const struct engine *engine)
{
    return engine->n_in_flight;
}

uint64_t engine_lane_key(const struct engine *engine, unsigned app, const char *text, size_t len)
{
    return lane_key(engine->limits.seed, app, text, len);
}

void engine_app_is_busy(struct engine *engine, struct app *app)
{
    if (list_empty(&app->link))
        list_push(&engine->busy, &app->link);
}

static struct list *ready_list_of(struct app *app, const struct part *part)
{
    if (part->alone)
        return &app->calls;
    return part->batch_cap < app->limits.max_events ? &app->suspects : &app->events;
}

void engine_make_ready(struct engine *engine, struct list *ready)
{
    struct list *link;

    while ((link = list_pop(ready))) {
        struct part *part = LIST_ENTRY(link, struct part, ready_link);
        struct app *app = &engine->apps[part->job->app];

        part->state = PART_READY;
        list_push(ready_list_of(app, part), &part->ready_link);
        engine_app_is_busy(engine, app);
    }
}

void engine_unready(struct part *part)
{
    REQUIRE(part->state == PART_READY);
    list_remove(&part->ready_link);
}

/* Until Redis knows what was delivered, by `n` = 1, or no longer, by -1. */
static void add_unsettled(struct app *app, const struct job *job, size_t n)
{
    for (uint32_t i = 0; i < job->n_parts; i++) {
        const struct part *part = &job->parts[i];

        if (part->state != PART_DELIVERED || part->attempts == 0)
            continue;
        if (part->alone)
            app->n_unsettled_calls += n;
        else
            app->n_unsettled_events += n;
    }
}

static void settle(struct engine *engine, struct job *job)
{
    /* A refusal of the whole app, or an answer nobody waited for, leaves no trace on a job. */
    bool tried = job->attempts_before > 0;

    job->fate = job_decide(job);
    for (uint32_t i = 0; i < job->n_parts && !tried; i++)
        tried = job->parts[i].state == PART_DELIVERED || job->parts[i].retries > 0;
    if (job->fate == JOB_LATER && job->abandoned)
        job->fate = JOB_ABANDONED;
    else if (job->fate == JOB_LATER && job->parked)
        job->fate = JOB_PARKED;
    else if (job->fate == JOB_LATER && engine->stopping && job->due_ms == 0 && !tried)
        job->fate = JOB_HANDED_BACK;
    engine->counters.done += job->fate == JOB_DONE;
    engine->counters.failed += job->fate == JOB_FAILED;
    engine->counters.later += job->fate == JOB_LATER;
    engine->counters.parked += job->fate == JOB_PARKED;
    job->has_slots = job->app != JOB_NO_APP;
    if (job->has_slots)
        add_unsettled(&engine->apps[job->app], job, 1);
    list_remove(&job->progress_link);
    list_remove(&job->link);
    list_push(&engine->settled, &job->link);
}

void engine_part_resolved(struct engine *engine, struct job *job)
{
    if (job->n_unresolved == 0)
        settle(engine, job);
}

static void add_part(struct engine *engine, struct part *part, uint64_t now_ms)
{
    struct list ready;
    int pushed;

    if (engine_has_withdrawn(engine, part->job)) {
        part_park(part, 0);
        return;
    }
    pushed = lanes_push(&engine->lanes, part);
    if (pushed < 0) {
        part_park(part, now_ms + ENGINE_NO_MEMORY_MS);
        return;
    }
    list_init(&ready);
    if (pushed == 1)
        list_push(&ready, &part->ready_link);
    engine_make_ready(engine, &ready);
}

void engine_add(struct engine *engine, struct job *job, uint64_t now_ms)
{
    REQUIRE(job->app < engine->n_apps || job->n_unresolved == 0);
    engine->n_jobs++;
    list_push(&engine->open, &job->link);
    for (uint32_t i = 0; i < job->n_parts; i++) {
        if (job->parts[i].state == PART_WAITING)
            add_part(engine, &job->parts[i], now_ms);
    }
    engine_part_resolved(engine, job);
}

struct job *engine_next_settled(struct engine *engine)
{
    struct list *link = list_pop(&engine->settled);

    return link ? LIST_ENTRY(link, struct job, link) : NULL;
}

struct job *engine_next_progress(struct engine *engine)
{
    struct list *link = list_pop(&engine->progress);

    return link ? LIST_ENTRY(link, struct job, progress_link) : NULL;
}

void engine_free_slots(struct engine *engine, struct job *job)
{
    if (job->has_slots)
        add_unsettled(&engine->apps[job->app], job, (size_t)-1);
    job->has_slots = false;
}

void engine_release(struct engine *engine, struct job *job)
{
    REQUIRE(job->n_unresolved == 0);
    engine_free_slots(engine, job);
    engine->n_jobs--;
}

void engine_set_send_until(struct engine *engine, uint64_t send_until_ms)
{
    engine->send_until_ms = send_until_ms;
}

void engine_park_request(struct engine *engine, struct request *request, uint64_t due_ms)
{
    struct list ready;

    list_init(&ready);
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];

        lanes_release(&engine->lanes, part, &ready);
        part_park(part, due_ms);
        engine_part_resolved(engine, part->job);
    }
    engine_make_ready(engine, &ready);
    free(request);
}

const struct gate *engine_gate(const struct engine *engine, unsigned app, const char **ret_text)
{
    *ret_text = engine->apps[app].gate_text;
    return &engine->apps[app].gate;
}

const struct limiter *engine_limiter(const struct engine *engine, unsigned app)
{
    return &engine->apps[app].limiter;
}

const struct engine_counters *engine_counters(const struct engine *engine)
{
    return &engine->counters;
}
