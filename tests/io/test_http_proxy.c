/* Plain HTTP through a proxy, and the proxies of the environment, which are not ours. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "tests/support/memory.h"

static struct run run;
static struct peer peer;
static struct client client;
static struct outcome outcome;

static const struct peer_step ok[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(AGAIN)};

/* The server is one that cannot be reached but through the proxy. */
static void open_with_proxy(const struct peer_step *script, const char *scheme)
{
    char proxy[64];
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", peer.port);
    client_open_with(
        &client, &run, 0,
        (struct http_endpoint_options){
            .base_url = scheme, .proxy = proxy, .user_agent = "pusherd/1", .keep_alive = true});
}

static void close_all(void)
{
    outcome_free(&outcome);
    client_close(&client);
    peer_close(&peer);
    run_end(&run);
}

static bool starts_with(const char *text)
{
    return strncmp(peer.request, text, strlen(text)) == 0;
}

static void set_environment(const char *proxy)
{
    static const char *const names[] = {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                        "ALL_PROXY"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        setenv(names[i], proxy, 1);
}

TestSuite(http_proxy, .timeout = 120);

Test(http_proxy, gets_the_whole_url_with_the_target_as_it_is)
{
    open_with_proxy(ok, "http://pusher.invalid:8080");
    client_get(&client, &outcome, "/a/../b?x=%2F&y=[1]");
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    cr_assert(starts_with("GET http://pusher.invalid:8080/a/../b?x=%2F&y=[1] HTTP/1.1\r\n"), "%s",
              peer.request);
    cr_assert(strstr(peer.request, "\r\nHost: pusher.invalid:8080\r\n"));
    cr_assert(strstr(peer.request, "\r\nUser-Agent: pusherd/1\r\n"));
    close_all();
}

/* What curl keeps of a proxy that was used is its own. */
Test(http_proxy, its_password_is_wiped_with_the_endpoint)
{
    static char proxy[] = "http://u:" MEMORY_SECRET "@127.0.0.1:1", where[4096];
    run_init(&run);
    memory_fill(proxy);
    client_open_with(
        &client, &run, 0,
        (struct http_endpoint_options){.base_url = "http://pusher.invalid", .proxy = proxy});
    explicit_bzero(proxy, sizeof(proxy));
    cr_expect_gt(memory_find(where, sizeof(where)), 0u, "the search finds nothing");
    client_close(&client);
    run_end(&run);
    cr_expect_eq(memory_find(where, sizeof(where)), 0u, "%s", where);
}

Test(http_proxy, its_connection_is_kept)
{
    open_with_proxy(ok, "http://pusher.invalid:8080");
    for (int i = 0; i < 10; i++) {
        client_post(&client, &outcome, "/x", "{}", 2);
        cr_assert(run_until(&run, outcome.n_done == 1));
        cr_assert_eq(outcome.status, 200);
    }
    cr_assert_eq(peer.n_connections, 1);
    close_all();
}

Test(http_proxy, the_environment_cannot_turn_it_off)
{
    setenv("no_proxy", "*", 1);
    setenv("NO_PROXY", "*", 1);
    open_with_proxy(ok, "http://127.0.0.1:1");
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    close_all();
}

Test(http_proxy, the_environments_is_not_used)
{
    set_environment("http://127.0.0.1:1");
    run_init(&run);
    peer_open(&peer, &run.loop, ok);
    client_open(&client, &run, peer.port);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    cr_assert(starts_with("GET / HTTP/1.1\r\n"));
    close_all();
}

Test(http_proxy, its_refusal_has_a_status_and_says_so)
{
    static const struct peer_step script[] = {
        STEP(HTTP), SAY("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"), STEP(HOLD)};
    open_with_proxy(script, "https://pusher.invalid");
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 403);
    cr_assert(strstr(outcome.error, "403"), "%s", outcome.error);
    cr_assert(starts_with("CONNECT pusher.invalid:443 HTTP/1.1\r\n"));
    cr_assert(strstr(peer.request, "\r\nUser-Agent: pusherd/1\r\n"));
    close_all();
}

Test(http_proxy, one_that_falls_silent_ends_at_the_timeout)
{
    static const struct peer_step script[] = {STEP(HTTP), STEP(HOLD)};
    char proxy[64];
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%u", peer.port);
    client_open_with(&client, &run, 0,
                     (struct http_endpoint_options){
                         .base_url = "https://pusher.invalid", .proxy = proxy, .timeout_ms = 80});
    client_ask(&client, &outcome);
    cr_assert(strstr(outcome.error, "timed out") || strstr(outcome.error, "timeout"), "%s",
              outcome.error);
    close_all();
}
