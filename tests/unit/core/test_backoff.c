#include <criterion/criterion.h>

#include "daemon/core/backoff.h"

#define DRAWS 20000

Test(backoff, random_repeats_by_its_seed)
{
    uint64_t a = 1, b = 1, c = 2;

    for (int i = 0; i < 100; i++)
        cr_assert_eq(backoff_random(&a), backoff_random(&b));
    cr_expect_neq(backoff_random(&a), backoff_random(&c));
}

Test(backoff, draws_evenly_from_one_to_the_limit)
{
    uint64_t random = 3, min = UINT64_MAX, max = 0, sum = 0;

    for (int i = 0; i < DRAWS; i++) {
        uint64_t ms = backoff_ms(3, 100, 10000, &random);

        min = ms < min ? ms : min;
        max = ms > max ? ms : max;
        sum += ms;
    }
    cr_expect_geq(min, 1);
    cr_expect_leq(min, 5);
    cr_expect_leq(max, 400);
    cr_expect_geq(max, 396);
    cr_expect(sum / DRAWS > 190 && sum / DRAWS < 210, "the mean is %lu", sum / DRAWS);
}

static uint64_t highest(unsigned n, uint64_t base_ms, uint64_t cap_ms)
{
    uint64_t random = 5, max = 0;

    for (int i = 0; i < DRAWS; i++) {
        uint64_t ms = backoff_ms(n, base_ms, cap_ms, &random);

        max = ms > max ? ms : max;
    }
    return max;
}

Test(backoff, doubles_with_each_try_up_to_the_cap)
{
    cr_expect_eq(highest(1, 10, 1000), 10);
    cr_expect_eq(highest(2, 10, 1000), 20);
    cr_expect_eq(highest(4, 10, 1000), 80);
    cr_expect_eq(highest(40, 10, 100), 100);
    cr_expect_eq(highest(1, 500, 100), 100);
}

Test(backoff, waits_at_least_a_millisecond)
{
    uint64_t random = 1;

    cr_expect_eq(backoff_ms(1, 0, 1000, &random), 1);
    cr_expect_eq(backoff_ms(1, 1, 1000, &random), 1);
    cr_expect_eq(backoff_ms(9, 100, 0, &random), 1);
}

Test(backoff, takes_any_number_of_tries_in_no_time, .timeout = 10)
{
    uint64_t random = 1;

    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(backoff_ms(UINT32_MAX, 0, 1000, &random), 1);
        cr_assert_leq(backoff_ms(UINT32_MAX, 3, UINT64_MAX / 2 + 5, &random), UINT64_MAX / 2 + 5);
    }
}
