/* Why it is as it is:
 *
 * Once a round trip. A decrease begins a new epoch. What was sent before it and fails after it
 * tells the same thing once more, so a hundred timeouts of one stall are one decrease.
 *
 * From where it was. A timeout comes seconds after the attempt that had no room at the server. What
 * counts is how many were in flight when that was sent, not how many are by now.
 *
 * Growth needs proof. The limit grows only by answers to attempts during which it was reached: an
 * app with little to send learns nothing about more. Attempts that are stuck take up room, but are
 * no proof: while there are many, the limit stays.
 *
 * The shortest round trip of a window says whether there is a queue. In a queue every request
 * waits; noise of a busy machine or network delays some of them, and rarely all for two windows in
 * a row. The window is compared with the base, the shortest ever: no queue of our own can hide in
 * that, as it could in an average. A base that has become wrong, since the way to the server is
 * longer now, looks like a queue; then the limit sinks to the floor, where no queue is ours, and
 * what is measured there is the new base. So is what is measured while little is sent. */
#include "daemon/core/limiter.h"

#include "lib/require.h"

#define UNKNOWN UINT64_MAX

static unsigned min_u(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned max_u(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static unsigned floor_of(const struct limiter *limiter)
{
    return min_u(LIMITER_FLOOR, limiter->max);
}

static void start_window(struct limiter *limiter, uint64_t now_ms)
{
    limiter->window++;
    limiter->window_started_ms = now_ms;
    limiter->window_min_ms = UNKNOWN;
    limiter->n_samples = 0;
    limiter->most_in_flight = limiter->n_in_flight;
    limiter->n_sent_before = limiter->n_sent_in_it;
    limiter->n_sent_in_it = 0;
}

void limiter_init(struct limiter *limiter, unsigned max, bool is_fixed)
{
    *limiter = (struct limiter){
        .limit = is_fixed ? max : min_u(LIMITER_START, max),
        .max = max,
        .is_fixed = is_fixed,
        .slow_start_to = max,
        .base_ms = UNKNOWN,
    };
    start_window(limiter, 0);
}

void limiter_configure(struct limiter *limiter, unsigned max, bool is_fixed)
{
    bool is_free = limiter->is_fixed || limiter->slow_start_to == limiter->max;
    unsigned limit = limiter->is_fixed ? LIMITER_START : limiter->limit;

    limiter->max = max;
    limiter->slow_start_to = is_free ? max : min_u(limiter->slow_start_to, max);
    limiter->limit = is_fixed ? max : max_u(min_u(limit, max), floor_of(limiter));
    limiter->is_fixed = is_fixed;
}

void limiter_sent(struct limiter *limiter, struct limiter_attempt *ret_attempt, uint64_t now_ms)
{
    if (limiter->n_in_flight == 0 && limiter->n_samples == 0)
        limiter->window_started_ms = now_ms;
    limiter->n_in_flight++;
    limiter->n_sent_in_it++;
    if (limiter->n_in_flight > limiter->most_in_flight)
        limiter->most_in_flight = limiter->n_in_flight;
    if (limiter->n_in_flight >= limiter->limit)
        limiter->full_ms = now_ms;
    *ret_attempt =
        (struct limiter_attempt){now_ms, limiter->n_in_flight, limiter->epoch, limiter->window};
}

void limiter_ended(struct limiter *limiter, const struct limiter_attempt *attempt)
{
    REQUIRE(limiter->n_in_flight > 0);
    limiter->n_in_flight--;
    if (attempt->window == limiter->window)
        limiter->n_sent_in_it--;
    else if (attempt->window + 1 == limiter->window)
        limiter->n_sent_before--;
}

static void decrease(struct limiter *limiter, unsigned limit, enum limiter_cause cause,
                     uint64_t now_ms)
{
    limit = max_u(limit, floor_of(limiter));
    limiter->n_decreases[cause] += limit < limiter->limit;
    limiter->limit = limiter->slow_start_to = limit;
    limiter->credit = 0;
    limiter->n_slow = 0;
    limiter->epoch++;
    start_window(limiter, now_ms);
}

void limiter_overloaded(struct limiter *limiter, const struct limiter_attempt *attempt,
                        enum limiter_cause cause, uint64_t now_ms)
{
    unsigned limit = min_u(limiter->limit, attempt->n_in_flight) * 7 / 10;

    limiter_ended(limiter, attempt);
    if (!limiter->is_fixed && attempt->epoch == limiter->epoch)
        decrease(limiter, max_u(limit, limiter->limit / 2), cause, now_ms);
}

void limiter_restart(struct limiter *limiter, uint64_t now_ms)
{
    if (limiter->is_fixed)
        return;
    limiter->slow_start_to = limiter->limit;
    limiter->limit = floor_of(limiter);
    limiter->credit = 0;
    limiter->n_slow = 0;
    limiter->epoch++;
    start_window(limiter, now_ms);
}

static void grow(struct limiter *limiter, const struct limiter_attempt *attempt)
{
    unsigned n_stuck = limiter->n_in_flight - limiter->n_sent_in_it - limiter->n_sent_before;

    if (limiter->limit == limiter->max || limiter->full_ms < attempt->sent_ms ||
        limiter->n_slow > 0 || n_stuck > limiter->limit / 4)
        return;
    if (limiter->limit >= limiter->slow_start_to && ++limiter->credit < limiter->limit)
        return;
    limiter->credit = 0;
    limiter->limit++;
}

static uint64_t tolerated_ms(uint64_t base_ms)
{
    return base_ms + (base_ms / 2 > LIMITER_TOLERANCE_MS ? base_ms / 2 : LIMITER_TOLERANCE_MS);
}

static bool is_too_slow(const struct limiter *limiter)
{
    return limiter->base_ms != UNKNOWN && limiter->window_min_ms > tolerated_ms(limiter->base_ms);
}

/* At the floor it is the way to the server that has become longer: all that was concluded from its
 * round trips was wrong, and the limit is looked for anew. */
static void learn_base(struct limiter *limiter)
{
    bool at_rest = limiter->most_in_flight <= LIMITER_FLOOR;

    if (at_rest && is_too_slow(limiter) && limiter->limit == floor_of(limiter))
        limiter->slow_start_to = limiter->max;
    if (at_rest || limiter->window_min_ms < limiter->base_ms)
        limiter->base_ms = limiter->window_min_ms;
}

/* By Little's law the limit that makes the queue as long as is tolerated. */
static unsigned limit_without_queue(const struct limiter *limiter)
{
    uint64_t limit = limiter->limit * tolerated_ms(limiter->base_ms) / limiter->window_min_ms;

    return max_u(min_u((unsigned)limit, limiter->limit * 9 / 10), limiter->limit / 2);
}

static void judge_window(struct limiter *limiter, uint64_t now_ms)
{
    bool was_full = limiter->full_ms >= limiter->window_started_ms;

    learn_base(limiter);
    if (!was_full || !is_too_slow(limiter)) {
        limiter->n_slow = 0;
        start_window(limiter, now_ms);
        return;
    }
    limiter->slow_start_to = min_u(limiter->slow_start_to, limiter->limit);
    if (++limiter->n_slow < 2) {
        start_window(limiter, now_ms);
        return;
    }
    decrease(limiter, limit_without_queue(limiter), LIMITER_SLOW, now_ms);
    limiter->n_slow = 1; /* one more such window is enough, until one is not */
}

/* A window takes longer than a round trip, so that what was sent in the one before the last is
 * stuck. In slow start it is as short as can be: the limit doubles meanwhile. */
static bool window_is_over(const struct limiter *limiter, uint64_t now_ms)
{
    uint64_t took_ms = now_ms - limiter->window_started_ms;
    uint64_t base_ms = limiter->base_ms;

    if (limiter->n_samples < LIMITER_WINDOW_SAMPLES || took_ms < LIMITER_TOLERANCE_MS)
        return false;
    if (limiter->limit >= limiter->slow_start_to && took_ms < LIMITER_WINDOW_MS)
        return false;
    if (limiter->window_min_ms < base_ms)
        base_ms = limiter->window_min_ms;
    return took_ms >= tolerated_ms(base_ms);
}

void limiter_succeeded(struct limiter *limiter, const struct limiter_attempt *attempt,
                       bool comparable, uint64_t now_ms)
{
    uint64_t took_ms = now_ms - attempt->sent_ms;

    limiter_ended(limiter, attempt);
    if (limiter->is_fixed || attempt->epoch != limiter->epoch)
        return;
    grow(limiter, attempt);
    if (!comparable)
        return;
    limiter->n_samples++;
    if (took_ms < limiter->window_min_ms)
        limiter->window_min_ms = took_ms;
    if (window_is_over(limiter, now_ms))
        judge_window(limiter, now_ms);
}
