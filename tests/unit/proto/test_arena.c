#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "proto/arena.h"

Test(arena, hands_out_memory_that_is_aligned_and_does_not_overlap)
{
    struct arena arena;
    unsigned char *pieces[64];

    arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < 64; i++) {
        pieces[i] = arena_alloc(&arena, i * 7 + 1);
        cr_assert_not_null(pieces[i]);
        cr_assert_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)i, i * 7 + 1);
    }
    for (size_t i = 0; i < 64; i++) {
        for (size_t k = 0; k < i * 7 + 1; k++)
            cr_assert_eq(pieces[i][k], i);
    }
    arena_deinit(&arena);
}

Test(arena, refuses_what_is_over_its_cap)
{
    struct arena arena;

    arena_init(&arena, 4096);
    cr_assert_null(arena_alloc(&arena, 4097));
    cr_assert_not_null(arena_alloc(&arena, 4000));
    cr_assert_null(arena_alloc(&arena, 4000));
    cr_assert_not_null(arena_alloc(&arena, 16));
    arena_deinit(&arena);
}

Test(arena, refuses_sizes_near_the_end_of_memory)
{
    struct arena arena;

    arena_init(&arena, SIZE_MAX);
    for (size_t less = 0; less < 32; less++)
        cr_assert_null(arena_alloc(&arena, SIZE_MAX - less));
    cr_assert_not_null(arena_alloc(&arena, 1));
    arena_deinit(&arena);
}

Test(arena, gives_memory_even_for_a_size_of_zero)
{
    struct arena arena;
    void *first, *second;

    arena_init(&arena, 64);
    first = arena_alloc(&arena, 0);
    second = arena_alloc(&arena, 0);
    cr_assert_not_null(first);
    cr_assert_neq(first, second);
    arena_deinit(&arena);
}

Test(arena, keeps_its_first_block_over_a_reset)
{
    struct arena arena;
    void *first;

    arena_init(&arena, 1 << 20);
    first = arena_alloc(&arena, 100);
    for (int i = 0; i < 100; i++)
        cr_assert_not_null(arena_alloc(&arena, 1000));
    arena_reset(&arena);
    cr_assert_eq(arena.used, 0);
    cr_assert_eq(arena_alloc(&arena, 100), first);
    arena_deinit(&arena);
}

Test(arena, can_hand_out_its_whole_cap_again_after_a_reset)
{
    struct arena arena;

    arena_init(&arena, 1024);
    for (int i = 0; i < 10; i++) {
        cr_assert_not_null(arena_alloc(&arena, 1024));
        cr_assert_null(arena_alloc(&arena, 1));
        arena_reset(&arena);
    }
    arena_deinit(&arena);
}

Test(arena, hands_out_again_what_was_given_back)
{
    struct arena arena;
    unsigned char *first, *second;

    arena_init(&arena, 4096);
    first = arena_alloc(&arena, 4000);
    memset(first, 1, 4000);
    arena_shrink(&arena, first, 4000, 100);
    second = arena_alloc(&arena, 3900);
    cr_assert_geq(second, first + 100);
    memset(second, 2, 3900);
    cr_assert_eq(first[99], 1);
    arena_deinit(&arena);
}

Test(arena, gives_back_only_what_it_handed_out_last)
{
    struct arena arena;
    unsigned char *first, *second;

    arena_init(&arena, 4096);
    first = arena_alloc(&arena, 100);
    second = arena_alloc(&arena, 100);
    arena_shrink(&arena, first, 100, 0);
    memset(first, 1, 100);
    memset(second, 2, 100);
    cr_assert_eq(first[99], 1);
    cr_assert_gt((unsigned char *)arena_alloc(&arena, 100), second);
    arena_deinit(&arena);
}

Test(arena, can_be_deinited_zeroed_twice_and_then_used)
{
    struct arena arena = {0};

    arena_deinit(&arena);
    arena_reset(&arena);
    arena_init(&arena, 128);
    cr_assert_not_null(arena_alloc(&arena, 128));
    arena_deinit(&arena);
    arena_deinit(&arena);
    cr_assert_not_null(arena_alloc(&arena, 128));
    arena_deinit(&arena);
}
