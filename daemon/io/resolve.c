/* A lookup belongs to the loop, until its handle is closed, and to its thread: whoever lets go last
 * frees it. Under the mutex the thread learns whether the answer is wanted, and the handle is open
 * for as long as it is. */
#include "daemon/io/resolve.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct resolve {
    uv_async_t answered;
    resolve_cb cb;
    void *data; /* borrowed */
    char *host; /* owned */
    pthread_mutex_t mutex;
    unsigned n_owners;
    bool is_abandoned;
    int status;
    struct addrinfo *found; /* owned */
};

static void free_resolve(struct resolve *resolve)
{
    if (resolve->found)
        freeaddrinfo(resolve->found);
    pthread_mutex_destroy(&resolve->mutex);
    free(resolve->host);
    free(resolve);
}

static void let_go(struct resolve *resolve)
{
    bool is_last;

    pthread_mutex_lock(&resolve->mutex);
    is_last = --resolve->n_owners == 0;
    pthread_mutex_unlock(&resolve->mutex);
    if (is_last)
        free_resolve(resolve);
}

static void *look_up(void *data)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct resolve *resolve = data;
    struct addrinfo *found = NULL;
    int status = getaddrinfo(resolve->host, NULL, &hints, &found);

    pthread_mutex_lock(&resolve->mutex);
    resolve->status = status;
    resolve->found = status == 0 ? found : NULL;
    if (!resolve->is_abandoned)
        (void)uv_async_send(&resolve->answered);
    pthread_mutex_unlock(&resolve->mutex);
    let_go(resolve);
    return NULL;
}

static void on_closed(uv_handle_t *handle)
{
    let_go(handle->data);
}

void resolve_abandon(struct resolve *resolve)
{
    pthread_mutex_lock(&resolve->mutex);
    resolve->is_abandoned = true;
    pthread_mutex_unlock(&resolve->mutex);
    uv_close((uv_handle_t *)&resolve->answered, on_closed);
}

static void on_answered(uv_async_t *answered)
{
    struct resolve *resolve = answered->data;

    pthread_mutex_lock(&resolve->mutex); /* the thread is done with the handle */
    pthread_mutex_unlock(&resolve->mutex);
    uv_close((uv_handle_t *)answered, on_closed);
    resolve->cb(resolve->status, resolve->found, resolve->data);
}

/* Signals are for the thread of the loop. */
static int start_thread(struct resolve *resolve)
{
    sigset_t all, before;
    pthread_t thread;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&thread, NULL, look_up, resolve);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == 0)
        pthread_detach(thread);
    return uv_translate_sys_error(status);
}

static struct resolve *new_resolve(const char *host, resolve_cb cb, void *data)
{
    struct resolve *resolve = calloc(1, sizeof(*resolve));

    if (!resolve)
        return NULL;
    resolve->host = strdup(host);
    resolve->cb = cb;
    resolve->data = data;
    resolve->n_owners = 2;
    pthread_mutex_init(&resolve->mutex, NULL);
    if (resolve->host)
        return resolve;
    free_resolve(resolve);
    return NULL;
}

int resolve_start(uv_loop_t *loop, const char *host, resolve_cb cb, void *data,
                  struct resolve **ret_resolve)
{
    struct resolve *resolve = new_resolve(host, cb, data);
    int status;

    if (!resolve)
        return UV_ENOMEM;
    status = uv_async_init(loop, &resolve->answered, on_answered);
    if (status != 0) {
        free_resolve(resolve);
        return status;
    }
    resolve->answered.data = resolve;
    status = start_thread(resolve);
    if (status != 0) {
        let_go(resolve); /* there is no thread */
        uv_close((uv_handle_t *)&resolve->answered, on_closed);
        return status;
    }
    *ret_resolve = resolve;
    return 0;
}
