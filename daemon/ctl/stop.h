/* SIGINT and SIGTERM as a request to come to an end.
 *
 * The first one is noted, and cuts short what waits in stop_poll(); the second one ends the process
 * as it would have without all this. */
#ifndef DAEMON_CTL_STOP_H
#define DAEMON_CTL_STOP_H

#include <poll.h>
#include <stdbool.h>

/* From here on. A signal that is ignored stays so, as Ctrl-C for what a script has put into the
 * background. */
void stop_catch(void);

bool stop_is_asked(void);

/* As poll(2), and -1 also if there is a request, old or new. `timeout_ms` -1: none. */
int stop_poll(struct pollfd *fds, nfds_t n, int timeout_ms);

#endif
