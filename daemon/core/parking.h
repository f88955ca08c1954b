/* Parking: an app that may not send must not take the room of those that may.
 *
 * A queue may hold jobs of many apps. When one of them cannot send, its gate closed or an operator
 * having paused it, its jobs would fill the window until nothing else can be claimed. So when room
 * is short they are parked: settled into a set in Redis that is the app's own, all but the few that
 * the gate's probes need, and that leave most of the room to others. An app that is paused keeps
 * none. Where those few are all that is held, they count for nothing: the room they take could be
 * wanted for ever.
 *
 * Order. A job of the app that is claimed is parked at once unless it is older than all that are
 * parked: it must not pass them. "Older" is told by the claim id, which ascends in queue order.
 * Parked are those that stand in Redis, and those that were marked and are not settled: one that is
 * in flight may come back, behind which others of its lane went to Redis. When the app sends again,
 * they come back a few hundred at a time, oldest first, to where they are claimed before anything
 * newer. So the order of its lanes stays what it was.
 *
 * Nothing is brought back while an older job is marked: it would be parked at once, and asked for
 * again, as fast as Redis answers. So two lows are kept apart. What is known of Redis may be too
 * low: then it is asked, and says. That of the marked ones must be exact, or one that has left
 * would keep all others from coming back: it is to be learned anew when the oldest leaves.
 *
 * This is the bookkeeping of one queue. It sends nothing: what is to be done is asked for. */
#ifndef DAEMON_CORE_PARKING_H
#define DAEMON_CORE_PARKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PARKING_NONE UINT64_MAX /* of a claim id: nothing is parked */

struct parking_app {
    uint64_t lowest_stored; /* claim id of the oldest that is parked in Redis, as far as known */
    uint64_t lowest_marked; /* of the oldest that was marked and is not settled */
    bool is_stale;          /* it was settled: the oldest of the others is to be learned */
    size_t n_marked;        /* jobs that were marked and are not settled */
    size_t n_active;        /* jobs in the engine that are not marked */
    size_t n_returned;      /* jobs that were brought back and not claimed yet, about */
    size_t n_fit;           /* so many jobs that stay for probes fit, as was last seen */
    bool is_paused;         /* by an operator */
};

/* Nothing is parked. */
void parking_init(struct parking_app *app);

/* Makes an array of n_apps longer: 0, or -1 when out of memory, and nothing has changed. NULL is an
 * array of none. It is the caller's to free. */
int parking_grow(struct parking_app **apps, size_t *n_apps, size_t new_n_apps)
    __attribute__((warn_unused_result));

/* The app is new. Redis may have parked jobs under its name: until it has been asked for them, all
 * that is claimed is taken to be younger. */
void parking_expect(struct parking_app *app);

/* Claim id of the oldest job that is parked. */
uint64_t parking_lowest(const struct parking_app *app);

/* True if a job that was claimed now must be parked at once. */
bool parking_takes(const struct parking_app *app, uint64_t claim_id);

/* A job went to the engine, to be sent or, marked, to be parked. */
void parking_added(struct parking_app *app, uint64_t claim_id, bool is_marked);

/* It left the engine. `is_over` if it was done or failed: else it may stand in Redis. */
void parking_left(struct parking_app *app, uint64_t claim_id, bool is_marked, bool is_over);

/* Of the jobs that are marked, the oldest is `lowest`. To be told before parking_takes() and
 * parking_wants() are asked, where it is stale. */
void parking_learned(struct parking_app *app, uint64_t lowest);

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

/* Of those that stay for probes there was room for so many; or, when its gate is open, SIZE_MAX: it
 * is not known. No more are brought back for probes: they would be parked again. */
void parking_fits(struct parking_app *app, size_t n);

/* How many jobs should come back now: enough for `n_busy` that keep the app busy, or, while its
 * gate is not open, for a probe. None that would be parked at once. */
size_t parking_wants(const struct parking_app *app, bool gate_is_open, size_t n_busy,
                     size_t n_probe);

#endif
