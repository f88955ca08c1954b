/* Whether the keys of all apps are locked in memory, so that no swap ever has them: told once, as
 * long as it is not so. */
#ifndef DAEMON_MEMLOCK_H
#define DAEMON_MEMLOCK_H

#include <stdbool.h>

#include "daemon/config/config.h"

/* To be called with each configuration that comes into force. *is_told begins as false. */
void memlock_check(bool *is_told, const struct config *config);

#endif
