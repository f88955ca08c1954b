/* The families of /metrics that have a sample, or some, for each queue. */
#include <stddef.h>
#include <stdio.h>

#include "daemon/clock.h"
#include "daemon/metrics_text.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

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
    return source_has_lease(source, clock_ms());
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

/* The next queue from *i on that is there, in *i. */
static bool next_queue(const struct pusherd *pusherd, size_t *i)
{
    while (*i < pusherd->config->n_queues && !pusherd_has_queue(pusherd, *i))
        ++*i;
    return *i < pusherd->config->n_queues;
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

void status_metrics_queues(FILE *out, const struct pusherd *pusherd)
{
    put_queue_counters(out, pusherd);
    put_settled(out, pusherd);
    put_failed(out, pusherd);
    put_queue_gauges(out, pusherd);
    put_oldest(out, pusherd);
}
