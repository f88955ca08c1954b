/* A source, and the configuration that was read again.
 *
 *   open --source_leave--> leaving --done, source_end--> ending --handles closed--> gone
 *             ^               |
 *             '-source_come_back
 *
 * Leaving is the giving up of a list (source_partition.c), for good. */
#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"

void source_change(struct source *source, const struct queue_config *queue)
{
    struct source_context *context = source->context;

    source->queue = queue;
    source_change_redis(source);
    LIST_FOREACH(link, &source->spools)
    LIST_ENTRY(link, struct source_spool, link)->journal.max_bytes =
        context->config->spool_max_bytes;
    source->next_beat_ms = clock_ms(); /* the lease may be for another time */
    if (queue->removed)
        return;
    source->max_jobs = source_share(source, context->max_jobs);
    source->max_bytes = source_share(source, context->max_bytes);
}

void source_leave(struct source *source)
{
    log_event(LOG_NOTICE, "reload", "the queue was removed: what is claimed of it is settled",
              LOG_TEXT("queue", source->queue->name), LOG_NUMBER("jobs", source->n_held));
    source->is_yielding = true;
}

void source_come_back(struct source *source)
{
    if (source->lease_is_closed)
        source->lease = LEASE_NONE;
    source->lease_is_closed = false;
    source->close_after_ms = 0;
    if (!source->close_is_out) /* else it is opened again when that is answered */
        source->is_yielding = false;
}

void source_end(struct source *source)
{
    source_close(source);
    source_close_spools(source);
}

static bool is_closed(const struct redis *redis)
{
    return redis->closing && redis->open_handles == 0;
}

bool source_is_gone(const struct source *source)
{
    if (!is_closed(&source->commands) || !is_closed(&source->wake) || source->scan_is_out)
        return false;
    LIST_FOREACH(link, &source->spools)
    {
        const struct spool_journal *journal = &LIST_ENTRY(link, struct source_spool, link)->journal;

        if (journal->task != SPOOL_NO_TASK)
            return false;
    }
    return true;
}
