/* A running fake-pusher, seen and steered through its /_fake/ routes (tests/fake/README.md). The
 * program is $FAKE_PUSHER_BIN. */
#ifndef TESTS_SUPPORT_FAKE_SERVER_H
#define TESTS_SUPPORT_FAKE_SERVER_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "proc.h"

#define FAKE_APP_ID     "app-id"
#define FAKE_APP_KEY    "app-key"
#define FAKE_APP_SECRET "app-secret"

struct fake_server {
    struct proc proc;
    unsigned port;
    char url[64]; /* http://127.0.0.1:PORT */
};

/* `args`: more of its command line, NULL-terminated, or NULL. Returns when it listens. */
void fake_server_start(struct fake_server *fake, const char *const *args);

/* Stops it and fails the test unless it ends well. Nothing if it is zeroed. */
void fake_server_stop(struct fake_server *fake);

/* Replaces the rules; ' may stand for ". Fails the test if they are refused. */
void fake_server_set_rules(const struct fake_server *fake, const char *rules);
void fake_server_delete_rules(const struct fake_server *fake);
void fake_server_reset(const struct fake_server *fake);

/* A new reference to what a GET of /_fake/... gives, e.g. "events?from=1". */
json_t *fake_server_get(const struct fake_server *fake, const char *what);

/* A number of /_fake/stats, e.g. "events"; of a table, "by_status.503". 0 if there is none. */
double fake_server_stat(const struct fake_server *fake, const char *name);

/* Published so far. */
size_t fake_server_events(const struct fake_server *fake);

#endif
