/* Connections that are kept, lost, and many. */
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

static void close_all(void)
{
    outcome_free(&outcome);
    client_close(&client);
    peer_close(&peer);
    run_end(&run);
}

static const struct peer_step ok[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(AGAIN)};

TestSuite(http_connections, .timeout = 120);

Test(http_connections, one_is_used_again)
{
    open_with(ok);
    for (int i = 0; i < 50; i++) {
        client_ask(&client, &outcome);
        cr_assert_eq(outcome.status, 200);
    }
    cr_assert_eq(peer.n_connections, 1);
    close_all();
}

/* So that a server whose name points elsewhere by now is followed. */
Test(http_connections, one_grows_no_older_than_it_may)
{
    char url[64];
    run_init(&run);
    peer_open(&peer, &run.loop, ok);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", peer.port);
    client_open_with(
        &client, &run, 0,
        (struct http_endpoint_options){.base_url = url, .keep_alive = true, .lifetime_s = 1});
    uint64_t end_ns = uv_hrtime() + 30000000000u;
    unsigned n = 0;
    while (peer.n_connections < 3 && uv_hrtime() < end_ns) {
        client_ask(&client, &outcome);
        cr_assert_eq(outcome.status, 200, "%s", outcome.error);
        n++;
    }
    cr_expect_eq(peer.n_connections, 3);
    cr_expect_gt(n, 10);
    close_all();
}

static void expect_a_connection_each(void)
{
    for (unsigned i = 1; i <= 3; i++) {
        client_ask(&client, &outcome);
        cr_assert_eq(outcome.status, 200, "%s", outcome.error);
        cr_assert_eq(peer.n_connections, i);
        cr_assert(run_until(&run, peer.n_open == 0));
    }
    close_all();
}

Test(http_connections, one_that_the_server_closes_while_it_is_idle_is_replaced)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(CLOSE)};
    open_with(script);
    expect_a_connection_each();
}

Test(http_connections, one_that_is_reset_while_it_is_idle_is_replaced)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(GATE),
                                              STEP(RESET)};
    open_with(script);
    for (unsigned i = 1; i <= 3; i++) {
        client_ask(&client, &outcome);
        cr_assert_eq(outcome.status, 200, "%s", outcome.error);
        cr_assert_eq(peer.n_connections, i);
        cr_assert(run_until(&run, peer.n_waiting == 1));
        peer_let_go(&peer);
        cr_assert_eq(peer.n_open, 0);
    }
    close_all();
}

Test(http_connections, connection_close_is_obeyed)
{
    static const struct peer_step script[] = {
        STEP(HTTP), SAY("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"),
        STEP(HOLD)};
    open_with(script);
    expect_a_connection_each();
}

Test(http_connections, without_keep_alive_none_is_kept)
{
    run_init(&run);
    peer_open(&peer, &run.loop, ok);
    client_open_with(&client, &run, peer.port, (struct http_endpoint_options){0});
    client_ask(&client, &outcome);
    cr_assert(strstr(peer.request, "\r\nConnection: close\r\n"));
    cr_assert(run_until(&run, peer.n_open == 0));
    client_ask(&client, &outcome);
    cr_assert_eq(peer.n_connections, 2);
    close_all();
}

/* The documented exception: libcurl itself sends it again on a new connection. */
Test(http_connections, a_kept_one_that_dies_under_a_request_is_tried_once_more)
{
    static const struct peer_step dies[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(HTTP),
                                            STEP(RESET)};
    open_with(dies);
    peer_then(&peer, ok);
    client_ask(&client, &outcome);
    client_post(&client, &outcome, "/", "{\"a\":1}", 7);
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    cr_assert_eq(peer.n_connections, 2);
    cr_assert_eq(peer.n_requests, 3);
    cr_assert(strstr(peer.request, "\r\n\r\n{\"a\":1}"));
    close_all();
}

Test(http_connections, a_kept_one_that_dies_under_an_answer_is_an_error)
{
    static const struct peer_step dies[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(HTTP),
                                            SAY("HTTP/1.1 200 OK\r\n"), STEP(RESET)};
    open_with(dies);
    client_ask(&client, &outcome);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0);
    cr_assert_eq(peer.n_requests, 2);
    close_all();
}

Test(http_connections, a_kept_one_that_falls_silent_ends_at_the_timeout)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(HOLD)};
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    client_open_with(&client, &run, peer.port,
                     (struct http_endpoint_options){.keep_alive = true, .timeout_ms = 100});
    client_ask(&client, &outcome);
    client_ask(&client, &outcome);
    cr_assert(strstr(outcome.error, "timed out"), "%s", outcome.error);
    cr_assert(run_until(&run, peer.n_open == 0)); /* it is not used again */
    close_all();
}

static void ask_again(struct outcome *done)
{
    client_get(done->client, &outcome, "/");
}

Test(http_connections, a_call_from_within_done_cb_uses_the_connection_that_got_free)
{
    struct outcome first = {.then = ask_again};
    open_with(ok);
    client_get(&client, &first, "/");
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 200);
    cr_assert_eq(peer.n_connections, 1);
    outcome_free(&first);
    close_all();
}

static struct outcome many[N_MANY];

static void start_many(void)
{
    char target[32];
    for (unsigned i = 0; i < N_MANY; i++) {
        snprintf(target, sizeof(target), "/%u", i);
        client_get(&client, &many[i], target);
        http_flush(&client.http); /* curl takes the target now */
    }
}

static void free_many(void)
{
    for (unsigned i = 0; i < N_MANY; i++) {
        cr_assert_eq(many[i].n_done, 1);
        outcome_free(&many[i]);
    }
}

Test(http_connections, many_at_once)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(GATE), SAY(OK_REPLY(2, "{}")),
                                              STEP(AGAIN)};
    open_with(script);
    for (int round = 0; round < 2; round++) {
        start_many();
        cr_assert(run_until(&run, peer.n_waiting == N_MANY));
        cr_assert_eq(client.n_pending, N_MANY);
        peer_let_go(&peer);
        cr_assert(run_until(&run, client.n_pending == 0));
        for (unsigned i = 0; i < N_MANY; i++)
            cr_assert_eq(many[i].status, 200, "%s", many[i].error);
    }
    cr_assert_eq(peer.n_connections, N_MANY);
    free_many();
    close_all();
}

Test(http_connections, many_that_end_all_at_once_in_a_reset)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(GATE), STEP(RESET)};
    open_with(script);
    start_many();
    cr_assert(run_until(&run, peer.n_waiting == N_MANY));
    peer_let_go(&peer);
    cr_assert(run_until(&run, client.n_pending == 0));
    free_many();
    close_all();
}

Test(http_connections, many_that_run_into_the_timeout_together)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HOLD)};
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    client_open_with(&client, &run, peer.port, (struct http_endpoint_options){.timeout_ms = 400});
    start_many();
    cr_assert(run_until(&run, client.n_pending == 0));
    free_many();
    close_all();
}

static unsigned n_left;

static void keep_going(struct outcome *done)
{
    cr_assert_eq(done->status, 200, "%s", done->error);
    if (n_left > 0) {
        n_left--;
        client_post(done->client, done, "/", "{}", 2);
    }
}

Test(http_connections, a_chain_of_calls_that_start_each_other)
{
    open_with(ok);
    n_left = 2000;
    for (unsigned i = 0; i < 8; i++) {
        many[i].then = keep_going;
        client_get(&client, &many[i], "/");
    }
    cr_assert(run_until(&run, client.n_pending == 0));
    cr_assert_eq(peer.n_requests, 2008);
    cr_assert_leq(peer.n_connections, 8);
    for (unsigned i = 0; i < 8; i++)
        outcome_free(&many[i]);
    close_all();
}

static void start_another(struct outcome *done)
{
    if (n_left > 0) {
        n_left--;
        client_get(done->client, done, "/");
    }
}

/* They fail without the loop ever waiting for a socket: the loop must still turn. */
Test(http_connections, calls_that_fail_at_once_and_start_each_other_do_not_starve_the_loop)
{
    unsigned n_turns = 0;
    run_init(&run);
    client_open_with(&client, &run, 0, (struct http_endpoint_options){.base_url = "ftp://x:1"});
    n_left = 500;
    many[0].then = start_another;
    client_get(&client, &many[0], "/");
    cr_assert(run_until(&run, ++n_turns > 0 && client.n_pending == 0));
    cr_assert_gt(n_turns, 10);
    cr_assert(many[0].error[0]);
    outcome_free(&many[0]);
    client_close(&client);
    run_end(&run);
}

/* The kept connection leaves its place in the loop's table to whoever gets the descriptor next. */
Test(http_connections, descriptors_that_come_back_are_watched_anew)
{
    static const struct peer_step closes[] = {
        STEP(HTTP), SAY("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
        STEP(HOLD)};
    open_with(closes);
    n_left = 300;
    for (unsigned i = 0; i < 4; i++) {
        many[i].then = keep_going;
        client_get(&client, &many[i], "/");
    }
    cr_assert(run_until(&run, client.n_pending == 0));
    cr_assert_eq(peer.n_connections, 304);
    for (unsigned i = 0; i < 4; i++)
        outcome_free(&many[i]);
    close_all();
}

Test(http_connections, endpoints_do_not_share)
{
    struct peer other;
    struct http_endpoint_options options = {.keep_alive = true, .timeout_ms = 5000};
    char url[64];
    open_with(ok);
    peer_open(&other, &run.loop, ok);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", other.port);
    options.base_url = url;
    client_ask(&client, &outcome);
    cr_assert_eq(http_endpoint_new(&client.http, &options, &client.endpoint), 0);
    client_ask(&client, &outcome);
    cr_assert_eq(peer.n_requests, 1);
    cr_assert_eq(other.n_requests, 1);
    peer_close(&other);
    close_all();
}
