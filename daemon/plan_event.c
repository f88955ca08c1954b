/* Operations that publish: events for batches, and triggers of many channels. */
#include "daemon/plan.h"
#include "pusher/command.h"

static int plan_event(const struct admission *admission, struct plan *plan,
                      const struct pusher_event *event, const struct job_error *known,
                      uint32_t index)
{
    struct plan_part *part = plan_add_part(plan, PLAN_EVENT);
    struct pusher_error error;

    plan_list_item(plan, part, index, event->channel);
    if (known) {
        plan_fail_part(admission->arena, part, job_code_name(known->code), known->text);
        return 0;
    }
    if (pusher_event_check(plan->app->client, event, &part->size, &error) != 0) {
        part->size = 0;
        plan_fail_part(admission->arena, part, plan_code_name(error.code), error.text);
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
        return plan_fail_job(admission->arena, plan, plan_code_name(error.code), error.text);
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
        plan_list_item(plan, part, indexes[i], channels[i]);
    if (pusher_trigger_check(plan->app->client, &part->trigger, &part->size, &error) != 0) {
        part->size = 0;
        plan_fail_part(admission->arena, part, plan_code_name(error.code), error.text);
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
        plan_list_item(plan, part, i, spec->channels[i]);
        plan_fail_part(admission->arena, part, plan_code_name(error.code), error.text);
    }
    *ret_n = n;
    return 0;
}

static int plan_channels(const struct admission *admission, struct plan *plan)
{
    const struct job_spec *spec = &plan->spec;
    size_t max = pusher_client_max_channels(plan->app->client), n = 0;
    struct pusher_string *good = arena_alloc(admission->arena, spec->n_channels * sizeof(*good));
    uint32_t *indexes = arena_alloc(admission->arena, spec->n_channels * sizeof(*indexes));

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

int plan_events(const struct admission *admission, struct plan *plan)
{
    switch (plan->spec.op) {
    case JOB_OP_TRIGGER_EVENT:
        return plan_single(admission, plan, plan->spec.channel);
    case JOB_OP_SEND_TO_USER:
        return plan_send_to_user(admission, plan);
    case JOB_OP_TRIGGER_BATCH:
        return plan_batch(admission, plan);
    default:
        if (plan->spec.n_channels == 1)
            return plan_single(admission, plan, plan->spec.channels[0]);
        return plan_channels(admission, plan);
    }
}
