#include "daemon/plan.h"

#include <stdio.h>
#include <string.h>

#include "proto/keys.h"

static void *zeroed(struct arena *arena, size_t size)
{
    void *memory = arena_alloc(arena, size);

    if (memory)
        memset(memory, 0, size);
    return memory;
}

static const char *keep_text(struct arena *arena, const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = arena_alloc(arena, size);

    return copy ? memcpy(copy, text, size) : "";
}

int plan_reserve(struct arena *arena, struct plan *plan, size_t n_parts, size_t n_listed)
{
    plan->parts = zeroed(arena, (n_parts + 1) * sizeof(*plan->parts));
    plan->items = zeroed(arena, (n_listed + 1) * sizeof(*plan->items));
    plan->names = zeroed(arena, (n_listed + 1) * sizeof(*plan->names));
    return plan->parts && plan->items && plan->names ? 0 : -1;
}

int plan_fail_job(struct arena *arena, struct plan *plan, const char *code, const char *text)
{
    text = keep_text(arena, text);
    plan->n_parts = plan->n_listed = plan->n_items = 0;
    plan->wants_info = false;
    if (plan_reserve(arena, plan, 1, 0) != 0)
        return -1;
    plan->parts[0].code = code;
    plan->parts[0].error = text;
    plan->n_parts = 1;
    return 0;
}

/* Codes that no failure has are those of a job that asks for what cannot be. */
const char *plan_code_name(int error)
{
    switch (error) {
    case PUSHER_EINVAL:
    case PUSHER_ECONFIG:
    case PUSHER_EREPLY:
    case PUSHER_ENOMEM:
    case PUSHER_ETOOSMALL:
        return job_code_name(JOB_INVALID);
    case PUSHER_ECRYPTO:
        return pusher_error_name(PUSHER_ENOKEY);
    default:
        return pusher_error_name(error);
    }
}

struct plan_part *plan_add_part(struct plan *plan, enum plan_kind kind)
{
    struct plan_part *part = &plan->parts[plan->n_parts++];

    part->kind = kind;
    part->first_item = plan->n_listed;
    return part;
}

void plan_list_item(struct plan *plan, struct plan_part *part, uint32_t index,
                    struct pusher_string channel)
{
    plan->items[plan->n_listed] = index;
    plan->names[plan->n_listed++] = channel;
    part->n_listed++;
}

void plan_fail_part(struct arena *arena, struct plan_part *part, const char *code, const char *text)
{
    part->code = code;
    part->error = keep_text(arena, text);
}

int plan_fail_undelivered(struct arena *arena, struct plan *plan, const char *code,
                          const char *text)
{
    size_t n = job_spec_n_items(&plan->spec);

    if (n <= 1 || plan->record.progress.len == 0)
        return plan_fail_job(arena, plan, code, text);
    plan->n_parts = plan->n_listed = 0;
    plan->wants_info = false;
    plan->n_items = (uint32_t)n;
    if (plan_reserve(arena, plan, n, n) != 0)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        struct plan_part *part;

        if (record_is_delivered(plan->record.progress, i))
            continue;
        part = plan_add_part(plan, PLAN_DONE);
        plan_list_item(plan, part, i, (struct pusher_string){NULL, 0});
        plan_fail_part(arena, part, code, text);
    }
    return 0;
}

int plan_set_lanes(const struct admission *admission, const struct plan *plan,
                   struct plan_part *part, const struct pusher_string *channels, size_t n)
{
    unsigned app = (unsigned)(plan->app - admission->config->apps);

    if (!admission->queue->ordered)
        return 0;
    if (plan->spec.order_key.ptr) {
        channels = &plan->spec.order_key;
        n = 1;
    }
    if (n == 0)
        return 0;
    part->keys = arena_alloc(admission->arena, n * sizeof(*part->keys));
    if (!part->keys)
        return -1;
    for (size_t i = 0; i < n; i++)
        part->keys[i] = engine_lane_key(admission->engine, app, channels[i].ptr, channels[i].len);
    part->n_keys = (uint32_t)n;
    return 0;
}

static int plan_parts(const struct admission *admission, struct plan *plan)
{
    return delivery_is_trigger(plan->spec.op) ? plan_events(admission, plan)
                                              : plan_call(admission, plan);
}

static void find_app(const struct admission *admission, struct plan *plan)
{
    const struct config *config = admission->config;
    size_t index = admission->queue->app;

    plan->app_name = plan->spec.app;
    if (plan->app_name.ptr)
        index = config_find_app(config, plan->app_name.ptr, plan->app_name.len);
    if (index == SIZE_MAX)
        return;
    plan->app = &config->apps[index];
    plan->app_name = pusher_str(plan->app->name);
}

static int fail_orphaned(struct arena *arena, struct plan *plan)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "its claim was orphaned %u times", plan->record.orphanings);
    return plan_fail_undelivered(arena, plan, "crash_loop", text);
}

static int fail_op(struct arena *arena, struct plan *plan)
{
    char text[96];

    (void)snprintf(text, sizeof(text), "%s is not among the operations of this queue",
                   job_op_name(plan->spec.op));
    return plan_fail_undelivered(arena, plan, job_code_name(JOB_UNKNOWN_OP), text);
}

static int fail_app(struct arena *arena, struct plan *plan)
{
    return plan_fail_undelivered(arena, plan, "unknown_app",
                                 plan->spec.app.ptr
                                     ? "no app of this name is configured"
                                     : "the job names no app, and the queue has no default");
}

/* What rules a job out before it is planned as its operation wants. 1: it is ruled out, and planned
 * so. */
static int rule_out(const struct admission *admission, struct plan *plan)
{
    const struct job_spec *spec = &plan->spec;
    struct arena *arena = admission->arena;
    uint64_t now = admission->server_now_ms;

    if (plan->record.orphanings >= admission->config->max_orphanings)
        return fail_orphaned(arena, plan) == 0 ? 1 : -1;
    if (!(admission->queue->operations & JOB_OP_BIT(spec->op)))
        return fail_op(arena, plan) == 0 ? 1 : -1;
    if (!plan->app)
        return fail_app(arena, plan) == 0 ? 1 : -1;
    if (spec->expires_at_ms > 0 && (uint64_t)spec->expires_at_ms <= now)
        return plan_fail_undelivered(arena, plan, "expired", "expiresAt has passed") == 0 ? 1 : -1;
    if (spec->deliver_at_ms > 0 && (uint64_t)spec->deliver_at_ms > now)
        plan->park_until_ms = admission->now_ms + ((uint64_t)spec->deliver_at_ms - now);
    return 0;
}

static bool is_of_a_queue(const struct config *config, struct pusher_string key)
{
    for (size_t i = 0; i < config->n_queues; i++) {
        if (keys_is_own(config->queues[i].list, key.ptr, key.len))
            return true;
    }
    return false;
}

/* A job must not write into the keys of a queue, its own or another: its outcome then goes to the
 * streams alone. */
static enum job_code refuse_reply_to(const struct admission *admission, struct plan *plan,
                                     enum job_code code, struct job_error *error)
{
    struct pusher_string *to = &plan->spec.reply_to;

    if (!to->ptr || !is_of_a_queue(admission->config, *to))
        return code;
    *to = (struct pusher_string){NULL, 0};
    if (code == JOB_OK)
        (void)snprintf(error->text, sizeof(error->text), "replyTo: names a key of a queue");
    return code == JOB_OK ? JOB_INVALID : code;
}

int plan_fail(const struct admission *admission, struct pusher_string own_id, const char *text,
              struct plan *ret_plan)
{
    memset(ret_plan, 0, sizeof(*ret_plan));
    ret_plan->id = own_id;
    return plan_fail_job(admission->arena, ret_plan, job_code_name(JOB_INVALID), text);
}

int plan_make(const struct admission *admission, const char *record, size_t len,
              struct pusher_string own_id, struct plan *ret_plan)
{
    struct plan *plan = ret_plan;
    struct job_error error = {JOB_OK, ""};
    enum job_code code;
    int status;

    memset(plan, 0, sizeof(*plan));
    if (record_read(record, len, &plan->record) != 0)
        plan->record.job = (struct pusher_string){record, len};
    code = job_spec_decode(plan->record.job.ptr, plan->record.job.len, admission->arena,
                           &plan->spec, &error);
    code = refuse_reply_to(admission, plan, code, &error);
    plan->id = plan->spec.id.ptr ? plan->spec.id : own_id;
    find_app(admission, plan);
    if (code != JOB_OK && plan->record.orphanings < admission->config->max_orphanings)
        return plan_fail_job(admission->arena, plan, job_code_name(code), error.text);
    status = rule_out(admission, plan);
    if (status != 0)
        return status < 0 ? -1 : 0;
    return plan_parts(admission, plan);
}
