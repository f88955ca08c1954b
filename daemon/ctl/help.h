/* The help texts, made of the tables. */
#ifndef DAEMON_CTL_HELP_H
#define DAEMON_CTL_HELP_H

#include "daemon/ctl/command.h"

void help_print(FILE *out);
void help_print_command(const struct command *command, FILE *out);

#endif
