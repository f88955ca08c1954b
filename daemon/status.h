/* The status server: HTTP for monitoring and for operators, at `[status] listen`.
 *
 *     GET /metrics   what is counted, for Prometheus (docs/metrics.md)
 *     GET /healthz   200 as long as the loop turns
 *     GET /readyz    200, or 503 and the reasons; as JSON
 *     GET /          the console, a page for people, and what it asks for at /api/
 * (docs/console.md)
 *
 * libmicrohttpd does the HTTP, on the loop. It never waits: whoever asks slowly, or says nothing,
 * is in the way of others who ask, but of no delivery. What is asked of Redis goes over the queue's
 * connection, and the request waits apart until it is answered.
 *
 * Nothing is changed without `[status] token`. Nothing secret is in the answers; payloads of jobs
 * that failed are, and so are shown without a token on the loopback and a unix socket only.
 *
 *     status_listen(&status, address, why)   before anything else: the address may be taken
 *     status_start(&status, pusherd)         serves
 *     status_close(&status)                  its handles are gone when the loop has run out
 *
 * A struct that is zeroed serves nothing, and may be started and closed like any other. */
#ifndef DAEMON_STATUS_H
#define DAEMON_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <uv.h>

#include "daemon/core/list.h"

#define STATUS_WHY_MAX     160
#define STATUS_HASH_MAX    32
#define STATUS_CLIENTS_MAX 64 /* connections; those beyond it wait in the backlog */
#define STATUS_PATHS_MAX   16

struct MHD_Connection;
struct MHD_Daemon;
struct pusherd;
struct status_text;

/* A connection, and when its time is over (status_clients.c). */
struct status_client {
    struct MHD_Connection *connection; /* borrowed; NULL: the place is free */
    uint64_t deadline_ms;
};

struct status {
    struct pusherd *pusherd; /* borrowed */
    bool is_listening;
    bool is_loopback, is_unix;
    int listen_fd;                                          /* owned until MHD has it */
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)]; /* of a unix socket; "" */
    struct stat file;          /* the socket at this path, as we made it */
    struct MHD_Daemon *daemon; /* owned; NULL: not started */
    uv_poll_t poll;
    uv_timer_t timer;
    struct status_client clients[STATUS_CLIENTS_MAX];
    bool has_token;
    unsigned char token_hash[STATUS_HASH_MAX];
    struct list waiting; /* requests that wait for Redis */
    size_t n_waiting;
    struct status_text *kept[STATUS_PATHS_MAX]; /* owned; of each path, NULL: none is */
};

/* "host:port", "[v6]:port" or "unix:/path"; NULL: nothing is served. 0; or -1 and a text. */
int status_listen(struct status *status, const char *address, char ret_why[STATUS_WHY_MAX])
    __attribute__((warn_unused_result));

/* To be called before the loop runs. 0, or -1 when out of memory or descriptors. */
int status_start(struct status *status, struct pusherd *pusherd)
    __attribute__((warn_unused_result));

/* A turn of the loop begins. */
void status_turn(struct status *status);

/* Cuts off whoever is connected, and removes the unix socket. */
void status_close(struct status *status);

#endif
