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

#include "daemon/clock.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

#define REASON_MAX 640

/* All of it is of one moment: a lease that runs out meanwhile would make it contradict itself. */
struct ready_answer {
    FILE *out;
    size_t n_reasons;
    uint64_t now_ms;
};

__attribute__((format(printf, 2, 3))) static void add_reason(struct ready_answer *answer,
                                                             const char *format, ...)
{
    char reason[REASON_MAX];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(reason, sizeof(reason), format, args);
    va_end(args);
    fputs(answer->n_reasons++ == 0 ? ",\"reasons\":[" : ",", answer->out);
    text_json(answer->out, pusher_str(reason)); /* mends what is not UTF-8 */
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

static void tell_of_queue(struct ready_answer *answer, const struct source *source)
{
    const char *name = source->queue->name, *error = source->commands.errmsg;

    if (source->commands.state != REDIS_UP)
        add_reason(answer, "queue %s: no connection to Redis%s%s", name, error[0] ? ": " : " yet",
                   error);
    else if (!is_served(source, answer->now_ms) && source->lease == LEASE_HELD)
        add_reason(answer, "queue %s: its lease could not be renewed; the log has Redis's words",
                   name);
    else if (!is_served(source, answer->now_ms))
        add_reason(answer, "queue %s: it has no lease yet", name);
    else if (source->is_paused)
        add_reason(answer, "queue %s: an operator has paused it", name);
}

static void tell_of_app(struct ready_answer *answer, const struct pusherd *pusherd, size_t app)
{
    const char *name = pusherd->config->apps[app].name, *said;
    const struct gate *gate = engine_gate(pusherd->engine, (unsigned)app, &said);

    if (gate->state != GATE_OPEN)
        add_reason(answer, "app %s is paused: %s: %s", name, dispatch_cause_name(gate->cause),
                   said);
    if (pusherd_app_is_paused(pusherd, app))
        add_reason(answer, "app %s: an operator has paused it", name);
}

static void put_reasons(struct ready_answer *answer, const struct pusherd *pusherd)
{
    const struct config *config = pusherd->config;

    if (pusherd->phase != PUSHERD_RUNNING)
        add_reason(answer, "pusherd is stopping");
    if (pusherd->refusal[0] != '\0')
        add_reason(answer, "the configuration was not reloaded: %s", pusherd->refusal);
    for (size_t i = 0; i < config->n_queues; i++) {
        if (!config->queues[i].removed)
            tell_of_queue(answer, &pusherd->sources[i]);
    }
    for (size_t i = 0; i < config->n_apps; i++) {
        if (pusherd_has_app(pusherd, i))
            tell_of_app(answer, pusherd, i);
    }
}

bool status_put_ready(FILE *out, const struct pusherd *pusherd)
{
    struct ready_answer answer = {out, 0, clock_ms()};
    bool ready = is_ready(pusherd, answer.now_ms);

    fprintf(out, "{\"ready\":%s", ready ? "true" : "false");
    put_reasons(&answer, pusherd);
    fputs(answer.n_reasons > 0 ? "]}\n" : "}\n", out);
    return ready;
}

unsigned status_ready(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    struct text_out text;
    FILE *out = text_out_open(&text);
    bool ready = out && status_put_ready(out, pusherd);
    char *whole = text_out_close(&text, ret_len);

    if (!whole)
        return 0;
    *ret_text = whole;
    return ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
}
