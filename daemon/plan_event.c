/* Operations that publish: events for batches, and triggers of many channels. */
#include "daemon/plan.h"

#include <stdio.h>

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

/* The channels of a job that are still to be sent and have good names. */
struct targets {
    struct pusher_string *channels;
    uint32_t *indexes; /* in the job */
    size_t n;
    struct pusher_request *request; /* the same for each of its parts */
};

static int make_targets(const struct admission *admission, const struct plan *plan,
                        struct targets *ret_targets)
{
    struct arena *arena = admission->arena;
    size_t n = plan->spec.n_channels;

    ret_targets->n = 0;
    ret_targets->channels = arena_alloc(arena, n * sizeof(*ret_targets->channels));
    ret_targets->indexes = arena_alloc(arena, n * sizeof(*ret_targets->indexes));
    ret_targets->request = arena_alloc(arena, sizeof(*ret_targets->request));
    if (!ret_targets->channels || !ret_targets->indexes || !ret_targets->request)
        return -1;
    pusher_command_events(plan->app->client, pusher_str(NULL), ret_targets->request);
    return 0;
}

/* Halves the channels until they fit one request, as libpusher's pusher_api_trigger() does. */
static int cut_trigger(const struct pusher_client *client, struct pusher_trigger *trigger,
                       size_t *ret_size, struct pusher_error *error)
{
    for (;;) {
        int rc = pusher_trigger_check(client, trigger, ret_size, error);

        if (rc != PUSHER_ETOOLARGE || trigger->n_channels == 1)
            return rc;
        trigger->n_channels /= 2;
    }
}

/* How many of the targets from `first` on, of which one alone is too large, are not shorter. */
static size_t count_too_large(const struct targets *targets, size_t first)
{
    size_t n = 1;

    while (first + n < targets->n &&
           targets->channels[first + n].len >= targets->channels[first].len)
        n++;
    return n;
}

/* One request for at most `max` of the targets from `first` on; *ret_n says for how many. */
static int plan_trigger(const struct admission *admission, struct plan *plan,
                        const struct targets *targets, size_t first, size_t max, size_t *ret_n)
{
    const struct job_spec *spec = &plan->spec;
    struct plan_part *part = plan_add_part(plan, PLAN_TRIGGER);
    struct pusher_error error;
    size_t n = targets->n - first < max ? targets->n - first : max;
    int rc;

    part->request = targets->request;
    part->target_size = PUSHER_TARGET_MAX;
    part->trigger = (struct pusher_trigger){
        targets->channels + first, n, spec->event, spec->data, spec->socket_id, spec->info};
    rc = cut_trigger(plan->app->client, &part->trigger, &part->size, &error);
    n = rc == PUSHER_ETOOLARGE ? count_too_large(targets, first) : part->trigger.n_channels;
    for (size_t i = first; i < first + n; i++)
        plan_list_item(plan, part, targets->indexes[i], targets->channels[i]);
    *ret_n = n;
    if (rc != 0) {
        part->size = 0;
        plan_fail_part(admission->arena, part, plan_code_name(error.code), error.text);
        return 0;
    }
    return plan_set_lanes(admission, plan, part, targets->channels + first, n);
}

static int fail_too_large(const struct admission *admission, struct plan *plan)
{
    char text[96];

    (void)snprintf(text, sizeof(text), "cut for max_request_bytes it would have over %zu bytes",
                   admission->arena->max_bytes);
    return plan_fail_undelivered(admission->arena, plan, pusher_error_name(PUSHER_ETOOLARGE), text);
}

/* Each request is begun with twice as many channels as fitted the one before: what many channels
 * cost is then no more than a few looks at each. The data is in every request, so that cutting can
 * make gigabytes of one job: it has a limit. */
static int plan_triggers(const struct admission *admission, struct plan *plan,
                         const struct targets *targets)
{
    size_t max = pusher_client_max_channels(plan->app->client), n = max, bytes = 0;
    bool is_cut = false;

    for (size_t first = 0; first < targets->n; first += n) {
        size_t begin_with = n < max / 2 ? 2 * n : max;

        if (plan_trigger(admission, plan, targets, first, begin_with, &n) != 0)
            return -1;
        bytes += plan->parts[plan->n_parts - 1].size;
        is_cut |= n < max && first + n < targets->n;
        if (is_cut && bytes > admission->arena->max_bytes)
            return fail_too_large(admission, plan);
    }
    return 0;
}

/* Channels with good names become targets; for others a failed part is planned. */
static void sort_channels(const struct admission *admission, struct plan *plan,
                          struct targets *targets)
{
    const struct job_spec *spec = &plan->spec;
    struct pusher_error error;

    for (uint32_t i = 0; i < spec->n_channels; i++) {
        struct plan_part *part;

        if (record_is_delivered(plan->record.progress, i))
            continue;
        if (pusher_channel_check(plan->app->client, spec->channels[i], &error) == 0) {
            targets->channels[targets->n] = spec->channels[i];
            targets->indexes[targets->n++] = i;
            continue;
        }
        part = plan_add_part(plan, PLAN_DONE);
        plan_list_item(plan, part, i, spec->channels[i]);
        plan_fail_part(admission->arena, part, plan_code_name(error.code), error.text);
    }
}

static int plan_channels(const struct admission *admission, struct plan *plan)
{
    const struct job_spec *spec = &plan->spec;
    struct targets targets;

    for (size_t i = 0; i < spec->n_channels && spec->n_channels > 1; i++) {
        if (pusher_channel_is_encrypted(spec->channels[i]))
            return plan_fail_job(admission->arena, plan, pusher_error_name(PUSHER_ENOTENCRYPTABLE),
                                 pusher_error_text(PUSHER_ENOTENCRYPTABLE));
    }
    plan->n_items = (uint32_t)spec->n_channels;
    /* Each channel is in one part, and no part has none. */
    if (make_targets(admission, plan, &targets) != 0 ||
        plan_reserve(admission->arena, plan, spec->n_channels, spec->n_channels) != 0)
        return -1;
    sort_channels(admission, plan, &targets);
    plan->wants_info = spec->info.ptr != NULL;
    return plan_triggers(admission, plan, &targets);
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
