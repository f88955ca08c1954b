/* HTTP and Redis on one loop, while descriptors are short, or go from one to the other. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "net.h"
#include "session.h"

#define N_CALLS     8 /* at a time */
#define N_ENDPOINTS 6

static struct run run;
static struct client client;
static struct session session;

static const struct peer_step ok[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(AGAIN)};
static const struct peer_step good[] = {GREETING, STEP(HOLD)};

TestSuite(mixed, .timeout = 120);

/* No further descriptor can be had, or again as many as before. */
static void limit_descriptors(bool limited)
{
    static struct rlimit before;
    struct rlimit limit;
    int next = dup(0);
    close(next);
    if (before.rlim_cur == 0)
        getrlimit(RLIMIT_NOFILE, &before);
    limit = before;
    if (limited)
        limit.rlim_cur = (rlim_t)next;
    cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

Test(mixed, http_without_descriptors)
{
    struct outcome outcome = {0};
    struct peer peer;
    run_init(&run);
    peer_open(&peer, &run.loop, ok);
    client_open(&client, &run, peer.port);
    limit_descriptors(true);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 0);
    limit_descriptors(false);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.status, 200, "%s", outcome.error);
    outcome_free(&outcome);
    client_close(&client);
    peer_close(&peer);
    run_end(&run);
}

Test(mixed, redis_without_descriptors)
{
    struct redis_options options;
    struct peer peer;
    run_init(&run);
    peer_open(&peer, &run.loop, good);
    options = session_to_port(peer.port);
    session_start(&session, &run, &options);
    limit_descriptors(true);
    cr_assert(run_until(&run, session.n_down == 2));
    cr_assert_eq(session.n_up, 0);
    limit_descriptors(false);
    cr_assert(run_until(&run, session.n_up == 1));
    session_close(&session);
    peer_close(&peer);
    run_end(&run);
}

/* ---- everything at once */

static const struct peer_step closes[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(CLOSE)};
static const struct peer_step resets[] = {STEP(HTTP), STEP(RESET)};
static const struct peer_step hangs[] = {STEP(HTTP), STEP(HOLD)};
static const struct peer_step leaves[] = {GREETING, STEP(RESET)};

static struct peer peers[5];
static struct wall wall;
static struct http_endpoint *endpoints[N_ENDPOINTS];
static struct outcome outcomes[N_CALLS];
static unsigned n_left, n_answered, seed;

static unsigned dice(unsigned n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 16) % n;
}

static void start_any(struct outcome *outcome)
{
    n_answered += outcome->status == 200;
    if (n_left == 0)
        return;
    n_left--;
    client.endpoint = endpoints[dice(N_ENDPOINTS)];
    if (dice(2))
        client_get(&client, outcome, "/");
    else
        client_post(&client, outcome, "/", "{}", 2);
}

static struct http_endpoint *endpoint_at(const char *host, unsigned port, bool keep_alive)
{
    char url[64];
    struct http_endpoint_options options = {.base_url = url, .timeout_ms = 40};
    struct http_endpoint *endpoint;
    options.keep_alive = keep_alive;
    snprintf(url, sizeof(url), "http://%s:%u", host, port);
    cr_assert_eq(http_endpoint_new(&client.http, &options, &endpoint), 0);
    return endpoint;
}

static void open_all(void)
{
    const struct peer_step *const scripts[] = {ok, closes, resets, hangs, leaves};
    run_init(&run);
    for (int i = 0; i < 5; i++)
        peer_open(&peers[i], &run.loop, scripts[i]);
    wall_open(&wall, "127.0.0.2", peers[0].port);
    client_open(&client, &run, peers[0].port);
    for (int i = 0; i < 4; i++)
        endpoints[i] = endpoint_at("127.0.0.1", peers[i].port, i != 1);
    endpoints[4] = endpoint_at("two.test", peers[0].port, true); /* the first does not accept */
    endpoints[5] = endpoint_at("127.0.0.1", free_port("127.0.0.1"), true);
}

static void close_all(void)
{
    client_close(&client);
    session_close(&session);
    for (int i = 0; i < N_CALLS; i++)
        outcome_free(&outcomes[i]);
    for (int i = 0; i < 5; i++)
        peer_close(&peers[i]);
    wall_close(&wall);
    run_end(&run);
}

static void mix(void)
{
    struct redis_options options;
    open_all();
    options = session_to_port(peers[4].port);
    options.max_backoff_ms = 2;
    session_start(&session, &run, &options);
    for (int i = 0; i < N_CALLS; i++) {
        outcomes[i].then = start_any;
        start_any(&outcomes[i]);
    }
}

Test(mixed, connections_of_both_kinds_come_and_go)
{
    n_left = 1000;
    seed = 1;
    mix();
    cr_assert(run_until(&run, client.n_pending == 0 && session.n_up > 100));
    cr_assert_eq(n_left, 0);
    cr_assert_gt(n_answered, 0);
    close_all();
}

Test(mixed, all_is_closed_in_the_middle_of_it)
{
    for (unsigned i = 1; i <= 20; i++) {
        n_left = 50 + i * 3;
        seed = i;
        mix();
        cr_assert(run_until(&run, n_left < 3 + i * 2));
        n_left = 0;
        close_all();
        memset(outcomes, 0, sizeof(outcomes));
    }
}
