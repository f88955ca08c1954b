/* A connection to a real redis-server. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "redis_server.h"
#include "session.h"
#include "tests/support/wait.h"

static struct run run;
static struct redis_server server;
static struct session session;

/* A server with these further arguments. */
#define OPEN_SERVER(...) open_server((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

static void open_server(const char *const *args)
{
    run_init(&run);
    server_prepare(&server);
    for (size_t i = 0; args[i]; i++)
        server.args[i] = args[i];
    server_run(&server);
}

static void close_all(void)
{
    session_close(&session);
    run_end(&run);
    server_end(&server);
}

static void connect_with(const struct redis_options *options)
{
    session_start(&session, &run, options);
    cr_assert(run_until(&run, session.n_up == 1), "%s", session.redis.errmsg);
}

static void connect_to_socket(void)
{
    struct redis_options options = session_to_socket(server.socket);
    connect_with(&options);
}

/* Sends, and runs until there is a reply. */
#define ASK(...)                                                                                   \
    do {                                                                                           \
        unsigned n_before_ = session.n_replies;                                                    \
        cr_assert_eq(session_send(&session, __VA_ARGS__, NULL), 0);                                \
        cr_assert(run_until(&run, session.n_replies > n_before_));                                 \
    } while (0)

static void expect_refusal(const struct redis_options *options, const char *why)
{
    session_start(&session, &run, options);
    cr_assert(run_until(&run, session.n_down == 3));
    cr_assert_eq(session.n_up, 0);
    cr_assert(strstr(session.why, why), "%s", session.why);
    close_all();
}

TestSuite(redis_server, .timeout = 120);

Test(redis_server, over_a_unix_socket)
{
    OPEN_SERVER();
    connect_to_socket();
    ASK("ECHO", "hello");
    cr_assert_str_eq(session.reply, "hello");
    close_all();
    cr_assert_str_eq(session.log, "UrC");
}

static void connect_and_ping(const char *host)
{
    struct redis_options options;
    OPEN_SERVER();
    options = session_to_port(server.port);
    options.host = host;
    connect_with(&options);
    ASK("PING");
    cr_assert_str_eq(session.reply, "PONG");
    close_all();
    cr_assert_str_eq(session.log + strlen(session.log) - 3, "UrC");
}

Test(redis_server, over_tcp)
{
    connect_and_ping("127.0.0.1");
}

Test(redis_server, over_ipv6)
{
    connect_and_ping("::1");
}

Test(redis_server, by_name)
{
    connect_and_ping("localhost");
}

Test(redis_server, at_the_second_address_of_a_name)
{
    connect_and_ping("two.test");
}

Test(redis_server, gives_its_name)
{
    OPEN_SERVER();
    connect_to_socket();
    ASK("CLIENT", "GETNAME");
    cr_assert_str_eq(session.reply, SESSION_NAME);
    close_all();
}

Test(redis_server, a_right_password)
{
    struct redis_options options;
    OPEN_SERVER("--requirepass", "sesame");
    options = session_to_socket(server.socket);
    options.password = "sesame";
    connect_with(&options);
    close_all();
}

Test(redis_server, a_wrong_password)
{
    struct redis_options options;
    OPEN_SERVER("--requirepass", "sesame");
    options = session_to_socket(server.socket);
    options.password = "simsim";
    expect_refusal(&options, "WRONGPASS");
}

Test(redis_server, a_password_where_one_is_needed_and_none_given)
{
    struct redis_options options;
    OPEN_SERVER("--requirepass", "sesame");
    options = session_to_socket(server.socket);
    expect_refusal(&options, "NOAUTH");
}

Test(redis_server, a_password_where_none_is_needed)
{
    struct redis_options options;
    OPEN_SERVER();
    options = session_to_socket(server.socket);
    options.password = "sesame";
    expect_refusal(&options, "AUTH");
}

/* The least a user can be allowed, and still be served: no CLIENT. */
Test(redis_server, a_user_who_may_not_give_a_name)
{
    struct redis_options options;
    OPEN_SERVER("--user", "worker", "on", ">pass", "+ping", "+echo", "+select");
    options = session_to_socket(server.socket);
    options.user = "worker";
    options.password = "pass";
    options.db = 1;
    connect_with(&options);
    ASK("ECHO", "hello");
    cr_assert_str_eq(session.reply, "hello");
    close_all();
}

Test(redis_server, a_database)
{
    struct redis_options options;
    OPEN_SERVER();
    options = session_to_socket(server.socket);
    options.db = 3;
    connect_with(&options);
    ASK("SET", "k", "v");
    cr_assert_eq(server_do(&server, "DBSIZE"), 0);
    close_all();
}

Test(redis_server, a_database_that_is_none)
{
    struct redis_options options;
    OPEN_SERVER();
    options = session_to_socket(server.socket);
    options.db = 99;
    expect_refusal(&options, "DB index");
}

/* A connection that the server has accepted, or NULL. */
static redisContext *take_the_place(void)
{
    redisContext *context = redisConnectUnix(server.socket);
    redisReply *reply = redisCommand(context, "PING");
    bool accepted = reply && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    if (accepted)
        return context;
    redisFree(context);
    return NULL;
}

Test(redis_server, a_server_that_is_full_says_so)
{
    struct redis_options options;
    redisContext *taken;
    OPEN_SERVER("--maxclients", "1");
    cr_assert(wait_until(taken = take_the_place(), WAIT_LONG_MS));
    options = session_to_socket(server.socket);
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_down == 3), "%s %s", session.log, session.why);
    cr_assert(strstr(session.why, "max number of clients"), "%s", session.why);
    redisFree(taken);
    cr_assert(run_until(&run, session.n_up == 1));
    close_all();
}

static void start_against_nothing(const struct redis_options *options, const char *why)
{
    session_start(&session, &run, options);
    cr_assert(run_until(&run, session.n_down == 4));
    cr_assert_eq(session.n_up, 0);
    cr_assert(strstr(session.why, why), "%s", session.why);
    server_run(&server);
    cr_assert(run_until(&run, session.n_up == 1));
    ASK("PING");
    close_all();
}

Test(redis_server, a_port_that_is_served_only_later)
{
    struct redis_options options;
    run_init(&run);
    server_prepare(&server);
    options = session_to_port(server.port);
    start_against_nothing(&options, "refused");
}

Test(redis_server, a_unix_socket_that_is_there_only_later)
{
    struct redis_options options;
    run_init(&run);
    server_prepare(&server);
    options = session_to_socket(server.socket);
    start_against_nothing(&options, "No such file");
}

/* Ends the wait of the command that was sent last. */
static void unblock(void)
{
    redis_flush(&session.redis);
    long long id = server_client_id(&server, SESSION_NAME);
    cr_assert(wait_until(server_do(&server, "CLIENT UNBLOCK %lld", id) == 1, WAIT_LONG_MS));
}

static void kill_with_commands_pending(const struct redis_options *options)
{
    connect_with(options);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(session_send(&session, "BLPOP", "k", "0", NULL), 0);
    unblock();
    cr_assert(run_until(&run, session.n_replies == 1));
    server_kill(&server);
    cr_assert(run_until(&run, session.n_down == 1));
    cr_assert_str_eq(session.log, "Ur00D");
    server_run(&server);
    cr_assert(run_until(&run, session.n_up == 2));
    ASK("PING");
    cr_assert_str_eq(session.reply, "PONG");
    close_all();
}

Test(redis_server, killed_while_commands_are_pending_over_tcp)
{
    struct redis_options options;
    OPEN_SERVER();
    options = session_to_port(server.port);
    kill_with_commands_pending(&options);
}

Test(redis_server, killed_while_commands_are_pending_over_a_unix_socket)
{
    struct redis_options options;
    OPEN_SERVER();
    options = session_to_socket(server.socket);
    kill_with_commands_pending(&options);
}

Test(redis_server, kills_the_client)
{
    OPEN_SERVER();
    connect_to_socket();
    cr_assert_eq(session_send(&session, "BLPOP", "k", "0", NULL), 0);
    for (unsigned i = 1; i <= 5; i++) {
        long long id = server_client_id(&server, SESSION_NAME);
        cr_assert_eq(server_do(&server, "CLIENT KILL ID %lld", id), 1);
        cr_assert(run_until(&run, session.n_up == i + 1));
    }
    close_all();
    cr_assert_str_eq(session.log, "U0DUDUDUDUDUC");
}

static unsigned n_left;

static void send_next(struct session *of, const redisReply *reply)
{
    cr_assert(reply);
    if (n_left > 0) {
        n_left--;
        cr_assert_eq(session_send(of, "INCR", "n", NULL), 0);
    }
}

Test(redis_server, commands_from_within_reply_cb)
{
    OPEN_SERVER();
    connect_to_socket();
    n_left = 1000;
    session.on_reply = send_next;
    cr_assert_eq(session_send(&session, "INCR", "n", NULL), 0);
    cr_assert(run_until(&run, session.n_replies == 1001));
    cr_assert_eq(session.integer, 1001);
    close_all();
}

static void send_one(struct session *of)
{
    cr_assert_eq(session_send(of, "INCR", "n", NULL), 0);
}

Test(redis_server, commands_from_within_up_cb)
{
    struct redis_options options;
    OPEN_SERVER();
    options = session_to_socket(server.socket);
    session_start(&session, &run, &options);
    session.on_up = send_one;
    cr_assert(run_until(&run, session.n_replies == 1));
    cr_assert_eq(session.integer, 1);
    close_all();
}

Test(redis_server, ten_thousand_in_a_pipeline)
{
    OPEN_SERVER();
    connect_to_socket();
    for (int i = 0; i < 10000; i++)
        cr_assert_eq(session_send(&session, "INCR", "n", NULL), 0);
    cr_assert(run_until(&run, session.n_replies == 10000));
    cr_assert_eq(session.integer, 10000);
    cr_assert_eq(session.n_nulls, 0);
    close_all();
}

Test(redis_server, a_reply_of_32_megabytes)
{
    OPEN_SERVER();
    connect_to_socket();
    ASK("EVAL", "return string.rep('v', 32 * 1024 * 1024)", "0");
    cr_assert_eq(session.reply_len, 32u << 20);
    ASK("PING");
    cr_assert_str_eq(session.reply, "PONG");
    close_all();
}

/* More than a socket's buffer takes at once. */
Test(redis_server, an_argument_of_4_megabytes)
{
    size_t len = 4u << 20;
    char *value = calloc(1, len + 1);
    OPEN_SERVER();
    connect_to_socket();
    memset(value, 'v', len);
    ASK("SET", "k", value);
    ASK("STRLEN", "k");
    cr_assert_eq(session.integer, len);
    free(value);
    close_all();
}

static size_t n_elements;

static void count_elements(struct session *of, const redisReply *reply)
{
    (void)of;
    cr_assert(reply);
    n_elements = reply->elements;
}

Test(redis_server, a_reply_of_many_elements)
{
    OPEN_SERVER();
    connect_to_socket();
    session.on_reply = count_elements;
    ASK("EVAL", "local t = {} for i = 1, 200000 do t[i] = i end return t", "0");
    cr_assert_eq(n_elements, 200000);
    close_all();
}

Test(redis_server, an_error_that_is_no_reason_to_leave)
{
    OPEN_SERVER();
    connect_to_socket();
    ASK("NONSENSE");
    cr_assert(strstr(session.reply, "unknown command"));
    ASK("LPUSH", "k", "v");
    ASK("GET", "k");
    cr_assert(strstr(session.reply, "WRONGTYPE"));
    close_all();
    cr_assert_str_eq(session.log, "UrrrC");
}

Test(redis_server, a_replica_is_left_at_the_first_write)
{
    OPEN_SERVER();
    connect_to_socket();
    server_do(&server, "REPLICAOF 127.0.0.1 1");
    ASK("SET", "k", "v");
    cr_assert_eq(session.n_nulls, 1);
    cr_assert(run_until(&run, session.n_down == 1));
    cr_assert(strstr(session.why, "READONLY"), "%s", session.why);
    cr_assert(run_until(&run, session.n_up == 2));
    server_do(&server, "REPLICAOF NO ONE");
    ASK("SET", "k", "v");
    cr_assert_str_eq(session.reply, "OK");
    close_all();
}

Test(redis_server, a_wait_that_another_connection_ends)
{
    OPEN_SERVER();
    connect_to_socket();
    cr_assert_eq(session_send(&session, "BLMOVE", "a", "b", "LEFT", "RIGHT", "0", NULL), 0);
    unblock();
    cr_assert(run_until(&run, session.n_replies == 1));
    cr_assert_eq(session.n_nulls, 0);
    close_all();
    cr_assert_str_eq(session.log, "UrC");
}

Test(redis_server, closed_while_it_waits_for_an_element)
{
    OPEN_SERVER();
    connect_to_socket();
    cr_assert_eq(session_send(&session, "BLMOVE", "a", "b", "LEFT", "RIGHT", "0", NULL), 0);
    redis_flush(&session.redis);
    close_all();
    cr_assert_str_eq(session.log, "U0C");
}

Test(redis_server, a_wait_that_is_longer_than_its_deadline)
{
    OPEN_SERVER();
    connect_to_socket();
    cr_assert_eq(session_send_within(&session, 50, "BLPOP", "k", "0", NULL), 0);
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert(strstr(session.why, "in time"), "%s", session.why);
    close_all();
    cr_assert_str_eq(session.log, "U0DUC");
}
