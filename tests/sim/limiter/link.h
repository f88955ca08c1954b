/* A link: a server and the way to it, as a limiter meets them. In virtual time, in microseconds. */
#ifndef TESTS_SIM_LIMITER_LINK_H
#define TESTS_SIM_LIMITER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#define LINK_MAX_WORKERS 64
#define LINK_TIMEOUT_US  5000000

/* What does not apply is 0. */
struct link_options {
    uint64_t way_us;    /* there and back */
    uint64_t jitter_us; /* up to so much more, each request by itself */
    uint64_t work_us;   /* of a worker for a request; of these: */
    unsigned workers;   /* 0: as many as are wanted */

    unsigned max_per_s;     /* 429 for what is more */
    unsigned max_at_once;   /* 503 for what is more; or, if it */
    bool drops;             /* no answer at all */
    unsigned fails_in_1000; /* 503 whatever the load */

    unsigned pauses_per_s; /* nothing moves, as on a busy machine, at random; for up to */
    uint64_t longest_pause_us;
    uint64_t stall_from_us, stall_to_us;      /* nothing moves */
    uint64_t other_way_from_us, other_way_us; /* from then on the way takes so long */
};

enum link_answer { LINK_DONE, LINK_RATE_LIMITED, LINK_SERVER_ERROR, LINK_NO_ANSWER };

struct link {
    const struct link_options *options;
    uint64_t random;
    uint64_t free_us[LINK_MAX_WORKERS]; /* when a worker has done what it has */
    unsigned n_at_server;
    uint64_t tokens_us;           /* rate limit: time that is paid for */
    uint64_t pause_us, resume_us; /* the next pause, or the present one */
};

void link_init(struct link *link, const struct link_options *options, uint64_t seed);

/* What becomes of a request that is sent at now_us: when, and what. */
uint64_t link_send(struct link *link, uint64_t now_us, enum link_answer *ret_answer);

/* An answer other than LINK_NO_ANSWER has come. */
void link_answered(struct link *link, enum link_answer answer);

#endif
