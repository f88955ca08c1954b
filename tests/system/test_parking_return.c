/* Parked jobs come back when their app may send, and not before: what would be parked again at once
 * would keep Redis busy, and the others from being claimed. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/exposition.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define N_BLOCKED      3000 /* more than the daemon holds at a time */
#define EVENTS_A_BATCH 10
#define MAX_CALLS      50 /* what may bring back a few hundred jobs, and ask in vain now and then */
#define UNPARKS        "pusherd_redis_script_seconds_count{script=\"unpark\"}"
#define PARKED         "pusherd_jobs_settled_total{queue=\"pusher:jobs\",outcome=\"parked\"}"

static struct scene scene;
static unsigned port;

/* Apps main and other, and the list that both use. */
static void open_with(const char *queue)
{
    const char *fake_args[] = {"--app", "app-id:app-key:app-secret", "--app",
                               "other:other-key:other-secret", NULL};
    scene_open(&scene, &(struct scene_options){.fake_args = fake_args});
    port = port_pick();
    FILE *file = fopen(scene.config, "ae");
    cr_assert(file);
    fprintf(
        file,
        "[app other]\napp_id = other\nkey = other-key\nsecret = other-secret\n"
        "host = 127.0.0.1\nport = %u\nuse_tls = off\nmax_in_flight = 32\nconcurrency = fixed\ntimeout_ms = 8000\n"
        "[delivery]\nretry_base_ms = 20\n"
        "[queue pusher:jobs]\napp = main\n%s[status]\nlisten = 127.0.0.1:%u\n",
        scene.fake.port, queue, port);
    cr_assert_eq(fclose(file), 0);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(parking_return, .fini = close_scene, .timeout = 240);

static double value_of(const char *series)
{
    return exposition_ask(port, series);
}

/* Jobs of the other app, each in a channel of its own. */
static void push_others(size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        redisAppendCommand(scene.redis.client,
                           "RPUSH " JOB_LIST
                           " {\"id\":\"o-%d\",\"app\":\"other\",\"channel\":\"o-%d\","
                           "\"event\":\"e\",\"data\":\"x\"}",
                           (int)i, (int)i);
    }
    for (size_t i = 0; i < n; i++) {
        redisReply *reply = NULL;
        cr_assert_eq(redisGetReply(scene.redis.client, (void **)&reply), REDIS_OK);
        cr_assert_eq(reply->type, REDIS_REPLY_INTEGER);
        freeReplyObject(reply);
    }
}

/* In milliseconds, from push to outcome. */
static uint64_t latency_of_main(size_t id)
{
    size_t before = outcomes_count(&scene.redis, RESULTS);
    uint64_t start_ms = wait_now_ms();

    job_push(&scene.redis, JOB_JSON, "{'id':'m-%zu','channel':'m','event':'e','data':'x'}", id);
    cr_assert(wait_until(outcomes_count(&scene.redis, RESULTS) > before, WAIT_LONG_MS));
    return wait_now_ms() - start_ms;
}

/* The third request of the other app gets no answer; those before and behind it are refused, and a
 * probe. What hangs is marked meanwhile, and older than almost all that is in Redis. */
#define HANG_ONE_AND_CLOSE                                                                         \
    "[{'match':{'app':'other'},'skip':2,'times':1,'action':{'hang':true}},"                        \
    "{'match':{'app':'other'},'times':4,'action':{'status':401}}]"

static void expect_no_traffic_while_one_hangs(void)
{
    fake_server_set_rules(&scene.fake, HANG_ONE_AND_CLOSE);
    push_others(0, N_BLOCKED);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "the app goes on"), WAIT_LONG_MS));
    cr_expect(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, 4000),
              "the list is not read");
    for (size_t i = 0; i < 5; i++)
        cr_expect_lt(latency_of_main(i), 1000 * wait_patience());
    cr_expect_lt(value_of(UNPARKS), MAX_CALLS, "%f calls", value_of(UNPARKS));
    cr_expect(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:parked:other") >
                             N_BLOCKED - 40 * EVENTS_A_BATCH,
                         1000),
              "it hangs no more");
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, N_BLOCKED + 5, 0));
}

Test(parking_return, asks_for_nothing_while_an_older_job_is_in_flight)
{
    open_with("");
    expect_no_traffic_while_one_hangs();
}

Test(parking_return, asks_for_nothing_while_an_older_job_is_in_flight_with_dedupe)
{
    open_with("dedupe_ms = 600000\n");
    expect_no_traffic_while_one_hangs();
}

/* ---- an app that goes on under load */

#define N_PARKED 200
#define N_LISTED 10000

/* What is claimed meanwhile must be parked behind them, but once: then it is sent. */
static void expect_nothing_parked_twice(void)
{
    redis_do(&scene.redis, "HSET {pusher:jobs}:paused other {}");
    push_others(0, N_PARKED);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:parked:other") == N_PARKED,
                         WAIT_LONG_MS));
    push_others(N_PARKED, N_LISTED);
    redis_do(&scene.redis, "HDEL {pusher:jobs}:paused other");
    cr_expect(scene_settles(&scene, N_PARKED + N_LISTED, 0));
    cr_expect_leq(value_of(PARKED), N_PARKED + N_LISTED, "%f jobs were parked", value_of(PARKED));
}

Test(parking_return, of_a_job_is_for_good)
{
    open_with("");
    expect_nothing_parked_twice();
}

Test(parking_return, of_a_job_is_for_good_with_dedupe)
{
    open_with("dedupe_ms = 600000\n");
    expect_nothing_parked_twice();
}
