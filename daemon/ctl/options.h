/* The command line, read by the rows of the command. */
#ifndef DAEMON_CTL_OPTIONS_H
#define DAEMON_CTL_OPTIONS_H

#include "daemon/ctl/command.h"

#define OPTIONS_VALUE_MAX (64u * 1024 * 1024) /* bytes of a value from a file */

/* The options that every command has: --config, --app, ... and --help, --version. */
extern const struct option_row global_options[];

/* What to do after the options were read, where it is not an exit status. */
enum { OPTIONS_RUN = -1, OPTIONS_HELP = -2, OPTIONS_VERSION = -3 };

/* Reads global options up to the first argument that is none, and gives its index. */
int options_read_global(int argc, char **argv, struct ctl *ctl, int *ret_next);

/* Reads what follows: argv[0] is the command. Global options may stand here, too. OPTIONS_RUN when
 * everything the command needs is there; the caller then owns *ret_args. */
int options_read(int argc, char **argv, const struct command *command, struct ctl *ctl,
                 struct command_args *ret_args);

void options_free(struct command_args *args);

#endif
