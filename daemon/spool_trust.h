/* Whether what stands on the disk may be believed: a spool says which jobs are done and what is
 * written for them, so nobody but pusherd's user, and root, may be able to write one.
 *
 * Each function is given what fstat() says of an open descriptor, and gives NULL, or why not: words
 * to stand behind the name. Safe on any thread. */
#ifndef DAEMON_SPOOL_TRUST_H
#define DAEMON_SPOOL_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>

/* `asks_owner`: false where whoever asks is not the user that pusherd runs as. */
const char *spool_distrust_dir(const struct stat *status, bool asks_owner);

const char *spool_distrust_file(const struct stat *status);

/* Why open() gave no descriptor; NULL: there is no such file. */
const char *spool_distrust_errno(int error);

#endif
