#include "daemon/ctl/options.h"

#include <getopt.h>
#include <sodium.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ctl/value.h"

const struct option_row global_options[] = {
    {"config", "FILE", "the configuration (" CONFIG_DEFAULT_FILE " if there is one); \"\": none",
     OPTION_PLAIN, FORM_NONE, NULL},
    {"app-json", "FILE", "an app in its JSON form", OPTION_PLAIN, FORM_NONE, NULL},
    {"app", "NAME", "an app of the configuration", OPTION_PLAIN, FORM_NONE, NULL},
    {"redis", "URL", "where Redis is", OPTION_PLAIN, FORM_NONE, NULL},
    {"list", "NAME", "the queue's list", OPTION_PLAIN, FORM_NONE, NULL},
    {"help", NULL, "this text", OPTION_FLAG, FORM_NONE, NULL},
    {"version", NULL, "the version", OPTION_FLAG, FORM_NONE, NULL},
    {.name = NULL},
};

enum { N_GLOBAL = sizeof global_options / sizeof global_options[0] - 1, FIRST_OWN = 1000 };

static struct option long_option(const struct option_row *row, int value)
{
    return (struct option){
        .name = row->name,
        .has_arg = row->flags & OPTION_FLAG ? no_argument : required_argument,
        .val = value,
    };
}

/* For getopt_long(): global options have their index as value, the command's FIRST_OWN and more. */
static void make_table(const struct command *command,
                       struct option table[N_GLOBAL + COMMAND_MAX_OPTIONS + 1])
{
    const struct option_row *row;
    size_t n = 0;
    for (int i = 0; i < N_GLOBAL; i++)
        table[n++] = long_option(&global_options[i], i + 1);
    for (int i = 0; command && (row = command_option(command, (size_t)i)) != NULL; i++)
        table[n++] = long_option(row, FIRST_OWN + i);
    table[n] = (struct option){.name = NULL};
}

/* The row of what getopt_long() gave; -h is --help. */
static const struct option_row *global_row(int option)
{
    const struct option_row *row = &global_options[option == 'h' ? 0 : option - 1];
    while (option == 'h' && strcmp(row->name, "help") != 0)
        row++;
    return row;
}

/* The command line is open to every user of the machine, and the address may hold a password: it
 * is there no longer than it takes to read it. */
static int take_redis(char *value, struct ctl *ctl)
{
    char *copy = strdup(value);
    if (!copy)
        return ctl_fail(CTL_FAILED, "out of memory");
    memset(value, 'x', strlen(value));
    if (ctl->redis_url)
        sodium_memzero(ctl->redis_url, strlen(ctl->redis_url));
    free(ctl->redis_url);
    ctl->redis_url = copy;
    return OPTIONS_RUN;
}

/* One global option; OPTIONS_RUN, or what it asks for. */
static int take_global(const struct option_row *row, char *value, struct ctl *ctl)
{
    if (strcmp(row->name, "help") == 0)
        return OPTIONS_HELP;
    if (strcmp(row->name, "version") == 0)
        return OPTIONS_VERSION;
    if (strcmp(row->name, "redis") == 0)
        return take_redis(value, ctl);
    const struct {
        const char *name;
        const char **target;
    } targets[] = {
        {"config", &ctl->config_file},
        {"app-json", &ctl->app_json_file},
        {"app", &ctl->app_name},
        {"list", &ctl->list},
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        if (strcmp(targets[i].name, row->name) == 0)
            *targets[i].target = value;
    return OPTIONS_RUN;
}

int options_read_global(int argc, char **argv, struct ctl *ctl, int *ret_next)
{
    struct option table[N_GLOBAL + COMMAND_MAX_OPTIONS + 1];
    int rc = OPTIONS_RUN;
    int option;
    make_table(NULL, table);
    optind = 0; /* as GNU's getopt wants it, to begin anew */
    while (rc == OPTIONS_RUN && (option = getopt_long(argc, argv, "+h", table, NULL)) != -1)
        rc = option == '?' ? CTL_USAGE : take_global(global_row(option), optarg, ctl);
    *ret_next = optind;
    return rc;
}

static int take_own(struct command_args *args, size_t i, const char *value)
{
    const struct option_row *row = command_option(args->command, i);
    if (args->values[i])
        return ctl_fail(CTL_USAGE, "--%s is given twice", row->name);
    args->values[i] = value ? value : "";
    return OPTIONS_RUN;
}

/* Reads the values that name a file; standard input can be only one of them. */
static int read_files(struct command_args *args)
{
    const struct option_row *row;
    bool used_stdin = false;
    for (size_t i = 0; (row = command_option(args->command, i)) != NULL; i++) {
        char why[VALUE_WHY_MAX];
        const char *value = args->values[i];
        if (!value || (row->flags & (OPTION_FLAG | OPTION_PLAIN)) || value[0] != '@')
            continue;
        if (strcmp(value, "@-") == 0 && used_stdin)
            return ctl_fail(CTL_USAGE, "--%s: standard input was read already", row->name);
        used_stdin = used_stdin || strcmp(value, "@-") == 0;
        if (value_read(value, OPTIONS_VALUE_MAX, &args->owned[i], why) != 0)
            return ctl_fail(CTL_USAGE, "--%s: %s", row->name, why);
        args->values[i] = args->owned[i];
    }
    return OPTIONS_RUN;
}

static int check(const struct command_args *args)
{
    const struct command *command = args->command;
    const struct option_row *row;
    for (size_t i = 0; (row = command_option(command, i)) != NULL; i++)
        if ((row->flags & OPTION_REQUIRED) && !args->values[i])
            return ctl_fail(CTL_USAGE, "%s needs --%s %s (see pusherctl %s --help)", command->name,
                            row->name, row->value, command->name);
    if (args->n_rest > command->max_rest)
        return ctl_fail(CTL_USAGE, "%s: what is \"%.80s\"? (see pusherctl %s --help)",
                        command->name, args->rest[command->max_rest], command->name);
    return OPTIONS_RUN;
}

static int read_all(int argc, char **argv, struct ctl *ctl, struct command_args *args)
{
    struct option table[N_GLOBAL + COMMAND_MAX_OPTIONS + 1];
    int rc = OPTIONS_RUN;
    int option;
    make_table(args->command, table);
    optind = 0;
    while (rc == OPTIONS_RUN && (option = getopt_long(argc, argv, "h", table, NULL)) != -1) {
        if (option == '?')
            return CTL_USAGE;
        if (option >= FIRST_OWN)
            rc = take_own(args, (size_t)(option - FIRST_OWN), optarg);
        else
            rc = take_global(global_row(option), optarg, ctl);
    }
    args->rest = argv + optind;
    args->n_rest = argc - optind;
    if (rc == OPTIONS_RUN)
        rc = check(args);
    return rc == OPTIONS_RUN ? read_files(args) : rc;
}

int options_read(int argc, char **argv, const struct command *command, struct ctl *ctl,
                 struct command_args *ret_args)
{
    struct command_args args = {.command = command};
    int rc = read_all(argc, argv, ctl, &args);
    if (rc == OPTIONS_RUN)
        *ret_args = args;
    else
        options_free(&args);
    return rc;
}

void options_free(struct command_args *args)
{
    for (size_t i = 0; i < COMMAND_MAX_OPTIONS; i++)
        free(args->owned[i]);
    *args = (struct command_args){.command = NULL};
}
