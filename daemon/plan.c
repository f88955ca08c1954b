#include "daemon/plan.h"

#include <stdio.h>
#include <string.h>

#include "proto/keys.h"
#include "pusher/command.h"

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

static int fail_job_for(struct arena *arena, struct plan *plan, const struct pusher_error *error)
{
    return plan_fail_job(arena, plan, plan_code_name(error->code), error->text);
}

struct plan_part *plan_add_part(struct plan *plan, enum plan_kind kind)
{
    struct plan_part *part = &plan->parts[plan->n_parts++];

    part->kind = kind;
    part->first_item = plan->n_listed;
    return part;
}

static void list_item(struct plan *plan, struct plan_part *part, uint32_t index,
                      struct pusher_string channel)
{
    plan->items[plan->n_listed] = index;
    plan->names[plan->n_listed++] = channel;
    part->n_listed++;
}

static void fail_part(struct arena *arena, struct plan_part *part, const char *code,
                      const char *text)
{
    part->code = code;
    part->error = keep_text(arena, text);
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

static int plan_event(const struct admission *admission, struct plan *plan,
                      const struct pusher_event *event, const struct job_error *known,
                      uint32_t index)
{
    struct plan_part *part = plan_add_part(plan, PLAN_EVENT);
    struct pusher_error error;

    list_item(plan, part, index, event->channel);
    if (known) {
        fail_part(admission->arena, part, job_code_name(known->code), known->text);
        return 0;
    }
    if (pusher_event_check(plan->app->client, event, &part->size, &error) != 0) {
        part->size = 0;
        fail_part(admission->arena, part, plan_code_name(error.code), error.text);
        return 0;
    }
    part->event = *event;
    plan->wants_info |= event->info.ptr != NULL;
    return plan_set_lanes(admission, plan, part, &event->channel, 1);
}

/* A job that is one event: what is wrong with it is wrong with the job. */
static int plan_single(const struct admission *admission, struct plan *plan,
                       struct pusher_string channel)
{
    const struct job_spec *spec = &plan->spec;
    struct pusher_event event = {channel, spec->event, spec->data, spec->socket_id, spec->info};

    plan->n_items = 1;
    if (record_is_delivered(plan->record.progress, 0))
        return 0;
    if (plan_reserve(admission->arena, plan, 1, 1) != 0)
        return -1;
    return plan_event(admission, plan, &event, NULL, 0);
}

static int plan_send_to_user(const struct admission *admission, struct plan *plan)
{
    char *channel = arena_alloc(admission->arena, PUSHER_USER_CHANNEL_MAX);
    struct pusher_error error;
    size_t len;

    if (!channel)
        return -1;
    if (pusher_user_id_check(plan->spec.user_id, &error) != 0)
        return fail_job_for(admission->arena, plan, &error);
    len = pusher_user_channel(plan->spec.user_id, channel);
    return plan_single(admission, plan, (struct pusher_string){channel, len});
}

static int plan_batch(const struct admission *admission, struct plan *plan)
{
    const struct job_spec *spec = &plan->spec;

    plan->n_items = (uint32_t)spec->n_events;
    if (plan_reserve(admission->arena, plan, spec->n_events, spec->n_events) != 0)
        return -1;
    for (uint32_t i = 0; i < spec->n_events; i++) {
        const struct job_spec_event *e = &spec->events[i];
        struct pusher_event event = {e->channel, e->name, e->data, e->socket_id, e->info};

        if (record_is_delivered(plan->record.progress, i))
            continue;
        if (plan_event(admission, plan, &event, e->error, i) != 0)
            return -1;
    }
    return 0;
}

/* One request for up to max_channels channels, from `channels` whose names are good. */
static int plan_trigger(const struct admission *admission, struct plan *plan,
                        const struct pusher_string *channels, const uint32_t *indexes, size_t n)
{
    const struct job_spec *spec = &plan->spec;
    struct plan_part *part = plan_add_part(plan, PLAN_TRIGGER);
    struct pusher_request *request = arena_alloc(admission->arena, sizeof(*request));
    struct pusher_error error;

    if (!request)
        return -1;
    pusher_command_events(plan->app->client, pusher_str(NULL), request);
    part->request = request;
    part->target_size = PUSHER_TARGET_MAX;
    part->trigger =
        (struct pusher_trigger){channels, n, spec->event, spec->data, spec->socket_id, spec->info};
    for (size_t i = 0; i < n; i++)
        list_item(plan, part, indexes[i], channels[i]);
    if (pusher_trigger_check(plan->app->client, &part->trigger, &part->size, &error) != 0) {
        part->size = 0;
        fail_part(admission->arena, part, plan_code_name(error.code), error.text);
        return 0;
    }
    return plan_set_lanes(admission, plan, part, channels, n);
}

/* Channels with good names go to the front of `good`; for others a failed part is planned. */
static int sort_channels(const struct admission *admission, struct plan *plan,
                         struct pusher_string *good, uint32_t *indexes, size_t *ret_n)
{
    const struct job_spec *spec = &plan->spec;
    struct pusher_error error;
    size_t n = 0;

    for (uint32_t i = 0; i < spec->n_channels; i++) {
        struct plan_part *part;

        if (record_is_delivered(plan->record.progress, i))
            continue;
        if (pusher_channel_check(plan->app->client, spec->channels[i], &error) == 0) {
            good[n] = spec->channels[i];
            indexes[n++] = i;
            continue;
        }
        part = plan_add_part(plan, PLAN_DONE);
        list_item(plan, part, i, spec->channels[i]);
        fail_part(admission->arena, part, plan_code_name(error.code), error.text);
    }
    *ret_n = n;
    return 0;
}

static int plan_channels(const struct admission *admission, struct plan *plan)
{
    const struct job_spec *spec = &plan->spec;
    size_t max = pusher_client_max_channels(plan->app->client), n = 0;
    struct pusher_string *good = zeroed(admission->arena, spec->n_channels * sizeof(*good));
    uint32_t *indexes = zeroed(admission->arena, spec->n_channels * sizeof(*indexes));

    for (size_t i = 0; i < spec->n_channels && spec->n_channels > 1; i++) {
        if (pusher_channel_is_encrypted(spec->channels[i]))
            return plan_fail_job(admission->arena, plan, pusher_error_name(PUSHER_ENOTENCRYPTABLE),
                                 pusher_error_text(PUSHER_ENOTENCRYPTABLE));
    }
    plan->n_items = (uint32_t)spec->n_channels;
    if (!good || !indexes ||
        plan_reserve(admission->arena, plan, 2 * spec->n_channels, spec->n_channels) != 0)
        return -1;
    if (sort_channels(admission, plan, good, indexes, &n) != 0)
        return -1;
    plan->wants_info = spec->info.ptr != NULL;
    for (size_t i = 0; i < n; i += max) {
        if (plan_trigger(admission, plan, good + i, indexes + i, n - i < max ? n - i : max) != 0)
            return -1;
    }
    return 0;
}

static int plan_parts(const struct admission *admission, struct plan *plan)
{
    switch (plan->spec.op) {
    case JOB_OP_TRIGGER_EVENT:
        return plan_single(admission, plan, plan->spec.channel);
    case JOB_OP_SEND_TO_USER:
        return plan_send_to_user(admission, plan);
    case JOB_OP_TRIGGER_BATCH:
        return plan_batch(admission, plan);
    case JOB_OP_TRIGGER_MULTIPLE_CHANNELS:
        if (plan->spec.n_channels == 1)
            return plan_single(admission, plan, plan->spec.channels[0]);
        return plan_channels(admission, plan);
    default:
        return plan_call(admission, plan);
    }
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

/* How many events or channels the job names. */
static size_t count_items(const struct job_spec *spec)
{
    if (spec->op == JOB_OP_TRIGGER_BATCH)
        return spec->n_events;
    return spec->op == JOB_OP_TRIGGER_MULTIPLE_CHANNELS ? spec->n_channels : 1;
}

/* A job that is ruled out though some of it was delivered fails in its other items alone: who sends
 * it again must know which. */
static int fail_undelivered(struct arena *arena, struct plan *plan, const char *code,
                            const char *text)
{
    size_t n = count_items(&plan->spec);

    if (n == 1 || plan->record.progress.len == 0)
        return plan_fail_job(arena, plan, code, text);
    plan->n_items = (uint32_t)n;
    if (plan_reserve(arena, plan, n, n) != 0)
        return -1;
    for (uint32_t i = 0; i < n; i++) {
        struct plan_part *part;

        if (record_is_delivered(plan->record.progress, i))
            continue;
        part = plan_add_part(plan, PLAN_DONE);
        list_item(plan, part, i, (struct pusher_string){NULL, 0});
        fail_part(arena, part, code, text);
    }
    return plan->n_parts > 0 ? 0 : plan_fail_job(arena, plan, code, text);
}

/* What rules a job out before its operation is looked at. 1: it is ruled out, and planned so. */
static int rule_out(const struct admission *admission, struct plan *plan)
{
    const struct job_spec *spec = &plan->spec;
    struct arena *arena = admission->arena;
    uint64_t now = admission->server_now_ms;
    char text[96];

    if (plan->record.orphanings >= admission->config->max_orphanings) {
        (void)snprintf(text, sizeof(text), "its claim was orphaned %u times",
                       plan->record.orphanings);
        return fail_undelivered(arena, plan, "crash_loop", text) == 0 ? 1 : -1;
    }
    if (!plan->app)
        return fail_undelivered(arena, plan, "unknown_app",
                                spec->app.ptr
                                    ? "no app of this name is configured"
                                    : "the job names no app, and the queue has no default") == 0
                   ? 1
                   : -1;
    if (spec->expires_at_ms > 0 && (uint64_t)spec->expires_at_ms <= now)
        return fail_undelivered(arena, plan, "expired", "expiresAt has passed") == 0 ? 1 : -1;
    if (spec->deliver_at_ms > 0 && (uint64_t)spec->deliver_at_ms > now)
        plan->park_until_ms = admission->now_ms + ((uint64_t)spec->deliver_at_ms - now);
    return 0;
}

/* A job must not write into the queue's own keys; its outcome then goes to the streams alone. */
static enum job_code refuse_own_reply_to(const struct admission *admission, struct plan *plan,
                                         enum job_code code, struct job_error *error)
{
    struct pusher_string *to = &plan->spec.reply_to;

    if (!to->ptr || !keys_is_own(admission->queue->list, to->ptr, to->len))
        return code;
    *to = (struct pusher_string){NULL, 0};
    if (code == JOB_OK)
        (void)snprintf(error->text, sizeof(error->text),
                       "replyTo: names a key of the queue itself");
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
    code = refuse_own_reply_to(admission, plan, code, &error);
    plan->id = plan->spec.id.ptr ? plan->spec.id : own_id;
    find_app(admission, plan);
    if (code != JOB_OK && plan->record.orphanings < admission->config->max_orphanings)
        return plan_fail_job(admission->arena, plan, job_code_name(code), error.text);
    status = rule_out(admission, plan);
    if (status != 0)
        return status < 0 ? -1 : 0;
    return plan_parts(admission, plan);
}
