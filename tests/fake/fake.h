/* The fake Pusher: a server that speaks the API, verifies signatures, records what it is given and
 * misbehaves on command.
 *
 *   query -> verify -> publish    what a request says and whether it may (no state, no I/O)
 *             api                 the routes, made of these
 *   rules, record                 what goes wrong, and what came in: guarded by fake.lock
 *   control                       /_fake/..., to see and steer the fake
 *   server, respond, later        libmicrohttpd: requests in, answers out, now or later
 */
#ifndef TESTS_FAKE_FAKE_H
#define TESTS_FAKE_FAKE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api.h"
#include "later.h"
#include "record.h"
#include "rules.h"

#define FAKE_MAX_BODY (16u << 20)

struct fake_options {
    struct api api;
    unsigned port; /* 0: any */
    bool keep_alive;
    size_t max_records;
    uint64_t seed;        /* of what rules leave to chance; not 0 */
    const char *tls_cert; /* PEM text; NULL: no TLS */
    const char *tls_key;
};

struct fake {
    struct fake_options options;
    pthread_mutex_t lock;
    struct rules rules;       /* under lock */
    struct recorder recorder; /* under lock */
    uint64_t n_requests;      /* under lock: numbers given out */
    uint64_t random;          /* under lock */
    struct later later;
    struct MHD_Daemon *daemon;
};

/* One request, from its first line to the end of its answer. */
struct request {
    struct fake *fake;
    struct MHD_Connection *connection;
    char *uri;  /* owned: as received, with the query */
    char *path; /* owned: without it */
    struct query query;
    bool query_ok;
    bool is_control;
    char method[16];
    char *body; /* owned */
    size_t body_len;
    bool body_too_large;
    bool begun;   /* the header has been seen */
    bool decided; /* answer and action stand */
    bool delayed; /* the action's delay is over */
    bool hung;
    bool dripped; /* the wait for the next byte is over */
    uint64_t seq; /* of its record; 0: none */
    struct answer answer;
    struct action action;
    struct later_item later;
};

/* Returns 0; -1 if it cannot listen. */
int fake_start(struct fake *fake, const struct fake_options *options, unsigned *ret_port);
void fake_stop(struct fake *fake);

/* Wall clock. */
int64_t clock_unix_us(void);

/* Decides on a request of the API: answer, action and record. */
void request_decide(struct request *request);

/* Answers a request of /_fake/. */
void control_handle(struct request *request);

/* Sends, delays, cuts or withholds the answer. Called again when a wait is over. */
enum MHD_Result respond(struct request *request);

#endif
