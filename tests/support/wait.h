/* Waiting for what must come true, with a bound: wait_until(fake_event_count(&fake) == 3, 5000). */
#ifndef TESTS_SUPPORT_WAIT_H
#define TESTS_SUPPORT_WAIT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_LONG_MS 30000 /* more than anything takes on a slow, busy machine */

static inline uint64_t wait_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* How much longer everything may take: $TESTS_PATIENCE, for programs under valgrind; else 1. */
static inline uint64_t wait_patience(void)
{
    const char *times = getenv("TESTS_PATIENCE");
    return times && atoi(times) > 0 ? (uint64_t)atoi(times) : 1;
}

/* True as soon as the condition holds, looked at every 2 ms and once more at the end. */
#define wait_within(condition, timeout_ms)                                                         \
    __extension__({                                                                                \
        uint64_t wait_end_ms_ = wait_now_ms() + (uint64_t)(timeout_ms);                            \
        bool wait_holds_;                                                                          \
        while (!(wait_holds_ = (condition)) && wait_now_ms() < wait_end_ms_) {                     \
            poll(NULL, 0, 2);                                                                      \
        }                                                                                          \
        wait_holds_;                                                                               \
    })

/* The same of what must come true: for longer where everything takes longer. */
#define wait_until(condition, timeout_ms)                                                          \
    wait_within(condition, (uint64_t)(timeout_ms)*wait_patience())

#endif
