/* The daemon's clock, on a machine that sleeps. */
#include <criterion/criterion.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/clock.h"

static time_t asleep_s;

/* Instead of libc's: CLOCK_MONOTONIC stands still while the machine sleeps, CLOCK_BOOTTIME goes on.
 */
int clock_gettime(clockid_t id, struct timespec *ret_now)
{
    int status = (int)syscall(SYS_clock_gettime, id, ret_now);
    if (id == CLOCK_BOOTTIME) {
        ret_now->tv_sec += asleep_s;
    }
    return status;
}

/* Its leases run out in that time, and others take its jobs: it must know. */
Test(clock, counts_the_time_in_which_the_machine_sleeps)
{
    uint64_t before_ms = clock_ms(), after_ms;
    asleep_s = 3600;
    after_ms = clock_ms();
    cr_expect_geq(after_ms, before_ms + 3600000);
    cr_expect_lt(after_ms, before_ms + 3660000);
}
