/* daemon/io/http as a test uses it: calls that remember how they ended. */
#ifndef TESTS_IO_CLIENT_H
#define TESTS_IO_CLIENT_H

#include "daemon/io/http.h"
#include "peer.h"
#include "run.h"

#define OK_REPLY(body_len, body) "HTTP/1.1 200 OK\r\nContent-Length: " #body_len "\r\n\r\n" body

/* Of the client; `endpoint` is for http://127.0.0.1:PORT, with 30 s for a request. */
struct client {
    struct run *run;
    struct http http;
    struct http_endpoint *endpoint;
    unsigned n_pending; /* calls that are started and not done */
    bool is_closed;
};

struct outcome {
    struct http_call call;
    struct client *client;
    unsigned n_done;
    void (*then)(struct outcome *outcome); /* runs within done_cb; may be NULL */

    /* Copies of the call's results. */
    unsigned status;
    bool cancelled;
    char *reply; /* NUL-terminated; owned */
    size_t reply_len;
    char error[HTTP_ERROR_MAX], retry_after[HTTP_HEADER_MAX], date[HTTP_HEADER_MAX];
};

void client_open(struct client *client, struct run *run, unsigned port);

/* Another endpoint of the client, which must not be there yet: `port` 0 leaves base_url alone. */
void client_open_with(struct client *client, struct run *run, unsigned port,
                      struct http_endpoint_options options);

/* Asserts that close_cb is the last, and all calls are done before. */
void client_close(struct client *client);

/* Starts a call. The outcome must have been zeroed once; of what it holds only `then` is kept. */
void client_get(struct client *client, struct outcome *outcome, const char *target);
void client_post(struct client *client, struct outcome *outcome, const char *target,
                 const char *body, size_t body_len);

/* client_get() for "/", run until it is done. */
void client_ask(struct client *client, struct outcome *outcome);

void outcome_free(struct outcome *outcome);

#endif
