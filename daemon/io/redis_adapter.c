/* hiredis says what it wants through four hooks; they note it, and redis_adapter_flush() carries it
 * out once a loop turn: one write for all commands of the turn, and no change of epoll that the
 * next command undoes.
 *
 * libuv's own adapter in hiredis 0.14 drops `status < 0`, so that a refused connection is never
 * noticed. Here an error is handed to hiredis as readable and writable: it finds the error by
 * itself.
 *
 * hiredis may free its context, and so close the socket, inside HandleRead or HandleWrite: its
 * cleanup hook runs first, and stops the poll handle while the descriptor is still open. */
#include "daemon/io/redis_private.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "daemon/tls/redis_tls.h"

static void on_poll_closed(uv_handle_t *handle)
{
    struct redis *redis = handle->data;

    free(handle);
    redis->open_handles--;
    redis_adapter_maybe_closed(redis);
}

void redis_adapter_maybe_closed(struct redis *redis)
{
    redis_event_cb cb = redis->close_cb;

    if (!redis->closing || redis->open_handles > 0)
        return;
    redis->close_cb = NULL;
    if (cb)
        cb(redis);
}

void redis_adapter_detach(struct redis *redis)
{
    uv_poll_t *poll = redis->poll;

    if (!poll)
        return;
    redis->poll = NULL;
    redis->wanted = redis->armed = 0;
    if (redis->context) {
        redis->context->ev.data = NULL;
        redis->context->ev.addRead = redis->context->ev.delRead = NULL;
        redis->context->ev.addWrite = redis->context->ev.delWrite = NULL;
        redis->context->ev.cleanup = NULL;
    }
    uv_close((uv_handle_t *)poll, on_poll_closed);
}

/* Records of TLS come at any time, and need not hold any of what Redis says. */
static bool is_unasked_in_tls(const struct redis *redis)
{
    int byte = redis_tls_peek(&redis->context->c);

    return byte >= 0 && byte != '-';
}

/* What comes while no command waits is the end of the connection, or an error that says why.
 * hiredis asserts that it is nothing else. */
static bool is_unasked(const struct redis *redis)
{
    int fd = redis->context->c.fd, n_bytes = 0;
    char byte;

    if (redis->calls)
        return false;
    if (redis->options.tls)
        return is_unasked_in_tls(redis);
    if (ioctl(fd, FIONREAD, &n_bytes) != 0 || n_bytes <= 0)
        return false; /* a recv() would eat the socket's error, which is for hiredis */
    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1 && byte != '-';
}

static void read_some(struct redis *redis)
{
    if (is_unasked(redis)) {
        redis_drop(redis, "the server sent a reply to no command");
        return;
    }
    redis_tls_before();
    redis->objects.max_bytes = redis->options.max_reply_bytes;
    redisAsyncHandleRead(redis->context);
    redis_hear_more(redis);
}

/* What TLS has decrypted, the socket does not tell of any more. */
static void on_readable(struct redis *redis)
{
    do
        read_some(redis);
    while (redis->poll && !redis->is_failing && redis_tls_has_more(&redis->context->c));
}

static void write_some(struct redis *redis)
{
    redis_tls_before();
    redisAsyncHandleWrite(redis->context);
}

/* Reading comes first, even when all that is known is that the connection is made: a server that is
 * full says so and closes, which tells more than that a write failed. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct redis *redis = poll->data;

    if (status < 0) {
        redis->armed = 0; /* libuv stopped polling */
        events = UV_READABLE | UV_WRITABLE;
    }
    if (redis->state == REDIS_CONNECTING)
        events = UV_READABLE;
    if (redis->poll == poll && (events & UV_READABLE))
        on_readable(redis);
    if (redis->poll == poll && (events & UV_WRITABLE))
        write_some(redis);
}

static void on_add_read(void *data)
{
    ((struct redis *)data)->wanted |= UV_READABLE;
}

static void on_del_read(void *data)
{
    ((struct redis *)data)->wanted &= ~UV_READABLE;
}

static void on_add_write(void *data)
{
    ((struct redis *)data)->wanted |= UV_WRITABLE;
}

static void on_del_write(void *data)
{
    ((struct redis *)data)->wanted &= ~UV_WRITABLE;
}

static void on_cleanup(void *data)
{
    redis_adapter_detach(data);
}

int redis_adapter_attach(struct redis *redis)
{
    redisAsyncContext *context = redis->context;
    uv_poll_t *poll = calloc(1, sizeof(*poll));
    int status;

    if (!poll)
        return UV_ENOMEM;
    status = uv_poll_init(redis->loop, poll, context->c.fd);
    if (status != 0) {
        free(poll);
        return status;
    }
    poll->data = redis;
    redis->poll = poll;
    redis->open_handles++;
    redis->wanted = UV_WRITABLE; /* tells that the connection is made */
    context->ev.data = redis;
    context->ev.addRead = on_add_read;
    context->ev.delRead = on_del_read;
    context->ev.addWrite = on_add_write;
    context->ev.delWrite = on_del_write;
    context->ev.cleanup = on_cleanup;
    return 0;
}

void redis_adapter_flush(struct redis *redis)
{
    if ((redis->wanted & UV_WRITABLE) && redis->state >= REDIS_GREETING)
        write_some(redis);
    if (!redis->poll || redis->wanted == redis->armed)
        return;
    if (redis->wanted == 0)
        uv_poll_stop(redis->poll);
    else
        uv_poll_start(redis->poll, redis->wanted, on_poll);
    redis->armed = redis->wanted;
}
