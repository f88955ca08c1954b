/* Descriptors 0, 1 and 2. Where one is closed, the next connection or file that is opened takes its
 * place, and gets what is meant for it: a listing, a log, somebody's payload. */
#ifndef DAEMON_DESCRIPTORS_H
#define DAEMON_DESCRIPTORS_H

#include <fcntl.h>
#include <unistd.h>

/* Opens those that are closed, before anything else is opened; so that using them still is an
 * error: standard input can only be written to, the others only be read from. */
static inline void descriptors_hold_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* is this one */
}

#endif
