/* Lanes: parts of one lane are sent in the order in which they came.
 *
 * A lane is a first-in first-out list of entries, found by a 64-bit key. Two keys that collide
 * share a lane, which only orders more than was asked for. A part is *first* in a lane when its
 * entry is at the head and nobody holds the lane; it may be sent when it is first in all of its
 * lanes. Taking a part removes its entries and holds their lanes until each is released or put
 * back.
 *
 * Since a part enters all its lanes at once, the oldest waiting part is first wherever it waits or
 * behind a holder: lanes cannot deadlock. */
#ifndef DAEMON_CORE_LANE_H
#define DAEMON_CORE_LANE_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/job.h"
#include "daemon/core/list.h"

struct lane {
    uint64_t key;
    struct list entries; /* of struct lane_entry */
    unsigned n_holders;  /* entries of taken parts */
    struct lane *next;   /* in its bucket */
};

struct lanes {
    struct lane **buckets; /* owned; n_buckets, a power of two */
    size_t n_buckets;
    size_t n_lanes;     /* that hold or are held; others do not exist */
    struct lane *spare; /* owned; lanes for reuse */
};

/* Room for about n_lanes; more work, slower. -1 when out of memory. */
int lanes_init(struct lanes *lanes, size_t n_lanes) __attribute__((warn_unused_result));

/* Room for about so many, if that is more, and memory allows. */
void lanes_grow(struct lanes *lanes, size_t n_lanes);

/* Every lane must be gone. */
void lanes_deinit(struct lanes *lanes);

/* Adds a part at the end of all its lanes. Returns 1 if it may be sent now, 0 if it waits, -1 when
 * out of memory (the part is then in no lane). */
int lanes_push(struct lanes *lanes, struct part *part) __attribute__((warn_unused_result));

/* Takes a part that is the head of all its lanes: removes its entries, holds the lanes. */
void lanes_take(struct part *part);

/* The part behind the taken `part`, if that has one lane and the next part there has the same
 * single lane; NULL otherwise. Such a part may ride in the same request. */
struct part *lanes_follower(const struct part *part);

/* Gives up the lanes of a taken part. Parts that may be sent now are added to `ready` (ready_link).
 */
void lanes_release(struct lanes *lanes, struct part *part, struct list *ready);

/* Puts a taken part back to the front of its lanes and gives them up. Parts of one request are put
 * back last first, so that they stand in their old order. */
void lanes_put_back(struct lanes *lanes, struct part *part, struct list *ready);

/* Removes a part that waits or is ready from its lanes, wherever it stands. */
void lanes_remove(struct lanes *lanes, struct part *part, struct list *ready);

/* The key of a lane: a hash of a seed, a number and a text. */
uint64_t lane_key(uint64_t seed, unsigned app, const char *text, size_t len);

#endif
