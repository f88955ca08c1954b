#include "daemon/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/spool_trust.h"
#include "lib/name.h"
#include "lib/require.h"

#define SUFFIX   ".spool"
#define HASH_MAX SPOOL_SERVER_MAX  /* hex digits, with a NUL */
#define N_HASHES 3                 /* in a name */
#define READ_MAX ((size_t)1 << 30) /* bytes of a file, as max_bytes can be at most */

_Static_assert(N_HASHES *HASH_MAX - 1 + sizeof(SUFFIX) == SPOOL_NAME_MAX, "HASH-HASH-HASH.spool");

/* ---- names */

static void hash_with(const uint8_t key[crypto_shorthash_KEYBYTES], const char *text,
                      char ret_hex[HASH_MAX])
{
    uint8_t sum[crypto_shorthash_BYTES];

    crypto_shorthash(sum, (const uint8_t *)text, strlen(text), key);
    sodium_bin2hex(ret_hex, HASH_MAX, sum, sizeof(sum));
}

static void hash(const char *text, char ret_hex[HASH_MAX])
{
    static const uint8_t key[crypto_shorthash_KEYBYTES];

    hash_with(key, text, ret_hex);
}

void spool_server(const struct redis_config *redis, char ret_server[SPOOL_SERVER_MAX])
{
    const char *names[] = {
        [REDIS_TCP] = redis->host, [REDIS_UNIX] = redis->path, [REDIS_SENTINEL] = redis->master};
    unsigned port = redis->kind == REDIS_TCP ? redis->port : 0;
    const uint8_t key[crypto_shorthash_KEYBYTES] = {
        (uint8_t)redis->kind,      (uint8_t)port,      (uint8_t)(port >> 8),
        (uint8_t)(redis->db >> 8), (uint8_t)redis->db,
    };

    hash_with(key, names[redis->kind], ret_server);
}

void spool_path(const struct spool_place *place, const char *consumer, char *ret_path, size_t size)
{
    char list_hash[HASH_MAX], consumer_hash[HASH_MAX];

    hash(place->list, list_hash);
    hash(consumer, consumer_hash);
    (void)snprintf(ret_path, size, "%s/%s-%s-%s" SUFFIX, place->dir, list_hash, place->server,
                   consumer_hash);
}

/* ---- files */

int spool_lock(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    return fcntl(fd, F_OFD_SETLK, &lock);
}

static bool has_name(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && status.st_nlink > 0;
}

/* The file, locked; -1 if it is not there, or a living daemon's, or not to be believed: then
 * *ret_why. What cannot be opened at all is among those. */
static int open_locked(const char *path, const char **ret_why)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat status;

    *ret_why = fd < 0 ? spool_distrust_errno(errno) : NULL;
    if (fd < 0)
        return -1;
    if (fstat(fd, &status) == 0 && !(*ret_why = spool_distrust_file(&status)) &&
        spool_lock(fd) == 0 && has_name(fd))
        return fd;
    (void)close(fd);
    return -1;
}

/* Asks only: a look takes no lock that would keep another daemon from reading the file. */
enum spool_owner spool_look(const char *path)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    enum spool_owner owner = SPOOL_LOCKED;
    struct stat status;

    if (fd < 0)
        return SPOOL_ABSENT;
    if (fstat(fd, &status) != 0 || spool_distrust_file(&status))
        owner = SPOOL_REFUSED;
    else if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type == F_UNLCK)
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
static int read_head(struct spool_found *found, const struct spool_place *place)
{
    struct pusher_string payload;
    struct spool_head head;

    if (spool_frame_next((struct pusher_string){found->bytes, found->len}, &found->first,
                         &payload) != SPOOL_FRAME)
        return IS_EMPTY;
    if (spool_head_read(payload, &head) != 0 || head.consumer.len >= CONSUMER_MAX ||
        !pusher__equals(head.server, place->server) || !pusher__equals(head.list, place->list))
        return IS_FOREIGN;
    memcpy(found->consumer, head.consumer.ptr, head.consumer.len);
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

static void note_refused(struct spool_scan *scan, const char *path, const char *why)
{
    struct spool_refused *refused = calloc(1, sizeof(*refused));

    if (!refused)
        return;
    (void)snprintf(refused->path, sizeof(refused->path), "%s", path);
    refused->why = why;
    list_push(&scan->refused, &refused->link);
}

static void read_file(struct spool_scan *scan, const char *path)
{
    struct spool_found *found = calloc(1, sizeof(*found));
    const char *why;
    int kind;

    if (!found)
        return;
    (void)snprintf(found->path, sizeof(found->path), "%s", path);
    found->fd = open_locked(path, &why);
    if (why)
        note_refused(scan, path, why);
    if (found->fd < 0 || read_all(found) != 0) {
        spool_found_free(found);
        return;
    }
    kind = read_head(found, &scan->place);
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

    return len == SPOOL_NAME_MAX - 1 && strncmp(name, list_hash, HASH_MAX - 1) == 0 &&
           name[HASH_MAX - 1] == '-' && name[2 * HASH_MAX - 1] == '-' &&
           strcmp(name + len - strlen(SUFFIX), SUFFIX) == 0;
}

/* What is of another Redis is only looked at: its daemons may be about to read it. */
static void scan_file(struct spool_scan *scan, const char *name)
{
    char path[SPOOL_PATH_MAX];

    if (snprintf(path, sizeof(path), "%s/%s", scan->place.dir, name) >= (int)sizeof(path))
        return;
    if (strncmp(name + HASH_MAX, scan->place.server, HASH_MAX - 1) == 0)
        read_file(scan, path);
    else
        scan->n_elsewhere += spool_look(path) == SPOOL_FREE;
}

static void on_work(uv_work_t *work)
{
    struct spool_scan *scan = work->data;
    char list_hash[HASH_MAX];
    DIR *dir = opendir(scan->place.dir);
    struct dirent *entry;

    if (!dir) {
        scan->error = errno;
        return;
    }
    hash(scan->place.list, list_hash);
    while ((entry = readdir(dir))) {
        if (is_of_list(entry->d_name, list_hash))
            scan_file(scan, entry->d_name);
    }
    (void)closedir(dir);
}

static void on_worked(uv_work_t *work, int status)
{
    struct spool_scan *scan = work->data;

    REQUIRE(status == 0); /* nothing cancels it */
    scan->scan_cb(scan);
}

void spool_scan_start(struct spool_scan *scan, uv_loop_t *loop, const struct spool_place *place,
                      spool_scan_cb scan_cb, void *data)
{
    *scan = (struct spool_scan){.place = *place, .scan_cb = scan_cb, .data = data};
    list_init(&scan->found);
    list_init(&scan->refused);
    scan->work.data = scan;
    REQUIRE(uv_queue_work(loop, &scan->work, on_work, on_worked) == 0);
}
