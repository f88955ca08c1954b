/* The journal of one consumer: a spool file that frames are appended to.
 *
 *     spool_journal_init(&journal, loop, &place, max_bytes, consumer)
 *     spool_journal_add(&journal, frame, len)   copies it; nothing is written yet
 *     spool_journal_run(&journal, now_ms)       each loop turn: writes what was added, in one go
 *     spool_journal_drop(&journal)              the file is of no more use: run() removes it
 *     spool_journal_close(&journal)             writes what is left; the file stays
 *     spool_journal_deinit(&journal)            when it is idle, or the loop has run out
 *
 * The file is made by the first write, with mode 0600, and locked for as long as it is open:
 * whoever can lock a spool file knows that its daemon is gone. Each write is synced to the disk.
 * All of that happens on a thread of the loop's pool. A write that fails is tried again a second
 * later. */
#ifndef DAEMON_SPOOL_JOURNAL_H
#define DAEMON_SPOOL_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "daemon/spool_format.h"

#define SPOOL_PATH_MAX 4096

enum spool_task {
    SPOOL_NO_TASK,
    SPOOL_WRITE,
    SPOOL_REMOVE,
};

struct spool_journal {
    uv_loop_t *loop;
    struct spool_place place; /* borrowed texts */
    const char *consumer;     /* borrowed */
    char path[SPOOL_PATH_MAX];
    uint64_t max_bytes;
    int fd;                     /* -1: there is no file */
    uint64_t size;              /* bytes of it that are good */
    struct spool_bytes waiting; /* to be written with the next write */
    struct spool_bytes writing; /* by the write that runs, or has failed */
    enum spool_task task;
    bool wants_drop, is_closing;
    int error;            /* errno of the last write; 0: it was good */
    const char *distrust; /* static; EPERM: the file is there, and why it is not used */
    uint64_t retry_at_ms; /* after an error; else 0 */
    uv_work_t work;
};

enum { SPOOL_ADDED = 0, SPOOL_FULL = 1, SPOOL_NO_MEMORY = 2 }; /* spool_journal_add() */

void spool_journal_init(struct spool_journal *journal, uv_loop_t *loop,
                        const struct spool_place *place, uint64_t max_bytes, const char *consumer);

/* Takes over a file that is open and locked, of which `size` bytes are good. */
void spool_journal_adopt(struct spool_journal *journal, int fd, const char *path, uint64_t size);

int spool_journal_add(struct spool_journal *journal, const char *frame, size_t len)
    __attribute__((warn_unused_result));

void spool_journal_run(struct spool_journal *journal, uint64_t now_ms);

/* Forgets what was added, too. */
void spool_journal_drop(struct spool_journal *journal);

void spool_journal_close(struct spool_journal *journal);

/* There is no file, nothing to be written and nothing running. */
bool spool_journal_is_idle(const struct spool_journal *journal);

/* Everything that was added is on the disk. */
bool spool_journal_is_synced(const struct spool_journal *journal);

/* What the error is, in words. */
const char *spool_journal_why(const struct spool_journal *journal);

void spool_journal_deinit(struct spool_journal *journal);

#endif
