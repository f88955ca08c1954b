/* In two steps: a plan of the parts, in the scratch arena, which tells how much memory is needed;
 * then one block with the job, its parts and all bytes, in the order of struct layout. */
#include "daemon/admit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/delivery_pool.h"
#include "daemon/plan.h"
#include "lib/decimal.h"
#include "lib/utf8.h"
#include "proto/keys.h"
#include "proto/record.h"
#include "pusher/event.h"
#include "pusher/request.h"

#define REPORTED_NAME_MAX 128 /* bytes of an unknown operation or app that a failure repeats */

/* Hands out pieces of one block; with block NULL it only measures. */
struct layout {
    char *block;
    size_t used;
};

static void *piece(struct layout *layout, size_t size, size_t align)
{
    size_t at = (layout->used + align - 1) & ~(align - 1);

    layout->used = at + size;
    return layout->block ? layout->block + at : NULL;
}

static struct pusher_string copy_string(struct layout *layout, struct pusher_string text)
{
    char *copy = piece(layout, text.len, 1);

    if (!text.ptr)
        return text;
    if (copy && text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return (struct pusher_string){copy ? copy : "", text.len};
}

/* The pieces of a delivery; the same calls measure and carve. */
static struct delivery *carve(struct layout *layout, const struct plan *plan)
{
    struct delivery *delivery = piece(layout, sizeof(*delivery), 16);
    size_t n_parts = plan->n_parts, n_entries = 0, n_bytes = 0;
    struct part *parts = piece(layout, n_parts * sizeof(*parts), 8);
    struct delivery_call *calls = piece(layout, n_parts * sizeof(*calls), 8);
    uint32_t *items = piece(layout, plan->n_listed * sizeof(*items), 8);
    struct pusher_string *names = NULL;
    struct lane_entry *entries;
    uint8_t *delivered = piece(layout, (plan->n_items + 7) / 8, 1);
    char *bytes;

    if (plan->wants_info)
        names = piece(layout, plan->n_listed * sizeof(*names), 8);
    for (size_t i = 0; i < n_parts; i++) {
        n_entries += plan->parts[i].n_keys;
        n_bytes += plan->parts[i].size;
    }
    entries = piece(layout, n_entries * sizeof(*entries), 8);
    bytes = piece(layout, n_bytes, 1);
    if (!layout->block)
        return NULL;

    delivery->job.parts = parts;
    delivery->job.n_parts = (uint32_t)n_parts;
    delivery->items = items;
    delivery->item_names = names;
    delivery->delivered = delivered;
    delivery->n_items = plan->n_items;
    for (size_t i = 0; i < n_parts; i++) {
        parts[i].entries = entries;
        parts[i].bytes = bytes;
        parts[i].call = plan->parts[i].request ? &calls[i] : NULL;
        entries += plan->parts[i].n_keys;
        bytes += plan->parts[i].size;
    }
    return delivery;
}

static struct pusher_string cut_name(struct pusher_string name)
{
    if (name.len > REPORTED_NAME_MAX)
        name.len = pusher__utf8_cut(name.ptr, name.len, REPORTED_NAME_MAX);
    return name;
}

static void copy_names(struct layout *layout, struct delivery *delivery, const struct plan *plan)
{
    struct pusher_string op = pusher_str(job_op_name(plan->spec.op));

    if (plan->spec.op == JOB_OP_NONE)
        op = plan->spec.op_name.ptr ? cut_name(plan->spec.op_name) : pusher_str("");
    op = copy_string(layout, op);
    struct pusher_string id = copy_string(layout, plan->id);
    struct pusher_string app =
        copy_string(layout, plan->app_name.ptr ? cut_name(plan->app_name) : pusher_str(""));
    struct pusher_string reply_to = copy_string(layout, plan->spec.reply_to);

    if (!layout->block)
        return;
    delivery->op_name = op;
    delivery->id = id;
    delivery->app_name = app;
    delivery->reply_to = reply_to;
    for (uint32_t i = 0; delivery->item_names && i < plan->n_listed; i++)
        delivery->item_names[i] = (struct pusher_string){NULL, 0};
}

static void copy_item_names(struct layout *layout, struct delivery *delivery,
                            const struct plan *plan)
{
    for (uint32_t i = 0; plan->wants_info && i < plan->n_listed; i++) {
        struct pusher_string name = copy_string(layout, plan->names[i]);

        if (layout->block)
            delivery->item_names[i] = name;
    }
}

/* The calls of the parts that are requests, with strings of their own. */
static void copy_calls(struct layout *layout, struct delivery *delivery, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_parts; i++) {
        const struct pusher_request *request = plan->parts[i].request;
        struct pusher_param *params;
        struct pusher_string path;

        if (!request)
            continue;
        path =
            copy_string(layout, (struct pusher_string){request->path, strlen(request->path) + 1});
        params = piece(layout, request->n_params * sizeof(*params), 8);
        for (size_t k = 0; k < request->n_params; k++) {
            struct pusher_param param = {copy_string(layout, request->params[k].name),
                                         copy_string(layout, request->params[k].value)};

            if (layout->block)
                params[k] = param;
        }
        if (!layout->block)
            continue;
        /* The block is ours until the engine has it: the cast lifts the engine's const. */
        *(struct delivery_call *)(uintptr_t)delivery->job.parts[i].call = (struct delivery_call){
            request->method, path.ptr, params, request->n_params, plan->parts[i].target_size};
    }
}

static int encode_part(const struct plan *plan, const struct plan_part *planned, struct part *part)
{
    struct pusher_client *client = plan->app->client;
    /* As above. */
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
    job->app = plan->app ? (unsigned)(plan->app - admission->config->apps) : 0;
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
    struct layout layout = {NULL, 0};
    struct delivery *delivery;
    size_t size;

    carve(&layout, plan);
    copy_names(&layout, NULL, plan);
    copy_item_names(&layout, NULL, plan);
    copy_calls(&layout, NULL, plan);
    size = delivery_pool_size(layout.used);
    layout = (struct layout){size <= admission->max_bytes ? delivery_pool_take(size) : NULL, 0};
    if (!layout.block) {
        drop_results(plan);
        return NULL;
    }
    delivery = carve(&layout, plan);
    copy_names(&layout, delivery, plan);
    copy_item_names(&layout, delivery, plan);
    copy_calls(&layout, delivery, plan);
    if (plan->n_listed > 0)
        memcpy(delivery->items, plan->items, plan->n_listed * sizeof(*plan->items));
    for (uint32_t i = 0; i < plan->n_items; i++) {
        if (record_is_delivered(plan->record.progress, i))
            delivery->delivered[i / 8] |= (uint8_t)(1u << (i % 8));
    }
    fill_job(delivery, admission, plan, claim_id, size);
    fill_parts(delivery, plan);
    if (!encode_parts(delivery, plan)) {
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
