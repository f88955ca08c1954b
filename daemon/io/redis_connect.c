/* How a connection comes up: the address of its target is found (redis_lookup.c) and connected to,
 * then the login. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "daemon/io/redis_private.h"
#include "daemon/tls/redis_tls.h"

#define KEEP_BUFFER_BYTES (4u << 20) /* of the read buffer, between replies */

/* ---- logging in */

void redis_greeted(struct redis *redis)
{
    if (redis->n_greetings > 0 || redis->is_failing || redis->target_kind == REDIS_TO_SENTINEL)
        return;
    redis->state = REDIS_UP;
    redis_forget_answers(redis);
    redis->in_up_cb = true;
    redis->options.up_cb(redis);
    redis->in_up_cb = false;
}

static void on_greeting(struct redis *redis, const redisReply *reply, void *data)
{
    (void)data;
    redis->n_greetings--;
    if (reply && reply->type == REDIS_REPLY_ERROR)
        redis_fail(redis, reply->str);
    redis_greeted(redis);
}

/* For what may be refused: a name, and the password to a Sentinel that has none. */
static void on_optional_greeting(struct redis *redis, const redisReply *reply, void *data)
{
    (void)reply;
    (void)data;
    redis->n_greetings--;
    redis_greeted(redis);
}

void redis_greet(struct redis *redis, redis_reply_cb cb, int argc, const char *a, const char *b,
                 const char *c)
{
    const char *argv[] = {a, b, c};
    size_t lengths[] = {strlen(a), b ? strlen(b) : 0, c ? strlen(c) : 0};

    if (redis_send_command(redis, argc, argv, lengths, redis->options.connect_timeout_ms, cb,
                           NULL) == 0)
        redis->n_greetings++;
    else
        redis_fail(redis, "out of memory");
}

static void authenticate(struct redis *redis, redis_reply_cb cb)
{
    const struct redis_options *options = &redis->options;

    if (options->password && options->user)
        redis_greet(redis, cb, 3, "AUTH", options->user, options->password);
    else if (options->password)
        redis_greet(redis, cb, 2, "AUTH", options->password, NULL);
}

static void log_in(struct redis *redis)
{
    const struct redis_options *options = &redis->options;
    char db[16];

    authenticate(redis, on_greeting);
    if (redis->target_kind == REDIS_TO_MASTER)
        redis_target_verify(redis);
    if (options->db != 0) {
        (void)snprintf(db, sizeof(db), "%u", options->db);
        redis_greet(redis, on_greeting, 2, "SELECT", db, NULL);
    }
    if (options->client_name)
        redis_greet(redis, on_optional_greeting, 3, "CLIENT", "SETNAME", options->client_name);
    redis_greet(redis, on_greeting, 1, "PING", NULL, NULL);
}

/* A Sentinel may have the password of Redis, or none: it says so when it is asked. */
static void greet_server(struct redis *redis)
{
    redis->state = REDIS_GREETING;
    redis->n_greetings = 0;
    uv_timer_stop(&redis->timer);
    if (redis->target_kind != REDIS_TO_SENTINEL) {
        log_in(redis);
        return;
    }
    authenticate(redis, on_optional_greeting);
    redis_target_ask(redis);
}

/* ---- connecting */

/* The greeting that follows shakes hands by the way, and its deadline is that of the handshake. */
static bool start_tls(struct redis *redis)
{
    char why[REDIS_TLS_WHY_MAX];

    if (!redis->options.tls ||
        redis_tls_start(redis->options.tls, &redis->context->c, redis->target.host, why) == 0)
        return true;
    redis_fail(redis, why);
    return false;
}

static void on_connect(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;

    if (!redis)
        return;
    if (status == REDIS_OK) {
        if (start_tls(redis))
            greet_server(redis);
        return;
    }
    redis->context = NULL; /* hiredis frees it after this callback */
    redis_fail(redis, context->errstr[0] ? context->errstr : "cannot connect");
}

static void on_disconnect(const redisAsyncContext *context, int status)
{
    struct redis *redis = context->data;

    (void)status;
    if (!redis)
        return;
    redis->context = NULL;
    redis_fail_ended(redis, context);
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
        redis_fail(redis, "out of memory");
        return;
    }
    if (context->err) {
        redis_fail(redis, context->errstr);
        redisAsyncFree(context);
        return;
    }
    context->data = redis;
    redis->context = context;
    context->c.reader->maxbuf = KEEP_BUFFER_BYTES;
    redis_objects_attach(&redis->objects, context->c.reader);
    if (redis->target.host[0])
        set_socket_options(context->c.fd);
    if (redis_adapter_attach(redis) != 0) {
        redis_fail(redis, "cannot watch the socket");
        return;
    }
    redisAsyncSetConnectCallback(context, on_connect);
    redisAsyncSetDisconnectCallback(context, on_disconnect);
    redis->state = REDIS_CONNECTING;
    redis_arm_deadline(redis, redis_now_ms() + redis->options.connect_timeout_ms);
}

void redis_connect_to(struct redis *redis, const char *address)
{
    attach(redis, redisAsyncConnect(address, (int)redis->target.port));
}

static void connect_to_path(struct redis *redis)
{
    const char *path = redis->options.path;

    if (strlen(path) + 1 < sizeof(((struct sockaddr_un *)NULL)->sun_path))
        attach(redis, redisAsyncConnectUnix(path));
    else
        redis_fail(redis, "the path of the socket is too long"); /* hiredis would cut it */
}

void redis_connect(struct redis *redis)
{
    redis->state = REDIS_RESOLVING;
    redis_target_choose(redis);
    if (redis->target.host[0])
        redis_look_up(redis);
    else
        connect_to_path(redis);
}
