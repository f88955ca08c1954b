/* Servers that do not answer, or not as they should. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "net.h"

static struct run run;
static struct peer peer;
static struct client client;
static struct outcome outcome;

static void open_with(const struct peer_step *script, unsigned timeout_ms)
{
    struct http_endpoint_options options = {.keep_alive = true, .timeout_ms = timeout_ms};
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    client_open_with(&client, &run, peer.port, options);
}

static void close_all(void)
{
    outcome_free(&outcome);
    client_close(&client);
    peer_close(&peer);
    run_end(&run);
}

/* Posts once; there must be no answer, and an error with that text in it. */
static void expect_error(const struct peer_step *script, unsigned timeout_ms, const char *text)
{
    open_with(script, timeout_ms);
    client_post(&client, &outcome, "/", "{}", 2);
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 0);
    cr_assert(!outcome.cancelled);
    cr_assert(strcasestr(outcome.error, text), "%s", outcome.error);
    close_all();
}

TestSuite(http_failures, .timeout = 120);

Test(http_failures, refused)
{
    open_with(NULL, 0);
    peer_stop_listening(&peer);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0);
    cr_assert(strstr(outcome.error, "onnect"), "%s", outcome.error);
    close_all();
}

Test(http_failures, closed_at_once)
{
    static const struct peer_step script[] = {STEP(CLOSE)};
    expect_error(script, 0, "e"); /* as an empty reply or a reset, by who is first */
}

Test(http_failures, reset_at_once)
{
    static const struct peer_step script[] = {STEP(RESET)};
    expect_error(script, 0, "e");
}

Test(http_failures, closed_after_the_request)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(CLOSE)};
    expect_error(script, 0, "empty reply");
}

Test(http_failures, half_closed_after_the_request)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HALF_CLOSE)};
    expect_error(script, 0, "empty reply");
}

Test(http_failures, reset_after_the_request_is_told_as_what_it_is)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(RESET)};
    expect_error(script, 0, "reset by peer");
}

Test(http_failures, a_silent_server_is_left_at_the_timeout)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HOLD)};
    expect_error(script, 60, "timed out");
}

Test(http_failures, a_server_that_does_not_read_is_left_at_the_timeout)
{
    static const struct peer_step script[] = {STEP(DEAF)};
    size_t len = 32 << 20;
    char *body = calloc(1, len);
    open_with(script, 300);
    client_post(&client, &outcome, "/", body, len);
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert(strstr(outcome.error, "timed out"), "%s", outcome.error);
    free(body);
    close_all();
}

Test(http_failures, a_head_that_stops_half_way)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY("HTTP/1.1 200 OK\r\nContent-Le"),
                                              STEP(HOLD)};
    expect_error(script, 60, "timed out");
}

Test(http_failures, a_body_that_stops_half_way)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY(OK_REPLY(100, "half")), STEP(HOLD)};
    expect_error(script, 60, "timed out");
}

Test(http_failures, a_body_that_is_cut_off)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY(OK_REPLY(100, "half")), STEP(CLOSE)};
    expect_error(script, 0, "with 96 bytes"); /* remaining, or missing, by the version of curl */
}

Test(http_failures, what_is_no_http)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY("-ERR unknown command 'POST'\r\n"),
                                              STEP(CLOSE)};
    expect_error(script, 0, "HTTP/0.9");
}

Test(http_failures, a_status_that_is_none)
{
    static const char *const answers[] = {"HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n",
                                          "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
                                          "HTTP/1.1  \r\n\r\n",
                                          "HTTP/9.9 200 OK\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 9e9\r\n\r\n"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct peer_step script[] = {STEP(HTTP), SAY(answers[i]), STEP(CLOSE)};
        open_with(script, 0);
        client_ask(&client, &outcome); /* it ends, and has a status or an error */
        close_all();
    }
}

Test(http_failures, only_interim_answers_and_then_the_end)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY("HTTP/1.1 100 Continue\r\n\r\n"),
                                              STEP(CLOSE)};
    open_with(script, 1000);
    client_ask(&client, &outcome);
    cr_assert_neq(outcome.status, 200);
    close_all();
}

Test(http_failures, a_reset_behind_the_answer_does_not_spoil_it)
{
    static const struct peer_step script[] = {
        STEP(HEAD), SAY("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"), STEP(RESET)};
    open_with(script, 0);
    client_post(&client, &outcome, "/", "{}", 2);
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 413, "%s", outcome.error);
    cr_assert_str_eq(outcome.reply, "big");
    close_all();
}

Test(http_failures, an_answer_that_ends_with_the_connection)
{
    static const struct peer_step script[] = {STEP(HTTP), SAY("HTTP/1.1 200 OK\r\n\r\nall of it"),
                                              STEP(HALF_CLOSE)};
    open_with(script, 0);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200);
    cr_assert_str_eq(outcome.reply, "all of it");
    close_all();
}

Test(http_failures, an_endless_answer_ends_at_the_timeout)
{
    static char megabyte[1 << 20];
    static const struct peer_step script[] = {STEP(HTTP), SAY("HTTP/1.1 200 OK\r\n\r\n"),
                                              SAY_BYTES(megabyte, sizeof(megabyte)), STEP(HOLD)};
    expect_error(script, 200, "timed out");
}

Test(http_failures, a_failure_leaves_no_trace_on_the_handle)
{
    static const struct peer_step bad[] = {STEP(HTTP),
                                           SAY("HTTP/1.1 500 X\r\nRetry-"
                                               "After: 5\r\n\r\npart"),
                                           STEP(RESET)};
    static const struct peer_step good[] = {STEP(HTTP), SAY(OK_REPLY(2, "ok")), STEP(HOLD)};
    open_with(bad, 0);
    peer_then(&peer, good);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200);
    cr_assert_str_eq(outcome.reply, "ok");
    cr_assert_str_eq(outcome.retry_after, "");
    close_all();
}

static void start_next(struct outcome *done)
{
    client_get(done->client, &outcome, "/next");
}

Test(http_failures, a_call_may_follow_from_within_a_failed_one)
{
    static const struct peer_step bad[] = {STEP(HTTP), STEP(RESET)};
    static const struct peer_step good[] = {STEP(HTTP), SAY(OK_REPLY(2, "ok")), STEP(HOLD)};
    struct outcome first = {.then = start_next};
    open_with(bad, 0);
    peer_then(&peer, good);
    client_get(&client, &first, "/");
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(first.status, 0);
    cr_assert_eq(outcome.status, 200);
    outcome_free(&first);
    close_all();
}

Test(http_failures, a_server_that_does_not_accept_is_left_at_the_timeout)
{
    struct wall wall;
    run_init(&run);
    wall_open(&wall, "127.0.0.1", 0);
    client_open_with(&client, &run, wall.port, (struct http_endpoint_options){.timeout_ms = 80});
    client_ask(&client, &outcome);
    cr_assert(strstr(outcome.error, "timed out") || strstr(outcome.error, "imeout"), "%s",
              outcome.error);
    client_get(&client, &outcome, "/"); /* and one that is closed while it connects */
    http_flush(&client.http);
    client_close(&client);
    cr_assert(outcome.cancelled);
    outcome_free(&outcome);
    wall_close(&wall);
    run_end(&run);
}
