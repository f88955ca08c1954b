/* An app that may not send takes no room from the others: its jobs are parked in Redis, and keep
 * their order. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define N_BLOCKED  6000 /* more than the daemon holds at a time */
#define N_OTHERS   50
#define REFUSE_ALL "[{'match':{'app':'other'},'action':{'status':401,'body':'Invalid signature'}}]"

static struct scene scene;

/* Apps main and other, and the list that both use. */
static void open_with(const char *app, const char *ini)
{
    const char *fake_args[] = {"--app", "app-id:app-key:app-secret", "--app",
                               "other:other-key:other-secret", NULL};
    scene_open(&scene, &(struct scene_options){.fake_args = fake_args, .app = app, .ini = ini});
    FILE *file = fopen(scene.config, "ae");
    cr_assert(file);
    fprintf(file,
            "[app other]\napp_id = other\nkey = other-key\nsecret = other-secret\n"
            "host = 127.0.0.1\nport = %u\nuse_tls = off\nmax_in_flight = 4\n"
            "[queue pusher:jobs]\napp = main\n",
            scene.fake.port);
    cr_assert_eq(fclose(file), 0);
}

static void open_scene(void)
{
    open_with("max_in_flight = 4\n", NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(parking, .init = open_scene, .fini = close_scene, .timeout = 240);

/* Jobs of the other app: data 0 to n - 1 on two channels in turn. */
static void push_others(size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        redisAppendCommand(
            scene.redis.client,
            "RPUSH " JOB_LIST
            " {\"app\":\"other\",\"channel\":\"o-%d\",\"event\":\"e\",\"data\":\"%d\"}",
            (int)(i % 2), (int)i);
    }
    for (size_t i = 0; i < n; i++) {
        redisReply *reply = NULL;
        cr_assert_eq(redisGetReply(scene.redis.client, (void **)&reply), REDIS_OK);
        cr_assert_eq(reply->type, REDIS_REPLY_INTEGER);
        freeReplyObject(reply);
    }
}

/* Tells whether it is an event of the other app; counts it if it does not follow the one before. */
static bool is_other(const json_t *event, long last[2], size_t *n_out_of_order)
{
    const char *channel = json_string_value(json_object_get(event, "channel"));
    if (!channel || strncmp(channel, "o-", 2) != 0) {
        return false;
    }
    long number = strtol(json_string_value(json_object_get(event, "data")), NULL, 10);
    *n_out_of_order += number <= last[channel[2] - '0'];
    last[channel[2] - '0'] = number;
    return true;
}

static size_t count_others(size_t *ret_n_out_of_order)
{
    json_t *events = fake_server_get(&scene.fake, "events?from=1&limit=100000");
    long last[2] = {-1, -1};
    size_t n = 0;
    cr_assert_eq(json_array_size(events), fake_server_events(&scene.fake));
    for (size_t i = 0; i < json_array_size(events); i++) {
        n += is_other(json_array_get(events, i), last, ret_n_out_of_order);
    }
    json_decref(events);
    return n;
}

static void expect_all_in_order(size_t n_blocked)
{
    size_t n_out_of_order = 0;
    cr_expect_eq(count_others(&n_out_of_order), n_blocked);
    cr_expect_eq(n_out_of_order, 0, "%zu events are out of order", n_out_of_order);
}

static long long n_parked(void)
{
    return redis_int(&scene.redis, "ZCARD {pusher:jobs}:parked:other");
}

Test(parking, lets_others_pass_a_refused_app_and_keeps_its_order)
{
    fake_server_set_rules(&scene.fake, REFUSE_ALL);
    push_others(0, N_BLOCKED);
    job_push_many(&scene.redis, JOB_JSON, 0, N_OTHERS, 5);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_OTHERS, 0));
    cr_expect_gt(n_parked(), N_BLOCKED - 100);

    push_others(N_BLOCKED, 10);
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, N_OTHERS + N_BLOCKED + 10, 0));
    expect_all_in_order(N_BLOCKED + 10);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS {pusher:jobs}:parked"), 0);
}

Test(parking, lets_others_pass_an_app_whose_server_is_down)
{
    fake_server_set_rules(&scene.fake, "[{'match':{'app':'other'},'action':{'reset':true}}]");
    push_others(0, N_BLOCKED);
    job_push_many(&scene.redis, JOB_JSON, 0, N_OTHERS, 5);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_OTHERS, 0));
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, N_OTHERS + N_BLOCKED, 0));
    expect_all_in_order(N_BLOCKED);
}

Test(parking, survives_restarts_in_order)
{
    fake_server_set_rules(&scene.fake, REFUSE_ALL);
    push_others(0, N_BLOCKED);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(n_parked() > N_BLOCKED / 2, WAIT_LONG_MS));
    proc_kill(&scene.pusherd);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(n_parked() > N_BLOCKED - 100, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);

    push_others(N_BLOCKED, 10);
    fake_server_delete_rules(&scene.fake);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_BLOCKED + 10, 0));
    expect_all_in_order(N_BLOCKED + 10);
}

/* As pusherctl pause does it. */
Test(parking, of_a_paused_app_sends_nothing_until_it_goes_on)
{
    redis_do(&scene.redis, "HSET {pusher:jobs}:paused other {}");
    push_others(0, 200);
    job_push_many(&scene.redis, JOB_JSON, 0, N_OTHERS, 5);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_OTHERS, 0));
    cr_assert(wait_until(n_parked() == 200, WAIT_LONG_MS));
    cr_expect_eq(fake_server_events(&scene.fake), N_OTHERS);

    redis_do(&scene.redis, "HDEL {pusher:jobs}:paused other");
    cr_assert(wait_until(outcomes_count(&scene.redis, RESULTS) == N_OTHERS + 200, 5000));
    expect_all_in_order(200);
}

Test(parking, pauses_an_app_under_way)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':50}}]");
    push_others(0, 2000);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 100, WAIT_LONG_MS));
    redis_do(&scene.redis, "HSET {pusher:jobs}:paused other {}");
    cr_assert(
        wait_until(n_parked() + (long long)outcomes_count(&scene.redis, RESULTS) == 2000, 10000));
    size_t n = fake_server_events(&scene.fake);
    cr_expect_lt(n, 2000);
    redis_do(&scene.redis, "HDEL {pusher:jobs}:paused other");
    cr_assert(scene_settles(&scene, 2000, 0));
    expect_all_in_order(2000);
}

Test(parking, of_the_whole_queue_claims_nothing)
{
    redis_do(&scene.redis, "HSET {pusher:jobs}:paused * {}");
    job_push_many(&scene.redis, JOB_JSON, 0, N_OTHERS, 5);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases") == 1, WAIT_LONG_MS));
    cr_assert(!wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) != N_OTHERS, 1500));
    redis_do(&scene.redis, "HDEL {pusher:jobs}:paused *");
    cr_assert(wait_until(outcomes_count(&scene.redis, RESULTS) == N_OTHERS, 5000));
}

/* Nobody would ever ask for them again. */
Test(parking, of_an_app_that_is_gone_ends_in_failures)
{
    fake_server_set_rules(&scene.fake, REFUSE_ALL);
    redis_do(&scene.redis, "HSET {pusher:jobs}:paused other {}");
    push_others(0, 20);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(n_parked() == 20, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);

    FILE *file = fopen(scene.config, "we");
    cr_assert(file);
    fprintf(file,
            "[redis]\nurl = %s\n[app main]\napp_id = x\nkey = y\nsecret = z\nhost = 127.0.0.1\n",
            scene.redis.url);
    cr_assert_eq(fclose(file), 0);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 20));
    cr_expect_eq(redis_int(&scene.redis, "EXISTS {pusher:jobs}:parked"), 0);
}

/* ---- little room: what the refused app keeps for its probes leaves less than a job of another has
 * need of */

#define BUDGET  "[delivery]\nmax_claimed_bytes = 65536\nmax_job_bytes = 65536\n"
#define N_LARGE 30 /* of the refused app: those that stay for its probes exceed the budget */

static void open_with_little_room(void)
{
    open_with("max_event_bytes = 60000\n", BUDGET);
}

TestSuite(little_room, .init = open_with_little_room, .fini = close_scene, .timeout = 120);

/* Of the other app, to one channel, with so many bytes of data: the number, and x. */
static void push_large_others(size_t first, size_t n, size_t size)
{
    for (size_t i = first; i < first + n; i++) {
        char *data = malloc(size + 1);
        memset(data, 'x', size);
        data[size] = '\0';
        data[snprintf(data, size, "%zu", i)] = 'x';
        job_push(&scene.redis, JOB_JSON,
                 "{'id':'%zu','app':'other','channel':'o-0','event':'e','data':'%s'}", i, data);
        free(data);
    }
}

static void wait_until_refused(size_t n_jobs, size_t size)
{
    fake_server_set_rules(&scene.fake,
                          "[{'match':{'app':'other'},'action':{'status':403,'body':'Forbidden'}},"
                          "{'action':{'status':200,'body':'{}'}}]"); /* of any size */
    push_large_others(0, n_jobs, size);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "the app is paused"), WAIT_LONG_MS));
}

static void push_large(size_t size)
{
    char *data = malloc(size + 1);
    memset(data, 'y', size);
    data[size] = '\0';
    job_push(&scene.redis, JOB_JSON, "{'id':'large','channel':'c','event':'e','data':'%s'}", data);
    free(data);
}

Test(little_room, is_left_to_others_by_one_job_of_a_refused_app)
{
    wait_until_refused(1, 100);
    push_large(40000);
    cr_assert(scene_settles(&scene, 1, 0));
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, 2, 0));
}

/* They are parked but for those that the probes need, and keep their order. */
Test(little_room, is_left_to_others_by_many_large_jobs_of_a_refused_app)
{
    size_t n_out_of_order = 0;
    wait_until_refused(N_LARGE, 9000);
    push_large(40000);
    push_large_others(N_LARGE, N_LARGE, 9000);
    job_push_many(&scene.redis, JOB_JSON, 0, N_OTHERS, 5);
    cr_assert(scene_settles(&scene, 1 + N_OTHERS, 0));
    cr_expect_eq(redis_int(&scene.redis, "LLEN " JOB_LIST), 0);
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, 1 + N_OTHERS + 2 * N_LARGE, 0));
    cr_expect_eq(count_others(&n_out_of_order), 2 * N_LARGE);
    cr_expect_eq(n_out_of_order, 0, "%zu events are out of order", n_out_of_order);
}

/* Cut for max_request_bytes, a small job is larger than the budget: its data is in each request. */
Test(cut_job, is_sent_beside_one_job_of_a_refused_app, .fini = close_scene, .timeout = 120)
{
    char channels[60 * 110];
    size_t len = 0;
    open_with("max_request_bytes = 4500\n", BUDGET);
    wait_until_refused(1, 100);
    for (int i = 0; i < 60; i++)
        len += (size_t)snprintf(channels + len, sizeof(channels) - len, "%s'c-%0100d'",
                                i > 0 ? "," : "", i);
    fake_server_set_rules(&scene.fake, REFUSE_ALL);
    job_push(&scene.redis, JOB_JSON, "{'channels':[%s],'event':'e','data':'%04000d'}", channels, 0);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 60);
}
