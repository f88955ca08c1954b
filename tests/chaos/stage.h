/* The processes of a run: a Redis that syncs each write to its AOF, the fake Pusher, and daemons,
 * each behind a relay of its own and with an app id of its own, so that the fake's record tells
 * whose a request was. */
#ifndef TESTS_CHAOS_STAGE_H
#define TESTS_CHAOS_STAGE_H

#include "chaos.h"
#include "relay.h"
#include "tests/support/fake_server.h"
#include "tests/support/folder.h"
#include "tests/support/redis.h"

struct slot {
    struct proc proc;
    struct relay relay;
    char config[FOLDER_PATH_MAX + 32];
    char log[FOLDER_PATH_MAX + 32];
    int64_t start_ms; /* unix: when it is to be started again; 0: it runs */
    int64_t wake_ms;  /* unix: when it is to go on; 0: it is not stopped */
};

struct stage {
    struct folder folder;
    struct redis redis;
    struct fake_server fake;
    struct slot slots[CHAOS_MAX_DAEMONS];
    unsigned n_slots;
    bool redis_is_up;
};

void stage_open(struct stage *stage, const struct chaos_options *options);

void stage_start_daemon(struct stage *stage, unsigned slot);

/* Ends all daemons in order: the number of those that did not end with 0. */
unsigned stage_stop_daemons(struct stage *stage);

/* How many logs have a report of a sanitizer; they are shown. */
unsigned stage_count_reports(const struct stage *stage);

/* Stops everything. The folder with the logs is removed unless `keep`. */
void stage_close(struct stage *stage, bool keep);

/* The slot of an app id, or -1. */
int stage_slot_of(const char *app);

/* A command of the run's own connection, which is not behind a relay. NULL if Redis does not
 * answer: then it is to be asked again. */
redisReply *stage_redis(struct stage *stage, int argc, const char **argv, const size_t *lengths);

#endif
