/* Parking: an app that may not send must not take the room of those that may.
 *
 * A queue may hold jobs of many apps. When one of them cannot send, its gate closed or an operator
 * having paused it, its jobs would fill the window until nothing else can be claimed. So when room
 * is short they are parked: settled into a set in Redis that is the app's own, all but the few that
 * the gate's probes need. An app that is paused keeps none. Where those few are all that is held,
 * they count for nothing: the room they take could be wanted for ever.
 *
 * As long as any of its jobs are parked, those that are claimed later are parked at once: they must
 * not pass them. "Later" is told by the claim id, which ascends in queue order. When the app sends
 * again, they come back a few hundred at a time, oldest first, to where they are claimed before
 * anything newer. So the order of its lanes stays what it was.
 *
 * This is the bookkeeping of one queue. It sends nothing: what is to be done is asked for. */
#ifndef DAEMON_CORE_PARKING_H
#define DAEMON_CORE_PARKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARKING_NONE UINT64_MAX /* of a claim id: nothing is parked */

struct parking_app {
    uint64_t lowest;         /* claim id of the oldest job that is parked, as far as known */
    uint64_t lowest_pending; /* likewise, of those that were marked and are not settled */
    size_t n_pending;
    size_t n_active;   /* jobs in the engine that are not marked */
    size_t n_returned; /* jobs that were brought back and not claimed yet, about */
    bool is_paused;    /* by an operator */
};

/* Makes an array of n_apps longer: 0, or -1 when out of memory, and nothing has changed. NULL is an
 * array of none. It is the caller's to free. */
int parking_grow(struct parking_app **apps, size_t *n_apps, size_t new_n_apps)
    __attribute__((warn_unused_result));

/* The app is new. Redis may have parked jobs under its name: until it has been asked for them, all
 * that is claimed is taken to be younger. */
void parking_expect(struct parking_app *app);

/* True if a job that was claimed now must be parked at once. */
bool parking_takes(const struct parking_app *app, uint64_t claim_id);

/* A job went to the engine, to be sent or, marked, to be parked; and it left the engine. */
void parking_added(struct parking_app *app, uint64_t claim_id, bool is_marked);
void parking_left(struct parking_app *app, bool is_marked);

/* Jobs in the engine were marked to be parked, the oldest of them `lowest`. */
void parking_marked(struct parking_app *app, size_t n, uint64_t lowest);

/* What Redis says of the oldest parked job: it may know of older ones than we do. */
void parking_heard(struct parking_app *app, uint64_t lowest);

/* Redis brought n jobs back; `lowest` is the oldest that is left. */
void parking_returned(struct parking_app *app, size_t n, uint64_t lowest);

/* A claim was answered: what was brought back and is not here was claimed by others. */
void parking_claimed(struct parking_app *app);

/* How many jobs may stay when room is short. `n_probe` is enough for a probe. */
size_t parking_keeps(const struct parking_app *app, size_t n_probe);

/* How many jobs should come back now: enough for `n_busy` that keep the app busy, or, while its
 * gate is not open, for a probe. */
size_t parking_wants(const struct parking_app *app, bool gate_is_open, size_t n_busy,
                     size_t n_probe);

#endif
