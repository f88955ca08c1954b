/* The process: the loop, what runs on it, and how it starts, turns and ends.
 *
 * Each turn of the loop, before it waits, pusherd_on_turn() carries out everything that the
 * callbacks of the turn have made possible: it starts requests, settles jobs, claims more.
 * Callbacks only change state. */
#ifndef DAEMON_PUSHERD_H
#define DAEMON_PUSHERD_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/config/config.h"
#include "daemon/core/engine.h"
#include "daemon/dispatch.h"
#include "daemon/metrics.h"
#include "daemon/notify.h"
#include "daemon/source.h"
#include "daemon/status.h"
#include "daemon/summary.h"
#include "proto/arena.h"

enum pusherd_phase {
    PUSHERD_RUNNING,
    PUSHERD_DRAINING, /* no claims; requests in flight may finish */
    PUSHERD_LEAVING,  /* nothing in flight; what is not settled yet is */
    PUSHERD_CLOSING,  /* handles are being closed */
};

struct pusherd {
    struct config *config;                     /* owned; another one after a reload */
    const struct config_source *config_source; /* borrowed; to read it again */
    uv_loop_t loop;
    uv_prepare_t turn;
    uv_timer_t timer;
    uv_signal_t signals[3];
    struct notify notify;
    struct summary summary;
    struct engine *engine;
    struct dispatch dispatch;
    struct source_context context;
    struct source *sources; /* owned; CONFIG_MAX_QUEUE_SLOTS, of which those of queues are open */
    struct arena arena;
    struct metrics metrics;
    struct status status;
    enum pusherd_phase phase;
    uint64_t deadline_ms; /* of the phase, while stopping */
    bool is_ready;        /* Redis was reached once, for some queue */
    bool dispatch_is_closed;
    bool unlocked_is_told;
    bool left_behind; /* some jobs could not be settled before the end */
    char refusal[sizeof(((struct config_error *)NULL)->text)]; /* of the last reload; "" */
};

/* What the configuration has in this place, but for what was removed. A queue is there until its
 * jobs are settled. */
static inline bool pusherd_has_app(const struct pusherd *pusherd, size_t app)
{
    return !pusherd->config->apps[app].removed;
}

static inline bool pusherd_has_queue(const struct pusherd *pusherd, size_t queue)
{
    return pusherd->sources[queue].is_open;
}

/* An operator has paused it, in some queue. */
static inline bool pusherd_app_is_paused(const struct pusherd *pusherd, size_t app)
{
    for (size_t i = 0; i < pusherd->config->n_queues; i++) {
        if (pusherd_has_queue(pusherd, i) && pusherd->sources[i].parking[app].is_paused)
            return true;
    }
    return false;
}

#define PUSHERD_NO_LISTENER (-2)

/* Runs until a signal ends it; frees the configuration. 0; 1 if jobs had to be left to others
 * unsettled; negative and a logged reason if it could not start: PUSHERD_NO_LISTENER if [status]
 * listen cannot be had. */
int pusherd_run(struct config *config, const struct config_source *source);

#endif
