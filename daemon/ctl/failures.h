/* What cmd_failures.c hands on: the actions that move entries. */
#ifndef DAEMON_CTL_FAILURES_H
#define DAEMON_CTL_FAILURES_H

#include "daemon/ctl/tail.h"

enum failures_action { FAILURES_REPLAY, FAILURES_DROP };

/* Replays or drops the entries whose ids are given, or those that the filter lets through, oldest
 * first, and prints how many. The entries that come while it runs are left alone. */
int failures_move(struct tail *tail, enum failures_action action, char *const *ids, int n_ids);

#endif
