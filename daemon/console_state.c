/* /api/status: what the console draws, as counts since the start: the page makes rates of them.
 * At most MAX_APPS apps are named, first those that may not send or are paused. */
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

#define MAX_APPS   100
#define MAX_PAUSED 100 /* apps that are named of a queue */

/* ---- queues */

static void put_paused_apps(FILE *out, const struct source *source)
{
    const struct config *config = source->context->config;
    const char *before = "";
    size_t n = 0;

    fputs(",\"apps_paused\":[", out);
    for (size_t i = 0; i < config->n_apps && n < MAX_PAUSED; i++) {
        if (!source->parking[i].is_paused)
            continue;
        fputs(before, out);
        text_json(out, pusher_str(config->apps[i].name));
        before = ",";
        n++;
    }
    fputs("]", out);
}

static const char *bool_text(bool value)
{
    return value ? "true" : "false";
}

static void put_queue(FILE *out, const struct pusherd *pusherd, size_t i, size_t n)
{
    const struct source *source = &pusherd->sources[i];
    const uint64_t *settled = pusherd->metrics.queues[i].settled;

    fputs(n > 0 ? ",\n{\"name\":" : "\n{\"name\":", out);
    text_json(out, pusher_str(source->queue->name));
    fputs(",\"list\":", out);
    text_json(out, pusher_str(source->queue->list));
    fprintf(out, ",\"connected\":%s,\"lease\":%s,\"paused\":%s",
            bool_text(source->commands.state == REDIS_UP),
            bool_text(source_has_lease(source, clock_ms())), bool_text(source->is_paused));
    fprintf(out,
            ",\"backlog\":%" PRIu64 ",\"held\":%zu,\"oldest_ms\":%" PRIu64 ",\"claimed\":%" PRIu64
            ",\"done\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"later\":%" PRIu64
            ",\"parked\":%" PRIu64,
            source->backlog, source->n_held, source_oldest_ms(source, clock_ms()),
            source->counters.claimed, settled[JOB_DONE], settled[JOB_FAILED], settled[JOB_LATER],
            settled[JOB_PARKED]);
    put_paused_apps(out, source);
    fputc('}', out);
}

/* ---- apps */

static bool is_stopped(const struct pusherd *pusherd, size_t app)
{
    const char *text;

    return engine_gate(pusherd->engine, (unsigned)app, &text)->state != GATE_OPEN ||
           pusherd_app_is_paused(pusherd, app);
}

static void put_app(FILE *out, const struct pusherd *pusherd, size_t app, size_t n)
{
    static const char *const states[] = {
        [GATE_OPEN] = "open", [GATE_CLOSED] = "closed", [GATE_HALF_OPEN] = "probing"};
    const struct metrics_app *metrics = &pusherd->metrics.apps[app];
    const char *text;
    const struct gate *gate = engine_gate(pusherd->engine, (unsigned)app, &text);

    fputs(n > 0 ? ",\n{\"name\":" : "\n{\"name\":", out);
    text_json(out, pusher_str(pusherd->config->apps[app].name));
    fprintf(out, ",\"gate\":\"%s\"", states[gate->state]);
    if (gate->state != GATE_OPEN) {
        fprintf(out, ",\"cause\":\"%s\",\"text\":", dispatch_cause_name(gate->cause));
        text_json(out, pusher_str(text));
    }
    fprintf(out,
            ",\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"in_flight\":%" PRIu64
            ",\"limit\":%u}",
            metrics->events_sent, metrics->events_delivered, metrics->in_flight,
            engine_limiter(pusherd->engine, (unsigned)app)->limit);
}

static void put_apps(FILE *out, const struct pusherd *pusherd)
{
    size_t n_apps = 0, n = 0;

    fputs("],\n\"apps\":[", out);
    for (size_t i = 0; i < pusherd->config->n_apps; i++)
        n_apps += pusherd_has_app(pusherd, i);
    for (int stopped = 1; stopped >= 0; stopped--) {
        for (size_t i = 0; i < pusherd->config->n_apps && n < MAX_APPS; i++) {
            if (pusherd_has_app(pusherd, i) && is_stopped(pusherd, i) == (stopped == 1))
                put_app(out, pusherd, i, n++);
        }
    }
    fprintf(out, "],\n\"more_apps\":%zu", n_apps - n);
}

/* ---- all of them */

struct sum {
    uint64_t sent, delivered, in_flight, batches, batch_events, retries;
    struct metrics_histogram round_trips;
};

static void add_app(struct sum *sum, const struct metrics_app *app)
{
    sum->sent += app->events_sent;
    sum->delivered += app->events_delivered;
    sum->in_flight += app->in_flight;
    sum->batches += metrics_count(&app->batches);
    sum->batch_events += app->batches.sum;
    for (int i = 0; i < METRICS_N_CAUSES; i++)
        sum->retries += app->retries[i];
    metrics_add(&sum->round_trips, &app->round_trips);
}

static void put_histogram(FILE *out, const struct metrics_histogram *histogram)
{
    fputs(",\"round_trips\":[", out);
    for (unsigned i = 0; i <= histogram->scale->n; i++)
        fprintf(out, "%s%" PRIu64, i > 0 ? "," : "", histogram->counts[i]);
    fputs("],\"bounds_us\":[", out);
    for (unsigned i = 0; i < histogram->scale->n; i++)
        fprintf(out, "%s%" PRIu64, i > 0 ? "," : "", histogram->scale->bounds[i].value);
    fputc(']', out);
}

static void put_total(FILE *out, const struct pusherd *pusherd)
{
    struct sum sum = {.round_trips.scale = &metrics_times};

    for (size_t i = 0; i < pusherd->config->n_apps; i++)
        add_app(&sum, &pusherd->metrics.apps[i]);
    fprintf(out,
            ",\n\"total\":{\"sent\":%" PRIu64 ",\"delivered\":%" PRIu64 ",\"in_flight\":%" PRIu64
            ",\"batches\":%" PRIu64 ",\"batch_events\":%" PRIu64 ",\"retries\":%" PRIu64,
            sum.sent, sum.delivered, sum.in_flight, sum.batches, sum.batch_events, sum.retries);
    put_histogram(out, &sum.round_trips);
    fputs("}}\n", out);
}

static void put_all(FILE *out, const struct pusherd *pusherd)
{
    size_t n_queues = 0;

    fprintf(out,
            "{\"version\":\"" PUSHERD_VERSION "\",\"now_ms\":%" PRIu64 ",\"up_s\":%" PRId64
            ",\"can_act\":%s,\"shows_failures\":%s",
            clock_ms(), clock_unix_s() - pusherd->metrics.start_unix_s,
            bool_text(pusherd->status.has_token),
            bool_text(pusherd->status.is_loopback || pusherd->status.is_unix));
    fputs(",\"readyz\":", out);
    (void)status_put_ready(out, pusherd);
    fputs(",\"queues\":[", out);
    for (size_t i = 0; i < pusherd->config->n_queues; i++) {
        if (pusherd_has_queue(pusherd, i))
            put_queue(out, pusherd, i, n_queues++);
    }
    put_apps(out, pusherd);
    put_total(out, pusherd);
}

unsigned console_state(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    struct text_out text;
    FILE *out = text_out_open(&text);
    char *whole;

    if (!out)
        return 0;
    put_all(out, pusherd);
    whole = text_out_close(&text, ret_len);
    if (whole)
        *ret_text = whole;
    return whole ? MHD_HTTP_OK : 0;
}
