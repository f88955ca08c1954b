#include "later.h"

#include <poll.h>
#include <time.h>

#define GONE_CHECK_US 50000 /* how often it is looked whether the clients are still there */

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* A suspended connection is in no epoll set: nobody else would see that its client left. */
static bool client_gone(int fd)
{
    struct pollfd poller = {.fd = fd, .events = POLLRDHUP};
    return poll(&poller, 1, 0) > 0;
}

/* Resumes what is due and returns when to look again. */
static uint64_t resume_due(struct later *later)
{
    uint64_t now = now_us();
    uint64_t next = later->waiting ? now + GONE_CHECK_US : now + 60u * 1000000;
    struct later_item **link = &later->waiting;
    while (*link) {
        struct later_item *item = *link;
        if (item->due_us > now && !client_gone(item->fd)) {
            next = item->due_us < next ? item->due_us : next;
            link = &item->next;
            continue;
        }
        *link = item->next;
        item->cancelled = item->due_us > now;
        MHD_resume_connection(item->connection);
    }
    return next;
}

static void *run(void *arg)
{
    struct later *later = arg;
    pthread_mutex_lock(&later->lock);
    while (!later->stopping) {
        uint64_t next = resume_due(later);
        struct timespec until = {.tv_sec = (time_t)(next / 1000000),
                                 .tv_nsec = (long)(next % 1000000) * 1000};
        pthread_cond_timedwait(&later->wake, &later->lock, &until);
    }
    pthread_mutex_unlock(&later->lock);
    return NULL;
}

void later_start(struct later *later)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&later->wake, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&later->lock, NULL);
    pthread_create(&later->thread, NULL, run, later);
}

static void release_all(struct later *later)
{
    while (later->waiting) {
        struct later_item *item = later->waiting;
        later->waiting = item->next;
        item->cancelled = true;
        MHD_resume_connection(item->connection);
    }
}

void later_release(struct later *later)
{
    pthread_mutex_lock(&later->lock);
    release_all(later);
    pthread_mutex_unlock(&later->lock);
}

void later_stop(struct later *later)
{
    pthread_mutex_lock(&later->lock);
    later->stopping = true;
    release_all(later);
    pthread_cond_signal(&later->wake);
    pthread_mutex_unlock(&later->lock);
    pthread_join(later->thread, NULL);
}

void later_wait(struct later *later, struct later_item *item, struct MHD_Connection *connection,
                uint64_t wait_ms)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    item->connection = connection;
    item->fd = info->connect_fd;
    item->due_us = wait_ms == LATER_NEVER ? LATER_NEVER : now_us() + wait_ms * 1000;
    item->cancelled = false;
    pthread_mutex_lock(&later->lock);
    MHD_suspend_connection(connection);
    if (later->stopping) {
        item->cancelled = true;
        MHD_resume_connection(connection);
    } else {
        item->next = later->waiting;
        later->waiting = item;
        pthread_cond_signal(&later->wake);
    }
    pthread_mutex_unlock(&later->lock);
}
