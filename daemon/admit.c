/* In two steps: a plan of the parts, in the scratch arena, which tells how much memory is needed;
 * then one block with the job, its parts and all bytes (delivery_layout.h). */
#include "daemon/admit.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/delivery_layout.h"
#include "daemon/delivery_pool.h"
#include "daemon/plan.h"
#include "lib/decimal.h"
#include "proto/record.h"
#include "pusher/event.h"
#include "pusher/request.h"

static int encode_part(const struct plan *plan, const struct plan_part *planned, struct part *part)
{
    struct pusher_client *client = plan->app->client;
    /* The block is ours until the engine has it: the cast lifts the engine's const. */
    char *bytes = (char *)(uintptr_t)part->bytes;

    switch (planned->kind) {
    case PLAN_EVENT:
        return pusher_event_encode(client, &planned->event, NULL, bytes, planned->size);
    case PLAN_TRIGGER:
        return pusher_trigger_encode(client, &planned->trigger, NULL, bytes, planned->size);
    case PLAN_REQUEST:
        if (planned->size > 0)
            memcpy(bytes, planned->request->body.ptr, planned->size);
        return 0;
    case PLAN_DONE:
        break;
    }
    return 0;
}

/* False if there is no memory for it. */
static bool encode_parts(struct delivery *delivery, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_parts; i++) {
        struct plan_part *planned = &plan->parts[i];
        int rc = 0;

        if (!planned->code && plan->park_until_ms == 0)
            rc = encode_part(plan, planned, &delivery->job.parts[i]);
        if (rc == PUSHER_ENOMEM)
            return false;
        if (rc != 0) {
            planned->code = "encryption_unavailable";
            planned->error = "the event could not be encoded";
        }
    }
    return true;
}

static void fill_parts(struct delivery *delivery, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct plan_part *planned = &plan->parts[i];
        struct part *part = &delivery->job.parts[i];

        part->alone = planned->request != NULL;
        part->size = planned->size;
        part->first_item = planned->first_item;
        part->n_items = planned->n_listed;
        part->n_entries = planned->n_keys;
        for (uint32_t k = 0; k < planned->n_keys; k++)
            part->entries[k].key = planned->keys[k];
    }
}

static void part_done(struct part *part, char *result)
{
    part->result = result;
    part_deliver(part);
}

/* After job_init(): what is decided already. */
static void decide_parts(struct delivery *delivery, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct plan_part *planned = &plan->parts[i];
        struct part *part = &delivery->job.parts[i];

        if (planned->code)
            part_fail(part, planned->code, planned->error);
        else if (plan->park_until_ms > 0)
            part_park(part, plan->park_until_ms);
        else if (planned->kind == PLAN_DONE)
            part_done(part, planned->result);
    }
}

/* A time of Redis's clock as one of ours; what lies before our time began is its beginning. */
static uint64_t to_monotonic(const struct admission *admission, uint64_t unix_ms)
{
    if (unix_ms >= admission->server_now_ms)
        return admission->now_ms + (unix_ms - admission->server_now_ms);
    if (admission->server_now_ms - unix_ms >= admission->now_ms)
        return 1;
    return admission->now_ms - (admission->server_now_ms - unix_ms);
}

static void fill_job(struct delivery *delivery, const struct admission *admission,
                     const struct plan *plan, uint64_t claim_id, size_t size)
{
    struct job *job = &delivery->job;

    delivery->op = plan->spec.op;
    delivery->has_own_id = plan->spec.id.ptr != NULL;
    delivery->orphanings = plan->record.orphanings;
    delivery->first_ms = plan->record.first_ms;
    job->claim_id = claim_id;
    job->app = plan->app ? (unsigned)(plan->app - admission->config->apps) : JOB_NO_APP;
    job->queue = admission->queue_index;
    job->attempts_before = plan->record.attempts;
    job->claimed_ms = job->answered_ms = admission->now_ms;
    job->expires_at_ms = UINT64_MAX;
    if (plan->spec.expires_at_ms > 0)
        job->expires_at_ms = to_monotonic(admission, (uint64_t)plan->spec.expires_at_ms);
    if (plan->record.first_ms > 0)
        job->first_attempt_ms = to_monotonic(admission, plan->record.first_ms);
    job->bytes = size;
    list_init(&delivery->link);
    list_init(&delivery->held_link);
}

static void drop_results(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_parts; i++)
        free(plan->parts[i].result);
}

static struct delivery *build(const struct admission *admission, const struct plan *plan,
                              uint64_t claim_id)
{
    size_t size;
    struct delivery *delivery = delivery_lay_out(plan, admission->max_bytes, &size);

    if (!delivery) {
        admission->arena->is_starved |= size <= admission->max_bytes;
        drop_results(plan);
        return NULL;
    }
    if (plan->n_listed > 0)
        memcpy(delivery->items, plan->items, plan->n_listed * sizeof(*plan->items));
    for (uint32_t i = 0; i < plan->n_items; i++) {
        if (record_is_delivered(plan->record.progress, i))
            delivery->delivered[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    fill_job(delivery, admission, plan, claim_id, size);
    fill_parts(delivery, plan);
    if (!encode_parts(delivery, plan)) {
        admission->arena->is_starved = true;
        delivery_pool_give(delivery, size);
        drop_results(plan);
        return NULL;
    }
    job_init(&delivery->job);
    decide_parts(delivery, plan);
    return delivery;
}

struct delivery *admit(const struct admission *admission, uint64_t claim_id, const char *record,
                       size_t len)
{
    struct plan plan;
    char bytes[3 + DECIMAL_MAX];
    struct pusher_string id = {bytes, 0};

    arena_reset(admission->arena);
    memcpy(bytes, "pd-", 3);
    id.len = 3 + decimal_write(bytes + 3, claim_id);
    if (plan_make(admission, record, len, id, &plan) != 0 && !admission->arena->is_starved) {
        arena_reset(admission->arena);
        if (plan_fail(admission, id, "it takes too much memory to read", &plan) != 0)
            return NULL;
    }
    /* Whatever was planned without memory may be wrong: the job stays claimed, for another try. */
    if (admission->arena->is_starved) {
        drop_results(&plan);
        return NULL;
    }
    return build(admission, &plan, claim_id);
}

void delivery_free(struct delivery *delivery)
{
    job_deinit(&delivery->job);
    delivery_pool_give(delivery, delivery->job.bytes);
}
