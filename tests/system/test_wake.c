/* How daemons wait on an idle queue: a job wakes them, and no request to wait can lose one, however
 * late it arrives. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"
#include "tests/support/wire.h"

#define N_OTHERS 2
#define N_ROUNDS 10
#define N_LATE   3
#define QUICK_US 500000 /* polling, or a lease's beat, would take longer */

static struct scene scene;
static struct wire wire;
static struct proc others[N_OTHERS];

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    for (size_t i = 0; i < N_OTHERS; i++) {
        int status = proc_stop(&others[i], SIGTERM, WAIT_LONG_MS);
        cr_expect_eq(status, 0, "another daemon ended with %d", status);
    }
    scene_close(&scene);
}

TestSuite(wake, .init = open_scene, .fini = close_scene, .timeout = 120);

/* A number of INFO; -1 if it is not there. */
static long info(const char *section, const char *name)
{
    redisReply *reply = redis_cmd(&scene.redis, "INFO %s", section);
    const char *at = strstr(reply->str, name);
    long number = at ? strtol(at + strlen(name), NULL, 10) : -1;
    freeReplyObject(reply);
    return number;
}

static bool all_wait(long n)
{
    return wait_until(info("clients", "\r\nblocked_clients:") == n, WAIT_LONG_MS);
}

static int64_t unix_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void expect_once_and_quickly(size_t i)
{
    int64_t pushed_us = unix_us();
    job_push_many(&scene.redis, JOB_JSON, i, 1, 1);
    cr_assert(scene_settles(&scene, i + 1, 0));
    json_t *event = scene_event(&scene, i);
    int64_t us = json_integer_value(json_object_get(event, "received_us")) - pushed_us;
    json_decref(event);
    cr_expect_lt(us, QUICK_US, "job %zu took %lld us", i, (long long)us);
}

Test(wake, of_three_daemons_by_one_job_sends_it_once_and_quickly)
{
    scene_start_pusherd(&scene);
    for (size_t i = 0; i < N_OTHERS; i++) {
        scene_start_other(&scene, &others[i]);
    }
    for (size_t i = 0; i < N_ROUNDS; i++) {
        cr_assert(all_wait(1 + N_OTHERS), "not all of them wait before job %zu", i);
        expect_once_and_quickly(i);
    }
    cr_assert(all_wait(1 + N_OTHERS));
    cr_expect_eq(fake_server_events(&scene.fake), N_ROUNDS);
    cr_expect_eq(redis_int(&scene.redis, "LLEN " JOB_LIST), 0);
}

/* Leaves behind, on the wire, a daemon's request to wait. */
static void die_while_asking_to_wait(void)
{
    struct proc daemon;
    char url[64];
    wire_open(&wire, scene.redis.socket);
    wire_withhold(&wire, "BLMOVE");
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", wire.port);
    scene_point_at(&scene, url);
    scene_start_other(&scene, &daemon);
    cr_assert(wait_until(wire.n_withheld > 0, WAIT_LONG_MS));
    proc_kill(&daemon);
    scene_point_at(&scene, scene.redis.url);
}

static void have_it_reaped(void)
{
    scene_start_pusherd(&scene);
    cr_assert(audit_logs(&scene, "took over the jobs of a consumer that is gone"));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    cr_assert_eq(redis_int(&scene.redis, "EXISTS {" JOB_LIST "}:leases"), 0);
}

static void let_the_request_arrive(void)
{
    redis_do(&scene.redis, "CONFIG RESETSTAT");
    wire_withhold(&wire, NULL);
    cr_assert(wait_until(info("commandstats", "\r\ncmdstat_blmove:calls=") > 0, WAIT_LONG_MS));
    wire_close(&wire);
}

static void expect_no_keys_but_the_outcomes(void)
{
    redisReply *keys = redis_cmd(&scene.redis, "KEYS *");
    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;
        cr_expect(strcmp(key, RESULTS) == 0 || strcmp(key, "{" JOB_LIST "}:seq") == 0, "%s is left",
                  key);
    }
    freeReplyObject(keys);
}

/* Whoever asked is gone, and its consumer with it: nobody would look where it put a job. */
Test(wake, loses_no_job_to_a_request_that_arrives_when_its_daemon_is_gone)
{
    die_while_asking_to_wait();
    have_it_reaped();
    job_push_many(&scene.redis, JOB_JSON, 0, N_LATE, 1);
    let_the_request_arrive();
    cr_expect_eq(redis_int(&scene.redis, "LLEN " JOB_LIST), N_LATE);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_LATE, 0));
    cr_expect(scene_event_is(&scene, 0, "ch-0", "e", "{\"n\":0}"), "the order has changed");
    audit_each_once(&scene, &scene.redis, RESULTS, N_LATE);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    expect_no_keys_but_the_outcomes();
}
