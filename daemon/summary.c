#include "daemon/summary.h"

#include <stdarg.h>
#include <stdio.h>

#include "daemon/pusherd.h"

#define MAX_GATES 3 /* that are named */

struct line {
    char *text;
    size_t size, len;
};

static void __attribute__((format(printf, 2, 3))) add(struct line *line, const char *format, ...)
{
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line->text + line->len, line->size - line->len, format, args);
    va_end(args);
    if (n > 0)
        line->len += (size_t)n;
    if (line->len >= line->size)
        line->len = line->size - 1;
}

/* Events a second. */
static uint64_t measure_rate(struct summary *summary, const struct pusherd *pusherd,
                             uint64_t now_ms)
{
    uint64_t events = engine_counters(pusherd->engine)->events;
    uint64_t sent = events - summary->events, ms = now_ms - summary->at_ms;

    *summary = (struct summary){now_ms, events};
    return ms > 0 ? (sent * 1000 + ms / 2) / ms : 0;
}

static void add_queues(struct line *line, const struct pusherd *pusherd)
{
    size_t n_away = 0, n_paused = 0, n_queues = 0;

    for (size_t i = 0; i < pusherd->config->n_queues; i++) {
        if (!pusherd_has_queue(pusherd, i))
            continue;
        n_queues++;
        n_away += pusherd->sources[i].commands.state != REDIS_UP;
        n_paused += pusherd->sources[i].is_paused;
    }
    if (n_away > 0)
        add(line, "; Redis is away");
    if (n_away > 0 && n_queues > 1)
        add(line, " for %zu of %zu queues", n_away, n_queues);
    if (n_paused > 0)
        add(line, "; paused: %zu of %zu queues", n_paused, n_queues);
}

static void add_gate(struct line *line, const char *app, const struct gate *gate, const char *text)
{
    static const char *const causes[] = {[GATE_NO_CAUSE] = "closed",
                                         [GATE_REFUSED] = "refused",
                                         [GATE_HELD] = "told to wait",
                                         [GATE_DOWN] = "down"};

    add(line, "; app %s: %s", app, causes[gate->cause]);
    if (text[0] != '\0')
        add(line, " (%.60s)", text);
}

static void add_gates(struct line *line, const struct pusherd *pusherd)
{
    size_t n = 0;

    for (size_t i = 0; i < pusherd->config->n_apps; i++) {
        const char *text;
        const struct gate *gate = engine_gate(pusherd->engine, (unsigned)i, &text);

        if (pusherd_has_app(pusherd, i) && gate->state != GATE_OPEN && ++n <= MAX_GATES)
            add_gate(line, pusherd->config->apps[i].name, gate, text);
    }
    if (n > MAX_GATES)
        add(line, "; and %zu more apps", n - MAX_GATES);
}

static uint64_t backlog_of(const struct pusherd *pusherd)
{
    uint64_t backlog = 0;

    for (size_t i = 0; i < pusherd->config->n_queues; i++)
        backlog += pusherd_has_queue(pusherd, i) ? pusherd->sources[i].backlog : 0;
    return backlog;
}

void summary_write(struct summary *summary, const struct pusherd *pusherd, uint64_t now_ms,
                   char *ret_text, size_t size)
{
    struct line line = {.text = ret_text, .size = size};
    uint64_t rate = measure_rate(summary, pusherd, now_ms);
    unsigned n_in_flight = engine_n_in_flight(pusherd->engine);

    if (pusherd->refusal[0] != '\0' && pusherd->phase == PUSHERD_RUNNING)
        add(&line, "reload refused (%.160s); ", pusherd->refusal);
    if (pusherd->phase != PUSHERD_RUNNING) {
        add(&line, "stopping, in flight %u", n_in_flight);
    } else if (!pusherd->is_ready) {
        add(&line, "waiting for Redis");
    } else {
        add(&line, "%ju events/s, backlog %ju, in flight %u", (uintmax_t)rate,
            (uintmax_t)backlog_of(pusherd), n_in_flight);
        add_queues(&line, pusherd);
        add_gates(&line, pusherd);
    }
}
