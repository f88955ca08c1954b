/* A record of bounded length and size: the oldest entry makes room for a new one.
 *
 * Entries stand one behind the other in one mapping, so that recording costs a copy and no malloc.
 * Sequence numbers start at 1 and go on, so that a gap can be seen. */
#ifndef TESTS_FAKE_RING_H
#define TESTS_FAKE_RING_H

#include <stddef.h>
#include <stdint.h>

#define RING_BYTES (256u << 20) /* of all entries; memory is only used once written to */

struct ring {
    char *base;      /* owned mapping of RING_BYTES */
    size_t *offsets; /* owned; where the entries stand, by sequence number modulo max_entries */
    size_t max_entries;
    size_t head;    /* where the next entry goes */
    uint64_t first; /* sequence number of the oldest entry; equal to `next` if there is none */
    uint64_t next;  /* of the next entry */
};

/* With max_entries 0 nothing is kept, only counted. */
void ring_init(struct ring *ring, size_t max_entries);
void ring_deinit(struct ring *ring);

/* Room for a new entry of `len` bytes, aligned for any type; NULL if it is not kept. */
void *ring_add(struct ring *ring, size_t len);

void *ring_get(const struct ring *ring, uint64_t seq);

#endif
