#include "daemon/ctl/op_remote.h"

#include <stdio.h>

#include "proto/command.h"

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

static int command(struct pusher_http *http, const struct job_spec *spec, struct arena *arena,
                   struct pusher_result *result, struct pusher_error *error)
{
    struct pusher_request request;
    int rc = command_op(pusher_http_client(http), spec, arena, &request, error);
    return rc == 0 ? pusher_api_call(http, &request, result, error) : rc;
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
    default:
        return command(http, spec, arena, ret_result, ret_error);
    }
}
