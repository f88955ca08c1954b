/* The spool directory: outcomes that Redis has not acknowledged, kept over a crash of the daemon.
 *
 * A consumer that has any has a file there, named by hashes of its list, its Redis and its name:
 *
 *     DIR/0123456789abcdef-0123456789abcdef-0123456789abcdef.spool
 *
 * A daemon that starts, and one that finds a consumer dead, reads the files that no living daemon
 * has locked (spool_scan), settles what they hold, and removes them. Daemons may share a directory;
 * they need not use the same Redis: files of another one are left alone, as its daemons alone can
 * settle them. Which it is says the URL that they are given. A Redis gives no claim id twice, not
 * even if it has lost its last writes (claim.lua): what a file holds is settled, or dropped.
 *
 * What the files say is believed. So directory and files must be nobody else's (spool_trust.h). */
#ifndef DAEMON_SPOOL_H
#define DAEMON_SPOOL_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/config/config.h"
#include "daemon/consumer.h"
#include "daemon/core/list.h"
#include "daemon/spool_format.h"
#include "daemon/spool_journal.h"

#define SPOOL_WHY_MAX  256
#define SPOOL_NAME_MAX 57 /* of a file, with a NUL */

/* The directory in force; NULL: there is to be no spool. */
const char *spool_dir(const struct config *config);

/* 0 if the directory can be used, and made if may_make; else -1 and the reason. Where it may not
 * be made, it is enough that it could be, and root is not asked for the owner: whoever only checks
 * as root does not run pusherd. */
int spool_check_dir(const char *dir, bool may_make, char ret_why[SPOOL_WHY_MAX])
    __attribute__((warn_unused_result));

/* What a Redis is called in files: a hash of its address and database. With Sentinels that is the
 * name of the master; a Cluster goes by the node that is given. */
void spool_server(const struct redis_config *redis, char ret_server[SPOOL_SERVER_MAX]);

/* The path of a consumer's file. */
void spool_path(const struct spool_place *place, const char *consumer, char *ret_path, size_t size);

/* Locks an open file for as long as it is open. 0, or -1 and errno: it is locked, by this process
 * or another. */
int spool_lock(int fd) __attribute__((warn_unused_result));

enum spool_owner {
    SPOOL_ABSENT,  /* there is no such file, or none that can be opened */
    SPOOL_FREE,    /* its daemon is gone */
    SPOOL_LOCKED,  /* by a daemon: its own, or one that reads it */
    SPOOL_REFUSED, /* it is not believed: a scan says why */
};

enum spool_owner spool_look(const char *path);

/* A file that was found, locked and read. Whoever gets it closes and removes it. */
struct spool_found {
    struct list link;
    char path[SPOOL_PATH_MAX];
    char consumer[CONSUMER_MAX];
    int fd;
    char *bytes;      /* owned; the file */
    size_t len;       /* of it, the frames that are good */
    size_t first;     /* where those of jobs begin */
    size_t n_damaged; /* bytes behind the good ones */
};

/* A file that is left where it is, as it may not be believed. Whoever gets it frees it. */
struct spool_refused {
    struct list link;
    const char *why; /* static; to stand behind the path */
    char path[SPOOL_PATH_MAX];
};

struct spool_scan;
typedef void (*spool_scan_cb)(struct spool_scan *scan);

struct spool_scan {
    struct spool_place place;
    struct list found;    /* of struct spool_found */
    struct list refused;  /* of struct spool_refused */
    unsigned n_foreign;   /* files of another version, left where they are */
    unsigned n_elsewhere; /* likewise, of dead daemons of another Redis */
    int error;            /* errno: the directory could not be read */
    uv_work_t work;
    spool_scan_cb scan_cb;
    void *data;
};

/* Reads all files of the place's dead consumers, on a thread of the loop's pool; then scan_cb. */
void spool_scan_start(struct spool_scan *scan, uv_loop_t *loop, const struct spool_place *place,
                      spool_scan_cb scan_cb, void *data);

/* Closes and frees; the file stays, unless it was taken. */
void spool_found_free(struct spool_found *found);

#endif
