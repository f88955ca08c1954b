/* Sees to it that a script touches no key that it was not given.
 *
 * Redis Cluster sends a script to the node of its KEYS, and a user's rights are checked on them: a
 * key that a script makes up works with one server and fails with the other. A key is in order if
 * it is
 *   - one of KEYS,
 *   - a mark or a set below one of them: {L}:seen:ID, {L}:parked:APP,
 *   - the claim of a consumer that fsck.lua was asked about, {L}:inflight:NAME, or
 *   - the list that settle.lua was told to push an outcome to. */
#ifndef TESTS_UNIT_SCRIPTS_KEY_GUARD_H
#define TESTS_UNIT_SCRIPTS_KEY_GUARD_H

#include <hiredis/hiredis.h>
#include <stdbool.h>

/* The text of the script with the guard in it, in a buffer that lasts until the next call. */
const char *key_guard(const char *script);

/* What Redis's clock says to the scripts from now on: Lua for the reply of TIME, or NULL for the
 * truth. */
void key_guard_clock(const char *reply);

/* From now on the scripts run as on a machine whose long has 32 bits, where Lua's %d is for no
 * more: it writes a larger number as if it were another. */
void key_guard_short_long(bool is_short);

/* Fails the test if the guard stopped the script. Gives the reply. */
redisReply *key_guard_check(redisReply *reply);

#endif
