/* Jobs that were enqueued twice. On a queue with dedupe_ms, jobs with an id of their producer's are
 * checked between claim and engine: one call for all that a claim has brought, and in order, so
 * that it costs a round trip and no place in the lanes. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/settle.h"
#include "daemon/source_private.h"

static void add_to_engine(struct source *source, struct list *deliveries)
{
    struct list *link;

    while ((link = list_pop(deliveries))) {
        struct delivery *delivery = LIST_ENTRY(link, struct delivery, link);

        engine_add(source->context->engine, &delivery->job, clock_ms());
    }
    if (source->context->stopping)
        engine_stop(source->context->engine);
}

void source_admit(struct source *source, struct delivery *delivery)
{
    if (source->queue->dedupe_ms == 0 && list_empty(&source->unchecked) &&
        list_empty(&source->checking))
        engine_add(source->context->engine, &delivery->job, source->server_now_at_ms);
    else
        list_push(&source->unchecked, &delivery->link);
}

/* It is done, and says why nothing was sent. */
static void settle_as_duplicate(struct delivery *delivery)
{
    struct job *job = &delivery->job;

    delivery->is_duplicate = true;
    for (uint32_t i = 0; i < job->n_parts; i++) {
        if (job->parts[i].state == PART_WAITING)
            part_deliver(&job->parts[i]);
    }
}

static void mark_duplicates(struct source *source, const redisReply *claim_ids)
{
    for (size_t i = 0; i < claim_ids->elements; i++) {
        uint64_t claim_id = strtoull(claim_ids->element[i]->str, NULL, 10);

        LIST_FOREACH(link, &source->checking)
        {
            struct delivery *delivery = LIST_ENTRY(link, struct delivery, link);

            if (delivery->job.claim_id == claim_id)
                settle_as_duplicate(delivery);
        }
        source->counters.duplicates++;
    }
}

static void on_checked(const redisReply *reply, void *data)
{
    struct source *source = data;

    source->check_is_out = false;
    if (!source_reply_is_good(source, script_dedupe.name, reply, "", "s")) {
        list_splice(&source->checking, &source->unchecked);
        list_splice(&source->unchecked, &source->checking);
        source->check_after_ms = reply ? clock_ms() + SOURCE_ERROR_WAIT_MS : 0;
        return;
    }
    mark_duplicates(source, reply);
    add_to_engine(source, &source->checking);
}

static size_t add_ids(struct script_call *call, struct list *deliveries)
{
    size_t n = 0;

    LIST_FOREACH(link, deliveries)
    {
        const struct delivery *delivery = LIST_ENTRY(link, struct delivery, link);

        if (!delivery->has_own_id || delivery->job.n_unresolved == 0)
            continue;
        script_arg(call, delivery->id.ptr, delivery->id.len);
        settle_add_claim_id(call, delivery);
        n++;
    }
    return n;
}

void source_check(struct source *source, uint64_t now_ms)
{
    struct script_call *call;

    if (list_empty(&source->unchecked) || source->check_is_out || now_ms < source->check_after_ms)
        return;
    if (source->queue->dedupe_ms == 0) { /* since the configuration was read again */
        add_to_engine(source, &source->unchecked);
        return;
    }
    if (!(call = script_call_new(&script_dedupe)))
        return;
    script_key(call, source->list_key[KEYS_SEEN]);
    script_arg_number(call, source->queue->dedupe_ms);
    if (add_ids(call, &source->unchecked) == 0) {
        script_call_free(call);
        add_to_engine(source, &source->unchecked);
        return;
    }
    if (script_send(call, &source->commands, SOURCE_TIMEOUT_MS, on_checked, source) != 0)
        return;
    list_splice(&source->checking, &source->unchecked);
    source->check_is_out = true;
}

/* Somebody else may have these jobs: they go through the engine, which drops them. */
void source_drop_unchecked(struct source *source)
{
    list_splice(&source->checking, &source->unchecked);
    add_to_engine(source, &source->checking);
}
