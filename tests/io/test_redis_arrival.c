/* Replies that take their time: what comes fast enough may take longer than its timeout, what
 * trickles may not. And replies that take more memory than they may. */
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

static void open_with(size_t max_reply_bytes, size_t max_text_bytes)
{
    static const struct peer_step good[] = {GREETING, STEP(HOLD)};
    struct redis_options options;
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    peer_then(&peer, good);
    options = session_to_port(peer.port);
    options.max_reply_bytes = max_reply_bytes;
    options.max_text_bytes = max_text_bytes;
    session_start(&session, &run, &options);
    cr_assert(run_until(&run, session.n_up == 1));
    uv_timer_init(&run.loop, &pace);
}

static void open_all(void)
{
    open_with(0, 0);
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

static void expect_failure(const char *why, const char *log)
{
    cr_assert(run_until(&run, session.n_up == 2));
    cr_assert(strstr(session.why, why), "%s", session.why);
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
    expect_failure("no reply in time", "U00DUC");
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
    expect_failure("no reply in time", "U0DUC");
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

/* For each reply that is done once; but what has come by then is read before, since libuv 1.45. */
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
    if (uv_version() < 0x012d00) {
        expect_failure("no reply in time", "U0DUC");
        return;
    }
    cr_assert(run_until(&run, session.n_replies == 1));
    close_all();
    cr_assert_str_eq(session.log, "UrC");
}

#define TEXT     "$1000\r\n%1000d\r\n"
#define TOO_LONG "a reply is longer than it may be"

/* `head`, and then as many of `more` as there are pieces, as fast as they are read. */
static void answer_endlessly(const char *head, const char *more, size_t len)
{
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY(head));
    for (size_t i = 0; i < PIECES; i++)
        add((struct peer_step)SAY_BYTES(more, len));
    add((struct peer_step)STEP(HOLD));
}

static void expect_too_long(size_t max_reply_bytes, size_t max_text_bytes)
{
    open_with(max_reply_bytes, max_text_bytes);
    send_gets(2, 30000);
    expect_failure(TOO_LONG, "U00DUC");
}

/* What its length is, is enough. */
Test(redis_arrival, a_text_that_would_be_too_long)
{
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY("*2\r\n:1\r\n$8000000000\r\n"));
    add((struct peer_step)STEP(HOLD));
    expect_too_long(0, 1000);
}

Test(redis_arrival, a_text_that_is_more_than_the_reply_may_be)
{
    memset(piece, 'x', PIECE_BYTES);
    answer_endlessly("$8000000000\r\n", piece, PIECE_BYTES);
    expect_too_long(100000, 0);
}

Test(redis_arrival, texts_that_are_too_many)
{
    size_t len = (size_t)snprintf(piece, sizeof(piece), TEXT, 0);
    answer_endlessly("*100000\r\n", piece, len);
    expect_too_long(900000, 1000);
}

/* A dozen bytes ask for eight megabytes. */
Test(redis_arrival, arrays_that_ask_for_too_much)
{
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY("*2\r\n*1000000\r\n"));
    add((struct peer_step)STEP(HOLD));
    expect_too_long(1000000, 0);
}

Test(redis_arrival, a_line_without_an_end)
{
    static char line[8192];
    memset(line, '1', sizeof(line));
    answer_endlessly("-ERR ", line, sizeof(line));
    expect_too_long(0, 0);
}

static size_t n_unread(void)
{
    const redisReader *reader = session.redis.context ? session.redis.context->c.reader : NULL;
    return reader ? reader->len - reader->pos : 0;
}

/* An integer of many digits, that is cut in its end, is no length. */
Test(redis_arrival, replies_that_are_as_long_as_they_may_be)
{
    size_t len = (size_t)snprintf(piece, sizeof(piece), TEXT, 0);
    add((struct peer_step)STEP(COMMAND));
    add((struct peer_step)SAY("*3\r\n"));
    add((struct peer_step)SAY_BYTES(piece, 100));
    add((struct peer_step)STEP(GATE));
    add((struct peer_step)SAY_BYTES(piece + 100, len - 100));
    add((struct peer_step)SAY(":1700000000000\r"));
    add((struct peer_step)STEP(GATE));
    add((struct peer_step)SAY("\n"));
    add((struct peer_step)SAY_BYTES(piece, len));
    add((struct peer_step)STEP(HOLD));
    open_with(2500, 1000);
    send_gets(1, 30000);
    cr_assert(run_until(&run, n_unread() == strlen("1000\r\n") + 93));
    peer_let_go(&peer);
    cr_assert(run_until(&run, n_unread() == strlen("1700000000000\r")));
    peer_let_go(&peer);
    cr_assert(run_until(&run, session.n_replies == 1));
    close_all();
    cr_assert_str_eq(session.log, "UrC");
}
