#include "daemon/settings.h"

#define MIN_WINDOW_JOBS 1000
#define MAX_WINDOW_JOBS 20000
#define BATCHES_AHEAD   2    /* claimed for each request that can be in flight */
#define WAIT_MS         5000 /* of the blocking command, at most */

static uint64_t min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t max_timeout_ms(const struct config *config)
{
    uint64_t max = 0;

    for (size_t i = 0; i < config->n_apps; i++) {
        uint64_t timeout = pusher_client_timeout_ms(config->apps[i].client);

        if (!config->apps[i].removed)
            max = timeout > max ? timeout : max;
    }
    return max;
}

static size_t n_queues(const struct config *config)
{
    size_t n = 0;

    for (size_t i = 0; i < config->n_queues; i++)
        n += !config->queues[i].removed;
    return n;
}

/* What keeps every app busy, for each queue: the jobs of one need not leave room for another's. */
static size_t window_jobs(const struct config *config)
{
    size_t jobs = 0, queues = n_queues(config), max = MIN_WINDOW_JOBS * queues;

    for (size_t i = 0; i < config->n_apps; i++) {
        const struct app_config *app = &config->apps[i];

        if (!app->removed)
            jobs += (size_t)app->max_in_flight * BATCHES_AHEAD *
                    pusher_client_max_events_per_batch(app->client);
    }
    if (jobs < MIN_WINDOW_JOBS)
        jobs = MIN_WINDOW_JOBS;
    if (max < MAX_WINDOW_JOBS)
        max = MAX_WINDOW_JOBS;
    return jobs * queues < max ? jobs * queues : max;
}

struct engine_limits settings_engine(const struct config *config)
{
    return (struct engine_limits){
        .max_jobs = window_jobs(config),
        .max_attempts = config->max_attempts,
        .retry_base_ms = config->retry_base_ms,
        .retry_cap_ms = config->retry_cap_ms,
        .retry_for_ms = config->retry_for_ms,
        .lane_hold_ms = config->lane_hold_ms,
    };
}

struct engine_app_limits settings_app(const struct app_config *app)
{
    return (struct engine_app_limits){
        app->max_in_flight,
        pusher_client_max_events_per_batch(app->client),
        pusher_client_max_request_bytes(app->client),
        !app->adaptive,
    };
}

/* Requests must end before the lease does, and the lease be renewed well before the last moment at
 * which one may start; the configuration leaves CONFIG_LEASE_MARGIN_MS for that. */
void settings_sources(struct source_context *context, const struct config *config)
{
    uint64_t lease_ms = config->lease_ms, request_ms = max_timeout_ms(config);
    uint64_t send_ms = lease_ms - request_ms;

    context->config = config;
    context->request_ms = request_ms;
    context->beat_ms = min_u64(lease_ms / 3, send_ms / 2);
    context->wait_ms = WAIT_MS;
    context->max_jobs = window_jobs(config);
    context->max_bytes = config->max_claimed_bytes;
}
