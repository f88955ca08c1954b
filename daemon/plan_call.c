/* Operations that publish nothing: queries, commands, calls of any path, and those that only
 * compute. */
#include "daemon/plan.h"
#include "proto/command.h"
#include "proto/compute.h"

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

/* Bytes that hold the target of any such request: every byte of a parameter may have to be escaped.
 */
static size_t target_max(const struct pusher_request *request)
{
    size_t size = PUSHER_TARGET_MAX;

    for (size_t i = 0; i < request->n_params; i++)
        size += 3 * (request->params[i].name.len + request->params[i].value.len) + 2;
    return size;
}

static int plan_request(const struct admission *admission, struct plan *plan)
{
    struct pusher_request *request = arena_alloc(admission->arena, sizeof(*request));
    struct plan_part *part;
    struct pusher_error error;

    if (!request || plan_reserve(admission->arena, plan, 1, 0) != 0)
        return -1;
    if (command_op(plan->app->client, &plan->spec, admission->arena, request, &error) != 0)
        return plan_fail_job(admission->arena, plan, plan_code_name(error.code), error.text);
    part = plan_add_part(plan, PLAN_REQUEST);
    part->request = request;
    part->size = request->body.len;
    part->target_size = target_max(request);
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
