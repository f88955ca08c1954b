/* At most one task is with the pool; only while there is none does the loop's thread touch the file
 * and `writing`. A write goes to where the good bytes end, so that one that failed half-way is
 * overwritten by its repetition. */
#include "daemon/spool_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/spool.h"
#include "daemon/spool_trust.h"
#include "lib/require.h"

#define RETRY_MS 1000

void spool_journal_init(struct spool_journal *journal, uv_loop_t *loop,
                        const struct spool_place *place, uint64_t max_bytes, const char *consumer)
{
    memset(journal, 0, sizeof(*journal));
    journal->loop = loop;
    journal->place = *place;
    journal->max_bytes = max_bytes;
    journal->consumer = consumer;
    journal->fd = -1;
    spool_path(place, consumer, journal->path, sizeof(journal->path));
}

void spool_journal_adopt(struct spool_journal *journal, int fd, const char *path, uint64_t size)
{
    journal->fd = fd;
    journal->size = size;
    (void)snprintf(journal->path, sizeof(journal->path), "%s", path);
}

int spool_journal_add(struct spool_journal *journal, const char *frame, size_t len)
{
    if (journal->size + journal->writing.len + journal->waiting.len + len > journal->max_bytes)
        return SPOOL_FULL;
    spool_bytes_add(&journal->waiting, frame, len);
    if (!journal->waiting.out_of_memory)
        return SPOOL_ADDED;
    journal->waiting.out_of_memory = false; /* nothing of the frame was added */
    return SPOOL_NO_MEMORY;
}

/* ---- on a thread of the pool */

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

    if (fd < 0)
        return errno;
    error = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd);
    return error;
}

/* Between its making and its locking somebody may take the file for a dead daemon's, find it empty
 * and remove it: then it has no name any more. */
static int lock_new(int fd)
{
    struct stat status;

    if (spool_lock(fd) != 0 || fstat(fd, &status) != 0)
        return errno;
    return status.st_nlink > 0 ? 0 : EAGAIN;
}

/* A file that is there is one that could not be synced, or somebody's who would like to read or
 * write what stands in it. */
static int check_new(struct spool_journal *journal, int fd)
{
    struct stat status;

    if (fstat(fd, &status) != 0)
        return errno;
    journal->distrust = spool_distrust_file(&status);
    return journal->distrust ? EPERM : 0;
}

static int make_file(struct spool_journal *journal)
{
    int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = open(journal->path, flags, 0600), error;

    if (fd < 0)
        return errno;
    error = check_new(journal, fd);
    if (error == 0)
        error = lock_new(fd);
    if (error == 0)
        error = sync_dir(journal->place.dir);
    if (error != 0) {
        (void)close(fd);
        return error;
    }
    journal->fd = fd;
    return 0;
}

static int write_all(const struct spool_journal *journal)
{
    size_t done = 0;

    while (done < journal->writing.len) {
        ssize_t n = pwrite(journal->fd, journal->writing.bytes + done, journal->writing.len - done,
                           (off_t)(journal->size + done));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        done += (size_t)n;
    }
    return fdatasync(journal->fd) == 0 ? 0 : errno;
}

static void remove_file(struct spool_journal *journal)
{
    (void)unlink(journal->path);
    (void)close(journal->fd);
    journal->fd = -1;
}

static void on_work(uv_work_t *work)
{
    struct spool_journal *journal = work->data;

    if (journal->task == SPOOL_REMOVE) {
        remove_file(journal);
        return;
    }
    journal->error = journal->fd < 0 ? make_file(journal) : 0;
    if (journal->error == 0)
        journal->error = write_all(journal);
}

/* ---- on the loop's */

static void start(struct spool_journal *journal, enum spool_task task);

static void set_error(struct spool_journal *journal, int error)
{
    journal->error = error;
    journal->retry_at_ms = error ? clock_ms() + RETRY_MS : 0;
}

static void finish_closing(struct spool_journal *journal)
{
    if (journal->fd >= 0)
        (void)close(journal->fd);
    journal->fd = -1;
}

/* The next write is what waits, behind the head where the file is new. */
static int take_waiting(struct spool_journal *journal)
{
    struct spool_bytes *writing = &journal->writing;

    if (journal->size == 0)
        spool_head_write(writing, &journal->place, journal->consumer);
    spool_bytes_add(writing, journal->waiting.bytes, journal->waiting.len);
    if (writing->out_of_memory) {
        spool_bytes_deinit(writing);
        return -1;
    }
    spool_bytes_deinit(&journal->waiting);
    return 0;
}

static void write_more(struct spool_journal *journal)
{
    if (journal->writing.len > 0 || take_waiting(journal) == 0)
        start(journal, SPOOL_WRITE);
    else
        set_error(journal, ENOMEM);
}

static void go_on_closing(struct spool_journal *journal)
{
    if (journal->wants_drop && journal->fd >= 0)
        start(journal, SPOOL_REMOVE);
    else if (journal->error == 0 && !spool_journal_is_synced(journal))
        write_more(journal);
    else
        finish_closing(journal);
}

static void on_worked(uv_work_t *work, int status)
{
    struct spool_journal *journal = work->data;
    enum spool_task task = journal->task;

    REQUIRE(status == 0); /* nothing cancels it */
    journal->task = SPOOL_NO_TASK;
    if (task == SPOOL_REMOVE) {
        journal->size = 0;
        journal->wants_drop = false;
    } else {
        set_error(journal, journal->error);
        journal->size += journal->error ? 0 : journal->writing.len;
        journal->writing.len = journal->error ? journal->writing.len : 0;
    }
    if (journal->is_closing)
        go_on_closing(journal);
}

static void start(struct spool_journal *journal, enum spool_task task)
{
    journal->task = task;
    journal->work.data = journal;
    REQUIRE(uv_queue_work(journal->loop, &journal->work, on_work, on_worked) == 0);
}

/* What is added from now on goes to a new file, with a head of its own. */
static void drop_now(struct spool_journal *journal)
{
    journal->writing.len = 0;
    set_error(journal, 0);
    if (journal->fd >= 0)
        start(journal, SPOOL_REMOVE);
    else
        journal->wants_drop = false;
}

void spool_journal_run(struct spool_journal *journal, uint64_t now_ms)
{
    if (journal->task != SPOOL_NO_TASK || journal->is_closing)
        return;
    if (journal->wants_drop)
        drop_now(journal);
    else if (!spool_journal_is_synced(journal) && now_ms >= journal->retry_at_ms)
        write_more(journal);
}

void spool_journal_drop(struct spool_journal *journal)
{
    journal->waiting.len = 0;
    journal->wants_drop = true;
}

void spool_journal_close(struct spool_journal *journal)
{
    journal->is_closing = true;
    if (journal->task == SPOOL_NO_TASK)
        go_on_closing(journal);
}

const char *spool_journal_why(const struct spool_journal *journal)
{
    return journal->error == EPERM && journal->distrust ? journal->distrust
                                                        : strerror(journal->error);
}

bool spool_journal_is_synced(const struct spool_journal *journal)
{
    return journal->waiting.len == 0 && journal->writing.len == 0;
}

bool spool_journal_is_idle(const struct spool_journal *journal)
{
    return journal->fd < 0 && journal->task == SPOOL_NO_TASK && spool_journal_is_synced(journal);
}

void spool_journal_deinit(struct spool_journal *journal)
{
    REQUIRE(journal->task == SPOOL_NO_TASK);
    finish_closing(journal);
    spool_bytes_deinit(&journal->waiting);
    spool_bytes_deinit(&journal->writing);
}
