/* What goes wrong, and when.
 *
 * All troubles of a run are shuffled by its seed and spread over its jobs: the next one comes when
 * so many jobs have their outcome. Every fourth does not wait for that but follows the one before
 * at once, so that troubles meet: a daemon killed while Redis is down, a wire cut while one is
 * frozen. */
#ifndef TESTS_CHAOS_TROUBLE_H
#define TESTS_CHAOS_TROUBLE_H

#include "ledger.h"
#include "stage.h"

struct pending {
    size_t trouble; /* its index in the ledger + 1; 0: nothing is pending */
    int64_t end_ms; /* unix */
};

struct troubles {
    struct stage *stage; /* borrowed, as is the next */
    struct ledger *ledger;
    uint64_t random;
    uint8_t *plan; /* owned: kinds */
    size_t n_plan, n_done;
    int64_t next_ms; /* unix: the next one comes by then; 0: when the jobs say so */
    size_t n_jobs;
    struct pending killed[CHAOS_MAX_DAEMONS], frozen[CHAOS_MAX_DAEMONS], wire[CHAOS_MAX_DAEMONS];
    struct pending redis;
    size_t counts[4];
    unsigned n_died; /* daemons that ended by themselves */
};

void troubles_init(struct troubles *troubles, struct stage *stage, struct ledger *ledger,
                   const struct chaos_options *options);
void troubles_deinit(struct troubles *troubles);

/* Begins and ends what is due. */
void troubles_step(struct troubles *troubles, bool has_backlog);

/* True when all have been, and everything works again. */
bool troubles_are_over(const struct troubles *troubles);

#endif
