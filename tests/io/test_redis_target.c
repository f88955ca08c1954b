/* Whom daemon/io/redis connects to: what Sentinels name, and where a cluster sends it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net.h"
#include "session.h"

static struct run run;
static struct peer watchers[2], server, other; /* watchers are Sentinels */
static struct session session;
static struct redis_address addresses[5];

#define N_ANSWERS  8
#define ANSWER_MAX 96

static char answers[N_ANSWERS][ANSWER_MAX];
static struct peer_step scripts[N_ANSWERS][3];
static size_t n_answers;

static const struct peer_step master[] = {STEP(COMMAND),  SAY("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n"),
                                          GREETING,       STEP(COMMAND),
                                          SAY("+OK\r\n"), STEP(HOLD)};
static const struct peer_step replica[] = {
    STEP(COMMAND), SAY("*5\r\n$5\r\nslave\r\n$1\r\nh\r\n:1\r\n$9\r\nconnected\r\n:0\r\n"),
    STEP(HOLD)};
static const struct peer_step good[] = {GREETING, STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};

/* A script of one answer to one command. */
static const struct peer_step *answer(const char *text)
{
    struct peer_step *script = scripts[n_answers];
    char *copy = answers[n_answers++];
    snprintf(copy, ANSWER_MAX, "%s", text);
    script[0] = (struct peer_step){.verb = PEER_COMMAND};
    script[1] = (struct peer_step){.verb = PEER_SEND, .bytes = copy};
    return script;
}

static const struct peer_step *naming(unsigned port)
{
    char text[ANSWER_MAX];
    snprintf(text, sizeof(text), "*2\r\n$9\r\n127.0.0.1\r\n$%d\r\n%u\r\n", port > 9999 ? 5 : 4,
             port);
    return answer(text);
}

/* ---- Sentinels */

static void open_sentinels(const struct peer_step *of_server)
{
    run_init(&run);
    peer_open(&server, &run.loop, of_server);
    n_answers = 0;
}

/* Sentinels at these hosts: the last of them is the second watcher, the others are the first. */
static void start_at(const char *const *hosts, uint64_t timeout_ms)
{
    struct redis_options options = session_to_port(0);
    unsigned n = 0;
    for (; hosts[n]; n++) {
        snprintf(addresses[n].host, sizeof(addresses[n].host), "%s", hosts[n]);
        addresses[n].port = watchers[!hosts[n + 1]].port;
    }
    options.host = NULL;
    options.sentinels = addresses;
    options.n_sentinels = n;
    options.master = "main";
    options.connect_timeout_ms = timeout_ms;
    session_start(&session, &run, &options);
}

static void open_watchers(const struct peer_step *first, const struct peer_step *second)
{
    peer_open(&watchers[0], &run.loop, first);
    peer_open(&watchers[1], &run.loop, second);
}

static void start(const struct peer_step *first, const struct peer_step *second)
{
    static const char *const hosts[] = {"127.0.0.1", "127.0.0.1", NULL};
    open_watchers(first, second);
    start_at(hosts, 30000);
}

static void close_sentinels(void)
{
    session_close(&session);
    for (unsigned i = 0; i < 2; i++)
        peer_close(&watchers[i]);
    peer_close(&server);
    run_end(&run);
}

TestSuite(redis_sentinel, .timeout = 60);

Test(redis_sentinel, is_asked_for_the_master)
{
    open_sentinels(master);
    start(naming(server.port), naming(server.port));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert(strstr(watchers[0].request, "get-master-addr-by-name\r\n$4\r\nmain"));
    cr_assert_eq(watchers[1].n_connections, 0);
    close_sentinels();
    cr_assert_str_eq(session.log, "UC", "the Sentinel's connection is no loss");
}

Test(redis_sentinel, that_does_not_know_gives_way_to_the_next)
{
    open_sentinels(master);
    start(answer("*-1\r\n"), naming(server.port));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert(strstr(session.why, "knows no master"), "%s", session.why);
    close_sentinels();
    cr_assert_str_eq(session.log, "DUC");
}

Test(redis_sentinel, that_is_none_gives_way_to_the_next)
{
    open_sentinels(master);
    start(answer("+OK\r\n"), naming(server.port));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert(strstr(session.why, "no Sentinel"), "%s", session.why);
    close_sentinels();
}

Test(redis_sentinel, that_refuses_is_quoted)
{
    open_sentinels(master);
    start(answer("-NOPERM not you\r\n"), naming(server.port));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert(strstr(session.why, "NOPERM not you"), "%s", session.why);
    close_sentinels();
}

/* It may be cut off from the others: its word is not taken twice. */
Test(redis_sentinel, that_names_a_replica_gives_way_to_the_next)
{
    open_sentinels(replica);
    peer_then(&server, master);
    start(naming(server.port), naming(server.port));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert(strstr(session.why, "not the master"), "%s", session.why);
    cr_assert_eq(watchers[1].n_connections, 1);
    close_sentinels();
    cr_assert_str_eq(session.log, "DUC");
}

Test(redis_sentinel, that_names_a_dead_server_gives_way_to_the_next)
{
    open_sentinels(master);
    start(naming(free_port("127.0.0.1")), naming(server.port));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(watchers[1].n_connections, 1);
    close_sentinels();
}

Test(redis_sentinel, is_asked_again_after_each_loss)
{
    open_sentinels(master);
    start(naming(server.port), naming(server.port));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(session_send(&session, "GET", "k", NULL), 0);
    cr_assert(run_until(&run, session.n_replies == 1));
    redis_drop(&session.redis, "for a test");
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert_eq(watchers[0].n_connections, 2, "it was right: it is asked first");
    close_sentinels();
    cr_assert_str_eq(session.log, "UrDUC");
}

Test(redis_sentinel, that_is_silent_is_left_in_time)
{
    static const struct peer_step silent[] = {STEP(HOLD)};
    open_sentinels(master);
    start(silent, naming(server.port));
    session.redis.options.connect_timeout_ms = 300;
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert(strstr(session.why, "in time"), "%s", session.why);
    close_sentinels();
}

Test(redis_sentinel, closed_while_it_is_asked)
{
    static const struct peer_step silent[] = {STEP(HOLD)};
    open_sentinels(master);
    start(silent, silent);
    cr_assert(run_until(&run, session.redis.state == REDIS_GREETING));
    close_sentinels();
    cr_assert_str_eq(session.log, "C");
}

Test(redis_sentinel, closed_on_the_way_to_the_master)
{
    open_sentinels(master);
    start(naming(server.port), naming(server.port));
    cr_assert(run_until(&run, session.redis.target_kind == REDIS_TO_MASTER));
    close_sentinels();
    cr_assert_str_eq(session.log, "C");
}

/* ---- Sentinels whose names are not resolved */

static void start_at_names(const char *const *hosts)
{
    open_sentinels(master);
    open_watchers(naming(server.port), naming(server.port));
    start_at(hosts, 50);
}

static void expect_up_through_the_last(void)
{
    session.redis.options.connect_timeout_ms = 30000;
    cr_assert(run_until(&run, session.n_up == 1 || session.n_down == 20));
    cr_expect_eq(session.n_up, 1, "%s", session.why);
    cr_expect_eq(watchers[0].n_connections, 0);
    close_sentinels();
    names_let_go();
}

Test(redis_sentinel, whose_name_is_not_resolved_holds_up_no_other_name)
{
    static const char *const hosts[] = {"slow.test", "moving.test", NULL};
    names_move();
    start_at_names(hosts);
    cr_assert(run_until(&run, session.n_down == 1));
    expect_up_through_the_last();
}

/* As many as are resolved at a time: an address needs no such place, and no thread. */
Test(redis_sentinel, whose_names_are_not_resolved_hold_up_no_address)
{
    static const char *const hosts[] = {"a.slow.test", "b.slow.test", "c.slow.test",
                                        "d.slow.test", "127.0.0.1",   NULL};
    start_at_names(hosts);
    cr_assert(run_until(&run, session.n_down == REDIS_LOOKUPS_MAX));
    expect_up_through_the_last();
}

Test(redis_sentinel, whose_names_are_not_resolved_are_only_so_many_at_a_time)
{
    static const char *const hosts[] = {"a.slow.test", "b.slow.test", "c.slow.test",
                                        "d.slow.test", "e.slow.test", NULL};
    start_at_names(hosts);
    cr_assert(run_until(&run, session.n_down == 5));
    cr_expect(strstr(session.why, "too many other names"), "%s", session.why);
    names_await(REDIS_LOOKUPS_MAX);
    cr_expect_eq(names_waiting(), REDIS_LOOKUPS_MAX);
    session.redis.options.connect_timeout_ms = 30000;
    names_let_go();
    cr_assert(run_until(&run, session.n_up == 1), "the places are free again");
    close_sentinels();
}

static void wait_longer(struct session *of)
{
    of->redis.options.connect_timeout_ms = 30000;
}

/* The first is resolved while the second still is not. */
Test(redis_sentinel, whose_name_is_resolved_late_is_not_taken_for_another)
{
    static const char *const hosts[] = {"a.slow.test", "b.slow.test", NULL};
    start_at_names(hosts);
    session.on_down = wait_longer;
    cr_assert(run_until(&run, session.n_down == 1 && session.redis.state == REDIS_RESOLVING));
    names_let_go_of("a.slow.test");
    cr_assert(run_until(&run, !session.redis.lookups[0].resolve));
    cr_expect_eq(session.redis.state, REDIS_RESOLVING);
    cr_expect(session.redis.lookups[1].resolve);
    names_let_go_of("b.slow.test");
    expect_up_through_the_last();
}

/* Also when it is its turn again. */
Test(redis_sentinel, whose_name_is_still_being_resolved_is_passed_over)
{
    static const char *const hosts[] = {"a.slow.test", "b.slow.test", NULL};
    start_at_names(hosts);
    cr_assert(run_until(&run, session.n_down == 2));
    session.redis.options.connect_timeout_ms = 60000; /* over what the test has */
    cr_assert(run_until(&run, session.n_down == 6));
    cr_expect(strstr(session.why, "still being resolved"), "%s", session.why);
    cr_expect_eq(names_asked(), 2);
    names_let_go_of("b.slow.test");
    cr_assert(run_until(&run, session.n_up == 1));
    cr_expect_eq(names_asked(), 2, "its answer was kept until it was its turn");
    expect_up_through_the_last();
}

static bool is_any_kept(void)
{
    for (unsigned i = 0; i < REDIS_LOOKUPS_MAX; i++) {
        if (session.redis.lookups[i].address[0])
            return true;
    }
    return false;
}

static void let_a_go(struct session *of)
{
    (void)of;
    names_let_go_of("a.slow.test");
}

/* The answer is old when that connection is lost. */
Test(redis_sentinel, whose_name_is_resolved_late_is_looked_up_anew_after_another_was_of_use)
{
    static const char *const hosts[] = {"a.slow.test", "b.slow.test", "127.0.0.1", NULL};
    start_at_names(hosts);
    session.on_down = let_a_go;
    cr_assert(run_until(&run, is_any_kept() || session.n_up == 1));
    cr_assert(run_until(&run, session.n_up == 1));
    cr_expect_not(is_any_kept(), "that of the first");
    names_let_go();
    cr_assert(run_until(&run, !session.redis.lookups[1].resolve));
    cr_expect_not(is_any_kept(), "that of the second, which came when the third was up");
    expect_up_through_the_last();
}

/* ---- a cluster */

TestSuite(redis_cluster, .timeout = 60);

static void open_nodes(const struct peer_step *of_server, const struct peer_step *of_other)
{
    struct redis_options options;
    run_init(&run);
    peer_open(&server, &run.loop, of_server);
    peer_open(&other, &run.loop, of_other);
    options = session_to_port(server.port);
    options.min_backoff_ms = options.max_backoff_ms = 20000;
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_up == 1));
}

static void close_nodes(void)
{
    session_close(&session);
    peer_close(&server);
    peer_close(&other);
    run_end(&run);
}

/* A node that greets, and says this to the first command. */
static struct peer_step refusing[] = {GREETING, STEP(COMMAND), SAY(""), STEP(HOLD)};
static char refusal[ANSWER_MAX];

static void expect_move_to(const char *host)
{
    refusing[5].bytes = refusal;
    open_nodes(refusing, good);
    snprintf(refusal, sizeof(refusal), "-MOVED 42 %s:%u\r\n", host, other.port);
    cr_assert_eq(session_send(&session, "GET", "k", NULL), 0);
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert_eq(other.n_connections, 1);
    close_nodes();
    cr_assert_str_eq(session.log, "U0DUC");
}

/* The backoff is 20 seconds: it was not waited for. */
Test(redis_cluster, sends_to_another_node_at_once)
{
    expect_move_to("127.0.0.1");
}

Test(redis_cluster, sends_to_another_port_of_the_same_host)
{
    expect_move_to("");
}

Test(redis_cluster, whose_node_tells_nonsense_is_a_loss_like_any_other)
{
    static const char *const texts[] = {"-MOVED \r\n", "-MOVED 1\r\n", "-MOVED 1 h\r\n",
                                        "-MOVED 1 h:0\r\n", "-MOVED 1 h:70000\r\n"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        refusing[5].bytes = texts[i];
        open_nodes(refusing, good);
        cr_assert_eq(session_send(&session, "GET", "k", NULL), 0);
        cr_assert(run_until(&run, session.n_down == 1));
        cr_assert(!session.redis.is_moved, "%s", texts[i]);
        cr_assert_eq(other.n_connections, 0);
        close_nodes();
    }
}

static bool is_waiting(void)
{
    return session.redis.state == REDIS_BACKOFF && !session.redis.is_hop_due;
}

/* Each sends to the other. */
Test(redis_cluster, does_not_send_us_round_in_circles)
{
    static struct peer_step there[] = {GREETING, STEP(COMMAND), SAY(""), STEP(HOLD)};
    static char to_server[ANSWER_MAX];
    refusing[5].bytes = refusal;
    there[5].bytes = to_server;
    open_nodes(refusing, there);
    snprintf(refusal, sizeof(refusal), "-MOVED 42 127.0.0.1:%u\r\n", other.port);
    snprintf(to_server, sizeof(to_server), "-MOVED 42 127.0.0.1:%u\r\n", server.port);
    unsigned n_sent = 0;
    while (run_until(&run, session.n_up > n_sent || is_waiting()) && !is_waiting()) {
        n_sent = session.n_up;
        cr_assert_eq(session_send(&session, "GET", "k", NULL), 0);
        cr_assert_lt(n_sent, 20, "in circles");
    }
    cr_assert_gt(n_sent, 2, "what is news is followed");
    close_nodes();
}

Test(redis_cluster, lets_the_caller_wait_out_a_move)
{
    refusing[5].bytes = "-TRYAGAIN Multiple keys request during rehashing of slot\r\n";
    open_nodes(refusing, good);
    cr_assert_eq(session_send(&session, "GET", "k", NULL), 0);
    cr_assert(run_until(&run, session.n_replies == 1));
    cr_assert_eq(session.n_nulls, 0);
    cr_assert(strstr(session.reply, "TRYAGAIN"));
    close_nodes();
}

/* What it learned is for when the node is gone. */
Test(redis_cluster, whose_node_dies_is_reached_through_another)
{
    char slots[256];
    refusing[5].bytes = slots;
    struct redis_options options;
    run_init(&run);
    peer_open(&server, &run.loop, refusing);
    peer_open(&other, &run.loop, good);
    snprintf(slots, sizeof(slots),
             "*1\r\n*4\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:%u\r\n$1\r\na\r\n"
             "*3\r\n$9\r\n127.0.0.1\r\n:%u\r\n$1\r\nb\r\n",
             server.port, other.port);
    options = session_to_port(server.port);
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_up == 1));
    redis_learn_nodes(&session.redis);
    cr_assert(run_until(&run, session.redis.n_servers == 2));
    peer_stop_listening(&server);
    redis_drop(&session.redis, "for a test");
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert_eq(other.n_connections, 1);
    close_nodes();
}
