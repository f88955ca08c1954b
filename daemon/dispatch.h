/* Dispatch: sends the engine's requests, and tells it what came back.
 *
 * A request's body is put together and signed when it goes out, each time it goes out: the events
 * in it are the same bytes, the signature is fresh. */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/config/config.h"
#include "daemon/core/engine.h"
#include "daemon/io/http.h"
#include "daemon/metrics.h"

struct transfer;

struct dispatch_app {
    const struct app_config *config;
    struct http_endpoint *endpoint; /* the http's */
    int64_t clock_offset_s;         /* server's clock less ours: set when it refused a timestamp */
};

struct dispatch {
    const struct config *config;
    struct engine *engine;
    struct http http;
    struct dispatch_app *apps; /* owned; as config->apps */
    struct metrics *metrics;   /* borrowed; set before dispatch_run() */
    struct transfer *spare;    /* owned; list */
};

/* 0, or a negative UV_ code. */
int dispatch_init(struct dispatch *dispatch, uv_loop_t *loop, const struct config *config,
                  struct engine *engine) __attribute__((warn_unused_result));

/* Starts whatever the engine wants sent. */
void dispatch_run(struct dispatch *dispatch, uint64_t now_ms);

/* Ends what is in flight, which the engine is told as "try again", then runs the callback. */
void dispatch_close(struct dispatch *dispatch, http_close_cb cb, void *data);

/* In or after that callback. */
void dispatch_deinit(struct dispatch *dispatch);

/* The name of a cause for which an app's gate is closed. */
const char *dispatch_cause_name(enum gate_cause cause);

#endif
