/* Reads the configuration again, and takes it whole or not at all.
 *
 * The new one is read and checked as at the start; what cannot change while the daemon runs is
 * refused; all that may run out of memory is done; and only then anything is changed, in one turn
 * of the loop, by steps that cannot fail. Either way the log and the service manager are told.
 *
 * Requests in flight end as they were sent. Of an app whose events would be made differently now,
 * or which was removed, the jobs that are not in flight go back to Redis in order (source_remake())
 * and are made anew from there. A queue that was removed is left (source_leave()). */
#ifndef DAEMON_RELOAD_H
#define DAEMON_RELOAD_H

struct pusherd;

/* Logs what the configuration in force should not be like. */
void reload_log_warnings(const struct pusherd *pusherd);

/* To be called between turns. */
void reload(struct pusherd *pusherd);

/* Once a turn: ends the queues and the apps that were removed and are settled. */
void reload_turn(struct pusherd *pusherd);

#endif
