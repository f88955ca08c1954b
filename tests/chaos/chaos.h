/* A chaos run: daemons, Redis, a fake Pusher and the wires between them, all of which fail at
 * random while jobs flow, and the books that show what came of it.
 *
 *   work     which jobs there are and which events they hold
 *   stage    the processes: Redis, the fake, the daemons, each behind a relay of its own
 *   relay    the wire between a daemon and Redis: cut, stalled, slowed, or losing replies
 *   traffic  jobs in, each exactly once; outcomes out, as they appear
 *   trouble  what goes wrong and when: the timeline
 *   ledger   what was delivered and decided, and what a second delivery is owed to
 *   report   the figures
 */
#ifndef TESTS_CHAOS_CHAOS_H
#define TESTS_CHAOS_CHAOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#define CHAOS_MAX_DAEMONS 16

/* As the daemons are configured. */
#define CHAOS_TIMEOUT_MS    1500
#define CHAOS_LEASE_MS      4000
#define CHAOS_MAX_IN_FLIGHT 16
#define CHAOS_BATCH         10

struct chaos_options {
    size_t n_jobs;
    unsigned n_channels;
    unsigned n_daemons;
    unsigned n_kills;
    unsigned n_freezes;
    unsigned n_redis_restarts;
    unsigned n_wire_faults;
    double http_faults; /* how many times as often as usual; 0: none */
    uint64_t seed;
    bool check_order;
    unsigned give_up_s; /* without any outcome for so long, what is missing is lost */
};

/* Of what is compared with the fake's record and with ids of stream entries. */
static inline int64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* xorshift64*: the state is any number but 0. */
static inline uint64_t dice(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

/* From `least` to `most`. */
static inline int64_t dice_between(uint64_t *state, int64_t least, int64_t most)
{
    return least + (int64_t)((dice(state) >> 16) % (uint64_t)(most - least + 1));
}

#endif
