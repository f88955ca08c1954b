/* The rule of sshd's StrictModes: owned by the user or by root, written to by nobody else. */
#include "daemon/spool_trust.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

static const char *distrust(const struct stat *status, bool asks_owner)
{
    if (asks_owner && status->st_uid != geteuid() && status->st_uid != 0)
        return "belongs to another user: neither to the one that pusherd runs as, nor to root";
    if (status->st_mode & (S_IWGRP | S_IWOTH))
        return "can be written to by its group or by others: chmod go-w";
    return NULL;
}

const char *spool_distrust_dir(const struct stat *status, bool asks_owner)
{
    return S_ISDIR(status->st_mode) ? distrust(status, asks_owner) : "is not a directory";
}

const char *spool_distrust_file(const struct stat *status)
{
    return S_ISREG(status->st_mode) ? distrust(status, true) : "is not a regular file";
}

const char *spool_distrust_errno(int error)
{
    if (error == ENOENT)
        return NULL;
    if (error == ELOOP)
        return "is a symbolic link";
    return error == EISDIR ? "is not a regular file" : "cannot be opened";
}
