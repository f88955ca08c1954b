#include "proto/command.h"

#include "proto/args.h"

/* Parameters and path are the job's. */
static int make_custom(const struct pusher_client *client, const struct job_spec *spec,
                       struct arena *arena, struct pusher_request *request,
                       struct pusher_error *error)
{
    struct pusher_param params[ARGS_MAX];
    size_t n;
    int rc = args_pairs(spec->params, "params", arena, params, &n, error);
    if (rc != 0)
        return rc;
    if (spec->op == JOB_OP_CUSTOM_GET)
        return pusher_command_get(client, spec->path, params, n, request, error);
    return pusher_command_post(client, spec->path, params, n, spec->body, request, error);
}

int command_op(const struct pusher_client *client, const struct job_spec *spec, struct arena *arena,
               struct pusher_request *ret_request, struct pusher_error *ret_error)
{
    switch (spec->op) {
    case JOB_OP_LIST_CHANNELS:
        return pusher_command_list_channels(client, spec->filter_by_prefix, spec->info, ret_request,
                                            ret_error);
    case JOB_OP_GET_CHANNEL:
        return pusher_command_get_channel(client, spec->channel_name, spec->info, ret_request,
                                          ret_error);
    case JOB_OP_GET_CHANNEL_USERS:
        return pusher_command_get_channel_users(client, spec->channel_name, ret_request, ret_error);
    case JOB_OP_TERMINATE_USER_CONNECTIONS:
        return pusher_command_terminate_user_connections(client, spec->user_id, ret_request,
                                                         ret_error);
    default:
        return make_custom(client, spec, arena, ret_request, ret_error);
    }
}
