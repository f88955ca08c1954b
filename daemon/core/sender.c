/* What is sent next.
 *
 * There is no linger: when an app has a free slot, whatever is ready goes at once, one event or
 * ten. While all slots are taken, arrivals gather, and the next batches are full by themselves.
 *
 * Of one app, in this order: a request whose wait is over; parts of refused batches, in small
 * batches of their own, so that no good newcomer joins a suspect; then calls and events in turn.
 * Apps take turns. */
#include <stdlib.h>
#include <string.h>

#include "daemon/core/state.h"
#include "lib/require.h"
#include "pusher/event.h"

static struct request *new_request(struct engine *engine, const struct app *app, unsigned size)
{
    /* NOLINTNEXTLINE(bugprone-sizeof-expression) its parts are pointers */
    struct request *request = malloc(sizeof(*request) + size * sizeof(request->parts[0]));

    if (request) {
        *request = (struct request){.app = (unsigned)(app - engine->apps)};
        list_init(&request->link);
    }
    return request;
}

static bool fits(const struct app *app, const struct request *request, const struct part *part)
{
    size_t body = PUSHER_BATCH_OVERHEAD + request->bytes + request->n_parts + part->size;

    return request->n_parts == 0 || app->limits.max_request_bytes == 0 ||
           body <= app->limits.max_request_bytes;
}

static void take(struct request *request, struct part *part)
{
    if (part->state == PART_READY)
        engine_unready(part);
    lanes_take(part);
    part_take(part);
    request->parts[request->n_parts++] = part;
    request->bytes += part->size;
}

/* A job that may not be sent any more, or a part of it. */
static void expire(struct engine *engine, struct part *part)
{
    struct job *job = part->job;
    struct list ready;

    list_init(&ready);
    if (part->state == PART_READY) {
        engine_unready(part);
        lanes_remove(&engine->lanes, part, &ready);
    } else {
        lanes_release(&engine->lanes, part, &ready);
    }
    engine->n_expired++;
    part_fail(part, "expired", "expiresAt has passed");
    engine_make_ready(engine, &ready);
    engine_part_resolved(engine, job);
}

/* The first part of the list that has not expired; NULL when there is none. */
static struct part *first_alive(struct engine *engine, struct list *list, uint64_t now_ms)
{
    while (!list_empty(list)) {
        struct part *part = LIST_ENTRY(list->next, struct part, ready_link);

        if (part->job->expires_at_ms > now_ms)
            return part;
        expire(engine, part);
    }
    return NULL;
}

/* Takes a part and those behind it in its lane that may ride along. The lane may be shared with
 * another app, by keys that collide. */
static void take_with_followers(const struct app *app, struct request *request, struct part *part,
                                unsigned max, uint64_t now_ms)
{
    uint16_t cap = part->batch_cap;

    do {
        take(request, part);
        part = lanes_follower(part);
    } while (part && request->n_parts < max && !part->alone && part->batch_cap == cap &&
             part->job->app == request->app && part->job->expires_at_ms > now_ms &&
             fits(app, request, part));
}

/* A batch from one list of ready parts: all with the cap of the first. NULL if none is to be had.
 */
static struct request *form_batch(struct engine *engine, struct app *app, struct list *list,
                                  uint64_t now_ms)
{
    struct part *part = first_alive(engine, list, now_ms);
    unsigned max = app->limits.max_events;
    struct request *request;
    uint16_t cap;

    if (!part)
        return NULL;
    cap = part->batch_cap;
    if (cap < max)
        max = cap;
    request = new_request(engine, app, max);
    while (request && part && request->n_parts < max && part->batch_cap == cap &&
           fits(app, request, part)) {
        take_with_followers(app, request, part, max, now_ms);
        part = first_alive(engine, list, now_ms);
    }
    return request;
}

static struct request *form_call(struct engine *engine, struct app *app, uint64_t now_ms)
{
    struct part *part = first_alive(engine, &app->calls, now_ms);
    struct request *request = part ? new_request(engine, app, 1) : NULL;

    if (request)
        take(request, part);
    return request;
}

static struct request *form(struct engine *engine, struct app *app, uint64_t now_ms)
{
    struct request *request = form_batch(engine, app, &app->suspects, now_ms);

    for (int i = 0; i < 2 && !request; i++) {
        app->calls_next = !app->calls_next;
        request = app->calls_next ? form_call(engine, app, now_ms)
                                  : form_batch(engine, app, &app->events, now_ms);
    }
    return request;
}

/* Parts that expired while their request waited leave it; without parts left it is dropped. */
static struct request *without_expired(struct engine *engine, struct request *request,
                                       uint64_t now_ms)
{
    unsigned n_kept = 0;

    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];

        if (part->job->expires_at_ms > now_ms) {
            request->parts[n_kept++] = part;
            continue;
        }
        request->bytes -= part->size;
        expire(engine, part);
    }
    request->n_parts = n_kept;
    if (n_kept > 0)
        return request;
    free(request);
    return NULL;
}

static struct request *due_again(struct engine *engine, struct app *app, uint64_t now_ms)
{
    struct request *request = NULL;

    while (!request) {
        struct request *top = request_heap_top(&app->waiting);

        if (!top || top->due_ms > now_ms)
            return NULL;
        request = without_expired(engine, request_heap_pop(&app->waiting), now_ms);
    }
    return request;
}

static void start(struct engine *engine, struct app *app, struct request *request, uint64_t now_ms)
{
    request->probe = gate_sent(&app->gate);
    if (request->first_sent_ms == 0)
        request->first_sent_ms = now_ms;
    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];
        struct job *job = part->job;

        part->attempts++;
        if (job->first_attempt_ms == 0)
            job->first_attempt_ms = now_ms;
        if (job->attempts_before + part->attempts > job->attempts)
            job->attempts = job->attempts_before + part->attempts;
    }
    limiter_sent(&app->limiter, &request->attempt, now_ms);
    engine->n_in_flight++;
    engine->counters.requests++;
    engine->counters.events += request->n_parts;
    list_push(&engine->in_flight, &request->link);
}

static bool has_work(const struct app *app)
{
    return !list_empty(&app->events) || !list_empty(&app->calls) || !list_empty(&app->suspects) ||
           app->waiting.n_items > 0;
}

/* A closed gate is tested with fresh parts and with requests that have failed, in turn: those may
 * fail for reasons of their own, and must not keep the gate closed. */
static struct request *choose(struct engine *engine, struct app *app, uint64_t now_ms)
{
    bool fresh_first = app->gate.state == GATE_HALF_OPEN && app->fresh_next;
    struct request *request = fresh_first ? form(engine, app, now_ms) : NULL;

    if (!request)
        request = due_again(engine, app, now_ms);
    if (!request && !fresh_first)
        request = form(engine, app, now_ms);
    if (request && app->gate.state == GATE_HALF_OPEN)
        app->fresh_next = !app->fresh_next;
    return request;
}

/* What was delivered and is not settled would be sent again after a crash, as what is in flight: so
 * it takes up slots as well. */
static bool has_slot(const struct app *app)
{
    size_t n_unsettled = app->n_unsettled_events / app->limits.max_events + app->n_unsettled_calls;

    return limiter_has_room(&app->limiter) &&
           app->limiter.n_in_flight + n_unsettled < app->limits.max_in_flight;
}

static struct request *next_of_app(struct engine *engine, struct app *app, uint64_t now_ms)
{
    struct request *request;

    if (!has_slot(app) || !gate_may_send(&app->gate, now_ms))
        return NULL;
    request = choose(engine, app, now_ms);
    if (request)
        start(engine, app, request, now_ms);
    return request;
}

static struct request *next_of_all(struct engine *engine, uint64_t now_ms)
{
    LIST_FOREACH(link, &engine->busy)
    {
        struct app *app = LIST_ENTRY(link, struct app, link);
        struct request *request = next_of_app(engine, app, now_ms);

        if (!has_work(app))
            list_remove(&app->link);
        if (!request)
            continue;
        if (!list_empty(&app->link)) {
            list_remove(&app->link);
            list_push(&engine->busy, &app->link);
        }
        return request;
    }
    return NULL;
}

/* A part that expires may make others ready where it was looked before: then all are looked at
 * again. */
struct request *engine_next_request(struct engine *engine, uint64_t now_ms)
{
    struct request *request = NULL;
    uint64_t n_expired;

    if (now_ms >= engine->send_until_ms)
        return NULL;
    do {
        n_expired = engine->n_expired;
        request = next_of_all(engine, now_ms);
    } while (!request && engine->n_expired != n_expired);
    return request;
}

static uint64_t app_wakes_at(const struct app *app, uint64_t now_ms)
{
    const struct request *top = request_heap_top(&app->waiting);
    uint64_t at = top ? top->due_ms : UINT64_MAX;

    if (!has_slot(app) || (app->gate.state == GATE_HALF_OPEN && app->gate.probe != 0))
        return UINT64_MAX;
    if (!list_empty(&app->events) || !list_empty(&app->calls) || !list_empty(&app->suspects))
        at = now_ms;
    if (app->gate.state == GATE_CLOSED && at < app->gate.opens_ms)
        at = app->gate.opens_ms;
    return at;
}

uint64_t engine_wake_at(const struct engine *engine, uint64_t now_ms)
{
    uint64_t earliest = UINT64_MAX;

    if (now_ms >= engine->send_until_ms)
        return UINT64_MAX;
    for (struct list *link = engine->busy.next; link != &engine->busy; link = link->next) {
        uint64_t at = app_wakes_at(LIST_ENTRY(link, struct app, link), now_ms);

        if (at < earliest)
            earliest = at;
    }
    return earliest;
}
