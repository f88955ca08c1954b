/* The daemon's numbers are gathered once for all its queues, unless the last time was long ago:
 * a queue whose turn comes within REPORT_MIN_MS says the same as the one before it. */
#include "daemon/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/dispatch.h"
#include "daemon/source.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

#define REPORT_MIN_MS 900
#define MAX_GATES     4 /* that are named */
#define MAX_TEXT      100
#define MAX_NAME      100

/* ---- the daemon */

static void add_app(struct report_counts *total, const struct metrics_app *app)
{
    total->batches += metrics_count(&app->batches);
    total->batch_events += app->batches.sum;
    metrics_add(&total->round_trips, &app->round_trips);
}

static void take_total(const struct source_context *context, uint64_t now_ms,
                       struct report_counts *ret_total)
{
    const struct engine_counters *counters = engine_counters(context->engine);

    *ret_total = (struct report_counts){.at_ms = now_ms,
                                        .events = counters->events,
                                        .requests = counters->requests,
                                        .retries = counters->retries,
                                        .round_trips.scale = &metrics_times};
    for (size_t i = 0; i < context->config->n_apps; i++)
        add_app(ret_total, &context->metrics->apps[i]);
}

/* Counts of apps that a new configuration no longer has go backwards: that is no span. */
static uint64_t minus(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static void subtract(const struct report_counts *now, const struct report_counts *before,
                     struct report_counts *ret_span)
{
    *ret_span = (struct report_counts){
        .at_ms = minus(now->at_ms, before->at_ms),
        .events = minus(now->events, before->events),
        .requests = minus(now->requests, before->requests),
        .retries = minus(now->retries, before->retries),
        .batches = minus(now->batches, before->batches),
        .batch_events = minus(now->batch_events, before->batch_events),
        .round_trips.scale = &metrics_times,
    };
    for (unsigned i = 0; i <= metrics_times.n; i++)
        ret_span->round_trips.counts[i] =
            minus(now->round_trips.counts[i], before->round_trips.counts[i]);
}

static const struct report_counts *daemon_span(struct source_context *context, uint64_t now_ms)
{
    struct report *report = &context->report;
    struct report_counts now;

    if (report->total.at_ms > 0 && now_ms - report->total.at_ms < REPORT_MIN_MS)
        return &report->span;
    take_total(context, now_ms, &now);
    if (report->total.at_ms > 0)
        subtract(&now, &report->total, &report->span);
    report->total = now;
    return &report->span;
}

static void put_daemon(FILE *out, const struct source_context *context,
                       const struct report_counts *span)
{
    fprintf(out,
            "{\"version\":\"" PUSHERD_VERSION "\",\"up_s\":%" PRId64 ",\"ms\":%" PRIu64
            ",\"events\":%" PRIu64 ",\"requests\":%" PRIu64 ",\"retries\":%" PRIu64
            ",\"batches\":%" PRIu64 ",\"batch_events\":%" PRIu64,
            clock_unix_s() - context->metrics->start_unix_s, span->at_ms, span->events,
            span->requests, span->retries, span->batches, span->batch_events);
    if (span->round_trips.scale && metrics_count(&span->round_trips) > 0)
        fprintf(out, ",\"p50_us\":%" PRIu64 ",\"p99_us\":%" PRIu64,
                metrics_quantile(&span->round_trips, 50), metrics_quantile(&span->round_trips, 99));
    fprintf(out, ",\"in_flight\":%u", engine_n_in_flight(context->engine));
}

/* ---- gates */

static struct pusher_string cut(const char *text, size_t max)
{
    return (struct pusher_string){text, strnlen(text, max)};
}

static void put_gates(FILE *out, const struct source_context *context)
{
    const char *before = "", *text;
    size_t n = 0;

    fputs(",\"gates\":[", out);
    for (size_t i = 0; i < context->config->n_apps; i++) {
        const struct gate *gate = engine_gate(context->engine, (unsigned)i, &text);

        if (context->config->apps[i].removed || gate->state == GATE_OPEN || ++n > MAX_GATES)
            continue;
        fprintf(out, "%s{\"app\":", before);
        text_json(out, cut(context->config->apps[i].name, MAX_NAME));
        fprintf(out, ",\"cause\":\"%s\",\"text\":", dispatch_cause_name(gate->cause));
        text_json(out, cut(text, MAX_TEXT));
        fputc('}', out);
        before = ",";
    }
    fprintf(out, "],\"more_gates\":%zu", n > MAX_GATES ? n - MAX_GATES : 0);
}

/* ---- the queue */

static void put_queue(FILE *out, struct source *source, uint64_t now_ms)
{
    const struct metrics_queue *metrics = &source->context->metrics->queues[source->index];
    struct report_queue now = {now_ms, source->counters.claimed, metrics->settled[JOB_DONE],
                               metrics->settled[JOB_FAILED]};
    const struct report_queue *before = source->reported.at_ms > 0 ? &source->reported : &now;

    fprintf(out,
            ",\"queue\":{\"ms\":%" PRIu64 ",\"claimed\":%" PRIu64 ",\"done\":%" PRIu64
            ",\"failed\":%" PRIu64 ",\"held\":%zu,\"oldest_ms\":%" PRIu64 "}}",
            now_ms - before->at_ms, minus(now.claimed, before->claimed),
            minus(now.done, before->done), minus(now.failed, before->failed), source->n_held,
            source_oldest_ms(source, now_ms));
    source->reported = now;
}

char *report_write(struct source *source, uint64_t now_ms, size_t *ret_len)
{
    struct text_out text;
    FILE *out = text_out_open(&text);

    if (!out)
        return NULL;
    put_daemon(out, source->context, daemon_span(source->context, now_ms));
    put_gates(out, source->context);
    put_queue(out, source, now_ms);
    return text_out_close(&text, ret_len);
}
