/* What the files of the status server share. */
#ifndef DAEMON_STATUS_PRIVATE_H
#define DAEMON_STATUS_PRIVATE_H

#include <stddef.h>

#include "daemon/status.h"

/* ---- status_listen.c */

/* Removes the unix socket, if it is still ours. */
void status_unlink(const struct status *status);

/* ---- what is served: each gives the status of HTTP, and text that the caller frees; 0 when out of
 * memory. */

/* status_metrics.c */
unsigned status_metrics(const struct pusherd *pusherd, char **ret_text, size_t *ret_len);

/* status_ready.c */
unsigned status_ready(const struct pusherd *pusherd, char **ret_text, size_t *ret_len);

#endif
