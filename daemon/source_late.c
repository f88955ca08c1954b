/* Late outcomes: found in the spool directory, or left when a lease was lost.
 *
 * Jobs keep their claim ids when they are taken from a consumer. So an outcome can be settled as
 * long as nobody has claimed the job again, be it in the claims of its consumer or where it waits
 * (settle.lua looks in both). At the start that happens before the lease is opened, so before
 * anything is claimed; and a consumer that is found dead is reaped only when its file is settled.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/source_private.h"
#include "daemon/source_spool.h"

#define LATE_MAX 500 /* outcomes a call */

struct late_outcome {
    struct list link;
    struct pusher_string frame; /* in `bytes`, or in spool->file */
    bool is_spooled;
    char bytes[];
};

struct late_call {
    struct source *source;      /* borrowed; outlives the call */
    struct source_spool *spool; /* likewise: n_calls keeps it */
    struct list outcomes;
    size_t n, n_bytes;
};

static void free_outcomes(struct list *outcomes)
{
    struct list *link;

    while ((link = list_pop(outcomes)))
        free(LIST_ENTRY(link, struct late_outcome, link));
}

void source_free_late(struct source_spool *spool)
{
    free_outcomes(&spool->late);
}

static void add(struct source_spool *spool, struct late_outcome *outcome)
{
    list_push(&spool->late, &outcome->link);
    spool->n_late++;
}

/* ---- from deliveries */

static struct source_spool *spool_of(struct source *source, const char *consumer)
{
    LIST_FOREACH(link, &source->spools)
    {
        struct source_spool *spool = LIST_ENTRY(link, struct source_spool, link);

        if (strcmp(spool->consumer, consumer) == 0)
            return spool;
    }
    return source_new_spool(source, consumer);
}

/* What is abandoned half-way tells what was delivered; what goes back untried tells nothing. */
static bool says_something(const struct job *job)
{
    if (job->fate == JOB_HANDED_BACK)
        return false;
    if (job->fate != JOB_ABANDONED)
        return true;
    for (uint32_t i = 0; i < job->n_parts; i++) {
        if (job->parts[i].state == PART_DELIVERED)
            return true;
    }
    return false;
}

static struct late_outcome *outcome_of(const struct source *source, const struct delivery *delivery)
{
    struct spool_bytes frame = {0};
    struct late_outcome *outcome = NULL;

    if (source_encode(source, delivery, delivery->job.fate == JOB_ABANDONED, &frame) &&
        (outcome = malloc(sizeof(*outcome) + frame.len))) {
        memcpy(outcome->bytes, frame.bytes, frame.len);
        outcome->frame = (struct pusher_string){outcome->bytes, frame.len};
        outcome->is_spooled = delivery->spool != NULL;
        list_init(&outcome->link);
    }
    spool_bytes_deinit(&frame);
    return outcome;
}

void source_drop_unsent(struct source *source)
{
    source_drop_unchecked(source);
    memcpy(source->lost_consumer, source->consumer, sizeof(source->lost_consumer));
    engine_abandon(source->context->engine, source->index);
}

void source_make_late(struct source *source, const struct delivery *delivery)
{
    struct late_outcome *outcome =
        says_something(&delivery->job) ? outcome_of(source, delivery) : NULL;

    if (outcome)
        add(delivery->spool ? delivery->spool : spool_of(source, source->lost_consumer), outcome);
    else
        source->counters.late++;
}

void source_spool_late(struct source *source, struct source_spool *spool)
{
    LIST_FOREACH(link, &spool->late)
    {
        struct late_outcome *outcome = LIST_ENTRY(link, struct late_outcome, link);

        if (!outcome->is_spooled &&
            !source_journal_add(source, spool, outcome->frame.ptr, outcome->frame.len))
            return;
        outcome->is_spooled = true;
    }
}

/* ---- from files */

/* Gives the file's memory to the spool; outcomes that do not fit into memory are lost, which is as
 * if they had never been written. */
void source_take_file(struct source *source, struct spool_found *found)
{
    struct source_spool *spool = source_new_spool(source, found->consumer);
    struct pusher_string bytes = {found->bytes, found->len}, payload;
    size_t pos = found->first, before = pos;

    spool_journal_adopt(&spool->journal, found->fd, found->path, found->len);
    spool->file = found->bytes;
    while (spool_frame_next(bytes, &pos, &payload) == SPOOL_FRAME) {
        struct late_outcome *outcome = malloc(sizeof(*outcome));

        if (!outcome)
            break;
        outcome->frame = (struct pusher_string){found->bytes + before, pos - before};
        outcome->is_spooled = true;
        add(spool, outcome);
        before = pos;
    }
    found->fd = -1;
    found->bytes = NULL;
    log_event(LOG_NOTICE, "spool", "outcomes that an earlier daemon could not settle were found",
              LOG_TEXT("queue", source->queue->name), LOG_TEXT("consumer", spool->consumer),
              LOG_NUMBER("outcomes", spool->n_late), LOG_NUMBER("bytes_damaged", found->n_damaged));
}

bool source_is_replaying(const struct source *source)
{
    if (source->scan_is_out)
        return true;
    for (struct list *link = source->spools.next; link != &source->spools; link = link->next) {
        if (LIST_ENTRY(link, struct source_spool, link)->n_late > 0)
            return !source->replay_failed;
    }
    return false;
}

/* ---- to Redis */

static void on_settled(const redisReply *reply, void *data)
{
    struct late_call *late = data;
    struct source *source = late->source;
    struct source_spool *spool = late->spool;

    spool->n_calls--;
    source->n_settling_bytes -= late->n_bytes;
    source->replay_failed = reply && reply->type == REDIS_REPLY_ERROR;
    if (source_reply_is_good(source, script_settle.name, reply, "", "s")) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference) a reply that is good is there */
        size_t n_gone = reply->elements < late->n ? reply->elements : late->n;

        spool->n_late -= late->n;
        spool->n_gone += n_gone;
        spool->n_settled += late->n - n_gone;
        source->counters.late += n_gone;
        source->counters.replayed += late->n - n_gone;
        free_outcomes(&late->outcomes);
    } else {
        if (reply)
            source->settle_after_ms = clock_ms() + SOURCE_ERROR_WAIT_MS;
        list_splice(&late->outcomes, &spool->late);
        list_splice(&spool->late, &late->outcomes);
    }
    free(late);
}

static void add_args(struct script_call *call, const struct late_outcome *outcome)
{
    struct pusher_string payload, string;
    size_t pos = 0;

    if (spool_frame_next(outcome->frame, &pos, &payload) != SPOOL_FRAME)
        return;
    while (spool_string_next(&payload, &string))
        script_arg(call, string.ptr, string.len);
}

static void send_some(struct source *source, struct source_spool *spool)
{
    struct late_call *late = calloc(1, sizeof(*late));
    struct script_call *call = source_settle_call(source, spool->inflight_key);
    struct list *link;

    if (!late || !call) {
        free(late);
        script_call_free(call);
        return;
    }
    *late = (struct late_call){.source = source, .spool = spool};
    list_init(&late->outcomes);
    while (late->n < LATE_MAX && script_size(call) < SOURCE_CALL_BYTES &&
           (link = list_pop(&spool->late))) {
        add_args(call, LIST_ENTRY(link, struct late_outcome, link));
        list_push(&late->outcomes, link);
        late->n++;
    }
    late->n_bytes = script_size(call);
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_settled, late) == 0) {
        spool->n_calls++;
        source->n_settling_bytes += late->n_bytes;
        return;
    }
    list_splice(&spool->late, &late->outcomes);
    free(late);
}

void source_send_late(struct source *source, uint64_t now_ms)
{
    if (now_ms < source->settle_after_ms)
        return;
    LIST_FOREACH(link, &source->spools)
    {
        struct source_spool *spool = LIST_ENTRY(link, struct source_spool, link);

        if (!list_empty(&spool->late) && spool->n_calls == 0 &&
            source->n_settling_bytes < SOURCE_SETTLING_BYTES)
            send_some(source, spool);
    }
}
