/* The daemon's clocks. Monotonic milliseconds drive everything; wall-clock seconds only sign
 * requests.
 *
 * They go on while the machine is suspended, as leases do: a daemon that wakes up must see that its
 * own ran out before it sends. libuv's timers stand still then. So what they are set to is a span,
 * and whether it is time is asked of clock_ms() when something wakes the loop. */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline int64_t clock_unix_s(void)
{
    return (int64_t)time(NULL);
}

#endif
