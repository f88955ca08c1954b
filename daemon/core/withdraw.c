/* What is taken back before it is sent: parts of jobs that are not to be sent any more, because the
 * daemon stops, their claim is lost, or their app must make room. They are parked: with its last
 * part a job is settled, to be claimed again.
 *
 * What is in flight stays, and is judged as ever. Of what waits to be sent again, requests keep the
 * parts of other jobs. */
#include <stdlib.h>

#include "daemon/core/state.h"

/* Parks what of the job waits or is ready; parts that are taken stay. A part may have become ready
 * by the removal of the one before it: it is in `ready` then. */
static void withdraw_job(struct engine *engine, struct job *job, struct list *ready)
{
    for (uint32_t i = 0; i < job->n_parts; i++) {
        struct part *part = &job->parts[i];

        if (part->state == PART_READY)
            engine_unready(part);
        else if (part->state == PART_WAITING)
            list_remove(&part->ready_link);
        else
            continue;
        lanes_remove(&engine->lanes, part, ready);
        part_park(part, 0);
    }
}

bool engine_has_withdrawn(const struct engine *engine, const struct job *job)
{
    return engine->stopping || job->abandoned || job->parked;
}

struct request *engine_without_withdrawn(struct engine *engine, struct request *request)
{
    unsigned n_kept = 0;
    struct list ready;

    list_init(&ready);
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];

        if (!engine_has_withdrawn(engine, part->job)) {
            request->parts[n_kept++] = part;
            continue;
        }
        request->bytes -= part->size;
        lanes_release(&engine->lanes, part, &ready);
        part_park(part, 0);
        engine_part_resolved(engine, part->job);
    }
    engine_make_ready(engine, &ready);
    request->n_parts = n_kept;
    if (n_kept > 0)
        return request;
    free(request);
    return NULL;
}

static void withdraw_waiting(struct engine *engine, struct app *app)
{
    struct request_heap kept = {0};
    struct request *request;

    while ((request = request_heap_pop(&app->waiting))) {
        request = engine_without_withdrawn(engine, request);
        if (request && request_heap_push(&kept, request) != 0)
            engine_park_request(engine, request, 0);
    }
    request_heap_deinit(&app->waiting);
    app->waiting = kept;
}

static void withdraw(struct engine *engine)
{
    struct list ready;

    for (unsigned i = 0; i < engine->n_apps; i++)
        withdraw_waiting(engine, &engine->apps[i]);
    list_init(&ready);
    LIST_FOREACH(link, &engine->open)
    {
        struct job *job = LIST_ENTRY(link, struct job, link);

        if (!engine_has_withdrawn(engine, job))
            continue;
        withdraw_job(engine, job, &ready);
        engine_make_ready(engine, &ready);
        engine_part_resolved(engine, job);
    }
}

void engine_stop(struct engine *engine)
{
    engine->stopping = true;
    withdraw(engine);
}

void engine_abandon(struct engine *engine, unsigned queue)
{
    LIST_FOREACH(link, &engine->open)
    {
        struct job *job = LIST_ENTRY(link, struct job, link);

        job->abandoned |= job->queue == queue;
    }
    withdraw(engine);
}

size_t engine_park(struct engine *engine, unsigned queue, unsigned app, size_t keep,
                   uint64_t *ret_lowest)
{
    size_t n_marked = 0;
    uint64_t lowest = UINT64_MAX;

    LIST_FOREACH(link, &engine->open)
    {
        struct job *job = LIST_ENTRY(link, struct job, link);

        if (job->queue != queue || job->app != app || job->parked || job->abandoned)
            continue;
        if (keep > 0) {
            keep--;
            continue;
        }
        job->parked = true;
        n_marked++;
        if (job->claim_id < lowest)
            lowest = job->claim_id;
    }
    if (n_marked > 0)
        withdraw(engine);
    *ret_lowest = lowest;
    return n_marked;
}
