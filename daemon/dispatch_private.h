/* What the files of dispatch share: dispatch.c sets up, changes and ends, dispatch_send.c makes and
 * sends requests, dispatch_answer.c reads what comes back. */
#ifndef DAEMON_DISPATCH_PRIVATE_H
#define DAEMON_DISPATCH_PRIVATE_H

#include "daemon/dispatch.h"

#define RESULT_MAX_BYTES (4u << 20) /* of an answer that is a result, or has the info of one */

/* A request on its way. */
struct transfer {
    struct dispatch *dispatch;
    struct request *request; /* the engine's */
    struct http_call call;
    uint64_t sent_ns;
    unsigned version; /* of its app, when it was signed */
    char *target;     /* owned; kept between requests, as are body and events */
    size_t target_size;
    char *body; /* owned */
    size_t body_size;
    struct pusher_string *events; /* owned */
    size_t n_events;
    struct transfer *next; /* among the spare */
};

/* ---- dispatch_send.c */

/* False: it is a call, whose answer is its result. */
bool dispatch_is_trigger(const struct request *request);

/* It publishes, and the answer has what `info` of one of its jobs asked for. */
bool dispatch_wants_info(const struct request *request);

/* Takes back a transfer that is over. */
void dispatch_put_transfer(struct transfer *transfer);

/* ---- dispatch_answer.c */

/* The done_cb of a transfer's call. */
void dispatch_on_done(struct http_call *call);

#endif
