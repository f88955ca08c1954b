/* What the files of the status server share.
 *
 *     status.c          libmicrohttpd and the loop
 *     status_route.c    what is served where, and to whom
 *     status_request.c  one request: its answer, and what it asks of Redis meanwhile
 *     status_clients.c  how long a connection may take
 *     status_texts.c    what is sent, and who may have it as well
 *     status_listen.c   the socket
 *     status_metrics*.c, status_ready.c, console_*.c   the answers */
#ifndef DAEMON_STATUS_PRIVATE_H
#define DAEMON_STATUS_PRIVATE_H

#include <hiredis/hiredis.h>
#include <jansson.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/script.h"
#include "daemon/source.h"
#include "daemon/status.h"

#define STATUS_BODY_MAX  4096 /* of a request */
#define STATUS_TYPE_JSON "application/json"
#define STATUS_TYPE_TEXT "text/plain; charset=utf-8"
#define STATUS_TYPE_HTML "text/html; charset=utf-8"

struct MHD_Connection;
struct status_call;
struct status_route;

struct status_request {
    struct status *status;             /* borrowed */
    struct MHD_Connection *connection; /* borrowed; it has us */
    const struct status_route *route;
    char body[STATUS_BODY_MAX + 1];
    size_t body_len;
    bool is_started;
    struct list link;         /* in status->waiting */
    struct status_call *call; /* what it waits for; NULL: nothing */
    bool is_suspended;

    unsigned http; /* the answer; 0: there is none yet */
    const char *type;
    struct status_text *text; /* a reference, until it is sent */
    char nonce[33];           /* of the page's script and style; "" for other answers */
};

/* ---- status.c */

/* Nothing wakes libmicrohttpd when a request is resumed. */
void status_serve_soon(struct status *status);

/* ---- status_clients.c */

#define STATUS_NO_DEADLINE UINT64_MAX

/* Of a connection that was accepted; and when it is closed. NULL: there is no place for it. */
struct status_client *status_client_new(struct status *status, struct MHD_Connection *connection);
void status_client_free(struct status_client *client);

/* What it has time for, from now on: for its next request; for nothing, it waits for us; for taking
 * its answer. */
void status_client_asks(struct MHD_Connection *connection);
void status_client_waits(struct MHD_Connection *connection);
void status_client_reads(struct MHD_Connection *connection);

/* Shuts down those whose time is over: libmicrohttpd closes them in its next run. */
void status_clients_cut_off(struct status *status);

/* Until the time of the next one is over; STATUS_NO_DEADLINE: of none. */
uint64_t status_clients_left_ms(const struct status *status);

/* ---- status_texts.c */

struct status_text {
    unsigned n_refs, http;
    uint64_t until_ms; /* while it is kept */
    size_t len;
    char *bytes; /* owned */
};

/* With one reference. Takes the malloc'ed bytes, also when it is NULL, out of memory. */
struct status_text *status_text_new(unsigned http, char *bytes, size_t len);
void status_text_unref(void *text);

/* Keeps it for those who ask for the path within the next second, if it is long. */
void status_text_keep(struct status *status, size_t path, struct status_text *text);

/* A new reference to what is kept of the path, or NULL. */
struct status_text *status_text_kept(struct status *status, size_t path);

/* Those whose time is over; and the time until that of the next is, or STATUS_NO_DEADLINE. */
void status_texts_drop(struct status *status, uint64_t now_ms);
uint64_t status_texts_left_ms(const struct status *status);

/* ---- status_request.c */

struct status_request *status_request_new(struct status *status, struct MHD_Connection *connection);

/* Also while it waits: what it has asked for then has no effect here. */
void status_request_free(struct status_request *request);

/* Gives the answer. The text is malloc'ed, and the request's from here on; NULL: out of memory. */
void status_answer(struct status_request *request, unsigned http, const char *type, char *text,
                   size_t len);

/* The same with a reference that becomes the request's, and its own status. */
void status_answer_with(struct status_request *request, const char *type, struct status_text *text);

/* {"error":"..."} */
void status_answer_error(struct status_request *request, unsigned http, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Asks Redis; the request waits. `reply_cb` must answer it, or ask again. Where it cannot be asked,
 * or answers with an error or not at all, the request is answered here. */
typedef void (*status_reply_cb)(struct status_request *request, const redisReply *reply);
void status_ask_script(struct status_request *request, struct source *source,
                       struct script_call *script, status_reply_cb reply_cb);
void status_ask(struct status_request *request, struct source *source, int argc,
                const char *const *argv, status_reply_cb reply_cb);

/* The queue of this name; NULL, and an answer, if there is none. */
struct source *status_find_queue(struct status_request *request, const char *name);

/* A parameter of the query, or NULL. */
const char *status_parameter(const struct status_request *request, const char *name);

/* ---- status_route.c */

/* Finds what is asked for. The request is answered if it is refused. */
void status_route(struct status_request *request, const char *method, const char *path);

/* With the whole of its body there. */
void status_route_run(struct status_request *request);

/* True if it may have a body. */
bool status_route_takes_body(const struct status_request *request);

/* The methods that the path has, for Allow. */
const char *status_route_methods(const struct status_request *request);

/* ---- status_listen.c */

/* Removes the unix socket, if it is still ours. */
void status_unlink(const struct status *status);

/* ---- status_metrics_queue.c, status_metrics_app.c */

/* Families of /metrics, with a sample for each queue or app. */
void status_metrics_queues(FILE *out, const struct pusherd *pusherd);
void status_metrics_apps(FILE *out, const struct pusherd *pusherd);

/* ---- status_ready.c */

/* The answer of /readyz; true if it is ready. */
bool status_put_ready(FILE *out, const struct pusherd *pusherd);

/* ---- what is served */

/* Each gives the status of HTTP, and text that the caller frees; 0 when out of memory. */
unsigned status_metrics(const struct pusherd *pusherd, char **ret_text, size_t *ret_len);
unsigned status_ready(const struct pusherd *pusherd, char **ret_text, size_t *ret_len);
unsigned console_state(const struct pusherd *pusherd, char **ret_text, size_t *ret_len);

/* Each answers, at once or later. */
void console_page(struct status_request *request);
void console_failures(struct status_request *request);
void console_replay(struct status_request *request);
void console_drop(struct status_request *request);
void console_pause(struct status_request *request);
void console_resume(struct status_request *request);

#endif
