/* Servers that are given by a name: one that there is not, that is resolved late, or that has
 * several addresses. */
#include <criterion/criterion.h>
#include <string.h>

#include "net.h"
#include "session.h"

static struct run run;
static struct peer peer;
static struct session session;

static void open_peer(const struct peer_step *script)
{
    run_init(&run);
    peer_open(&peer, &run.loop, script);
}

static void close_all(void)
{
    session_close(&session);
    peer_close(&peer);
    run_end(&run);
}

static const struct peer_step good[] = {GREETING, STEP(COMMAND), SAY("+OK\r\n"), STEP(HOLD)};

TestSuite(redis_names, .timeout = 120);

Test(redis_names, a_name_that_is_none)
{
    struct redis_options options = session_to_port(1);
    options.host = "redis.invalid";
    run_init(&run);
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_down == 2));
    cr_assert(strstr(session.why, "redis.invalid"), "%s", session.why);
    session_close(&session);
    run_end(&run);
}

static void start_by_slow_name(uint64_t backoff_ms, void (*on_down)(struct session *))
{
    struct redis_options options;
    open_peer(good);
    options = session_to_port(peer.port);
    options.host = "slow.test";
    options.connect_timeout_ms = 30;
    options.max_backoff_ms = backoff_ms;
    options.min_backoff_ms = backoff_ms > 20 ? backoff_ms : 1;
    session_start(&session, &run, &options);
    session.on_down = on_down;
}

static void wait_longer(struct session *of)
{
    of->redis.options.connect_timeout_ms = 30000;
}

/* The resolver cannot be stopped: there is one lookup, and attempts fail until it is over. */
Test(redis_names, a_name_that_takes_too_long)
{
    start_by_slow_name(20, NULL);
    cr_assert(run_until(&run, session.n_down == 3));
    cr_assert_eq(names_waiting(), 1);
    cr_assert_eq(session.n_up, 0);
    wait_longer(&session);
    names_let_go();
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(names_asked(), 1);
    close_all();
}

/* A resolver whose first server is dead takes longer than an attempt may, each time. */
Test(redis_names, a_name_that_is_resolved_when_a_later_attempt_waits_for_it)
{
    start_by_slow_name(20, wait_longer);
    cr_assert(run_until(&run, session.n_down == 1 && session.redis.state == REDIS_RESOLVING));
    names_let_go();
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(names_asked(), 1);
    close_all();
    cr_assert_str_eq(session.log, "DUC");
}

static void let_names_go(struct session *of)
{
    wait_longer(of);
    names_let_go();
}

Test(redis_names, a_name_that_is_resolved_when_no_attempt_waits_for_it)
{
    start_by_slow_name(1000, let_names_go);
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(names_asked(), 1);
    close_all();
    cr_assert_str_eq(session.log, "DUC");
}

/* The server may have moved meanwhile. */
Test(redis_names, a_name_that_was_resolved_between_attempts_is_resolved_again_after_the_next)
{
    static const struct peer_step closing[] = {STEP(CLOSE)};
    start_by_slow_name(500, let_names_go);
    peer.scripts[0] = closing;
    peer_then(&peer, good);
    cr_assert(run_until(&run, session.n_up == 1));
    cr_assert_eq(names_asked(), 2);
    close_all();
    cr_assert_str_eq(session.log, "DDUC");
}

Test(redis_names, the_second_address_when_the_first_is_silent)
{
    struct redis_options options;
    struct wall wall;
    open_peer(good);
    wall_open(&wall, "127.0.0.2", peer.port);
    options = session_to_port(peer.port);
    options.host = "two.test";
    options.connect_timeout_ms = 500;
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_up == 1));
    close_all();
    wall_close(&wall);
    cr_assert_str_eq(session.log, "DUC");
}
