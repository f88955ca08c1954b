/* The operations of a job. A command line becomes the job a producer would write; then either the
 * job is decoded and done here, directly, or, with --queue, put on the list for a pusherd to do. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "daemon/ctl/command.h"
#include "daemon/ctl/job_text.h"
#include "daemon/ctl/op_queue.h"
#include "daemon/ctl/op_remote.h"
#include "proto/compute.h"

#define ARENA_MAX ((size_t)512 << 20)

static int status_of(int code)
{
    if (code == PUSHER_EUNREACHABLE || code == PUSHER_ETIMEOUT)
        return CTL_UNAVAILABLE;
    return code == PUSHER_ECONFIG ? CTL_CONFIG : CTL_FAILED;
}

static int fail(int rc, const struct pusher_error *error)
{
    return ctl_fail(status_of(rc), "%s: %s", pusher_error_name(rc), error->text);
}

static int finish(struct ctl *ctl, const char *json, int rc, const struct pusher_error *error)
{
    if (rc != 0)
        return fail(rc, error);
    fprintf(ctl->out, "%s\n", json);
    return CTL_DONE;
}

static int run_local(struct ctl *ctl, const struct pusher_client *client,
                     const struct job_spec *spec, struct arena *arena, int64_t clock_s)
{
    struct pusher_error error = {.code = 0};
    char *json = NULL;
    int64_t unix_s = clock_s != 0 ? clock_s : (int64_t)time(NULL);
    int rc = compute_op(client, spec, arena, unix_s, &json, &error);
    if (rc == PUSHER_ESIGNATURE)
        fputs("{\"valid\":false}\n", ctl->out);
    int status = finish(ctl, json, rc, &error);
    free(json);
    return status;
}

static int run_remote(struct ctl *ctl, const struct pusher_client *client,
                      const struct job_spec *spec, struct arena *arena, int64_t clock_s)
{
    struct pusher_result result;
    struct pusher_error error = {.code = 0};
    struct pusher_http *http;
    int rc = pusher_http_new(client, &http, &error);
    if (rc != 0)
        return fail(rc, &error);
    if (clock_s != 0)
        pusher_http_fix_clock(http, clock_s);
    rc = op_remote(http, spec, arena, &result, &error);
    int status = finish(ctl, result.json, rc, &error);
    if (rc != 0 && result.n_done > 0)
        ctl_warn("%zu before it were accepted", result.n_done);
    pusher_result_free(&result);
    pusher_http_free(http);
    return status;
}

static int run_job(struct ctl *ctl, const struct app_config *app, const char *text, size_t len,
                   struct arena *arena)
{
    struct job_spec spec;
    struct job_error error;
    int64_t clock_s;
    enum job_code code = job_spec_decode(text, len, arena, &spec, &error);
    if (code != JOB_OK)
        return ctl_fail(CTL_FAILED, "%s: %s", job_code_name(code), error.text);
    int status = ctl_fixed_clock(ctl, &clock_s);
    if (status != CTL_DONE)
        return status;
    if (compute_can(spec.op))
        return run_local(ctl, app->client, &spec, arena, clock_s);
    return run_remote(ctl, app->client, &spec, arena, clock_s);
}

static int run_direct(struct ctl *ctl, const struct command_args *args)
{
    const struct app_config *app;
    struct arena arena;
    char *text;
    size_t len;
    int status = ctl_load(ctl, false);
    if (status == CTL_DONE)
        status = ctl_pick_app(ctl, &app);
    if (status == CTL_DONE)
        status = job_text(args, NULL, NULL, &text, &len);
    if (status != CTL_DONE)
        return status;
    arena_init(&arena, ARENA_MAX);
    status = run_job(ctl, app, text, len, &arena);
    arena_deinit(&arena);
    free(text);
    return status;
}

int cmd_operation(struct ctl *ctl, const struct command_args *args)
{
    if (command_value(args, "queue"))
        return op_queue(ctl, args);
    if (command_value(args, "wait"))
        return ctl_fail(CTL_USAGE, "--wait goes with --queue");
    return run_direct(ctl, args);
}
