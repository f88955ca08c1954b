/* The books of a run: every delivery at the fake, every outcome in Redis, every trouble; and the
 * account made of them.
 *
 * A repeated delivery is owed to something, or it is a fault of the daemon. For two deliveries of
 * an event that follow each other, in this order:
 *
 *   answer    the earlier one's answer was faulty, came late, or did not go out whole: the daemon
 *             could not know that the event was taken
 *   trouble   the daemon of one of the two was killed or frozen while that request was in flight
 *             or its outcome not yet in Redis, or was cut off from Redis for longer than its lease
 *
 * "Not yet in Redis": for LEDGER_SETTLE_MS after the answer, or, where Redis was down or the wire
 * to it broken meanwhile, for LEDGER_RECONNECT_MS after that was over. */
#ifndef TESTS_CHAOS_LEDGER_H
#define TESTS_CHAOS_LEDGER_H

#include "chaos.h"
#include "work.h"

#define LEDGER_SETTLE_MS    1000
#define LEDGER_RECONNECT_MS 3000
#define LEDGER_MAX_EXAMPLES 10
#define LEDGER_ALL          UINT32_MAX /* every daemon */

enum trouble_kind { TROUBLE_KILL, TROUBLE_FREEZE, TROUBLE_REDIS, TROUBLE_WIRE };

struct trouble {
    enum trouble_kind kind;
    uint32_t slot;
    int64_t from_ms, to_ms; /* unix; to_ms 0: it lasts */
    bool had_backlog;
    int64_t recovered_ms; /* unix: the first outcome after it; 0: none so far */
    size_t n_in_flight;   /* deliveries owed to it: by requests in flight when it came */
    size_t n_unsettled;   /* by requests that were answered, and their outcome not in Redis */
};

struct call {
    int64_t received_ms, ended_ms;
    int8_t slot;
    bool clean; /* a whole 2xx in good time */
};

struct delivery {
    uint32_t event, call;
};

struct job_books {
    int64_t pushed_ms;
    uint8_t n_results, n_failures;
};

struct ledger {
    const struct work *work; /* borrowed */
    struct job_books *jobs;  /* owned */
    size_t n_decided;        /* jobs with an outcome */
    size_t n_failures;
    struct delivery *deliveries; /* owned; as they arrived */
    size_t n_deliveries, max_deliveries;
    struct call *calls; /* owned; by the fake's number of the request */
    size_t n_calls;
    struct trouble *troubles; /* owned */
    size_t n_troubles;
    int64_t last_outcome_ms; /* unix */
    int64_t longest_silence_ms, slowest_job_ms;
};

struct account {
    size_t lost, twice, unknown_outcomes, wrong_stream, never_delivered;
    size_t repeats, repeats_by_answer, repeats_by_trouble, unexplained;
    size_t most_in_flight; /* deliveries owed to one kill, as in struct trouble */
    size_t most_unsettled;
    size_t most_unsettled_calm; /* while Redis and the wire were sound */
    size_t order_violations;
    int64_t longest_recovery_ms; /* of those that nothing else disturbed */
    int64_t longest_recovery_any_ms;
};

void ledger_init(struct ledger *ledger, const struct work *work);
void ledger_deinit(struct ledger *ledger);

void ledger_pushed(struct ledger *ledger, size_t job);

/* An entry of results or failures, with the time of its id. False if it is of none of our jobs. */
bool ledger_decided(struct ledger *ledger, const char *id, bool failed, int64_t unix_ms,
                    bool has_backlog);

void ledger_called(struct ledger *ledger, size_t number, const struct call *call);
void ledger_delivered(struct ledger *ledger, size_t event, size_t number);

/* The index of a new trouble, from now on; and its end. */
size_t ledger_trouble(struct ledger *ledger, enum trouble_kind kind, uint32_t slot,
                      bool has_backlog);
/* It began only then; 0: it never did. */
void ledger_trouble_began(struct ledger *ledger, size_t trouble, int64_t began_ms);
void ledger_trouble_over(struct ledger *ledger, size_t trouble);

/* Draws it all up; says on standard output what is wrong, some examples of each. */
void ledger_close(struct ledger *ledger, bool check_order, struct account *ret_account);

#endif
