/* pause, resume: the queue, or one of its apps. */
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/call.h"
#include "daemon/ctl/command.h"
#include "daemon/ctl/pauses.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

#define REASON_MAX 500

struct pausing {
    struct ctl *ctl;
    const struct command_args *args;
    const char *op, *list;
    const char *app; /* PAUSES_QUEUE for the whole queue */
};

/* An app that nobody knows is most likely a slip. To resume it is always allowed: it may have been
 * renamed since. */
static int check_app(const struct pausing *pausing)
{
    const struct config *config = pausing->ctl->config;
    const char *app = pausing->ctl->app_name;
    if (!app)
        return CTL_DONE;
    if (app[0] == '\0' || strcmp(app, PAUSES_QUEUE) == 0)
        return ctl_fail(CTL_USAGE, "--app: the name of an app is wanted");
    if (strcmp(pausing->op, "pause") == 0 && config->n_apps > 0 &&
        !command_value(pausing->args, "force") &&
        config_find_app(config, app, strlen(app)) == SIZE_MAX)
        return ctl_fail(CTL_CONFIG, "there is no app %s in the configuration (see --force)", app);
    return CTL_DONE;
}

static int add_reason(const struct pausing *pausing, struct call *call)
{
    const char *reason = command_value(pausing->args, "reason");
    struct text_out text;
    size_t len;
    if (!reason || reason[0] == '\0') {
        call_text(call, "");
        return CTL_DONE;
    }
    if (strlen(reason) > REASON_MAX)
        return ctl_fail(CTL_USAGE, "--reason is longer than %d bytes", REASON_MAX);
    FILE *out = text_out_open(&text);
    if (out)
        text_json(out, pusher_str(reason));
    char *json = text_out_close(&text, &len);
    if (!json)
        return ctl_fail(CTL_FAILED, "out of memory");
    call_add(call, json, len);
    free(json);
    return CTL_DONE;
}

static int change(const struct pausing *pausing, struct link *link, bool *ret_changed)
{
    struct call call = {.n = 0};
    call_script(&call, &script_pause, 1);
    call_key(&call, pausing->list, KEYS_PAUSED);
    call_text(&call, pausing->op);
    call_text(&call, pausing->app);
    int status = add_reason(pausing, &call);
    if (status != CTL_DONE) {
        call_clear(&call);
        return status;
    }
    redisReply *reply = call_send(&call, link);
    if (!reply)
        return ctl_fail(link_status(link), "%s", link->why);
    *ret_changed = reply->integer == 1;
    freeReplyObject(reply);
    return CTL_DONE;
}

static void print_people(const struct pausing *pausing, const struct pauses *pauses,
                         uint64_t now_ms, bool changed)
{
    FILE *out = pausing->ctl->out;
    bool resumes = strcmp(pausing->op, "resume") == 0;
    fprintf(out, "%s:\n", pausing->list);
    if (resumes) {
        fprintf(out, "  %s", pausing->ctl->app_name ? "app " : "the queue");
        text_clean(out, pusher_str(pausing->ctl->app_name), 80);
        fputs(changed ? " goes on\n" : " was not paused\n", out);
    }
    pauses_print(pauses, now_ms, "  ", out);
}

static void print_json(const struct pausing *pausing, const struct pauses *pauses, bool changed)
{
    FILE *out = pausing->ctl->out;
    fputs("{\"list\":", out);
    text_json(out, pusher_str(pausing->list));
    fprintf(out, ",\"changed\":%s,\"pauses\":", changed ? "true" : "false");
    pauses_print_json(pauses, out);
    fputs("}\n", out);
}

/* What is paused now, whoever paused it. */
static int show(const struct pausing *pausing, struct link *link, bool changed)
{
    struct pauses pauses;
    uint64_t now_ms;
    if (link_time(link, &now_ms) != 0 || pauses_read(link, pausing->list, &pauses) != 0)
        return ctl_fail(link_status(link), "%s", link->why);
    if (text_for_people(pausing->ctl->out, command_value(pausing->args, "json") != NULL))
        print_people(pausing, &pauses, now_ms, changed);
    else
        print_json(pausing, &pauses, changed);
    pauses_deinit(&pauses);
    return CTL_DONE;
}

static int run(struct pausing *pausing)
{
    struct link link;
    bool changed = false;
    int status = ctl_load(pausing->ctl, true);
    if (status == CTL_DONE)
        status = ctl_pick_list(pausing->ctl, &pausing->list);
    if (status == CTL_DONE)
        status = check_app(pausing);
    if (status != CTL_DONE)
        return status;
    if (link_open(&link, &pausing->ctl->config->redis) != 0)
        return ctl_fail(CTL_UNAVAILABLE, "%s", link.why);
    status = change(pausing, &link, &changed);
    if (status == CTL_DONE)
        status = show(pausing, &link, changed);
    link_close(&link);
    return status;
}

int cmd_pause(struct ctl *ctl, const struct command_args *args)
{
    struct pausing pausing = {
        .ctl = ctl,
        .args = args,
        .op = args->command->name,
        .app = ctl->app_name ? ctl->app_name : PAUSES_QUEUE,
    };
    return run(&pausing);
}
