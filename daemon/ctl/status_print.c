#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/status.h"
#include "proto/json_write.h"

static void print_string(const char *text, FILE *out)
{
    struct json_sink sink = {.ptr = NULL};
    json_write_string(&sink, pusher_str(text));
    char *json = malloc(sink.len);
    if (!json)
        abort();
    sink = (struct json_sink){.ptr = json};
    json_write_string(&sink, pusher_str(text));
    fwrite(json, 1, sink.len, out);
    free(json);
}

static void print_consumer(const struct consumer_status *consumer, FILE *out)
{
    fputs("{\"name\":", out);
    print_string(consumer->name, out);
    fprintf(out, ",\"lease_ms\":%" PRId64 ",\"in_flight\":%" PRIu64 ",\"intake\":%" PRIu64 "}",
            consumer->lease_ms, consumer->in_flight, consumer->intake);
}

static void print_queue(const struct queue_status *queue, FILE *out)
{
    fputs("{\"name\":", out);
    print_string(queue->name, out);
    fputs(",\"list\":", out);
    print_string(queue->list, out);
    fprintf(out, ",\"backlog\":%" PRIu64 ",\"in_flight\":%" PRIu64 ",\"waiting\":%" PRIu64,
            queue->backlog, queue->in_flight, queue->waiting);
    if (queue->waiting > 0)
        fprintf(out, ",\"next_due_ms\":%" PRId64, queue->next_due_ms);
    fprintf(out, ",\"results\":%" PRIu64 ",\"failures\":%" PRIu64 ",\"paused\":%s,\"consumers\":[",
            queue->results, queue->failures, queue->paused ? "true" : "false");
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
        print_queue(&queues[i], out);
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
            queue->list, queue->backlog, queue->in_flight, waiting, queue->results, queue->failures,
            queue->paused ? "  paused" : "");
}

void status_print_table(const struct queue_status *queues, size_t n, FILE *out)
{
    fprintf(out, "%-24s %10s %10s %16s %10s %10s\n", "list", "backlog", "in flight",
            "waiting (next)", "results", "failures");
    for (size_t i = 0; i < n; i++) {
        print_row(&queues[i], out);
        for (size_t j = 0; j < queues[i].n_consumers; j++) {
            const struct consumer_status *consumer = &queues[i].consumers[j];
            fprintf(
                out, "  consumer %-24s %" PRIu64 " in flight, lease %s %.1f s\n", consumer->name,
                consumer->in_flight, consumer->lease_ms < 0 ? "ran out before" : "for",
                (double)(consumer->lease_ms < 0 ? -consumer->lease_ms : consumer->lease_ms) / 1000);
        }
        if (queues[i].n_consumers == 0)
            fputs("  no consumer: no pusherd is at work on this list\n", out);
    }
}
