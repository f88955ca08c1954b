/* Consumer names: who holds a lease.
 *
 *     HOST.BOOT-NAMESPACE:PID:NONCE
 *
 * The first part tells processes of one kernel and process namespace apart from all others, so that
 * a daemon can see at once that a consumer on its own machine is dead, and need not wait for its
 * lease to run out. */
#ifndef DAEMON_CONSUMER_H
#define DAEMON_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>

#define CONSUMER_MAX 192 /* bytes of a name, with its NUL */

/* A new name for this process, different each time. */
void consumer_name(char ret_name[CONSUMER_MAX]);

/* True if the consumer was a process of this machine that does not exist any more. False where it
 * is alive or cannot be known. `own` is a name of this process that is in use. */
bool consumer_is_dead(const char *name, size_t len, const char *own);

#endif
