/* The families of /metrics that have a sample, or some, for each app. */
#include <stddef.h>
#include <stdio.h>

#include "daemon/metrics_text.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* The next app from *i on that is there, in *i. */
static bool next_app(const struct pusherd *pusherd, size_t *i)
{
    while (*i < pusherd->config->n_apps && !pusherd_has_app(pusherd, *i))
        ++*i;
    return *i < pusherd->config->n_apps;
}

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
    for (size_t app = 0; next_app(pusherd, &app); app++)
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
    for (size_t app = 0; next_app(pusherd, &app); app++) {
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

void status_metrics_apps(FILE *out, const struct pusherd *pusherd)
{
    put_app_tables(out, pusherd);
    put_app_numbers(out, pusherd);
    put_limits(out, pusherd);
    put_limit_decreases(out, pusherd);
    put_gates(out, pusherd);
    put_app_histograms(out, pusherd);
}
