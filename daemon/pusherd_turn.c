/* The turns of the loop, from the first to the last.
 *
 *   RUNNING --signal--> DRAINING --nothing in flight, deadline, signal--> LEAVING
 *   LEAVING --all settled, deadline--> CLOSING: the loop ends when the handles are closed
 *
 * Signals set the phase or its deadline; what follows from that is done in a turn. */
#include <pthread.h>
#include <signal.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/pusherd_private.h"
#include "daemon/reload.h"

#define LEAVE_MS     3000 /* to settle what is left, on the way out */
#define LOG_FLUSH_MS 1000 /* what the log counts is told so soon */

static struct pusherd *pusherd_of(const uv_handle_t *handle)
{
    return handle->data;
}

/* ---- a turn */

static void collect_settled(struct pusherd *pusherd)
{
    struct job *job;

    while ((job = engine_next_progress(pusherd->engine)))
        source_keep_progress(&pusherd->sources[job->queue], DELIVERY_OF(job));
    while ((job = engine_next_settled(pusherd->engine)))
        source_settle(&pusherd->sources[job->queue], DELIVERY_OF(job));
}

/* The first source behind this one, NULL: of all; or NULL. */
static struct source *next_source(const struct pusherd *pusherd, const struct source *after)
{
    size_t i = after ? (size_t)(after - pusherd->sources) + 1 : 0;

    while (i < pusherd->config->n_queues && !pusherd_has_queue(pusherd, i))
        i++;
    return i < pusherd->config->n_queues ? &pusherd->sources[i] : NULL;
}

/* NOLINTBEGIN(bugprone-macro-parentheses) `source` is a name that is declared here */
#define FOREACH_SOURCE(source, pusherd)                                                            \
    for (struct source *source = next_source((pusherd), NULL); source;                             \
         source = next_source((pusherd), source))
/* NOLINTEND(bugprone-macro-parentheses) */

static uint64_t send_until(const struct pusherd *pusherd)
{
    uint64_t until = UINT64_MAX;

    FOREACH_SOURCE(source, pusherd)
    {
        uint64_t of_source = source_send_until(source);

        if (of_source < until)
            until = of_source;
    }
    return until;
}

static void send_and_settle(struct pusherd *pusherd, uint64_t now_ms)
{
    FOREACH_SOURCE(source, pusherd)
    source_rest(source, now_ms);
    engine_set_send_until(pusherd->engine, send_until(pusherd));
    if (!pusherd->dispatch_is_closed && !pusherd->dispatch.http.closing) {
        dispatch_run(&pusherd->dispatch, now_ms);
        http_flush(&pusherd->dispatch.http);
    }
    collect_settled(pusherd);
    FOREACH_SOURCE(source, pusherd)
    source_run(source, now_ms);
    FOREACH_SOURCE(source, pusherd)
    source_flush(source);
}

static void on_timer(uv_timer_t *timer)
{
    (void)timer; /* the turn that follows does the work */
}

static void arm_timer(struct pusherd *pusherd, uint64_t now_ms)
{
    uint64_t at = engine_wake_at(pusherd->engine, now_ms);

    FOREACH_SOURCE(source, pusherd)
    {
        uint64_t of_source = source_wake_at(source, now_ms);

        if (of_source < at)
            at = of_source;
    }
    if (pusherd->phase != PUSHERD_RUNNING && pusherd->deadline_ms < at)
        at = pusherd->deadline_ms;
    if (log_has_more() && now_ms + LOG_FLUSH_MS < at)
        at = now_ms + LOG_FLUSH_MS;
    if (at == UINT64_MAX) {
        uv_timer_stop(&pusherd->timer);
        return;
    }
    uv_update_time(&pusherd->loop);
    uv_timer_start(&pusherd->timer, on_timer, at > now_ms ? at - now_ms : 1, 0);
}

static void be_ready(struct pusherd *pusherd)
{
    FOREACH_SOURCE(source, pusherd)
    pusherd->is_ready |= source->was_connected;
    if (pusherd->is_ready)
        notify_ready(&pusherd->notify);
}

static void go_on_stopping(struct pusherd *pusherd, uint64_t now_ms);

void pusherd_on_turn(uv_prepare_t *turn)
{
    struct pusherd *pusherd = pusherd_of((uv_handle_t *)turn);
    uint64_t now_ms = clock_ms();

    if (pusherd->phase == PUSHERD_CLOSING)
        return;
    notify_turn(&pusherd->notify);
    status_turn(&pusherd->status);
    log_flush();
    send_and_settle(pusherd, now_ms);
    reload_turn(pusherd);
    if (!pusherd->is_ready)
        be_ready(pusherd);
    if (pusherd->phase != PUSHERD_RUNNING)
        go_on_stopping(pusherd, now_ms);
    if (pusherd->phase != PUSHERD_CLOSING)
        arm_timer(pusherd, now_ms);
}

/* ---- the way out */

static void on_dispatch_closed(struct http *http)
{
    ((struct pusherd *)http->data)->dispatch_is_closed = true;
}

static bool all_done(const struct pusherd *pusherd)
{
    FOREACH_SOURCE(source, pusherd)
    {
        if (!source_is_done(source))
            return false;
    }
    return true;
}

/* A signal that comes now must not end the process by its default: the exit code would lie. */
static void close_signals(struct pusherd *pusherd)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    for (int i = 0; i < 3; i++) {
        int number = pusherd->signals[i].signum;

        uv_close((uv_handle_t *)&pusherd->signals[i], NULL);
        signal(number, SIG_IGN);
    }
}

static void close_all(struct pusherd *pusherd)
{
    pusherd->phase = PUSHERD_CLOSING;
    FOREACH_SOURCE(source, pusherd)
    {
        source_close(source);
        source_drop_unchecked(source);
        collect_settled(pusherd);
        pusherd->left_behind |= source_drop_all(source);
    }
    uv_close((uv_handle_t *)&pusherd->turn, NULL);
    uv_close((uv_handle_t *)&pusherd->timer, NULL);
    notify_close(&pusherd->notify);
    status_close(&pusherd->status);
    close_signals(pusherd);
}

static void go_on_stopping(struct pusherd *pusherd, uint64_t now_ms)
{
    if (pusherd->phase == PUSHERD_DRAINING) {
        if (engine_n_in_flight(pusherd->engine) > 0 && now_ms < pusherd->deadline_ms)
            return;
        pusherd->phase = PUSHERD_LEAVING;
        pusherd->deadline_ms = now_ms + LEAVE_MS;
        dispatch_close(&pusherd->dispatch, on_dispatch_closed, pusherd);
        send_and_settle(pusherd, now_ms);
    }
    if (pusherd->dispatch_is_closed && (all_done(pusherd) || now_ms >= pusherd->deadline_ms))
        close_all(pusherd);
}

static void stop(struct pusherd *pusherd)
{
    log_event(LOG_NOTICE, "stop", "stopping: no more claims, requests in flight may finish",
              LOG_NUMBER("in_flight", engine_n_in_flight(pusherd->engine)),
              LOG_NUMBER("drain_ms", pusherd->config->drain_ms));
    pusherd->phase = PUSHERD_DRAINING;
    pusherd->deadline_ms = clock_ms() + pusherd->config->drain_ms;
    pusherd->context.stopping = true;
    engine_stop(pusherd->engine);
    notify_stopping(&pusherd->notify);
}

void pusherd_on_signal(uv_signal_t *handle, int number)
{
    struct pusherd *pusherd = pusherd_of((uv_handle_t *)handle);

    if (number == SIGHUP)
        reload(pusherd);
    else if (pusherd->phase == PUSHERD_RUNNING)
        stop(pusherd);
    else if (pusherd->phase == PUSHERD_DRAINING)
        pusherd->deadline_ms = 0; /* asked twice: what is in flight is given up, but settled */
}
