/* How much of a client's keys is locked in memory: sodium_malloc() locks what RLIMIT_MEMLOCK
 * allows, and gives what it cannot lock all the same, and in silence. */
#ifndef LIB_LOCKED_H
#define LIB_LOCKED_H

#include <stddef.h>

#include "pusher/client.h"

struct pusher__locked {
    size_t needed;  /* bytes of the pages that keys take, or will take once they are used */
    size_t missing; /* of those, what cannot be locked, or is not there to be locked yet */
};

/* Adds what the client needs to *sum. What is not locked, though it is there, is locked now, if
 * that has become possible. */
void pusher__client_add_locked(const struct pusher_client *client, struct pusher__locked *sum);

/* For the files that allocate: adds a block of sodium_malloc(); NULL: it is still to be made. */
void pusher__locked_add(struct pusher__locked *sum, void *block, size_t size);

#endif
