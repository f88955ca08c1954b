#include "daemon/core/backoff.h"

uint64_t backoff_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

uint64_t backoff_ms(unsigned n, uint64_t base_ms, uint64_t cap_ms, uint64_t *random)
{
    uint64_t limit = base_ms;

    for (unsigned i = 1; i < n && limit > 0 && limit < cap_ms; i++)
        limit = limit > cap_ms / 2 ? cap_ms : limit * 2;
    if (limit > cap_ms)
        limit = cap_ms;
    return limit < 2 ? 1 : 1 + backoff_random(random) % limit;
}
