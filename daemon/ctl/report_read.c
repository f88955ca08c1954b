#include "daemon/ctl/report_read.h"

static double number(const json_t *object, const char *name)
{
    double value = json_number_value(json_object_get(object, name));
    return value > 0 && value < 1e18 ? value : 0;
}

static uint64_t whole(const json_t *object, const char *name)
{
    return (uint64_t)number(object, name);
}

/* A second of what was counted in the span. */
static double rate(const json_t *object, const char *name)
{
    double ms = number(object, "ms");
    return ms > 0 ? number(object, name) * 1000 / ms : 0;
}

static double optional_ms(const json_t *object, const char *name)
{
    return json_object_get(object, name) ? number(object, name) / 1000 : -1;
}

void report_read(const json_t *report, struct report_view *ret_view)
{
    const json_t *queue = json_object_get(report, "queue");
    double batches = number(report, "batches");
    *ret_view = (struct report_view){
        .at_ms = whole(report, "at_ms"),
        .events = rate(report, "events"),
        .jobs = rate(queue, "done") + rate(queue, "failed"),
        .failed = rate(queue, "failed"),
        .fill = batches > 0 ? number(report, "batch_events") / batches : -1,
        .p50_ms = optional_ms(report, "p50_us"),
        .p99_ms = optional_ms(report, "p99_us"),
        .held = whole(queue, "held"),
        .in_flight = whole(report, "in_flight"),
        .oldest_ms = whole(queue, "oldest_ms"),
        .gates = json_object_get(report, "gates"),
        .more_gates = whole(report, "more_gates"),
    };
}
