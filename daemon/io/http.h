/* HTTP requests on the loop: curl's multi socket API on libuv.
 *
 *     struct http http;                http_init(&http, loop, max_connections)
 *     struct http_endpoint *endpoint;  http_endpoint_new(&http, &options, &endpoint)
 *     struct http_call call = {...};   http_start(endpoint, &call)  -> call.done_cb(&call), once
 *     http_close(&http, cb)            unfinished calls end as cancelled, then cb
 *
 * Promises: done_cb never runs inside http_start(); each started call gets exactly one done_cb; the
 * call's result is valid inside done_cb only; close_cb is the last callback, and memory may be
 * freed in it and not before. Callbacks may start further calls. One loop, one thread.
 *
 * An endpoint that is given up stays until the last of its calls has ended.
 *
 * Nothing is decided here: a status of 500 is a result like any other, and nothing is tried again,
 * save that libcurl by itself mostly repeats a request whose kept connection turned out dead before
 * the first line of an answer came. */
#ifndef DAEMON_IO_HTTP_H
#define DAEMON_IO_HTTP_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#define HTTP_ERROR_MAX  CURL_ERROR_SIZE
#define HTTP_HEADER_MAX 64

struct http;
struct http_endpoint;
struct http_socket;
struct http_transfer;
struct http_call;

typedef void (*http_done_cb)(struct http_call *call);
typedef void (*http_close_cb)(struct http *http);

/* A server, and how to talk to it. Strings are copied; NULL means not set. */
struct http_endpoint_options {
    const char *base_url; /* "https://host:port" */
    const char *proxy;    /* NULL: none, whatever the environment says */
    const char *ca_file;  /* NULL: the system's */
    const char *user_agent;
    const char *library; /* value of X-Pusher-Library */
    unsigned timeout_ms; /* whole request */
    unsigned lifetime_s; /* of a connection: then another one asks for the address anew; 0: 300 */
    bool keep_alive;
};

struct http_call {
    /* Set by the caller; everything pointed to must live until done_cb. */
    const char *method; /* "GET" or "POST" */
    const char *target; /* path and query, sent as it is */
    const char *body;   /* POST */
    size_t body_len;
    size_t max_reply_bytes; /* what comes beyond it is read and dropped */
    http_done_cb done_cb;
    void *data;

    /* Set before done_cb. */
    unsigned status;   /* 0: no answer, `error` says why. 401, 403 and 407 may be a proxy's */
    bool cancelled;    /* by http_close() */
    const char *reply; /* reply_len bytes; borrowed */
    size_t reply_len;
    const char *error;       /* one line; "" if there is a status, unless it is a proxy's that
                                refused the tunnel */
    const char *retry_after; /* header values, "" if absent */
    const char *date;
};

struct http {
    uv_loop_t *loop;
    CURLM *multi; /* owned */
    uv_timer_t timer;
    uv_prepare_t prepare;
    bool closing;
    bool kick;                    /* curl wants to be called now */
    bool some_stalled;            /* of `active` */
    unsigned open_handles;        /* timer, prepare, sockets */
    struct http_socket **sockets; /* owned; by descriptor */
    size_t n_sockets;
    struct http_socket *changed;     /* those whose wish differs from what is armed, maybe */
    struct http_transfer *active;    /* list */
    struct http_endpoint *endpoints; /* list; owned */
    unsigned n_active;
    http_close_cb close_cb;
    void *data; /* the owner's */
};

/* 0, or a negative UV_ code. curl_global_init() must have been called. */
int http_init(struct http *http, uv_loop_t *loop, unsigned max_connections)
    __attribute__((warn_unused_result));

/* How many idle connections are kept, at most, from now on. */
void http_set_max_connections(struct http *http, unsigned max_connections);

/* 0 or UV_ENOMEM. The endpoint lives until it is given up, or http_close(). */
int http_endpoint_new(struct http *http, const struct http_endpoint_options *options,
                      struct http_endpoint **ret_endpoint) __attribute__((warn_unused_result));

/* No call starts there any more; those that have end as they would. Not to be called from a
 * callback of this module. NULL is allowed. */
void http_endpoint_give_up(struct http_endpoint *endpoint);

/* Starts a call. 0; or UV_ENOMEM, or UV_ECANCELED within http_close(), and done_cb is not called.
 * It goes out with http_flush(). */
int http_start(struct http_endpoint *endpoint, struct http_call *call)
    __attribute__((warn_unused_result));

/* Sends what was started. Happens by itself before the loop waits; call it where that may have been
 * passed already, at the end of a uv_prepare callback. done_cbs may run. */
void http_flush(struct http *http);

/* Ends everything. May not be called from a callback of this module. */
void http_close(struct http *http, http_close_cb cb);

#endif
