/* An operation through the queue: the job is put on the list, and its outcome awaited on a list of
 * its own (replyTo). */
#ifndef DAEMON_CTL_OP_QUEUE_H
#define DAEMON_CTL_OP_QUEUE_H

#include "daemon/ctl/command.h"

#define OP_QUEUE_WAIT_S     30
#define OP_QUEUE_WAIT_S_MAX 86400

/* Prints the outcome as pusherd wrote it. CTL_DONE if it says "ok":true. */
int op_queue(struct ctl *ctl, const struct command_args *args);

#endif
