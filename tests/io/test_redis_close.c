/* redis_close() in every state, and redis_drop() from everywhere. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "session.h"

static struct run run;
static struct peer peer;
static struct session session;

static void open_with(const struct peer_step *script)
{
    struct redis_options options;
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    options = session_to_port(peer.port);
    session_start(&session, &run, &options);
}

static void close_all(void)
{
    session_close(&session);
    peer_close(&peer);
    run_end(&run);
}

static void expect_log(const char *log)
{
    close_all();
    cr_assert_str_eq(session.log, log);
}

static const struct peer_step silent[] = {STEP(HOLD)};
static const struct peer_step deaf_after_greeting[] = {GREETING, STEP(HOLD)};
static const struct peer_step good[] = {GREETING,      STEP(COMMAND),  SAY("+OK\r\n"),
                                        STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};

TestSuite(redis_close, .timeout = 120);

/* ---- closing */

static bool is_closed;

static void on_closed(struct redis *redis)
{
    (void)redis;
    is_closed = true;
}

Test(redis_close, before_the_start)
{
    struct redis redis;
    struct redis_options options = session_to_port(1);
    run_init(&run);
    redis_init(&redis, &run.loop, &options);
    redis_close(&redis, on_closed);
    cr_assert(!is_closed);
    cr_assert(run_until(&run, is_closed));
    run_end(&run);
}

static void free_it(struct redis *redis)
{
    free(redis);
    is_closed = true;
}

Test(redis_close, the_memory_is_the_callers_from_close_cb_on)
{
    struct redis *redis = malloc(sizeof(*redis));
    struct redis_options options = session_to_port(1);
    run_init(&run);
    redis_init(redis, &run.loop, &options);
    redis_start(redis);
    redis_close(redis, free_it);
    cr_assert(run_until(&run, is_closed));
    run_end(&run);
}

Test(redis_close, needs_no_callback)
{
    open_with(good);
    cr_assert(run_until(&run, session.n_up == 1));
    redis_close(&session.redis, NULL);
    peer_close(&peer);
    run_end(&run);
}

Test(redis_close, right_after_the_start)
{
    open_with(silent);
    expect_log("C");
}

static void start_by_name(const char *name)
{
    struct redis_options options;
    run_init(&run);
    peer_open(&peer, &run.loop, good);
    options = session_to_port(peer.port);
    options.host = name;
    session_start(&session, &run, &options);
}

/* The resolver answers only after the end of everything: nobody may wait for it. */
Test(redis_close, while_it_resolves_does_not_wait_for_the_resolver)
{
    start_by_name("slow.test");
    cr_assert(run_until(&run, session.redis.lookups[0].resolve));
    names_await(1);
    redis_close(&session.redis, on_closed);
    cr_assert(!is_closed);
    cr_assert(run_until(&run, is_closed));
    peer_close(&peer);
    run_end(&run);
    cr_assert_eq(names_waiting(), 1);
    cr_assert_str_eq(session.log, "");
    cr_assert_eq(peer.n_connections, 0);
    names_let_go();
}

static void on_work(uv_work_t *work)
{
    (void)work;
}

static void on_worked(uv_work_t *work, int status)
{
    *(bool *)work->data = status == 0;
}

/* As many as libuv has threads, and more. */
Test(redis_close, names_that_are_not_resolved_hold_up_no_other_work)
{
    static struct session others[5];
    struct redis_options options = session_to_port(1);
    bool is_done = false;
    uv_work_t work = {.data = &is_done};
    run_init(&run);
    options.host = "slow.test";
    for (int i = 0; i < 5; i++) {
        session_start(&others[i], &run, &options);
        cr_assert(run_until(&run, others[i].redis.lookups[0].resolve));
    }
    names_await(5);
    cr_assert_eq(uv_queue_work(&run.loop, &work, on_work, on_worked), 0);
    cr_assert(run_until(&run, is_done));
    for (int i = 0; i < 5; i++)
        session_close(&others[i]);
    run_end(&run);
    names_let_go();
}

Test(redis_close, while_it_connects)
{
    struct wall wall;
    struct redis_options options;
    run_init(&run);
    wall_open(&wall, "127.0.0.1", 0);
    options = session_to_port(wall.port);
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.redis.state == REDIS_CONNECTING));
    session_close(&session);
    wall_close(&wall);
    run_end(&run);
    cr_assert_str_eq(session.log, "C");
}

Test(redis_close, while_it_logs_in)
{
    open_with(silent);
    cr_assert(run_until(&run, session.redis.state == REDIS_GREETING));
    expect_log("C");
}

Test(redis_close, while_it_logs_in_and_the_greeting_is_out)
{
    static const struct peer_step script[] = {STEP(COMMAND), STEP(HOLD)};
    open_with(script);
    cr_assert(run_until(&run, peer.n_requests == 1));
    expect_log("C");
}

Test(redis_close, while_it_is_up)
{
    open_with(good);
    cr_assert(run_until(&run, session.n_up == 1));
    expect_log("UC");
}

static void send_gets(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(session_send(&session, "GET", "k", NULL), 0);
}

Test(redis_close, with_commands_that_are_not_even_written)
{
    open_with(deaf_after_greeting);
    cr_assert(run_until(&run, session.n_up == 1));
    send_gets(3);
    expect_log("U000C");
}

Test(redis_close, with_commands_that_wait_for_replies)
{
    open_with(deaf_after_greeting);
    cr_assert(run_until(&run, session.n_up == 1));
    send_gets(3);
    redis_flush(&session.redis);
    expect_log("U000C");
}

Test(redis_close, with_a_failure_that_is_noted_and_not_dealt_with)
{
    open_with(deaf_after_greeting);
    cr_assert(run_until(&run, session.n_up == 1));
    send_gets(2);
    redis_drop(&session.redis, "a test");
    expect_log("U00C");
}

/* hiredis has freed its context within the poll callback, and nobody has dealt with that. */
Test(redis_close, right_after_the_connection_was_lost)
{
    static const struct peer_step script[] = {GREETING, STEP(GATE), STEP(RESET)};
    open_with(script);
    cr_assert(run_until(&run, peer.n_waiting == 1 && session.n_up == 1));
    send_gets(2);
    redis_flush(&session.redis);
    peer_let_go(&peer);
    cr_assert(run_until(&run, !session.redis.context));
    expect_log("U00C");
}

Test(redis_close, while_it_backs_off)
{
    open_with(silent);
    peer_stop_listening(&peer);
    session.redis.options.min_backoff_ms = session.redis.options.max_backoff_ms = 60000;
    cr_assert(run_until(&run, session.n_down == 1));
    cr_assert_eq(session.redis.state, REDIS_BACKOFF);
    expect_log("DC");
}

Test(redis_close, a_flush_and_a_drop_after_it_do_nothing)
{
    open_with(good);
    cr_assert(run_until(&run, session.n_up == 1));
    send_gets(1);
    redis_close(&session.redis, on_closed);
    redis_flush(&session.redis);
    redis_drop(&session.redis, "a test");
    cr_assert_eq(session_send(&session, "PING", NULL), -1);
    cr_assert(run_until(&run, is_closed));
    peer_close(&peer);
    run_end(&run);
    cr_assert_str_eq(session.log, "U0");
}

/* ---- dropping */

static void drop(struct session *of)
{
    if (of->n_up < 3)
        redis_drop(&of->redis, "a test");
    else
        of->on_up = of->on_down = NULL;
}

static void drop_at_reply(struct session *of, const redisReply *reply)
{
    (void)reply;
    redis_drop(&of->redis, "a test");
    redis_drop(&of->redis, "another");
}

Test(redis_close, dropped_from_within_up_cb)
{
    open_with(good);
    session.on_up = drop;
    cr_assert(run_until(&run, session.n_up == 3));
    cr_assert_str_eq(session.why, "a test");
    expect_log("UDUDUC");
}

Test(redis_close, dropped_from_within_up_cb_with_commands)
{
    open_with(good);
    cr_assert(run_until(&run, session.n_up == 1));
    send_gets(2);
    drop(&session);
    cr_assert_eq(session_send(&session, "PING", NULL), -1);
    cr_assert(run_until(&run, session.n_up == 2));
    expect_log("U00DUC");
}

/* There is nothing to drop then; it is one loss all the same. */
Test(redis_close, dropped_from_within_down_cb)
{
    static const struct peer_step closes[] = {GREETING, STEP(CLOSE)};
    open_with(closes);
    peer_then(&peer, good);
    session.on_down = drop;
    cr_assert(run_until(&run, session.n_up == 2));
    expect_log("UDUC");
}

Test(redis_close, dropped_from_within_reply_cb)
{
    open_with(good);
    cr_assert(run_until(&run, session.n_up == 1));
    session.on_reply = drop_at_reply;
    send_gets(5); /* two are answered, at once or one by one: the first ends it */
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert_str_eq(session.why, "a test");
    expect_log("Ur0000DUC");
}

/* The reply is NULL, and the connection is as good as gone. */
Test(redis_close, dropped_from_within_the_reply_cb_of_a_lost_command)
{
    static const struct peer_step closes[] = {GREETING, STEP(COMMAND), STEP(RESET)};
    open_with(closes);
    peer_then(&peer, good);
    cr_assert(run_until(&run, session.n_up == 1));
    session.on_reply = drop_at_reply;
    send_gets(3);
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert(strstr(session.why, "reset"), "%s", session.why); /* the reason stays the first */
    expect_log("U000DUC");
}

Test(redis_close, dropped_while_it_connects)
{
    struct wall wall;
    struct redis_options options;
    run_init(&run);
    wall_open(&wall, "127.0.0.1", 0);
    options = session_to_port(wall.port);
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.redis.state == REDIS_CONNECTING));
    redis_drop(&session.redis, "a test");
    cr_assert(run_until(&run, session.n_down == 1));
    cr_assert_str_eq(session.why, "a test");
    session_close(&session);
    wall_close(&wall);
    run_end(&run);
}

/* The connection is made in the very turn in which it was dropped. */
Test(redis_close, dropped_just_before_the_connection_is_made)
{
    open_with(good);
    cr_assert(run_until(&run, session.redis.state == REDIS_CONNECTING));
    redis_drop(&session.redis, "a test");
    cr_assert(run_until(&run, session.n_up == 1));
    expect_log("DUC");
}

Test(redis_close, dropped_while_it_logs_in)
{
    open_with(silent);
    peer_then(&peer, good);
    cr_assert(run_until(&run, session.redis.state == REDIS_GREETING));
    redis_drop(&session.redis, "a test");
    cr_assert(run_until(&run, session.n_up == 1));
    expect_log("DUC");
}

static void send_at_up(struct session *of)
{
    cr_assert_eq(session_send(of, "GET", "k", NULL), 0);
    cr_assert_eq(session_send(of, "GET", "k", NULL), 0);
}

static void drop_at_second(struct session *of, const redisReply *reply)
{
    if (reply && of->n_replies % 2 == 0)
        redis_drop(&of->redis, "a test");
}

Test(redis_close, dropped_again_and_again)
{
    open_with(good);
    session.on_up = send_at_up;
    session.on_reply = drop_at_second;
    cr_assert(run_until(&run, session.n_up == 12));
    cr_assert_eq(session.n_nulls, 0);
    cr_assert_eq(session.n_down, 11);
    cr_assert_eq(peer.n_connections, 12);
    cr_assert_leq(session.redis.open_handles, 3); /* timer, prepare, poll: they do not pile up */
    close_all();
}

/* Both sides of the loop at once: each connection's descriptor was another's a moment ago. */
Test(redis_close, two_that_exchange_descriptors)
{
    static const struct peer_step closes[] = {GREETING, STEP(CLOSE)};
    static struct session other;
    struct redis_options options;
    open_with(closes);
    options = session_to_port(peer.port);
    session_start(&other, &run, &options);
    cr_assert(run_until(&run, session.n_up > 20 && other.n_up > 20));
    session_close(&other);
    close_all();
}
