/* Blocks form a chain in the order they were made; only the last one is bumped. The first is small,
 * since most jobs need little, and each further one is twice as large as the one before, up to a
 * bound; what is larger still gets a block of its own size. What was not handed out is poisoned, so
 * that AddressSanitizer sees a write beyond a piece as it would beyond a malloc'ed one. */
#include "proto/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(memory, size)   ((void)(memory), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(memory, size) ((void)(memory), (void)(size))
#endif

#define FIRST_BLOCK_BYTES 2048
#define BLOCK_BYTES_MAX   65536

struct arena_block {
    struct arena_block *next; /* owned */
    size_t size;              /* bytes of `memory` */
    size_t used;
    _Alignas(max_align_t) unsigned char memory[];
};

static bool round_up(size_t size, size_t *ret_size)
{
    const size_t align = _Alignof(max_align_t);

    if (size > SIZE_MAX - align)
        return false;
    *ret_size = size == 0 ? align : (size + align - 1) / align * align;
    return true;
}

static size_t next_block_size(const struct arena *arena, size_t needed)
{
    size_t size = FIRST_BLOCK_BYTES - sizeof(struct arena_block);

    if (arena->last)
        size = arena->last->size < BLOCK_BYTES_MAX / 2 ? arena->last->size * 2 : BLOCK_BYTES_MAX;
    return size < needed ? needed : size;
}

static struct arena_block *add_block(struct arena *arena, size_t needed)
{
    size_t size = next_block_size(arena, needed);
    struct arena_block *block;

    if (size > SIZE_MAX - sizeof(*block))
        return NULL;
    block = malloc(sizeof(*block) + size);
    if (!block) {
        arena->is_starved = true;
        return NULL;
    }
    block->next = NULL;
    block->size = size;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->memory, size);
    if (arena->last)
        arena->last->next = block;
    else
        arena->first = block;
    arena->last = block;
    return block;
}

static void free_blocks(struct arena_block *block)
{
    while (block) {
        struct arena_block *next = block->next;
        free(block);
        block = next;
    }
}

void arena_init(struct arena *arena, size_t max_bytes)
{
    *arena = (struct arena){.max_bytes = max_bytes};
}

void arena_deinit(struct arena *arena)
{
    free_blocks(arena->first);
    *arena = (struct arena){.max_bytes = arena->max_bytes};
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
    arena->is_starved = false;
    if (!arena->first)
        return;
    free_blocks(arena->first->next);
    arena->first->next = NULL;
    arena->first->used = 0;
    ASAN_POISON_MEMORY_REGION(arena->first->memory, arena->first->size);
    arena->last = arena->first;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->last;
    size_t rounded;
    void *memory;

    if (!round_up(size, &rounded) || rounded > arena->max_bytes - arena->used)
        return NULL;
    if (!block || rounded > block->size - block->used)
        block = add_block(arena, rounded);
    if (!block)
        return NULL;
    memory = block->memory + block->used;
    ASAN_UNPOISON_MEMORY_REGION(memory, size);
    block->used += rounded;
    arena->used += rounded;
    return memory;
}

void arena_shrink(struct arena *arena, void *memory, size_t size, size_t kept)
{
    struct arena_block *block = arena->last;
    size_t before, after;

    if (!round_up(size, &before) || !round_up(kept, &after) || after > before ||
        block->memory + block->used - before != (unsigned char *)memory)
        return;
    block->used -= before - after;
    arena->used -= before - after;
    ASAN_POISON_MEMORY_REGION((unsigned char *)memory + after, before - after);
}
