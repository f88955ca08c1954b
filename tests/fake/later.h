/* Connections that wait: suspended in libmicrohttpd until a time has come, or for ever.
 *
 * One thread resumes them. A connection is also resumed when its client has gone, when everything
 * is released, and when the server stops; then `cancelled` is set and it must not be answered. */
#ifndef TESTS_FAKE_LATER_H
#define TESTS_FAKE_LATER_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define LATER_NEVER UINT64_MAX

struct later_item {
    struct later_item *next; /* while it waits */
    struct MHD_Connection *connection;
    int fd;
    uint64_t due_us; /* monotonic */
    bool cancelled;
};

struct later {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    struct later_item *waiting;
    bool stopping;
};

void later_start(struct later *later);

/* Resumes everything that waits, and from now on makes nothing wait. */
void later_stop(struct later *later);
void later_release(struct later *later);

/* Suspends the connection for that long; LATER_NEVER: until it is released. Called in a callback of
 * libmicrohttpd, which then has nothing more to do. The item is the caller's until the connection
 * is over. */
void later_wait(struct later *later, struct later_item *item, struct MHD_Connection *connection,
                uint64_t wait_ms);

#endif
