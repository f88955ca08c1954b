/* Replies that take their time: what comes fast enough may take longer than its timeout, what
 * trickles may not. */
#include <criterion/criterion.h>
#include <string.h>

#include "daemon/io/redis_private.h"
#include "session.h"
#include "tests/support/wait.h"

#define PIECES      250u
#define EVERY_MS    16u   /* a piece; all of them take twice as long as TIMEOUT_MS */
#define TIMEOUT_MS  2000u /* between two pieces nothing takes as long */
#define PIECE_BYTES 4096u

static struct run run;
static struct peer peer;
static struct session session;
static struct peer_step script[16 + 2 * PIECES];
static size_t n_steps;
static char piece[16 + PIECE_BYTES];
static uv_timer_t pace;
static unsigned n_let_go;

static void add(struct peer_step step)
{
    cr_assert_lt(n_steps, sizeof(script) / sizeof(script[0]));
    script[n_steps++] = step;
}

static void add_pieces(size_t len)
{
    for (size_t i = 0; i < PIECES; i++) {
        add((struct peer_step)STEP(GATE));
        add((struct peer_step)SAY_BYTES(piece, len));
    }
}

static void add_greeting(void)
{
    static const struct peer_step greeting[] = {GREETING};
    for (size_t i = 0; i < sizeof(greeting) / sizeof(greeting[0]); i++)
        add(greeting[i]);
}

static void let_one_go(uv_timer_t *timer)
{
    (void)timer;
    n_let_go += peer.n_waiting;
    peer_let_go(&peer);
}

static void open_all(void)
{
    static const struct peer_step good[] = {GREETING, STEP(HOLD)};
    struct redis_options options;
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    peer_then(&peer, good);
    options = session_to_port(peer.port);
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_up == 1));
    uv_timer_init(&run.loop, &pace);
}

static void send_gets(unsigned n, uint64_t timeout_ms)
{
    for (unsigned i = 0; i < n; i++)
        cr_assert_eq(session_send_within(&session, timeout_ms, "GET", "k", NULL), 0);
}

static void close_all(void)
{
    uv_close((uv_handle_t *)&pace, NULL);
    session_close(&session);
    peer_close(&peer);
    run_end(&run);
}

TestSuite(redis_arrival, .init = add_greeting, .timeout = 120);

/* The second command has to wait for the reply of the first, and is no later for that. */
Test(redis_arrival, a_long_reply_that_comes_fast_enough)
{
    char head[32];
    memset(piece, 'x', PIECE_BYTES);
    snprintf(head, sizeof(head), "$%u\r\n", PIECES * PIECE_BYTES);
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY(head));
    add_pieces(PIECE_BYTES);
    add((struct peer_step)SAY("\r\n"));
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY("+OK\r\n"));
    add((struct peer_step)STEP(HOLD));
    open_all();
    send_gets(2, TIMEOUT_MS);
    uv_timer_start(&pace, let_one_go, EVERY_MS, EVERY_MS);
    cr_assert(run_until(&run, session.n_replies == 2));
    close_all();
    cr_assert_str_eq(session.log, "UrrC");
}

/* Elements that are read are no longer in the buffer. */
Test(redis_arrival, an_array_that_comes_fast_enough)
{
    char head[32];
    int len = snprintf(piece, sizeof(piece), "$%u\r\n", PIECE_BYTES);
    memset(piece + len, 'x', PIECE_BYTES);
    memcpy(piece + len + PIECE_BYTES, "\r\n", 2);
    snprintf(head, sizeof(head), "*%u\r\n", PIECES);
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY(head));
    add_pieces((size_t)len + PIECE_BYTES + 2);
    add((struct peer_step)STEP(HOLD));
    open_all();
    send_gets(1, TIMEOUT_MS);
    uv_timer_start(&pace, let_one_go, EVERY_MS, EVERY_MS);
    cr_assert(run_until(&run, session.n_replies == 1));
    close_all();
    cr_assert_str_eq(session.log, "UrC");
}

/* All were sent at once, so that the last is answered long after its timeout. */
Test(redis_arrival, replies_that_come_one_after_the_other)
{
    int len = snprintf(piece, sizeof(piece), "$%u\r\n", PIECE_BYTES);
    memset(piece + len, 'x', PIECE_BYTES);
    memcpy(piece + len + PIECE_BYTES, "\r\n", 2);
    add_pieces((size_t)len + PIECE_BYTES + 2);
    add((struct peer_step)STEP(HOLD));
    open_all();
    send_gets(PIECES, TIMEOUT_MS);
    uv_timer_start(&pace, let_one_go, EVERY_MS, EVERY_MS);
    cr_assert(run_until(&run, session.n_replies == PIECES));
    cr_assert_eq(session.n_nulls, 0);
    close_all();
}

static void expect_failure(const char *log)
{
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert(strstr(session.why, "no reply in time"), "%s", session.why);
    close_all();
    cr_assert_str_eq(session.log, log);
}

/* About 6 KB a second: each piece gains a tenth of the time that it takes. */
Test(redis_arrival, a_reply_that_trickles)
{
    memset(piece, 'x', 100);
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY("$25000\r\n"));
    add_pieces(100);
    add((struct peer_step)SAY("\r\n"));
    add((struct peer_step)STEP(HOLD));
    open_all();
    send_gets(2, TIMEOUT_MS);
    uv_timer_start(&pace, let_one_go, EVERY_MS, EVERY_MS);
    expect_failure("U00DUC");
    cr_assert_lt(n_let_go, PIECES);
}

/* The megabyte before gave it no more than one timeout. */
Test(redis_arrival, a_reply_that_stops_after_a_megabyte)
{
    static char megabyte[1u << 20];
    uint64_t begin_ms;
    memset(megabyte, 'x', sizeof(megabyte));
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY("$9000000\r\n"));
    add((struct peer_step)SAY_BYTES(megabyte, sizeof(megabyte)));
    add((struct peer_step)STEP(HOLD));
    open_all();
    begin_ms = wait_now_ms();
    send_gets(1, 500);
    expect_failure("U0DUC");
    cr_assert_lt(wait_now_ms() - begin_ms, (1u << 20) / 64, "by the rate alone it had more time");
}

/* The loop stands still until the reply is late, and the peer's next step has been sent. */
static void stand_still(void)
{
    cr_assert(run_until(&run, peer.n_waiting == 1));
    peer_let_go(&peer);
    cr_assert(wait_until(redis_now_ms() > redis_deadline_ms(&session.redis), WAIT_LONG_MS));
}

Test(redis_arrival, a_reply_that_waits_to_be_read)
{
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)STEP(GATE));
    add((struct peer_step)SAY("+OK\r\n"));
    add((struct peer_step)STEP(HOLD));
    open_all();
    send_gets(1, 1000);
    stand_still();
    cr_assert(run_until(&run, session.n_replies == 1));
    close_all();
    cr_assert_str_eq(session.log, "UrC");
}

/* For each reply that is done once. */
Test(redis_arrival, a_reply_that_waits_to_be_read_piece_by_piece)
{
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)STEP(GATE));
    add((struct peer_step)SAY("$4\r\nha"));
    add((struct peer_step)STEP(GATE));
    add((struct peer_step)SAY("lf\r\n"));
    add((struct peer_step)STEP(HOLD));
    open_all();
    send_gets(1, 1000);
    stand_still();
    cr_assert(run_until(&run, session.redis.has_looked_again));
    stand_still();
    expect_failure("U0DUC");
}
