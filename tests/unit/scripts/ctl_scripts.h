/* The scripts of pusherctl, as it calls them; beside scripts.h. */
#ifndef TESTS_UNIT_SCRIPTS_CTL_SCRIPTS_H
#define TESTS_UNIT_SCRIPTS_CTL_SCRIPTS_H

#include "tests/unit/scripts/scripts.h"

#define FAILURE_ID_MAX 48

/* Adds a failure with these bytes as its job, and gives its stream id. */
void add_failure(const char *job, size_t len, char ret_id[FAILURE_ID_MAX]);

/* replay.lua on pairs of a stream id and a header, up to a NULL; on any connection, and without
 * waiting. */
redisReply *replay(const char *id, ...) __attribute__((sentinel));
void replay_append(redisContext *connection, const char *id, const char *header);

/* Runs it; so many entries must have been gone. */
void replay_expecting(size_t n_gone, const char *id, const char *header);

/* pause.lua. `reason` is JSON, or "". Gives what it gives. */
long long pause_it(const char *app, const char *reason);
long long resume_it(const char *app);

/* fsck.lua on ids or names between spaces. `set` is a key more, or NULL. Gives how many it found.
 */
size_t fsck(const char *what, bool mends, const char *set, const char *ids);

/* {L}:parked:APP. */
const char *parked_key(const char *app);

#endif
