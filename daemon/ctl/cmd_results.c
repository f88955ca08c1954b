/* results: the last entries of the results, and with --follow those to come. */
#include "daemon/ctl/tail.h"

int cmd_results(struct ctl *ctl, const struct command_args *args)
{
    struct tail tail;
    if (command_value(args, "follow") && command_value(args, "until"))
        return ctl_fail(CTL_USAGE, "--until does not go with --follow");
    int status = tail_open(&tail, ctl, args, KEYS_RESULTS);
    if (status == CTL_DONE)
        status = tail_print_last(&tail);
    tail_close(&tail);
    return status;
}
