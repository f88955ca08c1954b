/* The same calls measure the block, and then hand out its pieces. */
#include "daemon/delivery_layout.h"

#include <string.h>

#include "daemon/delivery_pool.h"
#include "lib/utf8.h"

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

static struct delivery *place(struct layout *layout, const struct plan *plan)
{
    struct delivery *delivery = carve(layout, plan);

    copy_names(layout, delivery, plan);
    copy_item_names(layout, delivery, plan);
    copy_calls(layout, delivery, plan);
    return delivery;
}

struct delivery *delivery_lay_out(const struct plan *plan, size_t max_bytes, size_t *ret_size)
{
    struct layout layout = {NULL, 0};

    place(&layout, plan);
    *ret_size = delivery_pool_size(layout.used);
    if (*ret_size > max_bytes)
        return NULL;
    layout = (struct layout){delivery_pool_take(*ret_size), 0};
    return layout.block ? place(&layout, plan) : NULL;
}
