#include "daemon/ctl/help.h"

#include "daemon/ctl/options.h"

static void print_option(const struct option_row *row, FILE *out)
{
    char left[48];
    snprintf(left, sizeof left, "--%s%s%s", row->name, row->value ? " " : "",
             row->value ? row->value : "");
    fprintf(out, "  %-26s %s%s\n", left, row->help,
            row->flags & OPTION_REQUIRED ? " (required)" : "");
}

static void print_global(FILE *out)
{
    fputs("\nFor every command:\n", out);
    for (const struct option_row *row = global_options; row->name; row++)
        print_option(row, out);
}

void help_print(FILE *out)
{
    fputs("usage: pusherctl COMMAND [OPTION...]     (pusherctl COMMAND --help tells more)\n", out);
    fputs("\nOperations, sent to the API directly, or with --queue through a running pusherd:\n",
          out);
    for (size_t i = 0; i < n_commands; i++)
        if (commands[i].operation)
            fprintf(out, "  %-26s %s\n", commands[i].name, commands[i].summary);
    fputs("\nQueues:\n", out);
    for (size_t i = 0; i < n_commands; i++)
        if (!commands[i].operation)
            fprintf(out, "  %-26s %s\n", commands[i].name, commands[i].summary);
    print_global(out);
    fputs("\nExit status: 0 done, 1 the operation failed, 64 usage, 69 Redis or the API cannot be\n"
          "reached, 78 configuration.\n",
          out);
}

static void print_usage_line(const struct command *command, FILE *out)
{
    const struct option_row *row;
    fprintf(out, "usage: pusherctl %s", command->name);
    if (command->rest)
        fprintf(out, " %s", command->rest);
    for (size_t i = 0; (row = command_option(command, i)) != NULL; i++) {
        bool required = row->flags & OPTION_REQUIRED;
        fprintf(out, " %s--%s%s%s%s", required ? "" : "[", row->name, row->value ? " " : "",
                row->value ? row->value : "", required ? "" : "]");
    }
    fputs("\n\n", out);
}

void help_print_command(const struct command *command, FILE *out)
{
    const struct option_row *row;
    print_usage_line(command, out);
    fprintf(out, "%s: %s\n", command->name, command->summary);
    if (command->details)
        fputs(command->details, out);
    fputs("\n", out);
    for (size_t i = 0; (row = command_option(command, i)) != NULL; i++)
        print_option(row, out);
    if (command->operation)
        fputs("\nA value may be @FILE, @- for standard input, or @@TEXT for one that begins "
              "with '@'.\n",
              out);
    print_global(out);
}

int cmd_help(struct ctl *ctl, const struct command_args *args)
{
    const struct command *command = args->n_rest > 0 ? command_find(args->rest[0]) : NULL;
    if (args->n_rest > 0 && !command)
        return ctl_fail(CTL_USAGE, "no command is named %.80s (see pusherctl --help)",
                        args->rest[0]);
    if (command)
        help_print_command(command, ctl->out);
    else
        help_print(ctl->out);
    return CTL_DONE;
}
