/* The job that a command line asks for, as the JSON text a producer would write. */
#ifndef DAEMON_CTL_JOB_TEXT_H
#define DAEMON_CTL_JOB_TEXT_H

#include "daemon/ctl/command.h"

/* {"op":"triggerEvent","channel":...}; `app` and `reply_to` may be NULL. CTL_DONE and a malloc'ed
 * text; or CTL_USAGE after saying which option is no JSON or no UTF-8. */
int job_text(const struct command_args *args, const char *app, const char *reply_to,
             char **ret_text, size_t *ret_len);

#endif
