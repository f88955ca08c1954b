#include <inttypes.h>
#include <string.h>

#include "daemon/ctl/report_read.h"
#include "daemon/ctl/status.h"
#include "daemon/view/text.h"

#define NAME_COLUMNS 24
#define MAX_COLUMNS  80 /* of a name that comes from Redis */

static void print_consumer(const struct consumer_status *consumer, FILE *out)
{
    fputs("{\"name\":", out);
    text_json(out, pusher_str(consumer->name));
    fprintf(out, ",\"lease_ms\":%" PRId64 ",\"in_flight\":%" PRIu64, consumer->lease_ms,
            consumer->held);
    if (consumer->report) {
        fputs(",\"report\":", out);
        json_dumpf(consumer->report, out, JSON_COMPACT);
    }
    fputc('}', out);
}

static void print_parked(const struct queue_status *queue, FILE *out)
{
    fputs(",\"parked\":[", out);
    for (size_t i = 0; i < queue->n_parked; i++) {
        fputs(i > 0 ? ",{\"app\":" : "{\"app\":", out);
        text_json(out, pusher_str(queue->parked[i].app));
        fprintf(out, ",\"jobs\":%" PRIu64 "}", queue->parked[i].jobs);
    }
    fputc(']', out);
}

void status_print_queue_json(const struct queue_status *queue, FILE *out)
{
    fputs("{\"name\":", out);
    text_json(out, pusher_str(queue->name));
    fputs(",\"list\":", out);
    text_json(out, pusher_str(queue->list));
    fprintf(out, ",\"backlog\":%" PRIu64 ",\"in_flight\":%" PRIu64 ",\"waiting\":%" PRIu64,
            queue->backlog, queue->held, queue->waiting);
    if (queue->waiting > 0)
        fprintf(out, ",\"next_due_ms\":%" PRId64, queue->next_due_ms);
    fprintf(out, ",\"results\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"paused\":%s,\"pauses\":",
            queue->results, queue->failures, queue->paused ? "true" : "false");
    pauses_print_json(&queue->pauses, out);
    print_parked(queue, out);
    fputs(",\"consumers\":[", out);
    for (size_t i = 0; i < queue->n_consumers; i++) {
        fputs(i > 0 ? "," : "", out);
        print_consumer(&queue->consumers[i], out);
    }
    fputs("]}", out);
}

void status_print_json(const struct queue_status *queues, size_t n, FILE *out)
{
    fputs("{\"queues\":[", out);
    for (size_t i = 0; i < n; i++) {
        fputs(i > 0 ? "," : "", out);
        status_print_queue_json(&queues[i], out);
    }
    fputs("]}\n", out);
}

/* What others have named, in a column that a longer name exceeds. */
static void print_name(const char *name, size_t max_columns, FILE *out)
{
    size_t len = strlen(name);
    text_clean(out, pusher_str(name), max_columns);
    fprintf(out, "%*s", len < NAME_COLUMNS ? (int)(NAME_COLUMNS - len) : 0, "");
}

static void print_row(const struct queue_status *queue, FILE *out)
{
    char waiting[48];
    int used = snprintf(waiting, sizeof waiting, "%" PRIu64, queue->waiting);
    if (queue->waiting > 0)
        snprintf(waiting + used, sizeof waiting - (size_t)used, " (%.1f s)",
                 (double)queue->next_due_ms / 1000);
    print_name(queue->list, SIZE_MAX, out);
    fprintf(out, " %10" PRIu64 " %10" PRIu64 " %16s %10" PRIu64 " %10" PRIu64 "%s\n",
            queue->backlog, queue->held, waiting, queue->results, queue->failures,
            queue->paused ? "  paused" : "");
}

static void print_consumer_row(const struct consumer_status *consumer, FILE *out)
{
    char left[TEXT_TIME_MAX];
    int64_t ms = consumer->lease_ms;
    text_duration((uint64_t)(ms < 0 ? -ms : ms), left);
    fputs("  consumer ", out);
    print_name(consumer->name, MAX_COLUMNS, out);
    fprintf(out, " %" PRIu64 " held", consumer->held);
    fprintf(out, ms < 0 ? ", lease ran out %s ago\n" : ", lease for %s\n", left);
}

static void print_text(const json_t *gate, const char *field, FILE *out)
{
    const char *text = json_string_value(json_object_get(gate, field));
    text_clean(out, pusher_str(text && *text != '\0' ? text : "?"), 2 * MAX_COLUMNS);
}

static void print_gate(const json_t *gate, FILE *out)
{
    fputs("    app ", out);
    print_text(gate, "app", out);
    fputs(" may not send: ", out);
    print_text(gate, "cause", out);
    fputs(": ", out);
    print_text(gate, "text", out);
    fputc('\n', out);
}

/* The apps that its servers refuse, and why. What has changed it says at once, as long as it lives.
 */
static void print_gates(const struct consumer_status *consumer, FILE *out)
{
    struct report_view view;
    const json_t *gate;
    size_t i;
    if (consumer->lease_ms < 0)
        return;
    report_read(consumer->report, &view);
    json_array_foreach(view.gates, i, gate)
    {
        print_gate(gate, out);
    }
    if (view.more_gates > 0)
        fprintf(out, "    and %" PRIu64 " more apps may not send\n", view.more_gates);
}

static void print_parked_row(const char *app, uint64_t jobs, FILE *out)
{
    fputs("  app ", out);
    text_clean(out, pusher_str(app), MAX_COLUMNS);
    fprintf(out, ": %" PRIu64 " jobs parked\n", jobs);
}

void status_print_table(const struct queue_status *queues, size_t n, FILE *out)
{
    fprintf(out, "%-*s %10s %10s %16s %10s %10s\n", NAME_COLUMNS, "list", "backlog", "held",
            "waiting (next)", "results", "failures");
    for (size_t i = 0; i < n; i++) {
        const struct queue_status *queue = &queues[i];
        print_row(queue, out);
        pauses_print(&queue->pauses, queue->now_ms, "  ", out);
        for (size_t j = 0; j < queue->n_parked; j++)
            print_parked_row(queue->parked[j].app, queue->parked[j].jobs, out);
        for (size_t j = 0; j < queue->n_consumers; j++) {
            print_consumer_row(&queue->consumers[j], out);
            print_gates(&queue->consumers[j], out);
        }
        if (queue->n_consumers == 0)
            fputs("  no consumer: no pusherd is at work on this list\n", out);
    }
}
