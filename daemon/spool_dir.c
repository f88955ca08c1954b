/* The directory: which it is, and whether it can be used. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/spool.h"
#include "daemon/spool_trust.h"

const char *spool_dir(const struct config *config)
{
    const char *dir = config->spool_dir;

    return dir && strcmp(dir, CONFIG_SPOOL_OFF) != 0 ? dir : NULL;
}

static int refuse(char why[SPOOL_WHY_MAX], const char *dir, const char *what)
{
    (void)snprintf(why, SPOOL_WHY_MAX, "%.180s %s", dir, what);
    return -1;
}

static int refuse_errno(char why[SPOOL_WHY_MAX], const char *dir, const char *what)
{
    char text[64];

    (void)snprintf(text, sizeof(text), "%s: %.40s", what, strerror(errno));
    return refuse(why, dir, text);
}

static int check_parent(const char *dir, char why[SPOOL_WHY_MAX])
{
    char parent[SPOOL_PATH_MAX];
    char *slash;

    (void)snprintf(parent, sizeof(parent), "%s", dir);
    slash = strrchr(parent, '/');
    if (slash)
        slash[slash == parent ? 1 : 0] = '\0';
    if (access(slash ? parent : ".", W_OK | X_OK) != 0)
        return refuse_errno(why, dir, "does not exist and cannot be made");
    return 0;
}

static int check_absent(const char *dir, bool may_make, char why[SPOOL_WHY_MAX])
{
    if (errno != ENOENT)
        return refuse_errno(why, dir, "cannot be used");
    if (!may_make)
        return check_parent(dir, why);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST) /* another daemon may be as fast */
        return refuse_errno(why, dir, "does not exist and cannot be made");
    return 0;
}

/* Root may check for a daemon that runs as somebody else, before it is started. */
static const char *distrust_open_dir(int fd, bool may_make)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return "cannot be used";
    return spool_distrust_dir(&status, may_make || geteuid() != 0);
}

/* *ret_fd: -1 if it is not there, and not to be made. */
static int open_dir(const char *dir, bool may_make, char why[SPOOL_WHY_MAX], int *ret_fd)
{
    int fd = open(dir, O_PATH | O_CLOEXEC);

    if (fd < 0 && check_absent(dir, may_make, why) != 0)
        return -1;
    if (fd < 0 && may_make) {
        fd = open(dir, O_PATH | O_CLOEXEC);
        if (fd < 0)
            return refuse_errno(why, dir, "cannot be used");
    }
    *ret_fd = fd;
    return 0;
}

int spool_check_dir(const char *dir, bool may_make, char ret_why[SPOOL_WHY_MAX])
{
    const char *distrust;
    int fd;

    if (strlen(dir) + 1 + SPOOL_NAME_MAX > SPOOL_PATH_MAX)
        return refuse(ret_why, dir, "is too long a path");
    if (open_dir(dir, may_make, ret_why, &fd) != 0)
        return -1;
    if (fd < 0)
        return 0;
    distrust = distrust_open_dir(fd, may_make);
    (void)close(fd);
    if (distrust)
        return refuse(ret_why, dir, distrust);
    if (access(dir, R_OK | W_OK | X_OK) != 0)
        return refuse_errno(ret_why, dir, "cannot be written to");
    return 0;
}
