/* The Lua scripts as a daemon calls them, for tests: a private redis-server, one queue, any number
 * of consumers. */
#ifndef TESTS_UNIT_SCRIPTS_SCRIPTS_H
#define TESTS_UNIT_SCRIPTS_SCRIPTS_H

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/keys.h"
#include "tests/support/redis.h"

#define LIST         "pusher:jobs"
#define LEASE_MS     "60000"
#define MAX_JOB      1000 /* bytes of an element */
#define MAX_JOB_TEXT "1000"
#define MAX_CLAIM    (1u << 20)
#define MAX_ENTRIES  "1000000" /* of a stream */
#define MAX_ORPHANED 5

extern struct redis scripts_server;

/* To be the .init and .fini of a suite. The counter of claim ids is ahead of the clock, so that
 * they are 7000000000000001, 7000000000000002 and so on. */
void scripts_open(void);
void scripts_close(void);

/* The name of a key, in a buffer of its own that lasts for some calls. */
const char *key_of(enum keys_queue which);
const char *key_of_consumer(enum keys_consumer which, const char *consumer);

/* Until Redis's clock has moved on: a counter of claim ids that was lost or spoilt begins at its
 * millisecond. */
void scripts_wait_for_next_ms(void);

void push(const char *job);

/* "job" and a number, from first to last. */
void push_jobs(int first, int last);
void push_bytes(const char *job, size_t len);

/* Each gives the reply, which may be an error; the caller frees it. */
redisReply *lease(const char *op, const char *consumer);
redisReply *lease_of(const char *op, const char *consumer, const char *exclusive,
                     const char *owned);
redisReply *claim(const char *consumer, unsigned n);
redisReply *claim_bytes(const char *consumer, unsigned n, size_t max_bytes, bool at_least_one);
redisReply *reap(const char *consumer, const char *grace_ms);

/* The integer that reap() gives. */
long long reap_all(const char *consumer);

/* Opens a lease. */
void open_consumer(const char *consumer);

/* What settle.lua is asked. */
struct settle_args {
    const char *argv[2048];
    size_t len[2048];
    size_t n;
};

void settle_add_bytes(struct settle_args *args, const char *bytes, size_t len);

/* Adds texts up to a NULL. They must outlive the call of settle(). */
void settle_add(struct settle_args *args, ...) __attribute__((sentinel));

/* Runs it, and empties the arguments. */
redisReply *settle(struct settle_args *args, const char *consumer);

/* The same with another bound of the streams. */
redisReply *settle_bounded(struct settle_args *args, const char *consumer, const char *max_entries);

/* Runs it; it must be no error, and so many ids gone. */
void settle_expecting(struct settle_args *args, const char *consumer, size_t n_gone);

/* Brings parked jobs of an app back, by unpark.lua. */
redisReply *unpark(const char *app, const char *n);

/* The other claims of a consumer, by recover.lua; the ids it knows are separated by spaces.
 * `limit`: the most bytes of them. */
redisReply *recover(const char *consumer, const char *limit, const char *known);

/* The jobs that were seen before, by dedupe.lua: a window in ms, then the ids of each job. Empties
 * the arguments. */
redisReply *dedupe(struct settle_args *args);

/* How many jobs a reply of claim() has, and their ids and records. */
size_t n_claimed(const redisReply *reply);
const char *id_at(const redisReply *reply, size_t index);
const char *record_at(const redisReply *reply, size_t index);

/* Claims one job, which there must be; its id is written to ret_id. */
void claim_one(const char *consumer, char ret_id[24]);

/* Lengths of keys of any type; 0 if they do not exist. */
long long n_in(const char *command, const char *key);
long long n_listed(void);
long long n_inflight(const char *consumer);
long long n_results(void);
long long n_failures(void);

/* A field of the last entry of a stream; NULL if it has none. Lasts until the next call. */
const char *last_entry(const char *stream, const char *field);

/* The value at a place of the list; NULL if there is none. Lasts until the next call. */
const char *listed_at(const char *list, int index);

#endif
