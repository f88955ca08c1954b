/* From a name to a connection: resolving, and addresses that do not work. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "net.h"

static struct run run;
static struct peer peer;
static struct client client;
static struct outcome outcome;

static const struct peer_step ok[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(AGAIN)};

static void open_at(const char *name, unsigned timeout_ms)
{
    char url[64];
    run_init(&run);
    peer_open(&peer, &run.loop, ok);
    snprintf(url, sizeof(url), "http://%s:%u", name, peer.port);
    client_open_with(&client, &run, 0,
                     (struct http_endpoint_options){
                         .base_url = url, .keep_alive = true, .timeout_ms = timeout_ms});
}

static void close_all(void)
{
    outcome_free(&outcome);
    client_close(&client);
    peer_close(&peer);
    run_end(&run);
}

TestSuite(http_names, .timeout = 120);

Test(http_names, a_name_that_is_none_is_an_error)
{
    open_at("name.invalid", 0);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0);
    cr_assert(strstr(outcome.error, "name.invalid"), "%s", outcome.error);
    close_all();
}

Test(http_names, the_loop_turns_while_a_name_is_resolved)
{
    unsigned n_turns = 0;
    open_at("slow.test", 0);
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, names_waiting() == 1 && ++n_turns > 3));
    cr_assert_eq(outcome.n_done, 0);
    names_let_go();
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    close_all();
}

/* The resolver answers only after the end of everything: nobody may wait for it. */
Test(http_names, a_timeout_does_not_wait_for_the_resolver)
{
    open_at("slow.test", 50);
    client_ask(&client, &outcome);
    cr_assert_eq(names_waiting(), 1);
    cr_assert(strstr(outcome.error, "timed out"), "%s", outcome.error);
    close_all();
    cr_assert_eq(names_waiting(), 1);
    names_let_go();
}

Test(http_names, neither_does_the_close)
{
    open_at("slow.test", 0);
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, names_waiting() == 1));
    close_all();
    cr_assert_eq(names_waiting(), 1);
    names_let_go();
}

Test(http_names, many_calls_wait_for_a_name_and_are_cancelled)
{
    static struct outcome many[50];
    open_at("slow.test", 0);
    for (int i = 0; i < 50; i++)
        client_get(&client, &many[i], "/");
    cr_assert(run_until(&run, names_waiting() > 0));
    close_all();
    for (int i = 0; i < 50; i++) {
        cr_assert(many[i].cancelled);
        outcome_free(&many[i]);
    }
    names_let_go();
}

Test(http_names, the_second_address_is_tried_when_the_first_refuses)
{
    open_at("two.test", 0);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    close_all();
}

/* A server that got another address is found there, though the old one was in use. */
Test(http_names, a_change_of_address_is_followed)
{
    open_at("moving.test", 1000);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0, "nobody listens there");
    names_move();
    for (uint64_t end_ns = uv_hrtime() + 20000000000u; outcome.status != 200;) {
        cr_assert_lt(uv_hrtime(), end_ns, "%s", outcome.error);
        outcome_free(&outcome);
        client_ask(&client, &outcome);
    }
    close_all();
}

/* curl closes the first socket without a word and gets the same descriptor for the second. */
Test(http_names, the_second_address_is_tried_when_the_first_is_silent)
{
    struct wall wall;
    open_at("two.test", 3000);
    wall_open(&wall, "127.0.0.2", peer.port);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    cr_assert_eq(peer.n_connections, 1);
    close_all();
    wall_close(&wall);
}

static void hold_up_the_loop(uint64_t ms)
{
    uint64_t end_ns = uv_hrtime() + ms * 1000000;
    while (uv_hrtime() < end_ns)
        continue;
}

/* When curl gives one address up and starts on another family in the same call, it takes the same
 * descriptor up again before it has said a word about the first: it must still be watched. */
Test(http_names, a_descriptor_that_comes_back_within_one_call_of_curl)
{
    struct wall wall;
    open_at("dual.test", 2000);
    wall_open(&wall, "127.0.0.2", peer.port);
    client_get(&client, &outcome, "/");
    cr_assert(run_until(&run, client.http.open_handles == 3));
    hold_up_the_loop(1050);
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    close_all();
    wall_close(&wall);
}

Test(http_names, descriptors_of_connects_that_were_given_up_come_back)
{
    struct wall wall;
    open_at("two.test", 60);
    wall_open(&wall, "127.0.0.2", peer.port);
    peer_stop_listening(&peer);
    for (int i = 0; i < 10; i++)
        client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0);
    cr_assert_leq(client.http.open_handles, 3); /* timer, prepare, a socket: they do not pile up */
    close_all();
    wall_close(&wall);
}

static bool fails_at_once(void)
{
    uint64_t start_ns;
    bool at_once;

    open_at("two.test", 0);
    peer_stop_listening(&peer);
    start_ns = uv_hrtime();
    client_ask(&client, &outcome);
    at_once = uv_hrtime() - start_ns < 150000000; /* curl's own timer: 200 ms */
    cr_assert_eq(outcome.status, 0);
    cr_assert_eq(client.http.open_handles, 2, "timer, prepare");
    close_all();
    return at_once;
}

/* Often both refuse within the call of curl that learnt the addresses: no socket ever had a handle.
 */
Test(http_names, the_second_address_is_tried_at_once)
{
    int n_at_once = 0;

    for (int i = 0; i < 15; i++) {
        memset(&outcome, 0, sizeof(outcome));
        n_at_once += fails_at_once();
    }
    cr_assert_geq(n_at_once, 12);
}

Test(http_names, an_ipv6_literal)
{
    char url[64];
    run_init(&run);
    peer_open_ipv6(&peer, &run.loop, ok);
    snprintf(url, sizeof(url), "http://[::1]:%u", peer.port);
    client_open_with(&client, &run, 0, (struct http_endpoint_options){.base_url = url});
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    cr_assert(strstr(peer.request, "\r\nHost: [::1]:"));
    close_all();
}

Test(http_names, a_url_that_is_none_is_an_error)
{
    static const char *const urls[] = {"http://",
                                       "http://a b",
                                       "gopher://127.0.0.1",
                                       "nonsense://x",
                                       "http://127.0.0.1:99999",
                                       "file:///etc/passwd"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        run_init(&run);
        client_open_with(&client, &run, 0, (struct http_endpoint_options){.base_url = urls[i]});
        client_ask(&client, &outcome);
        cr_assert_eq(outcome.status, 0, "%s", urls[i]);
        cr_assert_not(strstr(outcome.error, "No URL"), "%s: %s", urls[i], outcome.error);
        outcome_free(&outcome);
        client_close(&client);
        run_end(&run);
    }
}
