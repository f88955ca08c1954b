/* /readyz: whether this daemon delivers now.
 *
 *     {"ready":true}
 *     {"ready":false,"reasons":["queue pusher:jobs: no connection to Redis: Connection refused"]}
 *
 * It is ready when each queue has its connection and its lease (or, of a partition, another daemon
 * has that), and at least one app may send. What keeps only a part from going on, such as one app
 * of several, is told as well, with "ready":true. */
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"
#include "proto/json_write.h"

#define REASON_MAX 640

/* Written twice: to count the bytes, and into memory of that size. So nothing that it says may
 * change in between: a lease runs out at a moment, which is the same for both. */
struct answer_text {
    struct json_sink sink;
    size_t n_reasons;
    uint64_t now_ms;
};

static void put(struct answer_text *text, const char *raw)
{
    json_write_raw(&text->sink, raw, strlen(raw));
}

__attribute__((format(printf, 2, 3))) static void add_reason(struct answer_text *text,
                                                             const char *format, ...)
{
    char reason[REASON_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    put(text, text->n_reasons++ == 0 ? ",\"reasons\":[" : ",");
    (void)json_write_string(&text->sink, pusher_str(reason)); /* mends what is not UTF-8 */
}

/* A partition that another daemon has was asked for, and waits. */
static bool stands_by(const struct source *source)
{
    return source->queue->partitions > 0 && source->server_now_at_ms > 0;
}

static bool is_served(const struct source *source, uint64_t now_ms)
{
    return source->commands.state == REDIS_UP &&
           (source_has_lease(source, now_ms) || stands_by(source));
}

static bool is_open(const struct pusherd *pusherd, size_t app)
{
    const char *text;

    return engine_gate(pusherd->engine, (unsigned)app, &text)->state == GATE_OPEN;
}

static bool is_ready(const struct pusherd *pusherd, uint64_t now_ms)
{
    const struct config *config = pusherd->config;
    bool any_open = false;

    for (size_t i = 0; i < config->n_queues; i++) {
        if (!config->queues[i].removed && !is_served(&pusherd->sources[i], now_ms))
            return false;
    }
    for (size_t i = 0; i < config->n_apps; i++)
        any_open |= pusherd_has_app(pusherd, i) && is_open(pusherd, i);
    return any_open && pusherd->phase == PUSHERD_RUNNING;
}

static void tell_of_queue(struct answer_text *text, const struct source *source)
{
    const char *name = source->queue->name, *error = source->commands.errmsg;

    if (source->commands.state != REDIS_UP)
        add_reason(text, "queue %s: no connection to Redis%s%s", name, error[0] ? ": " : " yet",
                   error);
    else if (!is_served(source, text->now_ms) && source->lease == LEASE_HELD)
        add_reason(text, "queue %s: its lease could not be renewed; the log has Redis's words",
                   name);
    else if (!is_served(source, text->now_ms))
        add_reason(text, "queue %s: it has no lease yet", name);
    else if (source->is_paused)
        add_reason(text, "queue %s: an operator has paused it", name);
}

static void tell_of_app(struct answer_text *text, const struct pusherd *pusherd, size_t app)
{
    const char *name = pusherd->config->apps[app].name, *said;
    const struct gate *gate = engine_gate(pusherd->engine, (unsigned)app, &said);

    if (gate->state != GATE_OPEN)
        add_reason(text, "app %s is paused: %s: %s", name, dispatch_cause_name(gate->cause), said);
    if (pusherd_app_is_paused(pusherd, app))
        add_reason(text, "app %s: an operator has paused it", name);
}

static void put_all(struct answer_text *text, const struct pusherd *pusherd, bool ready)
{
    const struct config *config = pusherd->config;

    put(text, ready ? "{\"ready\":true" : "{\"ready\":false");
    if (pusherd->phase != PUSHERD_RUNNING)
        add_reason(text, "pusherd is stopping");
    if (pusherd->refusal[0] != '\0')
        add_reason(text, "the configuration was not reloaded: %s", pusherd->refusal);
    for (size_t i = 0; i < config->n_queues; i++) {
        if (!config->queues[i].removed)
            tell_of_queue(text, &pusherd->sources[i]);
    }
    for (size_t i = 0; i < config->n_apps; i++) {
        if (pusherd_has_app(pusherd, i))
            tell_of_app(text, pusherd, i);
    }
    put(text, text->n_reasons > 0 ? "]}\n" : "}\n");
}

unsigned status_ready(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    struct answer_text text = {JSON_SINK_COUNTS, 0, clock_ms()};
    bool ready = is_ready(pusherd, text.now_ms);

    put_all(&text, pusherd, ready);
    text.sink = json_sink_into(malloc(text.sink.len), text.sink.len);
    text.n_reasons = 0;
    if (!text.sink.ptr)
        return 0;
    put_all(&text, pusherd, ready);
    *ret_text = text.sink.ptr;
    *ret_len = text.sink.len;
    return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}
