/* Results that are large: however many of them wait for Redis, and however slow the way there, they
 * get through, and what they take of memory is bounded. And claims that are: they get through as
 * well, and come back whole. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"
#include "tests/support/wire.h"

#define N            30u
#define RESULT       1000000u /* bytes of a result */
#define BYTES_PER_MS 3000u    /* of the slow wire: in 5 s half of all results get through */
#define IN_FLIGHT    8
#define EIGHT        "timeout_ms = 4000\nmax_in_flight = 8\n"
#define BUDGET       "4194304"
#define SLOWLY       "'delay_ms':1500"
#define QUICKLY      "'delay_ms':5"

static struct scene scene;
static struct wire wire;

static void open_with(const char *app, const char *ini)
{
    static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    scene_open(&scene, &(struct scene_options){.app = app, .ini = ini, .redis_args = args});
}

static void close_scene(void)
{
    scene_close(&scene);
    if (wire.port != 0)
        wire_close(&wire);
}

TestSuite(large, .fini = close_scene, .timeout = 240);

static void put_slow_wire_between(void)
{
    char url[64];
    wire_open(&wire, scene.redis.socket);
    wire.bytes_per_ms = BYTES_PER_MS;
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", wire.port);
    scene_point_at(&scene, url);
}

static void answer(const char *when, size_t size)
{
    char *rules = malloc(size + 200);
    int len = snprintf(rules, 200,
                       "[{'match':{'path':'channels'},'action':{'status':200,%s,"
                       "'body':'",
                       when);
    cr_assert(rules && len < 200);
    memset(rules + len, 'x', size);
    snprintf(rules + len + size, 200, "'}}]");
    fake_server_set_rules(&scene.fake, rules);
    free(rules);
}

static bool are_requested(size_t n)
{
    return fake_server_stat(&scene.fake, "requests") >= (double)n;
}

/* All jobs are claimed and the first requests are out when Redis goes away. */
static void query_while_redis_is_down(size_t n, size_t size)
{
    answer(SLOWLY, size);
    for (size_t i = 0; i < n; i++)
        job_push(&scene.redis, JOB_JSON, "{'id':'%zu','op':'listChannels'}", i);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(are_requested(IN_FLIGHT), WAIT_LONG_MS));
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    answer(QUICKLY, size);
}

Test(large, results_get_through_to_a_redis_that_was_away_and_is_far)
{
    open_with(EIGHT, "[delivery]\nmax_claimed_bytes = 67108864\n");
    put_slow_wire_between();
    query_while_redis_is_down(N, RESULT);
    cr_assert(wait_until(are_requested(N), WAIT_LONG_MS));
    redis_start_again(&scene.redis);
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect(!proc_logged(&scene.pusherd, "no reply in time"));
}

static size_t spool_bytes(void)
{
    char command[512], text[32] = "";
    snprintf(command, sizeof(command), "du -sb %s/spool | cut -f1", scene.folder.path);
    FILE *out = popen(command, "r");
    cr_assert(out && fgets(text, sizeof(text), out));
    pclose(out);
    return strtoul(text, NULL, 10);
}

Test(large, results_of_a_daemon_that_was_killed_get_through)
{
    open_with(EIGHT, "[delivery]\nmax_claimed_bytes = 67108864\n[spool]\ndir = spool\n");
    put_slow_wire_between();
    query_while_redis_is_down(N, RESULT);
    cr_assert(wait_until(spool_bytes() >= N * RESULT, WAIT_LONG_MS));
    proc_kill(&scene.pusherd);
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N, 0));
    cr_assert(wait_until(proc_logged(&scene.pusherd, "of an earlier consumer are settled"),
                         WAIT_LONG_MS));
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), N);
}

/* With the fifth it is too much; from then on each request that is answered keeps its slot. */
Test(large, results_are_no_more_than_may_be_held_while_redis_is_away)
{
    size_t n = 100;
    open_with(EIGHT, "[delivery]\nmax_claimed_bytes = " BUDGET "\n");
    query_while_redis_is_down(n, RESULT);
    uint64_t end_ms = wait_now_ms() + 3000;
    cr_assert(wait_until(wait_now_ms() >= end_ms, WAIT_LONG_MS));
    double n_requests = fake_server_stat(&scene.fake, "requests");
    cr_expect_leq(n_requests, 4 + IN_FLIGHT, "%.0f requests", n_requests);
    redis_start_again(&scene.redis);
    cr_assert(scene_settles(&scene, n, 0));
}

static char data[10001];

static void fill_data(void)
{
    memset(data, 'x', sizeof(data) - 1);
}

/* They are let go when Redis has been away for a lease, and are more than one reply may have. */
Test(large, claims_are_recovered_whole)
{
    size_t n = 300;
    open_with("timeout_ms = 1000\nmax_in_flight = 1\nmax_events_per_batch = 1\n",
              "[queue pusher:jobs]\n[queue second]\n[delivery]\nlease_ms = 3100\n");
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':700}}]");
    fill_data();
    for (size_t i = 0; i < n; i++)
        job_push(&scene.redis, JOB_JSON, "{'channel':'c%zu','event':'e','data':'%s'}", i, data);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(are_requested(1), WAIT_LONG_MS));
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(
        wait_until(proc_logged(&scene.pusherd, "not renewed for a whole lease"), WAIT_LONG_MS));
    fake_server_delete_rules(&scene.fake);
    redis_start_again(&scene.redis);
    cr_assert(scene_settles(&scene, n, 0));
}

/* What was delivered of a large job is told again with each answer, for all of its events. */
Test(large, progress_leaves_room_for_what_else_goes_to_redis)
{
    enum { EVENTS = 20000 };
    size_t used = 0, size = EVENTS * 48;
    char *events = malloc(size);
    cr_assert(events);
    for (int i = 0; i < EVENTS; i++)
        used += (size_t)snprintf(events + used, size - used,
                                 "%s{'channel':'%d','event':'e','data':''}", i > 0 ? "," : "", i);
    open_with("max_in_flight = 8\n", NULL);
    put_slow_wire_between();
    wire.bytes_per_ms = 100;
    job_push(&scene.redis, JOB_JSON, "{'events':[%s]}", events);
    free(events);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_events(&scene.fake), EVENTS);
    cr_expect(!proc_logged(&scene.pusherd, "no reply in time"));
}

/* Its reply takes longer than a reply may let wait for itself. */
Test(large, job_gets_through_from_a_redis_that_is_far)
{
    enum { EVENTS = 310, PER_EVENT = sizeof(data) + 64 };
    char *events = malloc(EVENTS * PER_EVENT);
    size_t used = 0;
    cr_assert(events);
    fill_data();
    for (int i = 0; i < EVENTS; i++)
        used +=
            (size_t)snprintf(events + used, PER_EVENT, "%s{'channel':'%d','event':'e','data':'%s'}",
                             i > 0 ? "," : "", i, data);
    open_with("max_in_flight = 8\n", "[delivery]\nmax_job_bytes = 4194304\n");
    put_slow_wire_between();
    wire.reply_bytes_per_ms = 400;
    job_push(&scene.redis, JOB_JSON, "{'events':[%s]}", events);
    free(events);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_events(&scene.fake), EVENTS);
    cr_expect(!proc_logged(&scene.pusherd, "connection lost"));
}

/* Each claim has a megabyte. */
Test(large, backlog_gets_through_from_a_redis_that_is_far)
{
    enum { JOBS = 220 };
    open_with("max_in_flight = 8\n", NULL);
    put_slow_wire_between();
    wire.reply_bytes_per_ms = 150;
    fill_data();
    for (int i = 0; i < JOBS; i++)
        job_push(&scene.redis, JOB_JSON, "{'channel':'%d','event':'e','data':'%s'}", i, data);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(outcomes_count(&scene.redis, RESULTS) == JOBS, 2 * WAIT_LONG_MS));
    cr_assert(scene_settles(&scene, JOBS, 0));
    cr_expect_eq(fake_server_events(&scene.fake), JOBS);
    cr_expect(!proc_logged(&scene.pusherd, "connection lost"));
}
