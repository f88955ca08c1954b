/* The spools of a source, and their files: made, written, removed, closed. */
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"
#include "lib/require.h"

#define LOG_AGAIN_MS 60000 /* of trouble that lasts */

struct spool_place source_spool_place(const struct source *source)
{
    return (struct spool_place){source->spool_dir, source->spool_server, source->queue->list};
}

struct source_spool *source_new_spool(struct source *source, const char *consumer)
{
    struct spool_place place = source_spool_place(source);
    struct source_spool *spool = calloc(1, sizeof(*spool));

    REQUIRE(spool); /* a few kilobytes; a source cannot be without one */
    (void)snprintf(spool->consumer, sizeof(spool->consumer), "%s", consumer);
    keys_consumer(source->queue->list, KEYS_INFLIGHT, consumer, spool->inflight_key);
    list_init(&spool->late);
    spool->has_journal = source->spool_dir != NULL;
    if (spool->has_journal)
        spool_journal_init(&spool->journal, source->loop, &place,
                           source->context->config->spool_max_bytes, spool->consumer);
    list_push(&source->spools, &spool->link);
    return spool;
}

void source_open_spool(struct source *source)
{
    source->spool = source_new_spool(source, source->consumer);
    source->is_spooling = false;
    source->spooling_since_ms = 0;
}

static void free_spool(struct source_spool *spool)
{
    list_remove(&spool->link);
    source_free_late(spool);
    if (spool->has_journal)
        spool_journal_deinit(&spool->journal);
    free(spool->file);
    free(spool);
}

void source_deinit(struct source *source)
{
    if (source->context) {
        LIST_FOREACH(link, &source->spools)
        free_spool(LIST_ENTRY(link, struct source_spool, link));
    }
    free(source->parking);
    memset(source, 0, sizeof(*source));
}

static void log_full(struct source *source)
{
    uint64_t now_ms = source->spool_run_ms;

    if (now_ms < source->full_logged_ms + LOG_AGAIN_MS && source->full_logged_ms > 0)
        return;
    source->full_logged_ms = now_ms;
    log_event(LOG_ERR, "spool", "the spool is full: outcomes are kept in memory only",
              LOG_TEXT("queue", source->queue->name),
              LOG_NUMBER("max_bytes", source->context->config->spool_max_bytes));
}

bool source_journal_add(struct source *source, struct source_spool *spool, const char *frame,
                        size_t len)
{
    int added = spool->has_journal ? spool_journal_add(&spool->journal, frame, len) : SPOOL_FULL;

    if (added == SPOOL_FULL && spool->has_journal)
        log_full(source);
    return added == SPOOL_ADDED;
}

bool source_has_journal(const struct source *source)
{
    const struct source_spool *spool = source->spool;

    return source->is_spooling || (spool->has_journal && !spool_journal_is_idle(&spool->journal));
}

static bool is_settled(const struct source *source, const struct source_spool *spool)
{
    if (spool == source->spool && source->is_spooling)
        return false;
    return spool->n_spooled == 0 && spool->n_late == 0 && spool->n_calls == 0;
}

static void log_settled(const struct source *source, const struct source_spool *spool)
{
    if (spool->n_settled + spool->n_gone > 0)
        log_event(LOG_NOTICE, "spool", "outcomes of an earlier consumer are settled",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("consumer", spool->consumer),
                  LOG_NUMBER("settled", spool->n_settled), LOG_NUMBER("late", spool->n_gone));
}

static void log_trouble(struct source *source, const struct spool_journal *journal, uint64_t now_ms)
{
    if (journal->error == 0 || journal->task != SPOOL_NO_TASK ||
        (source->error_logged_ms > 0 && now_ms < source->error_logged_ms + LOG_AGAIN_MS))
        return;
    source->error_logged_ms = now_ms;
    log_event(LOG_ERR, "spool", "the spool cannot be written: outcomes are kept in memory only",
              LOG_TEXT("queue", source->queue->name), LOG_TEXT("file", journal->path),
              LOG_TEXT("error", spool_journal_why(journal)));
}

/* A file that is settled is removed; then, of an earlier consumer, all there is. */
static void run_spool(struct source *source, struct source_spool *spool, uint64_t now_ms)
{
    bool settled = is_settled(source, spool);
    bool is_idle = !spool->has_journal || spool_journal_is_idle(&spool->journal);

    if (settled && is_idle && spool != source->spool) {
        log_settled(source, spool);
        free_spool(spool);
        source->next_beat_ms = now_ms; /* its jobs may be taken over now */
        return;
    }
    if (!spool->has_journal)
        return;
    log_trouble(source, &spool->journal, now_ms);
    if (settled && !is_idle)
        spool_journal_drop(&spool->journal);
    spool_journal_run(&spool->journal, now_ms);
}

void source_run_spools(struct source *source, uint64_t now_ms)
{
    bool is_away = source_watch_redis(source, now_ms);

    LIST_FOREACH(link, &source->spools)
    {
        struct source_spool *spool = LIST_ENTRY(link, struct source_spool, link);

        if (is_away)
            source_spool_late(source, spool);
        run_spool(source, spool, now_ms);
    }
}

uint64_t source_spool_wake_at(const struct source *source, uint64_t now_ms)
{
    uint64_t at = source_away_at(source, now_ms);

    if (!source->spool_dir)
        return at;
    LIST_FOREACH(link, &source->spools)
    {
        uint64_t retry_at = LIST_ENTRY(link, struct source_spool, link)->journal.retry_at_ms;

        at = retry_at > now_ms && retry_at < at ? retry_at : at;
    }
    return at;
}

void source_close_spools(struct source *source)
{
    if (source->spool_dir)
        source_spool_unsettled(source);
    source->spools_are_closed = true;
    LIST_FOREACH(link, &source->spools)
    {
        struct source_spool *spool = LIST_ENTRY(link, struct source_spool, link);

        source_spool_late(source, spool);
        if (spool->has_journal)
            spool_journal_close(&spool->journal);
    }
}
