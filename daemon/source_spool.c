/* The own consumer's journal.
 *
 *   not spooling  --Redis is away, and jobs are held-->  spooling
 *   spooling      --it is back, and has acknowledged all-->  not spooling
 *
 * While spooling, each outcome that is decided is added to the journal, and so is the progress of
 * jobs that are only delivered in part. What was on its way to Redis when it fell silent is added
 * as well: it may or may not have got there, and settling it twice does no harm. */
#include "daemon/source_spool.h"

#include "daemon/log.h"
#include "daemon/settle.h"
#include "daemon/source_private.h"

#define AWAY_AFTER_MS 250 /* an acknowledgement takes a healthy Redis a few */

/* ---- encoding */

static void on_arg(const char *bytes, size_t len, void *data)
{
    spool_frame_string(data, bytes, len);
}

bool source_encode(const struct source *source, const struct delivery *delivery, bool is_progress,
                   struct spool_bytes *out)
{
    struct script_call *call = script_call_new(&script_settle);
    struct settlement settlement = source_settlement(source);
    size_t begin;
    bool is_whole;

    if (!call)
        return false;
    if (is_progress)
        settle_add_progress(call, &settlement, delivery);
    else
        settle_add(call, &settlement, delivery);
    begin = spool_frame_begin(out);
    is_whole = script_each_arg(call, 0, on_arg, out);
    spool_frame_end(out, begin);
    script_call_free(call);
    return is_whole && !out->out_of_memory;
}

static bool journal(struct source *source, const struct delivery *delivery, bool is_progress)
{
    struct spool_bytes frame = {0};
    bool added = source_encode(source, delivery, is_progress, &frame) &&
                 source_journal_add(source, source->spool, frame.bytes, frame.len);

    spool_bytes_deinit(&frame);
    if (!added || source->spooling_since_ms > 0)
        return added;
    source->spooling_since_ms = source->spool_run_ms;
    log_event(LOG_WARNING, "spool", "Redis acknowledges no outcomes: they are kept in the spool",
              LOG_TEXT("queue", source->queue->name),
              LOG_TEXT("file", source->spool->journal.path));
    return true;
}

/* ---- what is spooled */

static bool redis_is_away(const struct source *source, uint64_t now_ms)
{
    uint64_t since_ms = now_ms;

    if (source->commands.state != REDIS_UP || source->settle_after_ms > now_ms)
        return true;
    if (!list_empty(&source->settling))
        since_ms = source_settling_since(source);
    if (source->n_progress > 0 && source->progress_since_ms < since_ms)
        since_ms = source->progress_since_ms;
    return now_ms - since_ms >= AWAY_AFTER_MS;
}

static bool is_partly_delivered(const struct job *job)
{
    if (job->fate != JOB_OPEN || job->abandoned)
        return false;
    for (uint32_t i = 0; i < job->n_parts; i++) {
        if (job->parts[i].state == PART_DELIVERED)
            return true;
    }
    return false;
}

static void begin(struct source *source)
{
    source->is_spooling = true;
    LIST_FOREACH(link, &source->held)
    {
        const struct delivery *delivery = LIST_ENTRY(link, struct delivery, held_link);

        if (is_partly_delivered(&delivery->job) && !journal(source, delivery, true))
            return;
    }
}

/* The progress that only the journal has is told to Redis, before the file is removed. */
static void end(struct source *source)
{
    source->is_spooling = false;
    LIST_FOREACH(link, &source->held)
    {
        struct delivery *delivery = LIST_ENTRY(link, struct delivery, held_link);

        if (is_partly_delivered(&delivery->job))
            source_keep_progress(source, delivery);
    }
    if (source->spooling_since_ms > 0)
        log_event(LOG_NOTICE, "spool", "Redis acknowledges outcomes again: the spool is settled",
                  LOG_TEXT("queue", source->queue->name),
                  LOG_NUMBER("outcomes", source->n_in_spool),
                  LOG_NUMBER("ms", source->spool_run_ms - source->spooling_since_ms));
    source->spooling_since_ms = 0;
    source->n_in_spool = 0;
}

static bool is_of_use(const struct job *job)
{
    return job->fate == JOB_DONE || job->fate == JOB_FAILED || job->fate == JOB_LATER ||
           job->fate == JOB_PARKED;
}

bool source_spool_delivery(struct source *source, struct delivery *delivery)
{
    if (delivery->spool || !is_of_use(&delivery->job))
        return true;
    if (!journal(source, delivery, false))
        return false;
    delivery->spool = source->spool;
    source->spool->n_spooled++;
    source->n_in_spool++;
    source->counters.spooled++;
    return true;
}

void source_spool_unsettled(struct source *source)
{
    source_spool_settling(source);
    LIST_FOREACH(link, &source->unsettled)
    {
        if (!source_spool_delivery(source, LIST_ENTRY(link, struct delivery, link)))
            return;
    }
}

void source_spool_progress(struct source *source, const struct delivery *delivery)
{
    if (source->is_spooling)
        (void)!journal(source, delivery, true);
}

void source_unspool(struct delivery *delivery)
{
    if (delivery->spool)
        delivery->spool->n_spooled--;
    delivery->spool = NULL;
}

/* What waits for Redis keeps no slots of the apps, so that other queues go on. But where that is
 * more than may be held, as results can be, the slots bound it: until the jobs that are not sent
 * are let go (source_rest()), and nothing comes to it any more. */
static bool may_free_slots(const struct source *source)
{
    return source->n_held_bytes <= source->max_bytes || source_is_resting(source);
}

bool source_watch_redis(struct source *source, uint64_t now_ms)
{
    bool is_away = redis_is_away(source, now_ms);

    source->spool_run_ms = now_ms;
    if (is_away && may_free_slots(source))
        source_free_slots(source);
    if (source->spool_dir && is_away && !source->is_spooling && source->n_held > 0)
        begin(source);
    if (source->is_spooling && is_away)
        source_spool_unsettled(source);
    else if (source->is_spooling && source->spool->n_spooled == 0)
        end(source);
    return is_away;
}

uint64_t source_away_at(const struct source *source, uint64_t now_ms)
{
    uint64_t at = UINT64_MAX, away_at;

    if (!list_empty(&source->settling)) {
        away_at = source_settling_since(source) + AWAY_AFTER_MS;
        at = away_at > now_ms ? away_at : at;
    }
    if (source->n_progress > 0) {
        away_at = source->progress_since_ms + AWAY_AFTER_MS;
        at = away_at > now_ms && away_at < at ? away_at : at;
    }
    return at;
}
