#include "daemon/metrics.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"

const struct metrics_scale metrics_times = {
    16,
    true,
    {{500, "0.0005"},
     {1000, "0.001"},
     {2500, "0.0025"},
     {5000, "0.005"},
     {10000, "0.01"},
     {25000, "0.025"},
     {50000, "0.05"},
     {100000, "0.1"},
     {250000, "0.25"},
     {500000, "0.5"},
     {1000000, "1"},
     {2500000, "2.5"},
     {5000000, "5"},
     {10000000, "10"},
     {30000000, "30"},
     {60000000, "60"}},
};

const struct metrics_scale metrics_batches = {
    11,
    false,
    {{1, "1"},
     {2, "2"},
     {3, "3"},
     {4, "4"},
     {6, "6"},
     {8, "8"},
     {9, "9"},
     {10, "10"},
     {20, "20"},
     {50, "50"},
     {100, "100"}},
};

static const char *const codes[METRICS_N_CODES] = {
    "invalid_job",
    "unknown_op",
    "unknown_app",
    "invalid_channel",
    "invalid_event",
    "invalid_socket_id",
    "invalid_user_id",
    "invalid_info",
    "invalid_data",
    "payload_too_large",
    "encryption_unavailable",
    "not_encryptable",
    "invalid_signature",
    "rejected",
    "expired",
    "retries_exhausted",
    "crash_loop",
    "other",
};

const char *metrics_code_name(size_t index)
{
    return codes[index];
}

void metrics_clear_app(struct metrics_app *app)
{
    *app = (struct metrics_app){
        .batches.scale = &metrics_batches,
        .round_trips.scale = &metrics_times,
        .claim_to_send.scale = &metrics_times,
    };
}

int metrics_grow(struct metrics *metrics, size_t n_apps, size_t n_queues)
{
    struct metrics_queue *queues;
    struct metrics_app *apps;

    n_apps = n_apps > metrics->n_apps ? n_apps : metrics->n_apps;
    n_queues = n_queues > metrics->n_queues ? n_queues : metrics->n_queues;
    apps = reallocarray(metrics->apps, n_apps + 1, sizeof(*apps));
    if (!apps)
        return -1;
    metrics->apps = apps;
    for (; metrics->n_apps < n_apps; metrics->n_apps++)
        metrics_clear_app(&apps[metrics->n_apps]);
    queues = reallocarray(metrics->queues, n_queues + 1, sizeof(*queues));
    if (!queues)
        return -1;
    metrics->queues = queues;
    for (; metrics->n_queues < n_queues; metrics->n_queues++)
        queues[metrics->n_queues] = (struct metrics_queue){{0}, {0}};
    return 0;
}

int metrics_init(struct metrics *metrics, size_t n_apps, size_t n_queues)
{
    memset(metrics, 0, sizeof(*metrics));
    metrics->start_unix_s = metrics->loaded_unix_s = clock_unix_s();
    for (size_t i = 0; i < N_SCRIPTS; i++)
        metrics->scripts[i].scale = &metrics_times;
    metrics->turns.scale = &metrics_times;
    return metrics_grow(metrics, n_apps, n_queues);
}

void metrics_deinit(struct metrics *metrics)
{
    free(metrics->apps);
    free(metrics->queues);
    metrics->apps = NULL;
    metrics->queues = NULL;
}

void metrics_observe(struct metrics_histogram *histogram, uint64_t value)
{
    const struct metrics_scale *scale = histogram->scale;
    unsigned i = 0;

    while (i < scale->n && value > scale->bounds[i].value)
        i++;
    histogram->counts[i]++;
    histogram->sum += value;
}

uint64_t metrics_count(const struct metrics_histogram *histogram)
{
    uint64_t n = 0;

    for (unsigned i = 0; i <= histogram->scale->n; i++)
        n += histogram->counts[i];
    return n;
}

void metrics_add(struct metrics_histogram *sum, const struct metrics_histogram *histogram)
{
    for (unsigned i = 0; i <= histogram->scale->n; i++)
        sum->counts[i] += histogram->counts[i];
    sum->sum += histogram->sum;
}

/* Within its bucket the values are taken to be spread evenly; those beyond the last bound count as
 * that. */
uint64_t metrics_quantile(const struct metrics_histogram *histogram, unsigned percent)
{
    const struct metrics_scale *scale = histogram->scale;
    double wanted = (double)metrics_count(histogram) * percent / 100;
    uint64_t low = 0;

    for (unsigned i = 0; i < scale->n; i++) {
        double n = (double)histogram->counts[i];
        uint64_t high = scale->bounds[i].value;

        if (n > 0 && wanted <= n)
            return low + (uint64_t)((double)(high - low) * wanted / n);
        wanted -= n;
        low = high;
    }
    return metrics_count(histogram) > 0 ? low : 0;
}

/* ---- requests */

/* An event to several channels counts for each. */
static uint64_t n_events(const struct request *request)
{
    uint64_t n = 0;

    if (!delivery_is_trigger(DELIVERY_OF(request->parts[0]->job)->op))
        return 0;
    for (unsigned i = 0; i < request->n_parts; i++)
        n += request->parts[i]->n_items;
    return n;
}

void metrics_sent(struct metrics_app *app, const struct request *request, uint64_t now_ms)
{
    app->in_flight++;
    app->events_sent += n_events(request);
    if (!request->parts[0]->alone)
        metrics_observe(&app->batches, request->n_parts);
    for (unsigned i = 0; i < request->n_parts; i++) {
        const struct part *part = request->parts[i];

        if (part->attempts == 1 && now_ms >= part->job->claimed_ms)
            metrics_observe(&app->claim_to_send, (now_ms - part->job->claimed_ms) * 1000);
    }
}

static void count_retry(struct metrics_app *app, const struct answer *answer)
{
    switch (answer->kind) {
    case ANSWER_RETRY:
        if (answer->http == 0)
            app->retries[METRICS_NOT_ANSWERED]++;
        else
            app->retries[answer->http == 429 ? METRICS_RATE_LIMITED : METRICS_SERVER_ERROR]++;
        break;
    case ANSWER_CLOCK:
        app->retries[METRICS_WRONG_CLOCK]++;
        break;
    case ANSWER_FORBIDDEN:
        app->retries[METRICS_APP_REFUSED]++;
        break;
    case ANSWER_DONE:
    case ANSWER_REFUSED:
    case ANSWER_CANCELLED:
    case ANSWER_OUTDATED:
    case ANSWER_NOT_SENT:
        break;
    }
}

void metrics_answered(struct metrics_app *app, const struct request *request, unsigned http,
                      const struct answer *answer, uint64_t took_us)
{
    unsigned digit = http / 100;

    app->in_flight--;
    if (answer->kind == ANSWER_CANCELLED)
        return;
    app->requests[digit <= 5 ? digit : METRICS_NO_ANSWER]++;
    metrics_observe(&app->round_trips, took_us);
    if (answer->kind == ANSWER_DONE)
        app->events_delivered += n_events(request);
    count_retry(app, answer);
}

/* ---- jobs */

static bool is_gone(const struct redisReply *gone, const struct delivery *delivery)
{
    for (size_t i = 0; i < gone->elements; i++) {
        const struct redisReply *id = gone->element[i];

        if (id->type == REDIS_REPLY_STRING && strtoull(id->str, NULL, 10) == delivery->job.claim_id)
            return true;
    }
    return false;
}

static size_t index_of(const char *code)
{
    size_t i = 0;

    while (i < METRICS_N_CODES - 1 && strcmp(codes[i], code) != 0)
        i++;
    return i;
}

/* The code of the entry in the failures stream: that of the first part that failed. */
static void count_failure(struct metrics_queue *queue, const struct job *job)
{
    for (uint32_t i = 0; i < job->n_parts; i++) {
        if (job->parts[i].state != PART_FAILED)
            continue;
        queue->failed[index_of(job->parts[i].code)]++;
        return;
    }
}

void metrics_settled(struct metrics_queue *queue, const struct list *deliveries,
                     const struct redisReply *gone)
{
    for (struct list *link = deliveries->next; link != deliveries; link = link->next) {
        const struct delivery *delivery = LIST_ENTRY(link, struct delivery, link);

        if (is_gone(gone, delivery))
            continue;
        queue->settled[delivery->job.fate]++;
        if (delivery->job.fate == JOB_FAILED)
            count_failure(queue, &delivery->job);
    }
}

/* ---- the rest */

void metrics_script(struct metrics *metrics, const struct lua_script *script, uint64_t took_us)
{
    for (size_t i = 0; i < N_SCRIPTS; i++) {
        if (all_scripts[i] == script)
            metrics_observe(&metrics->scripts[i], took_us);
    }
}

void metrics_turn(struct metrics *metrics, uint64_t now_ns, uint64_t idle_ns)
{
    if (metrics->turn_ns > 0) {
        uint64_t turn_ns = now_ns - metrics->turn_ns, waited_ns = idle_ns - metrics->idle_ns;

        metrics_observe(&metrics->turns, turn_ns > waited_ns ? (turn_ns - waited_ns) / 1000 : 0);
    }
    metrics->turn_ns = now_ns;
    metrics->idle_ns = idle_ns;
}
