/* Backoff: how long to wait before trying again. */
#ifndef DAEMON_CORE_BACKOFF_H
#define DAEMON_CORE_BACKOFF_H

#include <stdint.h>

/* A small random generator (xorshift64*). The seed must not be 0. */
uint64_t backoff_random(uint64_t *state);

/* Full jitter: evenly from 1 to min(cap_ms, base_ms * 2^(n-1)), for the n-th try that failed, n
 * >= 1. */
uint64_t backoff_ms(unsigned n, uint64_t base_ms, uint64_t cap_ms, uint64_t *random);

#endif
