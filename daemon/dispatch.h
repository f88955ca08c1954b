/* Dispatch: sends the engine's requests, and tells it what came back.
 *
 * A request's body is put together and signed when it goes out, each time it goes out: the events
 * in it are the same bytes, the signature is fresh. */
#ifndef DAEMON_DISPATCH_H
#define DAEMON_DISPATCH_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/config/config.h"
#include "daemon/config/config_diff.h"
#include "daemon/core/engine.h"
#include "daemon/io/http.h"
#include "daemon/metrics.h"

struct transfer;

struct dispatch_app {
    const struct app_config *config;
    struct http_endpoint *endpoint; /* the http's */
    struct http_endpoint *next;     /* likewise: prepared, for the configuration to come */
    unsigned version;               /* of server and credentials: what was sent by another is old */
    int64_t clock_offset_s;         /* server's clock less ours: set when it refused a timestamp */
};

struct dispatch {
    const struct config *config;
    struct engine *engine;
    struct http http;
    struct dispatch_app *apps; /* owned; as config->apps */
    size_t n_apps;
    struct metrics *metrics; /* borrowed; set before dispatch_run() */
    struct transfer *spare;  /* owned; list */
};

/* 0, or a negative UV_ code. */
int dispatch_init(struct dispatch *dispatch, uv_loop_t *loop, const struct config *config,
                  struct engine *engine) __attribute__((warn_unused_result));

/* Prepares what the new configuration needs: 0, or UV_ENOMEM; then all is as it was. */
int dispatch_prepare(struct dispatch *dispatch, const struct config *new_config,
                     const struct config_diff *diff) __attribute__((warn_unused_result));

/* Takes what was prepared; `config` is the merged configuration. */
void dispatch_change(struct dispatch *dispatch, const struct config *config,
                     const struct config_diff *diff);

/* The app will not send any more, unless dispatch_change() gives its place to another. */
void dispatch_end_app(struct dispatch *dispatch, unsigned app);

/* Starts whatever the engine wants sent. */
void dispatch_run(struct dispatch *dispatch, uint64_t now_ms);

/* Ends what is in flight, which the engine is told as "try again", then runs the callback. */
void dispatch_close(struct dispatch *dispatch, http_close_cb cb, void *data);

/* In or after that callback. */
void dispatch_deinit(struct dispatch *dispatch);

/* The name of a cause for which an app's gate is closed. */
const char *dispatch_cause_name(enum gate_cause cause);

#endif
