/* Sets the process up, runs its loop (pusherd_turn.c) to the end, and tears it down. */
#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/clock.h"
#include "daemon/delivery_pool.h"
#include "daemon/log.h"
#include "daemon/memlock.h"
#include "daemon/pusherd_private.h"
#include "daemon/reload.h"
#include "daemon/script.h"
#include "daemon/settings.h"
#include "lib/require.h"

#define ARENA_MAX_BYTES (64u << 20)

static int make_engine(struct pusherd *pusherd)
{
    const struct config *config = pusherd->config;
    struct engine_app_limits *apps = calloc(config->n_apps + 1, sizeof(*apps));
    struct engine_limits limits = settings_engine(config);

    if (!apps)
        return -1;
    if (getrandom(&limits.seed, sizeof(limits.seed), 0) != (ssize_t)sizeof(limits.seed))
        limits.seed = uv_hrtime();
    for (size_t i = 0; i < config->n_apps; i++)
        apps[i] = settings_app(&config->apps[i]);
    pusherd->engine = engine_new(&limits, apps, (unsigned)config->n_apps);
    free(apps);
    return pusherd->engine ? 0 : -1;
}

/* Memory of those that are in use only. */
static int make_sources(struct pusherd *pusherd)
{
    const struct config *config = pusherd->config;

    pusherd->sources = calloc(CONFIG_MAX_QUEUE_SLOTS, sizeof(*pusherd->sources));
    for (size_t i = 0; pusherd->sources && i < config->n_queues; i++) {
        if (source_reserve(&pusherd->sources[i], config->n_apps) != 0)
            return -1;
    }
    return pusherd->sources ? 0 : -1;
}

static void start_sources(struct pusherd *pusherd)
{
    for (size_t i = 0; i < pusherd->config->n_queues; i++)
        source_init(&pusherd->sources[i], &pusherd->context, &pusherd->loop,
                    &pusherd->config->queues[i], (unsigned)i);
}

static void describe(void *data, char *ret_text, size_t size)
{
    struct pusherd *pusherd = data;

    summary_write(&pusherd->summary, pusherd, clock_ms(), ret_text, size);
}

/* main() holds it back until it has a handler. */
static void take_held_reload(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void start_handles(struct pusherd *pusherd)
{
    static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};

    uv_prepare_init(&pusherd->loop, &pusherd->turn);
    uv_timer_init(&pusherd->loop, &pusherd->timer);
    pusherd->turn.data = pusherd->timer.data = pusherd;
    uv_prepare_start(&pusherd->turn, pusherd_on_turn);
    notify_start(&pusherd->notify, &pusherd->loop, describe, pusherd);
    for (int i = 0; i < 3; i++) {
        uv_signal_init(&pusherd->loop, &pusherd->signals[i]);
        pusherd->signals[i].data = pusherd;
        uv_signal_start(&pusherd->signals[i], pusherd_on_signal, numbers[i]);
    }
    take_held_reload();
}

static int set_up(struct pusherd *pusherd)
{
    const struct config *config = pusherd->config;

    if (make_sources(pusherd) != 0 || make_engine(pusherd) != 0 ||
        metrics_init(&pusherd->metrics, config->n_apps, config->n_queues) != 0)
        return -1;
    arena_init(&pusherd->arena, ARENA_MAX_BYTES);
    pusherd->context.engine = pusherd->engine;
    pusherd->context.metrics = &pusherd->metrics;
    pusherd->context.sources = pusherd->sources;
    pusherd->context.arena = &pusherd->arena;
    settings_sources(&pusherd->context, config);
    if (uv_loop_init(&pusherd->loop) != 0)
        return -1;
    if (dispatch_init(&pusherd->dispatch, &pusherd->loop, config, pusherd->engine) != 0)
        return -1;
    pusherd->dispatch.metrics = &pusherd->metrics;
    script_measure(&pusherd->metrics);
    return status_start(&pusherd->status, pusherd);
}

static void tear_down(struct pusherd *pusherd)
{
    dispatch_deinit(&pusherd->dispatch);
    engine_free(pusherd->engine);
    arena_deinit(&pusherd->arena);
    delivery_pool_clear();
    for (size_t i = 0; i < CONFIG_MAX_QUEUE_SLOTS; i++)
        source_deinit(&pusherd->sources[i]);
    free(pusherd->sources);
    script_measure(NULL);
    metrics_deinit(&pusherd->metrics);
    config_free(pusherd->config);
    REQUIRE(uv_loop_close(&pusherd->loop) == 0); /* every handle was closed */
}

static int listen_for_status(struct pusherd *pusherd)
{
    const char *address = pusherd->config->status_listen;
    char why[STATUS_WHY_MAX];

    if (status_listen(&pusherd->status, address, why) == 0)
        return 0;
    log_event(LOG_ERR, "start", "[status] listen: cannot be had", LOG_TEXT("listen", address),
              LOG_TEXT("error", why));
    return PUSHERD_NO_LISTENER;
}

int pusherd_run(struct config *config, const struct config_source *source)
{
    struct pusherd pusherd;

    memset(&pusherd, 0, sizeof(pusherd));
    pusherd.config = config;
    pusherd.config_source = source;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a spool that may not grow is an error of its write */
    if (listen_for_status(&pusherd) != 0) {
        config_free(config);
        return PUSHERD_NO_LISTENER;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0 || set_up(&pusherd) != 0) {
        log_event(LOG_ERR, "start", "out of memory or descriptors");
        config_free(config);
        return -1;
    }
    start_handles(&pusherd);
    start_sources(&pusherd);
    log_event(LOG_NOTICE, "start", "pusherd " PUSHERD_VERSION, LOG_NUMBER("apps", config->n_apps),
              LOG_NUMBER("queues", config->n_queues));
    memlock_check(&pusherd.unlocked_is_told, config);
    reload_log_warnings(&pusherd);
    uv_run(&pusherd.loop, UV_RUN_DEFAULT);
    tear_down(&pusherd);
    curl_global_cleanup();
    log_flush_all();
    log_event(LOG_NOTICE, "stop",
              pusherd.left_behind ? "stopped; unsettled jobs are left to others" : "stopped",
              LOG_NUMBER("left_behind", pusherd.left_behind));
    return pusherd.left_behind ? 1 : 0;
}
