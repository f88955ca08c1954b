#include "daemon/ctl/op_remote.h"

#include <stdio.h>

#include "proto/args.h"

static int trigger(struct pusher_http *http, const struct job_spec *spec,
                   const struct pusher_string *channels, size_t n_channels,
                   struct pusher_result *result, struct pusher_error *error)
{
    struct pusher_trigger trigger = {
        .channels = channels,
        .n_channels = n_channels,
        .name = spec->event,
        .data = spec->data,
        .socket_id = spec->socket_id,
        .info = spec->info,
    };
    return pusher_api_trigger(http, &trigger, result, error);
}

static int trigger_batch(struct pusher_http *http, const struct job_spec *spec, struct arena *arena,
                         struct pusher_result *result, struct pusher_error *error)
{
    struct pusher_event *events = arena_alloc(arena, (spec->n_events + 1) * sizeof *events);
    if (!events) {
        error->code = PUSHER_ENOMEM;
        snprintf(error->text, sizeof error->text, "out of memory");
        return error->code;
    }
    for (size_t i = 0; i < spec->n_events; i++) {
        const struct job_spec_event *event = &spec->events[i];
        if (event->error) {
            error->code = PUSHER_EINVAL;
            snprintf(error->text, sizeof error->text, "%s", event->error->text);
            return error->code;
        }
        events[i] = (struct pusher_event){
            .channel = event->channel,
            .name = event->name,
            .data = event->data,
            .socket_id = event->socket_id,
            .info = event->info,
        };
    }
    return pusher_api_trigger_batch(http, events, spec->n_events, result, error);
}

static int custom(struct pusher_http *http, const struct job_spec *spec, struct arena *arena,
                  struct pusher_result *result, struct pusher_error *error)
{
    struct pusher_param params[ARGS_MAX];
    size_t n;
    int rc = args_pairs(spec->params, "params", arena, params, &n, error);
    if (rc != 0)
        return rc;
    if (spec->op == JOB_OP_CUSTOM_GET)
        return pusher_api_get(http, spec->path, params, n, result, error);
    return pusher_api_post(http, spec->path, params, n, spec->body, result, error);
}

int op_remote(struct pusher_http *http, const struct job_spec *spec, struct arena *arena,
              struct pusher_result *ret_result, struct pusher_error *ret_error)
{
    *ret_result = (struct pusher_result){.json = NULL};
    switch (spec->op) {
    case JOB_OP_TRIGGER_EVENT:
        return trigger(http, spec, &spec->channel, 1, ret_result, ret_error);
    case JOB_OP_TRIGGER_MULTIPLE_CHANNELS:
        return trigger(http, spec, spec->channels, spec->n_channels, ret_result, ret_error);
    case JOB_OP_TRIGGER_BATCH:
        return trigger_batch(http, spec, arena, ret_result, ret_error);
    case JOB_OP_SEND_TO_USER:
        return pusher_api_send_to_user(http, spec->user_id, spec->event, spec->data, ret_result,
                                       ret_error);
    case JOB_OP_LIST_CHANNELS:
        return pusher_api_list_channels(http, spec->filter_by_prefix, spec->info, ret_result,
                                        ret_error);
    case JOB_OP_GET_CHANNEL:
        return pusher_api_get_channel(http, spec->channel_name, spec->info, ret_result, ret_error);
    case JOB_OP_GET_CHANNEL_USERS:
        return pusher_api_get_channel_users(http, spec->channel_name, ret_result, ret_error);
    case JOB_OP_TERMINATE_USER_CONNECTIONS:
        return pusher_api_terminate_user_connections(http, spec->user_id, ret_result, ret_error);
    default:
        return custom(http, spec, arena, ret_result, ret_error);
    }
}
