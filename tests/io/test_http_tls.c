/* TLS and its certificates. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "relay.h"
#include "tests/support/folder.h"
#include "tests/unit/lib/server.h"

static struct run run;
static struct peer peer;
static struct client client;
static struct outcome outcome;
static struct server server;
static struct folder folder;
static char pem[256];

static const struct server_step ok = {.answer = OK_REPLY(2, "{}")};

static void open_server(const char *cert_name)
{
    folder_make(&folder);
    folder_path(&folder, "cert.pem", pem, sizeof(pem));
    server_start(&server, &ok, 1, server_tls(cert_name, pem));
    run_init(&run);
}

static void open_client(unsigned port, struct http_endpoint_options options)
{
    char url[64];
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", port);
    options.base_url = url;
    client_open_with(&client, &run, 0, options);
}

static void close_all(void)
{
    outcome_free(&outcome);
    client_close(&client);
    run_end(&run);
    server_stop(&server);
    server_free(&server);
    folder_remove(&folder);
}

static void expect_error(const char *text)
{
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0);
    cr_assert(strcasestr(outcome.error, text), "%s", outcome.error);
    cr_assert_eq(server.n_requests, 0);
    close_all();
}

TestSuite(http_tls, .timeout = 120);

Test(http_tls, a_certificate_of_the_given_authority_is_good)
{
    open_server("127.0.0.1");
    open_client(server.port, (struct http_endpoint_options){.ca_file = pem, .keep_alive = true});
    for (int i = 0; i < 5; i++) {
        client_ask(&client, &outcome);
        cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    }
    cr_assert_eq(server.n_connections, 1);
    close_all();
}

/* The file is renewed in its place, as the server's certificate is. */
Test(http_tls, an_authority_that_is_renewed_is_taken_within_seconds)
{
    open_server("127.0.0.1");
    struct http_endpoint_options options = {.ca_file = pem, .timeout_ms = 5000};
    open_client(server.port, options);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    server_stop(&server);
    server_free(&server);
    server_start(&server, &ok, 1, server_tls("127.0.0.1", pem));
    char url[64];
    snprintf(url, sizeof(url), "https://127.0.0.1:%u", server.port);
    options.base_url = url;
    http_endpoint_give_up(client.endpoint);
    cr_assert_eq(http_endpoint_new(&client.http, &options, &client.endpoint), 0);
    uint64_t end_ns = uv_hrtime() + 30000000000u;
    do
        client_ask(&client, &outcome);
    while (outcome.status == 0 && uv_hrtime() < end_ns);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    close_all();
}

Test(http_tls, a_certificate_that_nobody_knows_is_refused)
{
    open_server("127.0.0.1");
    open_client(server.port, (struct http_endpoint_options){0});
    expect_error("self-signed certificate");
}

Test(http_tls, a_certificate_of_somebody_else_is_refused)
{
    open_server("pusher.example");
    open_client(server.port, (struct http_endpoint_options){.ca_file = pem});
    expect_error("127.0.0.1");
}

Test(http_tls, a_ca_file_that_is_missing_is_named)
{
    open_server("127.0.0.1");
    open_client(server.port, (struct http_endpoint_options){.ca_file = "/nonexistent/ca.pem"});
    expect_error("/nonexistent/ca.pem");
}

Test(http_tls, a_server_without_tls_is_told_from_one_with_it)
{
    static const struct peer_step script[] = {SAY("HTTP/1.1 400 Bad Request\r\n\r\n"), STEP(HOLD)};
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    open_client(peer.port, (struct http_endpoint_options){0});
    client_ask(&client, &outcome);
    cr_assert(strcasestr(outcome.error, "wrong version"), "%s", outcome.error);
    outcome_free(&outcome);
    client_close(&client);
    peer_close(&peer);
    run_end(&run);
}

/* A peer that is silent, closes, or resets in the middle of the handshake. */
static void shake_hands_with(const struct peer_step *script, bool wait)
{
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    open_client(peer.port, (struct http_endpoint_options){.timeout_ms = wait ? 100 : 5000});
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, wait ? outcome.n_done == 1 : peer.n_open == 1));
    cr_assert_eq(outcome.status, 0);
    client_close(&client);
    cr_assert_eq(outcome.n_done, 1);
    cr_assert_eq(outcome.cancelled, !wait);
    outcome_free(&outcome);
    peer_close(&peer);
    run_end(&run);
}

Test(http_tls, a_handshake_that_is_not_answered_ends_at_the_timeout)
{
    static const struct peer_step script[] = {STEP(HOLD)};
    shake_hands_with(script, true);
}

Test(http_tls, a_handshake_that_is_reset_is_an_error)
{
    static const struct peer_step script[] = {STEP(RESET)};
    shake_hands_with(script, true);
}

Test(http_tls, a_handshake_that_the_server_closes_is_an_error)
{
    static const struct peer_step script[] = {STEP(CLOSE)};
    shake_hands_with(script, true);
}

Test(http_tls, closed_in_a_handshake)
{
    static const struct peer_step script[] = {STEP(HOLD)};
    shake_hands_with(script, false);
}

Test(http_tls, through_a_proxy_whose_headers_are_not_those_of_the_answer)
{
    struct relay relay;
    char proxy[64], connect[64];
    open_server("127.0.0.1");
    relay_open(&relay, server.port,
               "HTTP/1.1 200 Connection established\r\nRetry-After: 7\r\nDate: never\r\n\r\n");
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", relay.port);
    open_client(server.port, (struct http_endpoint_options){.ca_file = pem, .proxy = proxy});
    client_get(&client, &outcome, "/a/../b");
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    cr_assert_str_eq(outcome.retry_after, "");
    cr_assert_str_eq(outcome.date, "");
    snprintf(connect, sizeof(connect), "CONNECT 127.0.0.1:%u HTTP/1.1\r\n", server.port);
    relay_close(&relay);
    cr_assert_eq(strncmp(relay.request, connect, strlen(connect)), 0, "%s", relay.request);
    cr_assert_eq(strncmp(server.requests[0], "GET /a/../b HTTP/1.1\r\n", 22), 0);
    close_all();
}
