/* The daemon's clocks. Monotonic milliseconds drive everything; wall-clock seconds only sign
 * requests. */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static inline int64_t clock_unix_s(void)
{
    return (int64_t)time(NULL);
}

#endif
