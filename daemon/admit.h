/* Admission: from a claimed record to a delivery that the engine can take.
 *
 * Everything that the API would refuse is refused here, event by event, so that what goes out in a
 * batch is good as far as anybody can know. Events are encoded, and encrypted where their channel
 * is, once: each retry sends the same bytes. */
#ifndef DAEMON_ADMIT_H
#define DAEMON_ADMIT_H

#include "daemon/config/config.h"
#include "daemon/core/engine.h"
#include "daemon/delivery.h"
#include "proto/arena.h"

struct admission {
    const struct config *config;
    const struct engine *engine;
    const struct queue_config *queue;
    unsigned queue_index;
    struct arena *arena;    /* scratch; reset for each job */
    size_t max_bytes;       /* that the delivery may have */
    uint64_t now_ms;        /* monotonic */
    uint64_t server_now_ms; /* unix, Redis's clock */
};

/* Makes the delivery of a record. What is wrong with it is in the parts, which then have failed
 * already; a job that is not due yet is parked. NULL only when out of memory, which the arena's
 * is_starved then says, or of max_bytes. */
struct delivery *admit(const struct admission *admission, uint64_t claim_id, const char *record,
                       size_t len);

#endif
