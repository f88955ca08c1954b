/* Jobs of apps that may not send; what is decided here, and why, is in core/parking.h. */
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/source_private.h"

#define RETURN_MAX     500 /* parked jobs that come back at a time */
#define RETURN_WAIT_MS 100 /* after a return that was of no use */

/* What keeps an app busy: all of its requests, twice. */
static size_t n_busy(const struct source *source, size_t app)
{
    return 2 * source_n_probe(source, app) * source->context->config->apps[app].max_in_flight;
}

static bool is_removed(const struct source *source, size_t app)
{
    return source->context->config->apps[app].removed;
}

static struct parking_app *parking_of(const struct source *source, const struct job *job)
{
    return job->app != JOB_NO_APP ? &source->parking[job->app] : NULL;
}

/* The oldest of the app's jobs that are marked, if it is not known. */
static void learn_marked(struct source *source, unsigned app)
{
    uint64_t lowest = PARKING_NONE;

    if (!source->parking[app].is_stale)
        return;
    LIST_FOREACH(link, &source->held)
    {
        const struct job *job = &LIST_ENTRY(link, struct delivery, held_link)->job;

        if (job->app == app && job->parked && job->claim_id < lowest)
            lowest = job->claim_id;
    }
    parking_learned(&source->parking[app], lowest);
}

void source_hold(struct source *source, struct delivery *delivery)
{
    struct job *job = &delivery->job;
    struct parking_app *parking = parking_of(source, job);

    list_push(&source->held, &delivery->held_link);
    source->n_held++;
    source->n_held_bytes += job->bytes;
    if (!parking)
        return;
    learn_marked(source, job->app);
    job->parked = job->n_unresolved > 0 && parking_takes(parking, job->claim_id);
    parking_added(parking, job->claim_id, job->parked);
}

void source_let_go(struct source *source, struct delivery *delivery)
{
    const struct job *job = &delivery->job;
    struct parking_app *parking = parking_of(source, job);

    list_remove(&delivery->held_link);
    source->n_held--;
    source->n_held_bytes -= job->bytes + delivery->result_bytes;
    if (parking)
        parking_left(parking, job->claim_id, job->parked,
                     job->fate == JOB_DONE || job->fate == JOB_FAILED);
}

void source_claimed_parked(struct source *source)
{
    for (size_t i = 0; i < source->context->config->n_apps; i++)
        parking_claimed(&source->parking[i]);
}

bool source_has_parked(const struct source *source, unsigned app)
{
    return app < source->context->config->n_apps &&
           parking_lowest(&source->parking[app]) != PARKING_NONE;
}

/* ---- what Redis says */

static void pause_app(struct source *source, size_t app, bool is_paused)
{
    struct parking_app *parking = &source->parking[app];

    if (parking->is_paused == is_paused)
        return;
    parking->is_paused = is_paused;
    log_event(LOG_NOTICE, "pause", is_paused ? "the app is paused" : "the app goes on",
              LOG_TEXT("queue", source->queue->name),
              LOG_TEXT("app", source->context->config->apps[app].name));
}

static bool names(const redisReply *apps, const char *name)
{
    for (size_t i = 0; i < apps->elements; i++) {
        const redisReply *each = apps->element[i];

        if (each->type == REDIS_REPLY_STRING && strcmp(each->str, name) == 0)
            return true;
    }
    return false;
}

void source_hear_paused(struct source *source, const redisReply *apps)
{
    const struct config *config = source->context->config;

    if (apps->type != REDIS_REPLY_ARRAY || (apps->elements == 0 && !source->any_paused))
        return;
    source->any_paused = apps->elements > 0;
    source->is_paused = names(apps, "*");
    if (source->any_paused && source->next_beat_ms > clock_ms() + SOURCE_PAUSED_BEAT_MS)
        source->next_beat_ms = clock_ms() + SOURCE_PAUSED_BEAT_MS;
    for (size_t i = 0; i < config->n_apps; i++) {
        if (!is_removed(source, i))
            pause_app(source, i, names(apps, config->apps[i].name));
    }
}

/* ---- to Redis and back */

static void park_app(struct source *source, size_t app, const struct probe_quota *quota)
{
    struct parking_app *parking = &source->parking[app];
    size_t keep = source->is_yielding ? 0 : source_n_kept(source, app, quota), n;
    uint64_t lowest;

    if (parking->n_active <= keep)
        return;
    n = engine_park(source->context->engine, source->index, (unsigned)app, keep, &lowest);
    parking_marked(parking, n, lowest);
    source->counters.parked += n;
    if (keep > 0)
        parking_fits(parking, keep);
}

static void park_apps(struct source *source, bool is_short)
{
    struct probe_quota quota = source_probe_quota(source);

    for (size_t i = 0; i < source->context->config->n_apps; i++) {
        bool is_open = source_gate_is_open(source, i);

        if (is_open)
            parking_fits(&source->parking[i], SIZE_MAX);
        if (source->parking[i].n_active > 0 &&
            (source->parking[i].is_paused || (is_short && !is_open)))
            park_app(source, i, &quota);
    }
}

/* If none has come, or they will be parked at once, the next call would do no better. */
static void hear_returned(struct source *source, size_t n, uint64_t lowest)
{
    struct parking_app *parking = &source->parking[source->returning];
    uint64_t oldest = parking->lowest_stored;

    parking_returned(parking, n, lowest);
    learn_marked(source, (unsigned)source->returning);
    if (n == 0 || parking_takes(parking, oldest))
        source->return_after_ms = clock_ms() + RETURN_WAIT_MS;
}

static void on_returned(const redisReply *reply, void *data)
{
    struct source *source = data;
    const redisReply *oldest;
    size_t n;

    source->return_is_out = false;
    if (!source_reply_is_good(source, script_unpark.name, reply, "is", "")) {
        source->return_after_ms = clock_ms() + SOURCE_ERROR_WAIT_MS;
        return;
    }
    n = (size_t)reply->element[0]->integer;
    oldest = reply->element[1];
    if (source->returning != SIZE_MAX)
        hear_returned(source, n, oldest->len > 0 ? strtoull(oldest->str, NULL, 10) : PARKING_NONE);
    source->counters.returned += n;
    source->may_have_more |= n > 0;
}

/* `index` is SIZE_MAX for an app that is not known any more. */
static void bring_back(struct source *source, const char *app, size_t index, size_t n)
{
    struct script_call *call = script_call_new(&script_unpark);

    if (!call)
        return;
    script_key(call, source->list_key[KEYS_PARKED]);
    script_key(call, source->list_key[KEYS_RETRY]);
    script_arg_text(call, app);
    script_arg_number(call, n < RETURN_MAX ? n : RETURN_MAX);
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_returned, source) != 0)
        return;
    source->return_is_out = true;
    source->returning = index;
}

/* Jobs of an app that is not configured any more come back to fail as those of an unknown app. */
void source_hear_parked(struct source *source, const redisReply *oldest)
{
    for (size_t i = 0; oldest->type == REDIS_REPLY_ARRAY && i + 1 < oldest->elements; i += 2) {
        const redisReply *name = oldest->element[i], *id = oldest->element[i + 1];
        size_t app;

        if (name->type != REDIS_REPLY_STRING || id->type != REDIS_REPLY_STRING)
            continue;
        app = config_find_app(source->context->config, name->str, name->len);
        if (app != SIZE_MAX)
            parking_heard(&source->parking[app], strtoull(id->str, NULL, 10));
        else if (!source->return_is_out && !source->context->stopping)
            bring_back(source, name->str, SIZE_MAX, RETURN_MAX);
    }
}

/* With one app and nobody paused there is nobody to make room for. A list that is given up keeps
 * nothing that cannot be sent now. */
void source_park(struct source *source, uint64_t now_ms)
{
    size_t n_apps = source->context->config->n_apps;
    bool is_short = source->is_yielding || (n_apps > 1 && !source_has_room(source));
    bool may_return = !source->is_yielding && now_ms >= source->return_after_ms;

    if (source->lease != LEASE_HELD || source->context->stopping)
        return;
    park_apps(source, is_short);
    for (size_t i = 0; i < n_apps && !source->return_is_out && may_return; i++) {
        size_t n;

        learn_marked(source, (unsigned)i);
        n = parking_wants(&source->parking[i], source_gate_is_open(source, i), n_busy(source, i),
                          source_n_probe(source, i));
        if (n > 0)
            bring_back(source, source->context->config->apps[i].name, i, n);
    }
}

/* ---- the configuration has changed */

/* Of those that are not in the engine yet. */
static void mark_all(struct source *source, struct list *deliveries, unsigned app)
{
    LIST_FOREACH(link, deliveries)
    {
        struct job *job = &LIST_ENTRY(link, struct delivery, link)->job;

        if (job->app != app || job->parked || job->n_unresolved == 0)
            continue;
        job->parked = true;
        parking_marked(&source->parking[app], 1, job->claim_id);
        source->counters.parked++;
    }
}

void source_remake(struct source *source, unsigned app)
{
    struct parking_app *parking = &source->parking[app];
    uint64_t lowest;
    size_t n = engine_park(source->context->engine, source->index, app, 0, &lowest);

    parking_marked(parking, n, lowest);
    source->counters.parked += n;
    mark_all(source, &source->unchecked, app);
    mark_all(source, &source->checking, app);
    if (is_removed(source, app))
        parking->is_paused = false;
}

void source_expect_app(struct source *source, unsigned app)
{
    parking_expect(&source->parking[app]);
    if (source->returning == app)
        source->returning = SIZE_MAX;
}

bool source_holds_app(const struct source *source, unsigned app)
{
    return source->parking[app].n_active + source->parking[app].n_marked > 0;
}
