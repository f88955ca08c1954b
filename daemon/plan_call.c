/* Operations that publish nothing: queries, commands, calls of any path, and those that only
 * compute. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/plan.h"
#include "proto/args.h"
#include "proto/compute.h"
#include "pusher/command.h"

/* Custom calls: parameters and path from the job. */
static int make_custom(const struct admission *admission, const struct plan *plan,
                       struct pusher_request *request, struct pusher_error *error)
{
    const struct pusher_client *client = plan->app->client;
    const struct job_spec *spec = &plan->spec;
    struct pusher_param params[ARGS_MAX];
    size_t n;
    int status = args_pairs(spec->params, "params", admission->arena, params, &n, error);

    if (status != 0)
        return status;
    if (spec->op == JOB_OP_CUSTOM_GET)
        return pusher_command_get(client, spec->path, params, n, request, error);
    return pusher_command_post(client, spec->path, params, n, spec->body, request, error);
}

static int make_request(const struct admission *admission, const struct plan *plan,
                        struct pusher_request *request, struct pusher_error *error)
{
    const struct pusher_client *client = plan->app->client;
    const struct job_spec *spec = &plan->spec;

    switch (spec->op) {
    case JOB_OP_LIST_CHANNELS:
        return pusher_command_list_channels(client, spec->filter_by_prefix, spec->info, request,
                                            error);
    case JOB_OP_GET_CHANNEL:
        return pusher_command_get_channel(client, spec->channel_name, spec->info, request, error);
    case JOB_OP_GET_CHANNEL_USERS:
        return pusher_command_get_channel_users(client, spec->channel_name, request, error);
    case JOB_OP_TERMINATE_USER_CONNECTIONS:
        return pusher_command_terminate_user_connections(client, spec->user_id, request, error);
    default:
        return make_custom(admission, plan, request, error);
    }
}

/* What is sent to a user and then cuts the user off must keep that order; queries have none of
 * their own. */
static int set_call_lanes(const struct admission *admission, const struct plan *plan,
                          struct plan_part *part)
{
    char channel[PUSHER_USER_CHANNEL_MAX];
    struct pusher_string name = {channel, 0};

    if (plan->spec.op != JOB_OP_TERMINATE_USER_CONNECTIONS)
        return plan_set_lanes(admission, plan, part, NULL, 0);
    name.len = pusher_user_channel(plan->spec.user_id, channel);
    return plan_set_lanes(admission, plan, part, &name, 1);
}

static int plan_request(const struct admission *admission, struct plan *plan)
{
    struct pusher_request *request = arena_alloc(admission->arena, sizeof(*request));
    struct plan_part *part;
    struct pusher_error error;

    if (!request || plan_reserve(admission->arena, plan, 1, 0) != 0)
        return -1;
    if (make_request(admission, plan, request, &error) != 0)
        return plan_fail_job(admission->arena, plan, plan_code_name(error.code), error.text);
    part = plan_add_part(plan, PLAN_REQUEST);
    part->request = request;
    part->size = request->body.len;
    part->target_size = PUSHER_TARGET_MAX + 3 * plan->spec.params.len;
    return set_call_lanes(admission, plan, part);
}

static int plan_computed(const struct admission *admission, struct plan *plan)
{
    struct pusher_error error;
    char *json;

    if (plan_reserve(admission->arena, plan, 1, 0) != 0)
        return -1;
    if (compute_op(plan->app->client, &plan->spec, admission->arena,
                   (int64_t)(admission->server_now_ms / 1000), &json, &error) != 0) {
        admission->arena->is_starved |= error.code == PUSHER_ENOMEM;
        return plan_fail_job(admission->arena, plan, plan_code_name(error.code), error.text);
    }
    plan_add_part(plan, PLAN_DONE)->result = json;
    return 0;
}

int plan_call(const struct admission *admission, struct plan *plan)
{
    /* It is computed when it is due: a query string is signed for its time. */
    if (compute_can(plan->spec.op) && plan->park_until_ms == 0)
        return plan_computed(admission, plan);
    if (!compute_can(plan->spec.op))
        return plan_request(admission, plan);
    if (plan_reserve(admission->arena, plan, 1, 0) != 0)
        return -1;
    (void)plan_add_part(plan, PLAN_DONE);
    return 0;
}
