#include "ring.h"

#include <stdlib.h>
#include <sys/mman.h>

#define ALIGNMENT 16u

void ring_init(struct ring *ring, size_t max_entries)
{
    *ring = (struct ring){.max_entries = max_entries, .first = 1, .next = 1};
    if (max_entries == 0) {
        return;
    }
    ring->offsets = calloc(max_entries, sizeof(ring->offsets[0]));
    ring->base = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ring->base == MAP_FAILED) {
        abort();
    }
    madvise(ring->base, RING_BYTES, MADV_HUGEPAGE); /* far fewer page faults while it fills */
}

void ring_deinit(struct ring *ring)
{
    free(ring->offsets);
    if (ring->base) {
        munmap(ring->base, RING_BYTES);
    }
    *ring = (struct ring){0};
}

static size_t oldest_offset(const struct ring *ring)
{
    return ring->offsets[ring->first % ring->max_entries];
}

/* Drops the oldest entries as long as they begin in [from, to). The entries behind the head are the
 * oldest ones, in order: the first of them that lies elsewhere ends it. */
static void drop_between(struct ring *ring, size_t from, size_t to)
{
    while (ring->first < ring->next && oldest_offset(ring) >= from && oldest_offset(ring) < to) {
        ring->first++;
    }
}

void *ring_add(struct ring *ring, size_t len)
{
    len = (len + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (ring->max_entries == 0 || len > RING_BYTES / 4) {
        ring->first = ++ring->next;
        return NULL;
    }
    if (ring->next - ring->first == ring->max_entries) {
        ring->first++;
    }
    if (ring->head + len > RING_BYTES) {
        drop_between(ring, ring->head, RING_BYTES);
        ring->head = 0;
    }
    drop_between(ring, ring->head, ring->head + len);
    void *entry = ring->base + ring->head;
    ring->offsets[ring->next++ % ring->max_entries] = ring->head;
    ring->head += len;
    return entry;
}

void *ring_get(const struct ring *ring, uint64_t seq)
{
    return ring->base + ring->offsets[seq % ring->max_entries];
}
