/* Following a stream as it grows, like tail -f.
 *
 * Each round waits FOLLOW_ROUND_MS for entries. A connection that fails is opened again, with
 * growing pauses, and the stream goes on behind the entry that came last: nothing is shown twice
 * and nothing is missed that the stream still has. SIGINT, SIGTERM and a reader of standard output
 * that has gone end it. */
#ifndef DAEMON_CTL_FOLLOW_H
#define DAEMON_CTL_FOLLOW_H

#include "daemon/ctl/ctl.h"
#include "daemon/ctl/entry_print.h"

#define FOLLOW_ROUND_MS     5000
#define FOLLOW_PAUSE_MS     200 /* before the first attempt to connect again */
#define FOLLOW_MAX_PAUSE_MS 5000

/* Prints what comes behind the entry `after`. CTL_DONE when it was ended; CTL_FAILED after saying
 * what Redis refused. */
int follow(struct ctl *ctl, struct link *link, const char *key, const struct stream_filter *filter,
           const char *after, struct entry_printer *printer);

#endif
