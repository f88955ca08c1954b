/* Partitions: lists that one daemon has at a time, so that order is kept across daemons.
 *
 * A daemon asks for every list of the queue, at each beat. Whoever finds another's lease there
 * waits, and leaves word of how many it has; the owner hears of it with its own beat. If it has
 * more than one more, it gives this list up: it claims nothing more, lets what it holds finish, and
 * closes the lease. One at a time, and not again before those that wait have had time to say what
 * they have now: so the lists are spread evenly, and then stay where they are. */
#include "daemon/log.h"
#include "daemon/source_private.h"

#define YIELD_BEATS 3 /* before the next list is given up, or this one is asked for again */

static bool is_sibling(const struct source *a, const struct source *b)
{
    return a->queue->partitions > 0 && a->queue->family == b->queue->family;
}

unsigned source_n_owned(const struct source *source)
{
    const struct source_context *context = source->context;
    unsigned n = 0;

    for (size_t i = 0; i < context->config->n_queues; i++) {
        const struct source *each = &context->sources[i];

        n += each->is_open && is_sibling(source, each) && each->lease == LEASE_HELD &&
             !each->is_yielding;
    }
    return n;
}

void source_hear_waiting(struct source *source, long long least_owned, uint64_t now_ms)
{
    struct source_context *context = source->context;

    if (least_owned < 0 || context->stopping || source->is_yielding ||
        now_ms < context->next_yield_ms || source_n_owned(source) <= (unsigned)least_owned + 1)
        return;
    log_event(LOG_NOTICE, "partition", "the list is given to another daemon",
              LOG_TEXT("queue", source->queue->name));
    source->is_yielding = true;
    context->next_yield_ms = now_ms + YIELD_BEATS * context->beat_ms;
}

void source_yielded(struct source *source, uint64_t now_ms)
{
    source->is_yielding = false;
    source->lease = LEASE_NONE;
    source->next_beat_ms = now_ms;
    if (source->queue->partitions > 0) /* else it has come back to the configuration */
        source->next_beat_ms += YIELD_BEATS * source->context->beat_ms;
}
