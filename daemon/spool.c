#include "daemon/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/require.h"

#define SUFFIX   ".spool"
#define HASH_MAX 17                /* hex digits, with a NUL */
#define READ_MAX ((size_t)1 << 30) /* bytes of a file, as max_bytes can be at most */

/* ---- the directory */

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

int spool_check_dir(const char *dir, bool may_make, char ret_why[SPOOL_WHY_MAX])
{
    struct stat status;

    if (strlen(dir) + 2 * HASH_MAX + strlen(SUFFIX) + 2 > SPOOL_PATH_MAX)
        return refuse(ret_why, dir, "is too long a path");
    if (stat(dir, &status) != 0) {
        if (errno != ENOENT)
            return refuse_errno(ret_why, dir, "cannot be used");
        if (!may_make)
            return check_parent(dir, ret_why);
        if (mkdir(dir, 0700) != 0)
            return refuse_errno(ret_why, dir, "does not exist and cannot be made");
        return 0;
    }
    if (!S_ISDIR(status.st_mode))
        return refuse(ret_why, dir, "is not a directory");
    if (access(dir, R_OK | W_OK | X_OK) != 0)
        return refuse_errno(ret_why, dir, "cannot be written to");
    return 0;
}

static void hash(const char *text, char ret_hex[HASH_MAX])
{
    static const uint8_t key[crypto_shorthash_KEYBYTES];
    uint8_t sum[crypto_shorthash_BYTES];

    crypto_shorthash(sum, (const uint8_t *)text, strlen(text), key);
    sodium_bin2hex(ret_hex, HASH_MAX, sum, sizeof(sum));
}

void spool_path(const char *dir, const char *list, const char *consumer, char *ret_path,
                size_t size)
{
    char list_hash[HASH_MAX], consumer_hash[HASH_MAX];

    hash(list, list_hash);
    hash(consumer, consumer_hash);
    (void)snprintf(ret_path, size, "%s/%s-%s" SUFFIX, dir, list_hash, consumer_hash);
}

/* ---- files */

int spool_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

/* The file, locked; -1 if it is not there, or somebody else's. */
static int open_locked(const char *path, enum spool_owner *ret_owner)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;

    *ret_owner = SPOOL_ABSENT;
    if (fd < 0)
        return -1;
    if (spool_lock(fd) != 0) {
        *ret_owner = SPOOL_LOCKED;
        (void)close(fd);
        return -1;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink == 0) {
        (void)close(fd);
        return -1;
    }
    *ret_owner = SPOOL_FREE;
    return fd;
}

/* Asks only: a look takes no lock that would keep another daemon from reading the file. */
enum spool_owner spool_look(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    enum spool_owner owner = SPOOL_LOCKED;

    if (fd < 0)
        return SPOOL_ABSENT;
    if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK)
        owner = SPOOL_FREE;
    (void)close(fd);
    return owner;
}

static int read_all(struct spool_found *found)
{
    struct stat status;
    size_t size;

    if (fstat(found->fd, &status) != 0)
        return -1;
    size = (size_t)status.st_size < READ_MAX ? (size_t)status.st_size : READ_MAX;
    found->bytes = malloc(size + 1);
    while (found->bytes && found->len < size) {
        ssize_t n =
            pread(found->fd, found->bytes + found->len, size - found->len, (off_t)found->len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        found->len += (size_t)n;
    }
    return found->bytes && found->len == size ? 0 : -1;
}

enum { IS_EMPTY = 1, IS_FOREIGN = 2 };

/* The head: whose file it is. IS_EMPTY: a crash left nothing of use in it. */
static int read_head(struct spool_found *found, const char *own_list)
{
    struct pusher_string head, list, consumer;

    if (spool_frame_next((struct pusher_string){found->bytes, found->len}, &found->first, &head) !=
        SPOOL_FRAME)
        return IS_EMPTY;
    if (spool_head_read(head, &list, &consumer) != 0 || consumer.len >= CONSUMER_MAX ||
        list.len != strlen(own_list) || memcmp(list.ptr, own_list, list.len) != 0)
        return IS_FOREIGN;
    memcpy(found->consumer, consumer.ptr, consumer.len);
    return 0;
}

/* Drops what is behind the last good frame. */
static void cut_tail(struct spool_found *found)
{
    struct pusher_string bytes = {found->bytes, found->len}, frame;
    size_t pos = found->first;
    int got;

    while ((got = spool_frame_next(bytes, &pos, &frame)) == SPOOL_FRAME)
        ;
    found->n_damaged = got == SPOOL_DAMAGED ? found->len - pos : 0;
    found->len = pos;
}

void spool_found_free(struct spool_found *found)
{
    if (!found)
        return;
    if (found->fd >= 0)
        (void)close(found->fd);
    free(found->bytes);
    free(found);
}

/* ---- the scan */

static void read_file(struct spool_scan *scan, const char *path)
{
    struct spool_found *found = calloc(1, sizeof(*found));
    enum spool_owner owner;
    int kind;

    if (!found)
        return;
    (void)snprintf(found->path, sizeof(found->path), "%s", path);
    found->fd = open_locked(path, &owner);
    if (found->fd < 0 || read_all(found) != 0) {
        spool_found_free(found);
        return;
    }
    kind = read_head(found, scan->list);
    if (kind == 0) {
        cut_tail(found);
        list_push(&scan->found, &found->link);
        return;
    }
    if (kind == IS_EMPTY)
        (void)unlink(path);
    scan->n_foreign += kind == IS_FOREIGN;
    spool_found_free(found);
}

static bool is_of_list(const char *name, const char *list_hash)
{
    size_t len = strlen(name);

    return len == 2 * (HASH_MAX - 1) + 1 + strlen(SUFFIX) &&
           strncmp(name, list_hash, HASH_MAX - 1) == 0 && name[HASH_MAX - 1] == '-' &&
           strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

static void on_work(uv_work_t *work)
{
    struct spool_scan *scan = work->data;
    char list_hash[HASH_MAX], path[SPOOL_PATH_MAX];
    DIR *dir = opendir(scan->dir);
    struct dirent *entry;

    if (!dir) {
        scan->error = errno;
        return;
    }
    hash(scan->list, list_hash);
    while ((entry = readdir(dir))) {
        if (is_of_list(entry->d_name, list_hash) &&
            snprintf(path, sizeof(path), "%s/%s", scan->dir, entry->d_name) < (int)sizeof(path))
            read_file(scan, path);
    }
    (void)closedir(dir);
}

static void on_worked(uv_work_t *work, int status)
{
    struct spool_scan *scan = work->data;

    REQUIRE(status == 0); /* nothing cancels it */
    scan->scan_cb(scan);
}

void spool_scan_start(struct spool_scan *scan, uv_loop_t *loop, const char *dir, const char *list,
                      spool_scan_cb scan_cb, void *data)
{
    *scan = (struct spool_scan){.dir = dir, .list = list, .scan_cb = scan_cb, .data = data};
    list_init(&scan->found);
    scan->work.data = scan;
    REQUIRE(uv_queue_work(loop, &scan->work, on_work, on_worked) == 0);
}
