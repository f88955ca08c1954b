/* Which parts of a failed job are still to be sent. */
#ifndef DAEMON_VIEW_REPLAY_HEADER_H
#define DAEMON_VIEW_REPLAY_HEADER_H

#include <stddef.h>

#include "proto/arena.h"
#include "pusher/string.h"

#define REPLAY_WHY_MAX 256

/* Makes the header of the record (proto/record.h) with which a job is replayed that failed in these
 * parts, the field `parts` of its failure: it marks all other events or channels as delivered.
 * Attempts count anew.
 *
 * 0 and a malloc'ed text; "" where every part failed, so that the job can go to the list as it is.
 * -1 and why, if the parts are not of this job. */
int replay_header(struct pusher_string job, struct pusher_string parts, struct arena *arena,
                  char **ret_header, char ret_why[REPLAY_WHY_MAX])
    __attribute__((warn_unused_result));

#endif
