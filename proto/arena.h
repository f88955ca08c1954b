/* An arena: memory that is freed all at once.
 *
 * Allocation bumps a pointer; blocks are added as needed up to a cap given at init. arena_reset()
 * keeps the first block, so an arena that is reset for each job allocates nothing in the steady
 * state. */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *first; /* owned; kept by arena_reset() */
    struct arena_block *last;
    size_t used;      /* bytes handed out since the last reset */
    size_t max_bytes; /* of `used`; beyond it arena_alloc() gives NULL */
    bool is_starved;  /* memory ran out since the last reset, rather than the cap */
};

/* No allocation happens before the first arena_alloc(). */
void arena_init(struct arena *arena, size_t max_bytes);

/* Frees every block; a zeroed arena is allowed. */
void arena_deinit(struct arena *arena);

/* Everything handed out becomes invalid. */
void arena_reset(struct arena *arena);

/* `size` bytes, aligned for any type; NULL when out of memory or over the cap. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((warn_unused_result));

/* Gives back the end of what arena_alloc() handed out last, `memory` of `size` bytes; the first
 * `kept` of them stay. */
void arena_shrink(struct arena *arena, void *memory, size_t size, size_t kept);

#endif
