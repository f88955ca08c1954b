/* Servers that speak something like Redis, for a while. */
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
    run_init(&run);
    peer_open(&peer, &run.loop, script);
}

static void start(uint64_t connect_timeout_ms)
{
    struct redis_options options = session_to_port(peer.port);
    options.connect_timeout_ms = connect_timeout_ms;
    session_start(&session, &run, &options);
}

static void close_all(void)
{
    session_close(&session);
    peer_close(&peer);
    run_end(&run);
}

static const struct peer_step good[] = {GREETING, STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};

/* The first connection goes by the script and fails for that reason before it is up, the second is
 * good. */
static void expect_failure_before_up(const struct peer_step *script, uint64_t timeout_ms,
                                     const char *why)
{
    open_with(script);
    peer_then(&peer, good);
    start(timeout_ms);
    cr_assert(run_until(&run, session.n_down == 1));
    cr_assert(strcasestr(session.why, why), "%s", session.why);
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(peer.n_connections, 2);
    close_all();
    cr_assert_str_eq(session.log, "DUC");
}

/* The same after it was up and two commands were sent; `log` is what happens until it is up again.
 */
static void expect_failure_of_commands(const struct peer_step *script, uint64_t timeout_ms,
                                       const char *why, const char *log)
{
    open_with(script);
    peer_then(&peer, good);
    start(30000);
    cr_assert(run_until(&run, session.n_up == 1));
    for (int i = 0; i < 2; i++)
        cr_assert_eq(session_send_within(&session, timeout_ms, "GET", "k", NULL), 0);
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert(strcasestr(session.why, why), "%s", session.why);
    close_all();
    cr_assert_str_eq(session.log, log);
}

TestSuite(redis_failures, .timeout = 120);

Test(redis_failures, silent_from_the_start)
{
    static const struct peer_step script[] = {STEP(HOLD)};
    expect_failure_before_up(script, 500, "in time");
}

Test(redis_failures, silent_in_the_middle_of_the_greeting)
{
    static const struct peer_step script[] = {STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};
    expect_failure_before_up(script, 500, "in time");
}

Test(redis_failures, closed_at_once)
{
    static const struct peer_step script[] = {STEP(CLOSE)};
    expect_failure_before_up(script, 30000, "");
}

Test(redis_failures, reset_at_once)
{
    static const struct peer_step script[] = {STEP(RESET)};
    expect_failure_before_up(script, 30000, "");
}

/* The replies that never come must not be taken for a greeting that is complete. */
Test(redis_failures, closed_in_the_greeting)
{
    static const struct peer_step script[] = {STEP(COMMAND), STEP(COMMAND), STEP(HALF_CLOSE)};
    expect_failure_before_up(script, 30000, "closed");
}

Test(redis_failures, reset_in_the_greeting)
{
    static const struct peer_step script[] = {STEP(COMMAND), STEP(COMMAND), STEP(RESET)};
    expect_failure_before_up(script, 30000, "reset by peer");
}

Test(redis_failures, still_loading)
{
    static const struct peer_step script[] = {
        STEP(COMMAND), SAY("+OK\r\n"), STEP(COMMAND),
        SAY("-LOADING Redis is loading the dataset in memory\r\n"), STEP(HOLD)};
    expect_failure_before_up(script, 30000, "LOADING");
}

Test(redis_failures, without_its_master)
{
    static const struct peer_step script[] = {
        STEP(COMMAND), SAY("-MASTERDOWN Link with MASTER is down\r\n"), STEP(HOLD)};
    expect_failure_before_up(script, 30000, "MASTERDOWN");
}

Test(redis_failures, full)
{
    static const struct peer_step script[] = {SAY("-ERR max number of clients reached\r\n"),
                                              STEP(HALF_CLOSE)};
    expect_failure_before_up(script, 30000, "max number of clients");
}

Test(redis_failures, not_redis_at_all)
{
    static const struct peer_step script[] = {STEP(COMMAND),
                                              SAY("HTTP/1.1 400 Bad Request\r\n\r\n"), STEP(HOLD)};
    expect_failure_before_up(script, 30000, "protocol error");
}

Test(redis_failures, one_that_speaks_first)
{
    static const struct peer_step script[] = {SAY("SSH-2.0-OpenSSH_9.2\r\n"), STEP(HOLD)};
    expect_failure_before_up(script, 30000, "");
}

/* Looks like replies, but too many. */
Test(redis_failures, one_that_is_pleased_about_everything)
{
    static const struct peer_step script[] = {
        STEP(COMMAND), SAY("+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"), STEP(HOLD)};
    open_with(script);
    peer_then(&peer, good);
    start(30000);
    cr_assert(run_until(&run, session.n_down == 1));
    cr_assert(strstr(session.why, "no command"), "%s", session.why);
    cr_assert(run_until(&run, peer.n_connections == 2 && session.redis.state == REDIS_UP));
    close_all();
}

Test(redis_failures, two_replies_to_one_command)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), STEP(COMMAND),
                                              SAY("+a\r\n+b\r\n+c\r\n"), STEP(HOLD)};
    expect_failure_of_commands(script, 30000, "no command", "UrrDUC");
}

Test(redis_failures, half_a_reply_too_many)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), STEP(COMMAND),
                                              SAY("+a\r\n+b\r\n$5\r\nab"), STEP(HOLD)};
    expect_failure_of_commands(script, 30000, "no command", "UrrDUC");
}

/* hiredis knows it from 1.0 on; before that the first byte alone is an error. */
#define RESP3_WHY (HIREDIS_MAJOR >= 1 ? "RESP3" : "protocol error")

/* As the answer to the first command. A push by itself is none, and is noticed with the next. */
static void answer(const char *bytes)
{
    const struct peer_step script[] = {GREETING, STEP(COMMAND), STEP(COMMAND), SAY(bytes),
                                       STEP(HOLD)};
    expect_failure_of_commands(script, 30000, RESP3_WHY, "U00DUC");
}

Test(redis_failures, answers_in_resp3)
{
    static const char *const answers[] = {
        "#t\r\n",
        ",1.5\r\n",
        "%1\r\n+a\r\n:1\r\n",
        "~1\r\n:1\r\n",
        "=5\r\ntxt:a\r\n",
        ">2\r\n+a\r\n+b\r\n+c\r\n",
        "*2\r\n:1\r\n#f\r\n",
        "*1\r\n*2\r\n,2\r\n+a\r\n",
    };
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        answer(answers[i]);
}

static void speak_unasked(const struct peer_step *script, const char *why)
{
    open_with(script);
    peer_then(&peer, good);
    start(30000);
    cr_assert(run_until(&run, peer.n_waiting == 1 && session.n_up == 1));
    peer_let_go(&peer);
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert(strstr(session.why, why), "%s", session.why);
    close_all();
    cr_assert_str_eq(session.log, "UDUC");
}

Test(redis_failures, a_reply_that_nobody_asked_for)
{
    static const struct peer_step script[] = {GREETING, STEP(GATE), SAY("+a\r\n"), STEP(HOLD)};
    speak_unasked(script, "no command");
}

Test(redis_failures, an_error_that_nobody_asked_for)
{
    static const struct peer_step script[] = {GREETING, STEP(GATE), SAY("-ERR going home\r\n"),
                                              STEP(HALF_CLOSE)};
    speak_unasked(script, "going home");
}

Test(redis_failures, closed_while_idle)
{
    static const struct peer_step script[] = {GREETING, STEP(GATE), STEP(CLOSE)};
    speak_unasked(script, "closed");
}

Test(redis_failures, reset_while_idle)
{
    static const struct peer_step script[] = {GREETING, STEP(GATE), STEP(RESET)};
    speak_unasked(script, "reset by peer");
}

Test(redis_failures, silent_to_commands)
{
    static const struct peer_step script[] = {GREETING, STEP(HOLD)};
    expect_failure_of_commands(script, 100, "in time", "U00DUC");
}

Test(redis_failures, silent_after_the_first_command)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};
    expect_failure_of_commands(script, 300, "in time", "Ur0DUC");
}

Test(redis_failures, half_a_reply)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), SAY("$10\r\nhalf"),
                                              STEP(HOLD)};
    expect_failure_of_commands(script, 100, "in time", "U00DUC");
}

Test(redis_failures, half_a_reply_and_the_end)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), SAY("*2\r\n+a\r\n$10\r\nha"),
                                              STEP(CLOSE)};
    expect_failure_of_commands(script, 30000, "", "U00DUC");
}

Test(redis_failures, a_reply_and_the_end)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), STEP(COMMAND), SAY("+a\r\n"),
                                              STEP(HALF_CLOSE)};
    expect_failure_of_commands(script, 30000, "closed", "Ur0DUC");
}

Test(redis_failures, reset_under_commands)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), STEP(COMMAND), STEP(RESET)};
    expect_failure_of_commands(script, 30000, "reset by peer", "U00DUC");
}

Test(redis_failures, nonsense_instead_of_a_reply)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), STEP(COMMAND),
                                              SAY("+a\r\n\xff\x01\r\n"), STEP(HOLD)};
    expect_failure_of_commands(script, 30000, "protocol error", "Ur0DUC");
}

/* What else is in the same read comes too late: the server is of no use. */
Test(redis_failures, read_only)
{
    static const struct peer_step script[] = {
        GREETING, STEP(COMMAND), STEP(COMMAND),
        SAY("-READONLY You can't write against a read only replica.\r\n+OK\r\n"), STEP(HOLD)};
    expect_failure_of_commands(script, 30000, "READONLY", "U00DUC");
}

Test(redis_failures, errors_that_make_a_server_useless)
{
    static const char *const errors[] = {"-LOADING x\r\n", "-MASTERDOWN x\r\n",  "-UNBLOCKED x\r\n",
                                         "-NOAUTH x\r\n",  "-CLUSTERDOWN x\r\n", "-MISCONF x\r\n"};
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        const struct peer_step script[] = {GREETING, STEP(COMMAND), STEP(COMMAND), SAY(errors[i]),
                                           STEP(HOLD)};
        expect_failure_of_commands(script, 30000, " x", "U00DUC");
    }
}

/* It reads nothing more, and the connection stays: only the deadline is left. */
Test(redis_failures, a_peer_that_stops_reading)
{
    static const struct peer_step script[] = {GREETING, STEP(DEAF)};
    size_t len = 16u << 20;
    const char *argv[] = {"SET", calloc(1, len)};
    const size_t lengths[] = {3, len};
    open_with(script);
    peer_then(&peer, good);
    start(30000);
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(session_send_within(&session, 100, "GET", "k", NULL), 0);
    cr_assert_eq(redis_command(&session.redis, 2, argv, lengths, 100, session_on_reply, &session),
                 0);
    cr_assert(run_until(&run, session.n_up == 2));
    free((void *)(uintptr_t)argv[1]);
    close_all();
    cr_assert_str_eq(session.log, "U00DUC");
}

/* A short deadline counts from the moment its command is the oldest, whatever stood before it. */
Test(redis_failures, the_deadline_of_the_second_command_is_the_shorter_one)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};
    open_with(script);
    peer_then(&peer, good);
    start(30000);
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(session_send_within(&session, 600000, "GET", "a", NULL), 0);
    cr_assert_eq(session_send_within(&session, 50, "GET", "b", NULL), 0);
    cr_assert(run_until(&run, session.n_up == 2));
    close_all();
    cr_assert_str_eq(session.log, "Ur0DUC");
}

/* An answer in time leaves the connection alone, however long it then has nothing to do. */
Test(redis_failures, a_deadline_that_was_kept_does_nothing_later)
{
    static const struct peer_step script[] = {GREETING,      STEP(COMMAND), SAY("+OK\r\n"),
                                              STEP(COMMAND), STEP(GATE),    SAY("+OK\r\n"),
                                              STEP(HOLD)};
    open_with(script);
    start(30000);
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(session_send_within(&session, 2000, "GET", "a", NULL), 0);
    cr_assert(run_until(&run, session.n_replies == 1));
    cr_assert(run_until(&run, !uv_is_active((uv_handle_t *)&session.redis.timer)));
    cr_assert_eq(session_send(&session, "GET", "a", NULL), 0);
    cr_assert(run_until(&run, peer.n_waiting == 1));
    peer_let_go(&peer);
    cr_assert(run_until(&run, session.n_replies == 2));
    close_all();
    cr_assert_str_eq(session.log, "UrrC");
}

static void send_write(struct session *of)
{
    cr_assert_eq(session_send(of, "SET", "k", "v", NULL), 0);
}

/* It can be logged in to and is of no use: that is no reason to come back ever faster. */
Test(redis_failures, the_backoff_grows_until_a_command_succeeds)
{
    static const struct peer_step script[] = {GREETING, STEP(COMMAND), SAY("-READONLY x\r\n"),
                                              STEP(HOLD)};
    static const struct peer_step better[] = {GREETING,      STEP(COMMAND),  SAY("+OK\r\n"),
                                              STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};
    open_with(script);
    peer_then(&peer, script);
    peer_then(&peer, script);
    peer_then(&peer, better);
    start(30000);
    session.on_up = send_write;
    cr_assert(run_until(&run, session.n_replies == 4));
    cr_assert_eq(session.redis.n_lost, 3, "what up_cb sent is no proof");
    send_write(&session);
    cr_assert(run_until(&run, session.n_replies == 5));
    cr_assert_eq(session.redis.n_lost, 0);
    close_all();
    cr_assert_str_eq(session.log, "U0DU0DU0DUrrC");
}

Test(redis_failures, nobody_accepts)
{
    struct wall wall;
    run_init(&run);
    wall_open(&wall, "127.0.0.1", 0);
    peer.port = wall.port;
    start(50);
    cr_assert(run_until(&run, session.n_down == 3));
    cr_assert(strstr(session.why, "in time"), "%s", session.why);
    session_close(&session);
    wall_close(&wall);
    run_end(&run);
}

Test(redis_failures, a_path_that_is_too_long)
{
    char path[200];
    struct redis_options options;
    memset(path, 'a', sizeof(path));
    path[0] = '/';
    path[107] = '\0';
    options = session_to_socket(path);
    run_init(&run);
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_down == 1));
    cr_assert(strstr(session.why, "too long"), "%s", session.why);
    session_close(&session);
    run_end(&run);
}
