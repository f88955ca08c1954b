#include <inttypes.h>

#include "daemon/ctl/status.h"
#include "daemon/view/text.h"

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

static void print_row(const struct queue_status *queue, FILE *out)
{
    char waiting[48];
    int used = snprintf(waiting, sizeof waiting, "%" PRIu64, queue->waiting);
    if (queue->waiting > 0)
        snprintf(waiting + used, sizeof waiting - (size_t)used, " (%.1f s)",
                 (double)queue->next_due_ms / 1000);
    fprintf(out, "%-24s %10" PRIu64 " %10" PRIu64 " %16s %10" PRIu64 " %10" PRIu64 "%s\n",
            queue->list, queue->backlog, queue->held, waiting, queue->results, queue->failures,
            queue->paused ? "  paused" : "");
}

static void print_consumer_row(const struct consumer_status *consumer, FILE *out)
{
    char left[TEXT_TIME_MAX];
    int64_t ms = consumer->lease_ms;
    text_duration((uint64_t)(ms < 0 ? -ms : ms), left);
    fprintf(out, "  consumer %-24s %" PRIu64 " held", consumer->name, consumer->held);
    fprintf(out, ms < 0 ? ", lease ran out %s ago\n" : ", lease for %s\n", left);
}

void status_print_table(const struct queue_status *queues, size_t n, FILE *out)
{
    fprintf(out, "%-24s %10s %10s %16s %10s %10s\n", "list", "backlog", "held", "waiting (next)",
            "results", "failures");
    for (size_t i = 0; i < n; i++) {
        const struct queue_status *queue = &queues[i];
        print_row(queue, out);
        pauses_print(&queue->pauses, queue->now_ms, "  ", out);
        for (size_t j = 0; j < queue->n_parked; j++)
            fprintf(out, "  app %s: %" PRIu64 " jobs parked\n", queue->parked[j].app,
                    queue->parked[j].jobs);
        for (size_t j = 0; j < queue->n_consumers; j++)
            print_consumer_row(&queue->consumers[j], out);
        if (queue->n_consumers == 0)
            fputs("  no consumer: no pusherd is at work on this list\n", out);
    }
}
