/* Says how it is doing, for those who look at the queue from outside (report.h): with each renewal
 * of the lease, when an app may not send any more or may again, and every second while somebody
 * looks. Nothing depends on it, so nothing is said when Redis refuses it. */
#include <stdlib.h>

#include "daemon/clock.h"
#include "daemon/report.h"
#include "daemon/source_private.h"

#define WATCHED_MS   1000
#define CHANGED_MS   500 /* at least between two reports, however often apps are refused */
#define FORGET_BEATS 4   /* without a report from anybody, all are forgotten */

static void on_published(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->publish_is_out = false;
    if (reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1 &&
        source->next_publish_ms > clock_ms() + WATCHED_MS)
        source->next_publish_ms = clock_ms() + WATCHED_MS;
}

/* An empty report takes back what was said. */
static struct script_call *make_call(const struct source *source, const char *report, size_t len)
{
    struct script_call *call = script_call_new(&script_publish);

    if (!call)
        return NULL;
    script_key(call, source->list_key[KEYS_LEASES]);
    script_key(call, source->list_key[KEYS_DAEMONS]);
    script_key(call, source->list_key[KEYS_WATCHED]);
    script_arg_text(call, source->consumer);
    script_arg(call, report, len);
    script_arg_number(call, source->context->beat_ms * FORGET_BEATS / 1000 + 1);
    return call;
}

static uint64_t due_at(const struct source *source)
{
    uint64_t soon = source->published_ms + CHANGED_MS;

    if (source->published_changes == engine_counters(source->context->engine)->gate_changes ||
        soon > source->next_publish_ms)
        return source->next_publish_ms;
    return soon;
}

void source_publish(struct source *source, uint64_t now_ms)
{
    struct script_call *call = NULL;
    size_t len = 0;
    char *report;

    if (source->lease != LEASE_HELD || source->publish_is_out || now_ms < due_at(source) ||
        source->context->stopping || source->is_yielding)
        return;
    source->published_ms = now_ms;
    source->next_publish_ms = now_ms + source->context->beat_ms;
    source->published_changes = engine_counters(source->context->engine)->gate_changes;
    report = report_write(source, now_ms, &len);
    if (report && len <= REPORT_MAX)
        call = make_call(source, report, len);
    free(report);
    if (call && script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_published, source) == 0)
        source->publish_is_out = true;
}

void source_unpublish(struct source *source)
{
    struct script_call *call = make_call(source, "", 0);

    /* Not sent: it is forgotten a few seconds later. */
    if (call && script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_published, source) == 0)
        source->publish_is_out = true;
}

uint64_t source_publishes_at(const struct source *source)
{
    if (source->lease != LEASE_HELD || source->publish_is_out || source->context->stopping ||
        source->is_yielding)
        return UINT64_MAX;
    return due_at(source);
}
