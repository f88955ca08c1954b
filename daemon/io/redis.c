/* The life of a connection.
 *
 *   IDLE -> RESOLVING -> CONNECTING -> GREETING -> UP
 *               ^            |            |         |     any error, deadline or redis_drop()
 *            BACKOFF <-------+------------+---------+
 *
 * hiredis 0.14 frees its context under the feet of a callback that disconnects it, so nothing is
 * torn down while it is on the stack: a failure is noted (fail()), and done in on_prepare(), before
 * the loop waits. Tearing down detaches the context first and frees it after, which makes hiredis
 * call the callbacks of all unanswered commands with NULL; they find their call in our own list.
 *
 * hiredis asserts that each reply has a command, so what a server says unasked is caught before
 * hiredis sees it: see refuse_unasked() and redis_adapter.c.
 *
 * Commands are written once a loop turn, in redis_flush(), not one by one. */
#include "daemon/io/redis.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/io/redis_adapter.h"
#include "lib/require.h"

#define KEEP_BUFFER_BYTES (4u << 20) /* of the read buffer, between replies */

struct redis_call {
    struct redis_call *next;
    uint64_t deadline_ms;
    redis_reply_cb reply_cb;
    void *data;
};

static void connect_now(struct redis *redis);

static uint64_t now_ms(void)
{
    return uv_hrtime() / 1000000;
}

void redis_init(struct redis *redis, uv_loop_t *loop, const struct redis_options *options)
{
    memset(redis, 0, sizeof(*redis));
    redis->loop = loop;
    redis->options = *options;
    redis->last_call = &redis->calls;
    redis->random = uv_hrtime() | 1;
    uv_timer_init(loop, &redis->timer);
    uv_prepare_init(loop, &redis->prepare);
    redis->timer.data = redis->prepare.data = redis->resolver.data = redis;
    redis->open_handles = 2;
}

static void fail(struct redis *redis, const char *why)
{
    if (redis->is_failing)
        return;
    redis->is_failing = true;
    (void)snprintf(redis->errmsg, sizeof(redis->errmsg), "%s", why);
}

void redis_drop(struct redis *redis, const char *why)
{
    if (redis->state == REDIS_CONNECTING || redis->state == REDIS_GREETING ||
        redis->state == REDIS_UP)
        fail(redis, why);
}

/* ---- deadlines */

static void on_deadline(uv_timer_t *timer);

static void arm_deadline(struct redis *redis, uint64_t deadline_ms)
{
    uint64_t now = now_ms();

    redis->due_ms = deadline_ms;
    uv_update_time(redis->loop);
    uv_timer_start(&redis->timer, on_deadline, deadline_ms > now ? deadline_ms - now : 1, 0);
}

static void on_deadline(uv_timer_t *timer)
{
    struct redis *redis = timer->data;

    switch (redis->state) {
    case REDIS_BACKOFF:
        connect_now(redis);
        break;
    case REDIS_RESOLVING:
        (void)uv_cancel((uv_req_t *)&redis->resolver);
        fail(redis, "the name was not resolved in time");
        break;
    case REDIS_CONNECTING:
        fail(redis, "no connection in time");
        break;
    case REDIS_GREETING:
    case REDIS_UP:
        if (!redis->calls)
            break;
        if (redis->calls->deadline_ms <= now_ms())
            fail(redis, "no reply in time");
        else
            arm_deadline(redis, redis->calls->deadline_ms);
        break;
    case REDIS_IDLE:
    case REDIS_CLOSED:
        break;
    }
}

/* ---- commands */

static struct redis_call *pop_call(struct redis *redis)
{
    struct redis_call *call = redis->calls;

    REQUIRE(call);
    redis->calls = call->next;
    if (!redis->calls)
        redis->last_call = &redis->calls;
    return call;
}

/* Errors after which this server is of no use for now. */
static bool is_fatal_error(const redisReply *reply)
{
    static const char *const prefixes[] = {
        "LOADING", "READONLY",    "MASTERDOWN", "UNBLOCKED",
        "NOAUTH",  "CLUSTERDOWN", "MISCONF",    "ERR max number of clients"};

    if (!reply || reply->type != REDIS_REPLY_ERROR)
        return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (strncmp(reply->str, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

/* More has come than there are commands: hiredis must not go on, and frees the context when the
 * callback is over. An error it takes for the reason of the end that follows, and that is right. */
static void refuse_unasked(struct redis *redis, redisAsyncContext *context)
{
    const redisReader *reader = context->c.reader;

    if (redis->calls || reader->pos >= reader->len || reader->buf[reader->pos] == '-')
        return;
    fail(redis, "the server sent a reply to no command");
    redisAsyncFree(context);
}

/* Without a reply hiredis is about to free the context; with one that comes after a failure, it
 * delivers what it had read: that is good, but too late. */
static const redisReply *judge_reply(struct redis *redis, const redisAsyncContext *context,
                                     const redisReply *reply)
{
    if (!reply)
        fail(redis, context->errstr[0] ? context->errstr : "connection closed");
    else if (is_fatal_error(reply))
        fail(redis, reply->str);
    else if (redis->state == REDIS_UP && reply->type != REDIS_REPLY_ERROR)
        redis->n_lost = 0;
    return redis->is_failing ? NULL : reply;
}

static void on_reply(redisAsyncContext *context, void *reply, void *privdata)
{
    struct redis *redis = privdata;
    struct redis_call *call = pop_call(redis);

    if (redis->calls && redis->calls->deadline_ms < redis->due_ms)
        arm_deadline(redis, redis->calls->deadline_ms);
    call->reply_cb(redis, judge_reply(redis, context, reply), call->data);
    free(call);
    if (reply)
        refuse_unasked(redis, context);
}

static int send_command(struct redis *redis, int argc, const char *const *argv,
                        const size_t *lengths, uint64_t timeout_ms, redis_reply_cb reply_cb,
                        void *data)
{
    struct redis_call *call = malloc(sizeof(*call));

    if (!call)
        return -1;
    *call = (struct redis_call){NULL, now_ms() + timeout_ms, reply_cb, data};
    /* hiredis declares these arguments without const, and does not write to them. */
    if (redisAsyncCommandArgv(redis->context, on_reply, redis, argc, (const char **)(uintptr_t)argv,
                              lengths) != REDIS_OK) {
        free(call);
        return -1;
    }
    *redis->last_call = call;
    redis->last_call = &call->next;
    if (redis->calls == call)
        arm_deadline(redis, call->deadline_ms);
    return 0;
}

int redis_command(struct redis *redis, int argc, const char *const *argv, const size_t *lengths,
                  uint64_t timeout_ms, redis_reply_cb reply_cb, void *data)
{
    if (redis->state != REDIS_UP || redis->is_failing)
        return -1;
    return send_command(redis, argc, argv, lengths, timeout_ms, reply_cb, data);
}

/* ---- logging in */

static void greeted(struct redis *redis)
{
    if (redis->n_greetings > 0 || redis->is_failing)
        return;
    redis->state = REDIS_UP;
    redis->options.up_cb(redis);
}

static void on_greeting(struct redis *redis, const redisReply *reply, void *data)
{
    (void)data;
    redis->n_greetings--;
    if (reply && reply->type == REDIS_REPLY_ERROR)
        fail(redis, reply->str);
    greeted(redis);
}

/* Not essential: without the right to CLIENT there is no id, and unblocking is left to time. */
static void on_client_reply(struct redis *redis, const redisReply *reply, void *data)
{
    (void)data;
    redis->n_greetings--;
    if (reply && reply->type == REDIS_REPLY_INTEGER)
        redis->client_id = reply->integer;
    greeted(redis);
}

static void greet(struct redis *redis, redis_reply_cb cb, int argc, const char *a, const char *b,
                  const char *c)
{
    const char *argv[] = {a, b, c};
    size_t lengths[] = {strlen(a), b ? strlen(b) : 0, c ? strlen(c) : 0};

    if (send_command(redis, argc, argv, lengths, redis->options.connect_timeout_ms, cb, NULL) == 0)
        redis->n_greetings++;
    else
        fail(redis, "out of memory");
}

static void log_in(struct redis *redis)
{
    const struct redis_options *options = &redis->options;
    char db[16];

    redis->state = REDIS_GREETING;
    redis->client_id = 0;
    redis->n_greetings = 0;
    uv_timer_stop(&redis->timer);
    if (options->password && options->user)
        greet(redis, on_greeting, 3, "AUTH", options->user, options->password);
    else if (options->password)
        greet(redis, on_greeting, 2, "AUTH", options->password, NULL);
    if (options->db != 0) {
        (void)snprintf(db, sizeof(db), "%u", options->db);
        greet(redis, on_greeting, 2, "SELECT", db, NULL);
    }
    if (options->client_name)
        greet(redis, on_client_reply, 3, "CLIENT", "SETNAME", options->client_name);
    greet(redis, on_client_reply, 2, "CLIENT", "ID", NULL);
    greet(redis, on_greeting, 1, "PING", NULL, NULL);
}

/* ---- connecting */

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;

    if (!redis)
        return;
    if (status == REDIS_OK) {
        log_in(redis);
        return;
    }
    redis->context = NULL; /* hiredis frees it after this callback */
    fail(redis, context->errstr[0] ? context->errstr : "cannot connect");
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;

    (void)status;
    if (!redis)
        return;
    redis->context = NULL;
    fail(redis, context->errstr[0] ? context->errstr : "connection closed");
}

static void set_socket_options(int fd)
{
    int on = 1, user_timeout_ms = 5000;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout_ms, sizeof(user_timeout_ms));
}

static void attach(struct redis *redis, redisAsyncContext *context)
{
    if (!context) {
        fail(redis, "out of memory");
        return;
    }
    if (context->err) {
        fail(redis, context->errstr);
        redisAsyncFree(context);
        return;
    }
    context->data = redis;
    redis->context = context;
    context->c.reader->maxbuf = KEEP_BUFFER_BYTES;
    if (redis->options.host)
        set_socket_options(context->c.fd);
    if (redis_adapter_attach(redis) != 0) {
        fail(redis, "cannot watch the socket");
        return;
    }
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    redis->state = REDIS_CONNECTING;
    arm_deadline(redis, now_ms() + redis->options.connect_timeout_ms);
}

/* The address whose turn it is. */
static const struct addrinfo *choose(const struct addrinfo *found, unsigned n_tried)
{
    const struct addrinfo *each = found;
    unsigned n = 1;

    for (; each->ai_next; each = each->ai_next)
        n++;
    each = found;
    for (unsigned i = n_tried % n; i > 0; i--)
        each = each->ai_next;
    return each;
}

static void connect_to(struct redis *redis, const struct addrinfo *found)
{
    const struct addrinfo *chosen = choose(found, redis->n_tried);
    char address[64];
    int status = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, address, sizeof(address), NULL, 0,
                             NI_NUMERICHOST);

    if (status == 0)
        attach(redis, redisAsyncConnect(address, (int)redis->options.port));
    else
        fail(redis, gai_strerror(status));
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct redis *redis = request->data;
    char why[128];

    redis->is_resolving = false;
    if (redis->state == REDIS_RESOLVING && !redis->is_failing) {
        if (status == 0) {
            connect_to(redis, found);
        } else {
            (void)snprintf(why, sizeof(why), "cannot resolve %.60s: %.40s", redis->options.host,
                           uv_strerror(status));
            fail(redis, why);
        }
    }
    uv_freeaddrinfo(found);
    if (redis->closing)
        redis_adapter_maybe_closed(redis);
}

static void connect_to_path(struct redis *redis)
{
    const char *path = redis->options.path;

    if (strlen(path) + 1 < sizeof(((struct sockaddr_un *)NULL)->sun_path))
        attach(redis, redisAsyncConnectUnix(path));
    else
        fail(redis, "the path of the socket is too long"); /* hiredis would cut it */
}

static void connect_now(struct redis *redis)
{
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

    redis->state = REDIS_RESOLVING;
    if (redis->options.path) {
        connect_to_path(redis);
        return;
    }
    if (redis->is_resolving) {
        fail(redis, "the name is still being resolved");
        return;
    }
    if (uv_getaddrinfo(redis->loop, &redis->resolver, on_resolved, redis->options.host, NULL,
                       &hints) != 0) {
        fail(redis, "cannot resolve the name");
        return;
    }
    redis->is_resolving = true;
    arm_deadline(redis, now_ms() + redis->options.connect_timeout_ms);
}

/* ---- the end of a connection */

static uint64_t next_backoff(struct redis *redis)
{
    uint64_t limit = redis->options.min_backoff_ms;

    for (unsigned i = 0; i < redis->n_lost && limit < redis->options.max_backoff_ms; i++)
        limit *= 2;
    if (limit > redis->options.max_backoff_ms)
        limit = redis->options.max_backoff_ms;
    redis->n_lost++;
    redis->random = redis->random * 6364136223846793005u + 1442695040888963407u;
    return limit / 2 + (redis->random >> 33) % (limit / 2 + 1);
}

/* Frees the connection. hiredis answers what is unanswered, through on_reply(); what it had already
 * let go of is answered here. */
static void tear_down(struct redis *redis)
{
    redisAsyncContext *context = redis->context;

    uv_timer_stop(&redis->timer);
    redis_adapter_detach(redis);
    redis->context = NULL;
    if (context) {
        context->data = NULL;
        redisAsyncFree(context);
    }
    while (redis->calls) {
        struct redis_call *call = pop_call(redis);

        call->reply_cb(redis, NULL, call->data);
        free(call);
    }
}

static void recover(struct redis *redis)
{
    tear_down(redis);
    if (redis->state != REDIS_UP)
        redis->n_tried++;
    redis->is_failing = false;
    redis->state = REDIS_BACKOFF;
    arm_deadline(redis, now_ms() + next_backoff(redis));
    redis->options.down_cb(redis);
}

void redis_flush(struct redis *redis)
{
    if (!redis->is_failing && redis->context)
        redis_adapter_flush(redis);
    if (redis->is_failing && !redis->closing)
        recover(redis);
}

static void on_prepare(uv_prepare_t *prepare)
{
    redis_flush(prepare->data);
}

void redis_start(struct redis *redis)
{
    REQUIRE(redis->state == REDIS_IDLE);
    uv_prepare_start(&redis->prepare, on_prepare);
    redis->state = REDIS_BACKOFF;
    arm_deadline(redis, 0);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct redis *redis = handle->data;

    handle->data = NULL;
    redis->open_handles--;
    redis_adapter_maybe_closed(redis);
}

void redis_close(struct redis *redis, redis_event_cb close_cb)
{
    REQUIRE(!redis->closing);
    redis->closing = true;
    redis->is_failing = true;
    redis->close_cb = close_cb;
    if (redis->is_resolving)
        (void)uv_cancel((uv_req_t *)&redis->resolver);
    tear_down(redis);
    redis->state = REDIS_CLOSED;
    uv_close((uv_handle_t *)&redis->timer, on_handle_closed);
    uv_close((uv_handle_t *)&redis->prepare, on_handle_closed);
}
