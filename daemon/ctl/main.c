/* pusherctl, the command line. ctl.h tells how it is built. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "daemon/ctl/help.h"
#include "daemon/ctl/options.h"
#include "daemon/descriptors.h"

static int print_version(FILE *out)
{
    fputs("pusherctl " PUSHERD_VERSION "\n", out);
    return CTL_DONE;
}

static int run(int argc, char **argv, const struct command *command, struct ctl *ctl)
{
    char name[64];
    struct command_args args;
    snprintf(name, sizeof name, "pusherctl %s", command->name);
    argv[0] = name; /* getopt names it in its messages */
    int rc = options_read(argc, argv, command, ctl, &args);
    if (rc == OPTIONS_VERSION)
        return print_version(ctl->out);
    if (rc != OPTIONS_RUN && rc != OPTIONS_HELP)
        return rc;
    if (rc == OPTIONS_HELP) {
        help_print_command(command, ctl->out);
        return CTL_DONE;
    }
    rc = command->run(ctl, &args);
    options_free(&args);
    return rc;
}

static int dispatch(int argc, char **argv, struct ctl *ctl)
{
    char name[] = "pusherctl";
    int next = 0;
    argv[0] = name;
    int rc = options_read_global(argc, argv, ctl, &next);
    if (rc == OPTIONS_VERSION)
        return print_version(ctl->out);
    if (rc == OPTIONS_HELP) {
        help_print(ctl->out);
        return CTL_DONE;
    }
    if (rc != OPTIONS_RUN)
        return rc;
    if (next >= argc) {
        help_print(stderr);
        return CTL_USAGE;
    }
    const struct command *command = command_find(argv[next]);
    if (!command)
        return ctl_fail(CTL_USAGE, "no command is named %.80s (see pusherctl --help)", argv[next]);
    return run(argc - next, argv + next, command, ctl);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.out = stdout, .environ = environ};
    descriptors_hold_standard();
    (void)prctl(PR_SET_DUMPABLE, 0); /* no core holds the secrets */
    signal(SIGPIPE, SIG_IGN);        /* a connection that closes is an error, not the end */
    if (argc < 1)
        return CTL_USAGE;
    int rc = dispatch(argc, argv, &ctl);
    ctl_deinit(&ctl);
    if (fflush(stdout) != 0 || ferror(stdout))
        return ctl_fail(CTL_FAILED, "standard output cannot be written to");
    return rc;
}
