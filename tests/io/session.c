#include "session.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <string.h>

#define MAX_WORDS 8

static struct session *session_of(struct redis *redis)
{
    return redis->options.data;
}

static void write_down(struct session *session, char event)
{
    size_t len = strlen(session->log);
    cr_assert(!session->is_closed, "%c after the close", event);
    if (len < SESSION_LOG_MAX)
        session->log[len] = event;
    run_wake(session->run);
}

static void on_up(struct redis *redis)
{
    struct session *session = session_of(redis);
    cr_assert_eq(redis->state, REDIS_UP);
    write_down(session, 'U');
    session->n_up++;
    if (session->on_up)
        session->on_up(session);
}

static void on_down(struct redis *redis)
{
    struct session *session = session_of(redis);
    write_down(session, 'D');
    session->n_down++;
    snprintf(session->why, sizeof(session->why), "%s", redis->errmsg);
    cr_assert(!redis->calls, "down_cb before the last reply_cb");
    cr_assert_neq(session->why[0], '\0', "lost for no reason");
    cr_assert_eq(session_send(session, "PING", NULL), -1);
    if (session->on_down)
        session->on_down(session);
}

void session_on_reply(struct redis *redis, const redisReply *reply, void *data)
{
    struct session *session = data;
    cr_assert_eq(session, session_of(redis));
    write_down(session, reply ? 'r' : '0');
    session->n_replies++;
    session->n_nulls += !reply;
    if (reply) {
        session->integer = reply->integer;
        session->reply_len = reply->len;
        snprintf(session->reply, sizeof(session->reply), "%s", reply->str ? reply->str : "");
    } else {
        cr_assert_eq(session_send(session, "PING", NULL), -1, "accepted after a NULL reply");
    }
    if (session->on_reply)
        session->on_reply(session, reply);
}

static struct redis_options common_options(void)
{
    return (struct redis_options){.client_name = SESSION_NAME,
                                  .connect_timeout_ms = 30000,
                                  .min_backoff_ms = 1,
                                  .max_backoff_ms = 20};
}

struct redis_options session_to_port(unsigned port)
{
    struct redis_options options = common_options();
    options.host = "127.0.0.1";
    options.port = port;
    return options;
}

struct redis_options session_to_socket(const char *path)
{
    struct redis_options options = common_options();
    options.path = path;
    return options;
}

void session_start(struct session *session, struct run *run, const struct redis_options *options)
{
    struct redis_options mine = *options;
    *session = (struct session){.run = run};
    mine.up_cb = on_up;
    mine.down_cb = on_down;
    mine.data = session;
    redis_init(&session->redis, &run->loop, &mine);
    redis_start(&session->redis);
    cr_assert_str_eq(session->log, "", "a callback ran within redis_start()");
}

static void on_closed(struct redis *redis)
{
    struct session *session = session_of(redis);
    cr_assert(!redis->calls);
    write_down(session, 'C');
    session->is_closed = true;
}

void session_close(struct session *session)
{
    redis_close(&session->redis, on_closed);
    cr_assert(!session->is_closed, "close_cb ran within redis_close()");
    cr_assert(run_until(session->run, session->is_closed));
    memset(&session->redis, 0xa5, sizeof(session->redis)); /* it is ours again */
}

static int send_words(struct session *session, uint64_t timeout_ms, va_list words)
{
    const char *argv[MAX_WORDS];
    size_t lengths[MAX_WORDS];
    unsigned n_replies = session->n_replies;
    int argc = 0, status;
    while ((argv[argc] = va_arg(words, const char *))) {
        lengths[argc] = strlen(argv[argc]);
        cr_assert_lt(++argc, MAX_WORDS);
    }
    status =
        redis_command(&session->redis, argc, argv, lengths, timeout_ms, session_on_reply, session);
    cr_assert_eq(session->n_replies, n_replies, "a callback ran within redis_command()");
    return status;
}

int session_send(struct session *session, ...)
{
    va_list words;
    va_start(words, session);
    int status = send_words(session, 30000, words);
    va_end(words);
    return status;
}

int session_send_within(struct session *session, uint64_t timeout_ms, ...)
{
    va_list words;
    va_start(words, timeout_ms);
    int status = send_words(session, timeout_ms, words);
    va_end(words);
    return status;
}
