/* /metrics: the state of the whole daemon as text, made anew for each request. Families are tables,
 * a row for each; what they mean is said in docs/metrics.md. */
#include <microhttpd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/metrics_text.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"

/* ---- queues */

struct queue_counter {
    const char *name, *help;
    size_t offset; /* in struct source_counters */
};

#define COUNTER(field) offsetof(struct source_counters, field)

static const struct queue_counter queue_counters[] = {
    {"pusherd_jobs_claimed_total", "Jobs claimed from the queue.", COUNTER(claimed)},
    {"pusherd_jobs_late_total", "Outcomes of jobs that others had taken over: not reported twice.",
     COUNTER(late)},
    {"pusherd_jobs_reaped_total", "Jobs taken over from consumers that are gone.", COUNTER(reaped)},
    {"pusherd_jobs_recovered_total", "Jobs of claims whose reply was lost.", COUNTER(recovered)},
    {"pusherd_jobs_parked_total", "Jobs set aside because their app may not send.",
     COUNTER(parked)},
    {"pusherd_jobs_returned_total", "Parked jobs that were brought back.", COUNTER(returned)},
    {"pusherd_jobs_duplicate_total", "Jobs not sent because their id was seen before.",
     COUNTER(duplicates)},
    {"pusherd_outcomes_spooled_total", "Outcomes kept in the spool while Redis was away.",
     COUNTER(spooled)},
    {"pusherd_outcomes_replayed_total", "Outcomes of lost claims that were settled all the same.",
     COUNTER(replayed)},
};

static uint64_t n_held(const struct source *source)
{
    return source->n_held;
}

static uint64_t n_held_bytes(const struct source *source)
{
    return source->n_held_bytes;
}

static uint64_t backlog(const struct source *source)
{
    return source->backlog;
}

static uint64_t is_paused(const struct source *source)
{
    return source->is_paused;
}

static uint64_t n_apps_paused(const struct source *source)
{
    uint64_t n = 0;

    for (size_t i = 0; i < source->context->config->n_apps; i++)
        n += !source->context->config->apps[i].removed && source->parking[i].is_paused;
    return n;
}

static uint64_t has_lease(const struct source *source)
{
    return source->lease == LEASE_HELD;
}

static uint64_t is_connected(const struct source *source)
{
    return source->commands.state == REDIS_UP;
}

struct queue_gauge {
    const char *name, *help;
    uint64_t (*value)(const struct source *source);
};

static const struct queue_gauge queue_gauges[] = {
    {"pusherd_jobs_held", "Jobs claimed and not yet settled.", n_held},
    {"pusherd_jobs_held_bytes", "Memory that those jobs count for.", n_held_bytes},
    {"pusherd_queue_backlog_jobs", "Jobs on the list, as last heard.", backlog},
    {"pusherd_queue_paused", "Whether an operator has paused the queue.", is_paused},
    {"pusherd_queue_apps_paused", "Apps that an operator has paused on the queue.", n_apps_paused},
    {"pusherd_lease_held", "Whether this daemon has the queue's lease.", has_lease},
    {"pusherd_redis_connected", "Whether the queue's connection to Redis is up.", is_connected},
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The next queue or app from *i on that is there, in *i. */
static bool next_queue(const struct pusherd *pusherd, size_t *i)
{
    while (*i < pusherd->config->n_queues && !pusherd_has_queue(pusherd, *i))
        ++*i;
    return *i < pusherd->config->n_queues;
}

static bool next_app(const struct pusherd *pusherd, size_t *i)
{
    while (*i < pusherd->config->n_apps && !pusherd_has_app(pusherd, *i))
        ++*i;
    return *i < pusherd->config->n_apps;
}

static void put_queue_counters(FILE *out, const struct pusherd *pusherd)
{
    for (size_t i = 0; i < N_OF(queue_counters); i++) {
        const struct queue_counter *counter = &queue_counters[i];

        metrics_text_family(out, counter->name, "counter", counter->help);
        for (size_t k = 0; next_queue(pusherd, &k); k++) {
            const struct source *source = &pusherd->sources[k];
            const char *counters = (const char *)&source->counters;

            metrics_text_sample(out, counter->name, LABELS({"queue", source->queue->name}),
                                *(const uint64_t *)(const void *)(counters + counter->offset));
        }
    }
}

static void put_queue_gauges(FILE *out, const struct pusherd *pusherd)
{
    for (size_t i = 0; i < N_OF(queue_gauges); i++) {
        const struct queue_gauge *gauge = &queue_gauges[i];

        metrics_text_family(out, gauge->name, "gauge", gauge->help);
        for (size_t k = 0; next_queue(pusherd, &k); k++) {
            const struct source *source = &pusherd->sources[k];

            metrics_text_sample(out, gauge->name, LABELS({"queue", source->queue->name}),
                                gauge->value(source));
        }
    }
}

static void put_oldest(FILE *out, const struct pusherd *pusherd)
{
    const char *name = "pusherd_oldest_job_seconds";
    uint64_t now_ms = clock_ms();

    metrics_text_family(out, name, "gauge", "Since the claim of the oldest job held; 0 if none.");
    for (size_t i = 0; next_queue(pusherd, &i); i++) {
        const struct source *source = &pusherd->sources[i];

        metrics_text_time(out, name, LABELS({"queue", source->queue->name}),
                          source_oldest_ms(source, now_ms) * 1000);
    }
}

static void put_settled(FILE *out, const struct pusherd *pusherd)
{
    static const char *const fates[METRICS_N_FATES] = {
        [JOB_DONE] = "done",     [JOB_FAILED] = "failed",           [JOB_LATER] = "later",
        [JOB_PARKED] = "parked", [JOB_HANDED_BACK] = "handed_back",
    };
    const char *name = "pusherd_jobs_settled_total";

    metrics_text_family(out, name, "counter", "Jobs settled in Redis, by what became of them.");
    for (size_t i = 0; next_queue(pusherd, &i); i++) {
        for (size_t fate = 0; fate < METRICS_N_FATES; fate++) {
            if (fates[fate])
                metrics_text_sample(
                    out, name,
                    LABELS({"queue", pusherd->config->queues[i].name}, {"outcome", fates[fate]}),
                    pusherd->metrics.queues[i].settled[fate]);
        }
    }
}

static void put_failed(FILE *out, const struct pusherd *pusherd)
{
    const char *name = "pusherd_jobs_failed_total";

    metrics_text_family(out, name, "counter", "Of those that failed, by the code of the failure.");
    for (size_t i = 0; next_queue(pusherd, &i); i++) {
        for (size_t code = 0; code < METRICS_N_CODES; code++)
            metrics_text_sample(out, name,
                                LABELS({"queue", pusherd->config->queues[i].name},
                                       {"code", metrics_code_name(code)}),
                                pusherd->metrics.queues[i].failed[code]);
    }
}

/* ---- apps */

/* A row of values for each app, told apart by a label. */
struct app_table {
    const char *name, *help, *label;
    size_t offset; /* in struct metrics_app */
    size_t n;
    const char *const *values;
};

static const char *const statuses[METRICS_N_STATUS] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
static const char *const retry_causes[METRICS_N_CAUSES] = {"no_answer", "rate_limited",
                                                           "server_error", "clock", "app_refused"};

static const struct app_table app_tables[] = {
    {"pusherd_api_requests_total", "Requests that came to an end, by HTTP status.", "status",
     offsetof(struct metrics_app, requests), METRICS_N_STATUS, statuses},
    {"pusherd_api_retries_total", "Of those, the ones that are sent again, by cause.", "cause",
     offsetof(struct metrics_app, retries), METRICS_N_CAUSES, retry_causes},
};

static void put_app_tables(FILE *out, const struct pusherd *pusherd)
{
    for (size_t i = 0; i < N_OF(app_tables); i++) {
        const struct app_table *table = &app_tables[i];

        metrics_text_family(out, table->name, "counter", table->help);
        for (size_t app = 0; next_app(pusherd, &app); app++) {
            const char *metrics = (const char *)&pusherd->metrics.apps[app];
            const uint64_t *values = (const uint64_t *)(const void *)(metrics + table->offset);

            for (size_t k = 0; k < table->n; k++)
                metrics_text_sample(out, table->name,
                                    LABELS({"app", pusherd->config->apps[app].name},
                                           {table->label, table->values[k]}),
                                    values[k]);
        }
    }
}

struct app_number {
    const char *name, *type, *help;
    size_t offset; /* in struct metrics_app */
};

static const struct app_number app_numbers[] = {
    {"pusherd_events_sent_total", "counter", "Events in requests, each time they are sent.",
     offsetof(struct metrics_app, events_sent)},
    {"pusherd_events_delivered_total", "counter", "Events that Pusher has accepted.",
     offsetof(struct metrics_app, events_delivered)},
    {"pusherd_api_requests_in_flight", "gauge", "Requests without an answer yet.",
     offsetof(struct metrics_app, in_flight)},
};

static void put_app_numbers(FILE *out, const struct pusherd *pusherd)
{
    for (size_t i = 0; i < N_OF(app_numbers); i++) {
        const struct app_number *number = &app_numbers[i];

        metrics_text_family(out, number->name, number->type, number->help);
        for (size_t app = 0; next_app(pusherd, &app); app++) {
            const char *metrics = (const char *)&pusherd->metrics.apps[app];

            metrics_text_sample(out, number->name, LABELS({"app", pusherd->config->apps[app].name}),
                                *(const uint64_t *)(const void *)(metrics + number->offset));
        }
    }
}

static void put_limits(FILE *out, const struct pusherd *pusherd)
{
    const char *name = "pusherd_api_requests_limit";

    metrics_text_family(out, name, "gauge", "How many requests may be without an answer.");
    for (size_t app = 0; app < pusherd->config->n_apps; app++)
        metrics_text_sample(out, name, LABELS({"app", pusherd->config->apps[app].name}),
                            engine_limiter(pusherd->engine, (unsigned)app)->limit);
}

static void put_limit_decreases(FILE *out, const struct pusherd *pusherd)
{
    static const char *const causes[LIMITER_N_CAUSES] = {
        [LIMITER_NO_ANSWER] = "no_answer",
        [LIMITER_RATE_LIMITED] = "rate_limited",
        [LIMITER_SERVER_ERROR] = "server_error",
        [LIMITER_SLOW] = "slow",
    };
    const char *name = "pusherd_api_limit_decreases_total";

    metrics_text_family(out, name, "counter", "How often that limit was lowered, by cause.");
    for (size_t app = 0; app < pusherd->config->n_apps; app++) {
        const struct limiter *limiter = engine_limiter(pusherd->engine, (unsigned)app);

        for (int cause = 0; cause < LIMITER_N_CAUSES; cause++)
            metrics_text_sample(
                out, name,
                LABELS({"app", pusherd->config->apps[app].name}, {"cause", causes[cause]}),
                limiter->n_decreases[cause]);
    }
}

static const struct app_number app_histograms[] = {
    {"pusherd_batch_events", "histogram", "Events in a batch that is sent.",
     offsetof(struct metrics_app, batches)},
    {"pusherd_api_request_seconds", "histogram", "From sending a request to its end.",
     offsetof(struct metrics_app, round_trips)},
    {"pusherd_claim_to_send_seconds", "histogram",
     "From the claim of a job to the first sending of each of its parts.",
     offsetof(struct metrics_app, claim_to_send)},
};

static void put_app_histograms(FILE *out, const struct pusherd *pusherd)
{
    for (size_t i = 0; i < N_OF(app_histograms); i++) {
        const struct app_number *number = &app_histograms[i];

        metrics_text_family(out, number->name, number->type, number->help);
        for (size_t app = 0; next_app(pusherd, &app); app++) {
            const char *metrics = (const char *)&pusherd->metrics.apps[app];

            metrics_text_histogram(
                out, number->name, LABELS({"app", pusherd->config->apps[app].name}),
                (const struct metrics_histogram *)(const void *)(metrics + number->offset));
        }
    }
}

static void put_gates(FILE *out, const struct pusherd *pusherd)
{
    const char *name = "pusherd_app_gate_closed", *text;

    metrics_text_family(out, name, "gauge", "Whether Pusher keeps the app from sending, and why.");
    for (size_t app = 0; next_app(pusherd, &app); app++) {
        const struct gate *gate = engine_gate(pusherd->engine, (unsigned)app, &text);

        for (int cause = GATE_REFUSED; cause <= GATE_DOWN; cause++)
            metrics_text_sample(out, name,
                                LABELS({"app", pusherd->config->apps[app].name},
                                       {"cause", dispatch_cause_name((enum gate_cause)cause)}),
                                gate->state != GATE_OPEN && (int)gate->cause == cause);
    }
}

/* ---- the process */

static void put_one(FILE *out, const char *name, const char *type, const char *help, uint64_t value)
{
    metrics_text_family(out, name, type, help);
    metrics_text_sample(out, name, NO_LABELS, value);
}

static uint64_t resident_bytes(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (file && fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    if (file)
        (void)fclose(file);
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void put_process(FILE *out, const struct pusherd *pusherd)
{
    const struct metrics *metrics = &pusherd->metrics;

    metrics_text_family(out, "pusherd_build_info", "gauge", "1, and the version.");
    metrics_text_sample(out, "pusherd_build_info", LABELS({"version", PUSHERD_VERSION}), 1);
    put_one(out, "pusherd_start_time_seconds", "gauge", "When it was started, since 1970.",
            (uint64_t)metrics->start_unix_s);
    metrics_text_family(out, "pusherd_config_reloads_total", "counter",
                        "Times that the configuration was read again, by what came of it.");
    metrics_text_sample(out, "pusherd_config_reloads_total", LABELS({"result", "taken"}),
                        metrics->reloads);
    metrics_text_sample(out, "pusherd_config_reloads_total", LABELS({"result", "refused"}),
                        metrics->reloads_refused);
    put_one(out, "pusherd_config_last_reload_failed", "gauge",
            "Whether the last of them was refused.", metrics->last_reload_failed);
    put_one(out, "pusherd_config_loaded_time_seconds", "gauge",
            "When the configuration in force was read, since 1970.",
            (uint64_t)metrics->loaded_unix_s);
    put_one(out, "pusherd_resident_memory_bytes", "gauge", "Memory in use.", resident_bytes());
    put_one(out, "pusherd_isolations_total", "counter",
            "Refused batches that were halved, to find the event that is bad.",
            engine_counters(pusherd->engine)->isolations);
    metrics_text_family(out, "pusherd_loop_turn_seconds", "histogram",
                        "Turns of the loop, without the time that they waited.");
    metrics_text_histogram(out, "pusherd_loop_turn_seconds", NO_LABELS, &metrics->turns);
    metrics_text_family(out, "pusherd_redis_script_seconds", "histogram",
                        "From sending a script to its reply; settle acknowledges outcomes.");
    for (size_t i = 0; i < N_SCRIPTS; i++)
        metrics_text_histogram(out, "pusherd_redis_script_seconds",
                               LABELS({"script", all_scripts[i]->name}), &metrics->scripts[i]);
}

unsigned status_metrics(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    FILE *out = open_memstream(ret_text, ret_len);

    if (!out)
        return 0;
    put_process(out, pusherd);
    put_queue_counters(out, pusherd);
    put_settled(out, pusherd);
    put_failed(out, pusherd);
    put_queue_gauges(out, pusherd);
    put_oldest(out, pusherd);
    put_app_tables(out, pusherd);
    put_app_numbers(out, pusherd);
    put_limits(out, pusherd);
    put_limit_decreases(out, pusherd);
    put_gates(out, pusherd);
    put_app_histograms(out, pusherd);
    if (fclose(out) == 0)
        return MHD_HTTP_OK;
    free(*ret_text);
    return 0;
}
