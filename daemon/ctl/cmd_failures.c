/* failures list | show | replay | drop. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ctl/failures.h"
#include "daemon/view/text.h"

static int run_list(struct tail *tail, char *const *ids, int n_ids)
{
    (void)ids;
    if (n_ids > 0)
        return ctl_fail(CTL_USAGE, "failures list takes no ids (see failures show)");
    if (command_value(tail->args, "follow"))
        return tail_print_last(tail);
    return tail_print(tail, command_value(tail->args, "oldest") ? STREAM_OLDEST_FIRST
                                                                : STREAM_NEWEST_FIRST);
}

static void print_whole(const struct tail *tail, const struct stream_entry *entry)
{
    struct entry_printer printer;
    FILE *out = tail->ctl->out;
    entry_printer_init(&printer, out, ENTRY_JSON_LINES);
    if (text_for_people(out, command_value(tail->args, "json") != NULL))
        entry_print_whole(&printer, entry);
    else
        entry_print_json(&printer, entry);
    entry_printer_finish(&printer, true);
}

/* The newest entry that the filter lets through. */
static int run_show(struct tail *tail, char *const *ids, int n_ids)
{
    struct stream_walk walk;
    struct stream_entry entry;
    if (n_ids + (tail->filter.job_id != NULL) != 1)
        return ctl_fail(CTL_USAGE, "failures show takes one STREAM_ID, or --id ID");
    if (n_ids == 1 && !stream_id_read(ids[0], tail->filter.first))
        return ctl_fail(CTL_USAGE, "%.60s is no id of a stream's entry", ids[0]);
    if (n_ids == 1)
        strcpy(tail->filter.last, tail->filter.first);
    stream_walk_init(&walk, &tail->link, tail->key, &tail->filter, STREAM_NEWEST_FIRST);
    int rc = stream_walk_next(&walk, &entry), status = CTL_DONE;
    if (rc == STREAM_ENTRY)
        print_whole(tail, &entry);
    else if (rc == STREAM_FAILED)
        status = tail_fail(tail);
    else
        status = ctl_fail(CTL_FAILED, "the failures of %s have no such entry", tail->list);
    stream_walk_deinit(&walk);
    return status;
}

/* Exactly one of: ids, --all, filters. */
static int check_choice(const struct tail *tail, const char *action, int n_ids)
{
    const struct stream_filter *filter = &tail->filter;
    bool filters = filter->code || filter->app || filter->op || filter->job_id ||
                   filter->first[0] || filter->last[0];
    bool all = command_value(tail->args, "all") != NULL;
    if (all + filters + (n_ids > 0) == 1)
        return CTL_DONE;
    if (all + filters + (n_ids > 0) == 0)
        return ctl_fail(CTL_USAGE,
                        "failures %s: which? Give STREAM_IDs, filters such as --code, "
                        "or --all",
                        action);
    return ctl_fail(CTL_USAGE, "failures %s: STREAM_IDs, filters and --all exclude each other",
                    action);
}

/* Replaying and dropping are not limited unless asked. */
static int run_move(struct tail *tail, enum failures_action action, char *const *ids, int n_ids)
{
    int status = check_choice(tail, action == FAILURES_DROP ? "drop" : "replay", n_ids);
    if (status != CTL_DONE)
        return status;
    if (!command_value(tail->args, "limit"))
        tail->limit = UINT64_MAX;
    return failures_move(tail, action, ids, n_ids);
}

static int run_replay(struct tail *tail, char *const *ids, int n_ids)
{
    return run_move(tail, FAILURES_REPLAY, ids, n_ids);
}

/* Dropping everything takes a yes: on a terminal it is asked for. */
static int confirm(const struct tail *tail)
{
    char answer[16] = "";
    if (!command_value(tail->args, "all") || command_value(tail->args, "yes") ||
        command_value(tail->args, "dry-run"))
        return CTL_DONE;
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return ctl_fail(CTL_USAGE, "failures drop --all needs --yes where nobody can be asked");
    fprintf(stderr, "Drop every failure of %s, with the jobs? [y/N] ", tail->list);
    if (fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
        return CTL_DONE;
    return ctl_fail(CTL_FAILED, "nothing was dropped");
}

static int run_drop(struct tail *tail, char *const *ids, int n_ids)
{
    int status = confirm(tail);
    return status == CTL_DONE ? run_move(tail, FAILURES_DROP, ids, n_ids) : status;
}

struct action {
    const char *name;
    int (*run)(struct tail *tail, char *const *ids, int n_ids);
    const char *options; /* those it has, each between spaces */
};

#define FILTERS " code op id since until limit json "

static const struct action actions[] = {
    {"list", run_list, FILTERS "oldest follow "},
    {"show", run_show, " id json "},
    {"replay", run_replay, FILTERS "all dry-run "},
    {"drop", run_drop, FILTERS "all dry-run yes "},
};

static const struct action *find_action(const struct command_args *args)
{
    for (size_t i = 0; args->n_rest > 0 && i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, args->rest[0]) == 0)
            return &actions[i];
    return NULL;
}

/* Every option that was given is one that the action has. */
static int check_options(const struct action *action, const struct command_args *args)
{
    const struct option_row *row;
    char name[32];
    for (size_t i = 0; (row = command_option(args->command, i)) != NULL; i++) {
        snprintf(name, sizeof name, " %s ", row->name);
        if (args->values[i] && !strstr(action->options, name))
            return ctl_fail(CTL_USAGE, "failures %s has no option --%s", action->name, row->name);
    }
    if (command_value(args, "follow") &&
        (command_value(args, "until") || command_value(args, "oldest")))
        return ctl_fail(CTL_USAGE, "--until and --oldest do not go with --follow");
    return CTL_DONE;
}

int cmd_failures(struct ctl *ctl, const struct command_args *args)
{
    const struct action *action = find_action(args);
    struct tail tail;
    if (!action)
        return ctl_fail(CTL_USAGE, "failures list, show, replay or drop? (see pusherctl failures "
                                   "--help)");
    int status = check_options(action, args);
    if (status != CTL_DONE)
        return status;
    status = tail_open(&tail, ctl, args, KEYS_FAILURES);
    if (status == CTL_DONE)
        status = action->run(&tail, args->rest + 1, args->n_rest - 1);
    tail_close(&tail);
    return status;
}
