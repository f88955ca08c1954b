#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>

#include "lib/decimal.h"

static void expect_written(uint64_t number)
{
    char wanted[32], got[DECIMAL_MAX];
    size_t len;

    for (size_t min = 1; min <= DECIMAL_MAX; min++) {
        (void)snprintf(wanted, sizeof(wanted), "%0*" PRIu64, (int)min, number);
        len = decimal_write_padded(got, number, min);
        cr_assert_eq(len, strlen(wanted), "%" PRIu64, number);
        cr_assert_arr_eq(got, wanted, len);
        cr_assert_eq(decimal_read(got, len), number);
    }
    (void)snprintf(wanted, sizeof(wanted), "%" PRIu64, number);
    len = decimal_write(got, number);
    cr_assert_eq(len, strlen(wanted));
    cr_assert_arr_eq(got, wanted, len);
}

Test(decimal, digits_are_those_of_printf)
{
    expect_written(0);
    expect_written(UINT64_MAX);
    for (uint64_t number = 1; number < UINT64_MAX / 10; number *= 10) {
        expect_written(number - 1);
        expect_written(number);
        expect_written(number * 9 + 7);
    }
}
