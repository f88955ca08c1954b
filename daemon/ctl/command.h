/* Commands and their options, as rows of tables.
 *
 * A new command is one row in commands.c. Where a command asks for an operation, the rows of its
 * options also say which field of the job each becomes: the direct call and --queue read the same
 * rows. */
#ifndef DAEMON_CTL_COMMAND_H
#define DAEMON_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/ctl/ctl.h"

#define COMMAND_MAX_OPTIONS 16 /* of one command, the shared ones included */

enum option_flags {
    OPTION_FLAG = 1,     /* takes no value */
    OPTION_REQUIRED = 2, /* the command is nothing without it */
    OPTION_PLAIN = 4,    /* a leading '@' means nothing */
};

/* How an option's text becomes a field of the job. */
enum option_form {
    FORM_NONE,   /* it is no field */
    FORM_STRING, /* the text as a string, byte for byte */
    FORM_JSON,   /* the text is JSON and stands there as it is */
    FORM_NAMES,  /* names between commas, as an array of strings */
};

struct option_row {
    const char *name;  /* without "--"; NULL ends the rows */
    const char *value; /* what the help calls its value; NULL for a flag */
    const char *help;
    unsigned flags;
    enum option_form form;
    const char *field; /* of the job */
};

struct command;

/* What was given on the command line, by the rows of the command. */
struct command_args {
    const struct command *command;
    const char *values[COMMAND_MAX_OPTIONS]; /* NULL: not given; "" for a flag */
    char *owned[COMMAND_MAX_OPTIONS];        /* values that were read from a file */
    char **rest;                             /* arguments that are no options; borrowed */
    int n_rest;
};

struct command {
    const char *name;
    const char *operation; /* the job's op, "triggerEvent"; NULL: it is no operation */
    const char *summary;   /* one line */
    const char *details;   /* more of the help; NULL: none */
    int (*run)(struct ctl *ctl, const struct command_args *args);
    int max_rest;     /* arguments that are no options */
    const char *rest; /* what the help calls them */
    struct option_row options[COMMAND_MAX_OPTIONS];
};

extern const struct command commands[];
extern const size_t n_commands;

/* The options that every operation has as well: --queue and --wait. */
extern const struct option_row operation_options[];

/* The command of this name, or NULL. */
const struct command *command_find(const char *name);

/* The i-th option, the shared ones after its own; NULL beyond the last. */
const struct option_row *command_option(const struct command *command, size_t i);

/* The value that was given for an option of this name, or NULL. */
const char *command_value(const struct command_args *args, const char *name);

/* One per file cmd_*.c. */
int cmd_operation(struct ctl *ctl, const struct command_args *args);
int cmd_enqueue(struct ctl *ctl, const struct command_args *args);
int cmd_status(struct ctl *ctl, const struct command_args *args);
int cmd_top(struct ctl *ctl, const struct command_args *args);
int cmd_failures(struct ctl *ctl, const struct command_args *args);
int cmd_results(struct ctl *ctl, const struct command_args *args);
int cmd_pause(struct ctl *ctl, const struct command_args *args); /* and resume */
int cmd_fsck(struct ctl *ctl, const struct command_args *args);
int cmd_help(struct ctl *ctl, const struct command_args *args);

#endif
