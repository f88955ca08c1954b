/* Settlement: turns what the engine decided about deliveries into one call of the settle script.
 *
 * When memory runs out the call fails, as by script_fail(): no job is settled with a part of its
 * outcome. The deliveries are as they were, for another try. */
#ifndef DAEMON_SETTLE_H
#define DAEMON_SETTLE_H

#include "daemon/config/config.h"
#include "daemon/delivery.h"
#include "daemon/script.h"

struct settlement {
    const struct config *config; /* borrowed */
    bool dedupes;                /* ids of the queue's jobs are remembered */
    uint64_t now_ms;             /* monotonic */
    uint64_t server_now_ms;      /* unix, Redis's clock at now_ms */
};

/* Adds the id of its claim: 16 digits, so that ids sort as text. */
void settle_add_claim_id(struct script_call *call, const struct delivery *delivery);

/* Adds the operations of a delivery whose fate is known. */
void settle_add(struct script_call *call, const struct settlement *settlement,
                const struct delivery *delivery);

/* Adds the operation that keeps which parts of an open delivery were delivered. */
void settle_add_progress(struct script_call *call, const struct settlement *settlement,
                         const struct delivery *delivery);

/* ---- settle_outcome.c, for settle_add() */

/* Adds the operations of a delivery that is done or has failed. */
void settle_add_outcome(struct script_call *call, const struct settlement *settlement,
                        const struct delivery *delivery);

#endif
