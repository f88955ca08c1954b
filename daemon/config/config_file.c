#include "daemon/config/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CREDENTIALS "${CREDENTIALS_DIRECTORY}"

static int fail_errno(char why[CONFIG_FILE_WHY_MAX])
{
    snprintf(why, CONFIG_FILE_WHY_MAX, "cannot be read: %s", strerror(errno));
    return -1;
}

static int fail(char why[CONFIG_FILE_WHY_MAX], const char *text)
{
    snprintf(why, CONFIG_FILE_WHY_MAX, "%s", text);
    return -1;
}

static int check_mode(int fd, unsigned forbidden, char why[CONFIG_FILE_WHY_MAX])
{
    struct stat st;
    bool may_not_read = forbidden & S_IROTH;
    if (fstat(fd, &st) != 0)
        return fail_errno(why);
    if ((st.st_mode & forbidden) == 0)
        return 0;
    snprintf(why, CONFIG_FILE_WHY_MAX,
             "holds a secret but others may %swrite it (mode %04o); use chmod o-%sw",
             may_not_read ? "read or " : "", (unsigned)(st.st_mode & 07777),
             may_not_read ? "r" : "");
    return -1;
}

/* Reads to the end, or until the buffer is full; gives the bytes read, or -1. */
static ssize_t read_all(int fd, char *buf, size_t size)
{
    size_t used = 0;
    while (used < size) {
        ssize_t n = read(fd, buf + used, size - used);
        if (n == 0)
            break;
        if (n > 0)
            used += (size_t)n;
        else if (errno != EINTR)
            return -1;
    }
    return (ssize_t)used;
}

static int read_fd(int fd, char *buf, size_t max_bytes, size_t *ret_len,
                   char why[CONFIG_FILE_WHY_MAX])
{
    ssize_t n = read_all(fd, buf, max_bytes + 1);
    if (n < 0)
        return fail_errno(why);
    if ((size_t)n > max_bytes) {
        snprintf(why, CONFIG_FILE_WHY_MAX, "is longer than %zu bytes", max_bytes);
        return -1;
    }
    buf[n] = '\0';
    if (memchr(buf, '\0', (size_t)n))
        return fail(why, "holds a NUL byte");
    *ret_len = (size_t)n;
    return 0;
}

int config_file_read(const char *path, size_t max_bytes, unsigned forbidden, char **ret_text,
                     size_t *ret_len, char ret_why[CONFIG_FILE_WHY_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(ret_why);
    int rc = -1;
    char *buf = NULL;
    if (forbidden != 0 && check_mode(fd, forbidden, ret_why) != 0)
        goto out_close;
    buf = calloc(1, max_bytes + 1);
    rc = buf ? read_fd(fd, buf, max_bytes, ret_len, ret_why) : fail(ret_why, "out of memory");
    if (rc == 0)
        *ret_text = buf;
    else if (buf)
        config_file_free(buf, max_bytes);
out_close:
    close(fd);
    return rc;
}

unsigned config_file_mode(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? st.st_mode & 07777 : 0;
}

void config_file_free(char *text, size_t len)
{
    if (text)
        sodium_memzero(text, len);
    free(text);
}

static char *join(const char *folder, const char *path, char why[CONFIG_FILE_WHY_MAX])
{
    char *joined = NULL;
    if (asprintf(&joined, "%s/%s", folder, path) >= 0)
        return joined;
    fail(why, "out of memory");
    return NULL;
}

char *config_path_resolve(const char *path, const char *folder, const char *credentials,
                          char ret_why[CONFIG_FILE_WHY_MAX])
{
    if (strncmp(path, CREDENTIALS "/", strlen(CREDENTIALS "/")) == 0) {
        if (credentials && credentials[0] != '\0')
            return join(credentials, path + strlen(CREDENTIALS "/"), ret_why);
        fail(ret_why, "CREDENTIALS_DIRECTORY is not set; systemd sets it for units with "
                      "LoadCredential=");
        return NULL;
    }
    if (path[0] == '$') {
        fail(ret_why, "of variables only " CREDENTIALS "/ is replaced");
        return NULL;
    }
    if (path[0] == '/' || !folder)
        return join(path[0] == '/' ? "" : ".", path[0] == '/' ? path + 1 : path, ret_why);
    return join(folder, path, ret_why);
}
