/* http_close() at any moment: each call done once, as cancelled, and close_cb last; the asserts of
 * client_close() and run_end() are the better half of these tests. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define N_MANY 200

static struct run run;
static struct peer peer;
static struct client client;
static struct outcome outcome;

static void open_with(const struct peer_step *script)
{
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    client_open(&client, &run, peer.port);
}

static void end(void)
{
    outcome_free(&outcome);
    peer_close(&peer);
    run_end(&run);
}

static void expect_cancelled(const struct outcome *ended)
{
    cr_assert_eq(ended->n_done, 1);
    cr_assert(ended->cancelled);
    cr_assert_eq(ended->status, 0);
    cr_assert_str_eq(ended->error, "cancelled");
}

TestSuite(http_close, .timeout = 120);

Test(http_close, before_anything)
{
    open_with(NULL);
    client_close(&client);
    end();
}

Test(http_close, right_after_the_start)
{
    open_with(NULL);
    client_get(&client, &outcome, "/");
    client_close(&client);
    expect_cancelled(&outcome);
    end();
}

Test(http_close, while_it_connects)
{
    static const struct peer_step script[] = {STEP(HOLD)};
    open_with(script);
    client_get(&client, &outcome, "/");
    http_flush(&client.http);
    client_close(&client);
    expect_cancelled(&outcome);
    end();
}

Test(http_close, while_the_answer_is_awaited)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HOLD)};
    open_with(script);
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, peer.n_requests == 1));
    client_close(&client);
    expect_cancelled(&outcome);
    cr_assert(run_until(&run, peer.n_open == 0));
    end();
}

Test(http_close, while_the_body_is_being_sent)
{
    static const struct peer_step script[] = {STEP(HEAD), STEP(DEAF)};
    size_t len = 32 << 20;
    char *body = calloc(1, len);
    open_with(script);
    client_post(&client, &outcome, "/", body, len);
    cr_assert(run_until(&run, peer.n_requests == 1));
    client_close(&client);
    free(body);
    expect_cancelled(&outcome);
    end();
}

Test(http_close, while_the_answer_comes)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY(OK_REPLY(100, "half")), STEP(HOLD)};
    open_with(script);
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, peer.n_requests == 1));
    for (int i = 0; i < 3; i++)
        uv_run(&run.loop, UV_RUN_NOWAIT);
    client_close(&client);
    expect_cancelled(&outcome);
    end();
}

Test(http_close, with_a_connection_that_is_kept)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(AGAIN)};
    open_with(script);
    client_ask(&client, &outcome);
    client_close(&client);
    cr_assert_eq(outcome.n_done, 1);
    cr_assert_eq(outcome.status, 200);
    cr_assert(run_until(&run, peer.n_open == 0));
    end();
}

Test(http_close, with_a_failure_that_nobody_has_seen_yet)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(GATE), STEP(RESET)};
    open_with(script);
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, peer.n_waiting == 1));
    peer_let_go(&peer);
    client_close(&client);
    expect_cancelled(&outcome);
    end();
}

Test(http_close, with_many_in_flight)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HOLD)};
    static struct outcome many[N_MANY];
    open_with(script);
    for (int i = 0; i < N_MANY; i++)
        client_get(&client, &many[i], "/");
    cr_assert(run_until(&run, peer.n_requests == N_MANY));
    client_close(&client);
    for (int i = 0; i < N_MANY; i++) {
        expect_cancelled(&many[i]);
        outcome_free(&many[i]);
    }
    end();
}

static int status_of_late_start;

static void start_late(struct outcome *done)
{
    status_of_late_start = http_start(done->client->endpoint, &done->call);
}

Test(http_close, a_call_started_by_a_cancelled_one_is_refused)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HOLD)};
    open_with(script);
    outcome.then = start_late;
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, peer.n_requests == 1));
    client_close(&client);
    expect_cancelled(&outcome);
    cr_assert_eq(status_of_late_start, UV_ECANCELED);
    end();
}

static bool is_closed;

static void on_closed(struct http *http)
{
    (void)http;
    is_closed = true;
}

Test(http_close, a_flush_after_it_does_nothing)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HOLD)};
    open_with(script);
    client_get(&client, &outcome, "/");
    http_close(&client.http, on_closed);
    http_flush(&client.http);
    cr_assert(!is_closed);
    cr_assert(run_until(&run, is_closed));
    expect_cancelled(&outcome);
    end();
}

Test(http_close, needs_no_callback)
{
    open_with(NULL);
    client_get(&client, &outcome, "/");
    http_close(&client.http, NULL);
    expect_cancelled(&outcome);
    end();
}

static void free_it(struct http *http)
{
    is_closed = true;
    free(http);
}

Test(http_close, the_memory_is_the_callers_from_close_cb_on)
{
    struct http *http = malloc(sizeof(*http));
    run_init(&run);
    cr_assert_eq(http_init(http, &run.loop, 1), 0);
    http_close(http, free_it);
    cr_assert(run_until(&run, is_closed));
    run_end(&run);
}
