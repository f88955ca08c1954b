#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/delivery_pool.h"

static void expect_zeros(const char *memory, size_t size)
{
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(memory[i], 0, "byte %zu of %zu", i, size);
}

/* Sizes around each step of 256, and beyond what is kept. */
Test(delivery_pool, gives_zeros_of_any_size_new_or_used)
{
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 6000; size += 85) {
            char *memory = delivery_pool_take(size);

            cr_assert(memory);
            expect_zeros(memory, size);
            memset(memory, 0xff, size);
            delivery_pool_give(memory, size);
        }
    }
    delivery_pool_clear();
}

Test(delivery_pool, many_that_end_at_once_are_given_back)
{
    enum { N = 5000, SIZE = 900 };
    static void *memory[N];

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < N; i++)
            cr_assert(memory[i] = delivery_pool_take(SIZE));
        for (size_t i = 0; i < N; i++)
            delivery_pool_give(memory[i], SIZE);
    }
    delivery_pool_clear();
}

#ifndef __SANITIZE_ADDRESS__
Test(delivery_pool, what_has_ended_is_used_again)
{
    void *memory = delivery_pool_take(700);

    delivery_pool_give(memory, 700);
    cr_expect_eq(delivery_pool_take(513), memory, "it has the same size, rounded up");
    delivery_pool_give(memory, 513);
    delivery_pool_clear();
}
#endif
