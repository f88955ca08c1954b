/* What may change while the engine runs: its limits, and its apps.
 *
 * An app never moves: lists begin in it. So there is room for all there may be; what is not used is
 * never touched, and takes no memory. */
#include <string.h>

#include "daemon/core/state.h"
#include "lib/require.h"

void engine_set_limits(struct engine *engine, const struct engine_limits *limits)
{
    uint64_t seed = engine->limits.seed;

    engine->limits = *limits;
    engine->limits.seed = seed;
    lanes_grow(&engine->lanes, limits->max_jobs);
}

static void init_app(struct app *app, const struct engine_app_limits *limits)
{
    memset(app, 0, sizeof(*app));
    app->limits = *limits;
    limiter_init(&app->limiter, limits->max_in_flight, limits->fixed);
    list_init(&app->events);
    list_init(&app->calls);
    list_init(&app->suspects);
    list_init(&app->link);
}

void engine_set_app(struct engine *engine, unsigned app, const struct engine_app_limits *limits)
{
    REQUIRE(app <= engine->n_apps && app < ENGINE_MAX_APPS);
    if (app == engine->n_apps) {
        init_app(&engine->apps[app], limits);
        engine->n_apps++;
        return;
    }
    engine->apps[app].limits = *limits;
    limiter_configure(&engine->apps[app].limiter, limits->max_in_flight, limits->fixed);
}

/* What waits behind the gate is due now, or there would be nothing to probe with. The same limit
 * for all leaves the heap in order. */
void engine_try_app(struct engine *engine, unsigned app, uint64_t now_ms)
{
    struct app *at = &engine->apps[app];

    gate_try(&at->gate, now_ms);
    for (size_t i = 0; i < at->waiting.n_items; i++) {
        if (at->waiting.items[i]->due_ms > now_ms)
            at->waiting.items[i]->due_ms = now_ms;
    }
}

void engine_forget_app(struct engine *engine, unsigned app)
{
    struct app *at = &engine->apps[app];
    struct engine_app_limits limits = at->limits;

    REQUIRE(at->limiter.n_in_flight == 0 && at->n_unsettled_events == 0 &&
            at->n_unsettled_calls == 0 && at->waiting.n_items == 0 && list_empty(&at->events) &&
            list_empty(&at->calls) && list_empty(&at->suspects));
    list_remove(&at->link);
    request_heap_deinit(&at->waiting);
    init_app(at, &limits);
}
