/* Jobs in, each exactly once whatever becomes of Redis; outcomes out, in the order of the streams.
 */
#ifndef TESTS_CHAOS_TRAFFIC_H
#define TESTS_CHAOS_TRAFFIC_H

#include "ledger.h"
#include "stage.h"
#include "work.h"

struct traffic {
    struct stage *stage; /* borrowed, as are the next two */
    const struct work *work;
    struct ledger *ledger;
    uint64_t random;
    size_t n_pushed;   /* jobs that surely are in */
    size_t backlog;    /* of the list, as last heard */
    bool trickles;     /* the queue runs dry and gets a few jobs at a time; else it is kept full */
    int64_t change_ms; /* unix: when that is thought over */
    char last_ids[2][32]; /* of results and failures: what was read last */
    size_t n_since_trim;
    uint64_t next_event, next_request; /* of the fake's record */
};

void traffic_init(struct traffic *traffic, struct stage *stage, const struct work *work,
                  struct ledger *ledger, uint64_t seed);

/* Pushes some jobs, if it is time to. */
void traffic_feed(struct traffic *traffic);

/* Reads the outcomes that have appeared. */
void traffic_harvest(struct traffic *traffic);

/* Reads what the fake has recorded. `all`: also requests that have not ended. */
void traffic_read_record(struct traffic *traffic, bool all);

/* What is left in the queue's keys, apart from outcomes; says what. Redis must be up. */
size_t traffic_count_left(struct traffic *traffic, bool say);

#endif
