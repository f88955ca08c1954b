/* SIGKILL at any moment loses nothing: what the dead daemon held comes back when its lease ends. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"

#define N_KILLS     4
#define N_IN_FLIGHT 4

/* Of one kill: the requests in flight, with those whose answer was not yet settled in Redis. */
#define MAX_TWICE (N_IN_FLIGHT * 10)

static struct scene scene;

static void close_scene(void)
{
    scene_close(&scene);
}

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 4000\nmax_in_flight = 4\n",
                                               .ini = "[delivery]\nlease_ms = 7000\n"
                                                      "max_orphanings = 100\n"});
}

TestSuite(crash, .init = open_scene, .fini = close_scene, .timeout = 240);

static void kill_under_load(size_t n_events)
{
    cr_assert(wait_until(fake_server_events(&scene.fake) >= n_events, WAIT_LONG_MS),
              "only %zu events after a restart", fake_server_events(&scene.fake));
    proc_kill(&scene.pusherd);
    scene_start_pusherd(&scene);
}

static void expect_each_event_and_few_twice(size_t n, size_t max_twice)
{
    unsigned *counts = calloc(n, sizeof(unsigned));
    size_t n_more = 0;
    scene_count_published(&scene, counts, n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_geq(counts[i], 1u, "event %zu is lost", i);
        n_more += counts[i] > 1 ? counts[i] - 1 : 0;
    }
    cr_expect_leq(n_more, max_twice, "%zu events too many", n_more);
    free(counts);
}

Test(crash, loses_no_job_and_reports_none_twice)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':5}}]");
    job_push_many(&scene.redis, JOB_MSGPACK, 0, CRASH_JOBS, 100);
    scene_start_pusherd(&scene);
    for (size_t kill = 1; kill <= N_KILLS; kill++) {
        kill_under_load(kill * CRASH_JOBS / (N_KILLS + 2));
    }
    cr_assert(scene_drains(&scene, CRASH_JOBS));
    cr_assert(scene_settles(&scene, CRASH_JOBS, 0));
    audit_results(&scene.redis, RESULTS, CRASH_JOBS);
    expect_each_event_and_few_twice(CRASH_JOBS, (size_t)N_KILLS * MAX_TWICE);
}

Test(crash, of_one_daemon_is_mended_by_another_that_lives)
{
    struct proc other;
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':5}}]");
    scene_start_pusherd(&scene);
    scene_start_other(&scene, &other);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases") == 2, WAIT_LONG_MS));
    job_push_many(&scene.redis, JOB_JSON, 0, 1000, 50);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 300, WAIT_LONG_MS));
    proc_kill(&other);
    cr_assert(scene_settles(&scene, 1000, 0));
    audit_results(&scene.redis, RESULTS, 1000);
    expect_each_event_and_few_twice(1000, MAX_TWICE);
}

/* Stopped for longer than its lease, a daemon wakes up to jobs that are no longer its own. */
Test(crash, of_a_daemon_that_was_only_frozen_reports_nothing_twice)
{
    struct proc other;
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':5}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 1000, 50);
    scene_start_other(&scene, &other);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 200, WAIT_LONG_MS));
    proc_signal(&other, SIGSTOP);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1000, 0));
    proc_signal(&other, SIGCONT);
    job_push_many(&scene.redis, JOB_JSON, 1000, 100, 50);
    cr_assert(scene_settles(&scene, 1100, 0));
    int status = proc_stop(&other, SIGTERM, WAIT_LONG_MS);
    cr_expect_eq(status, 0, "the frozen daemon ended with %d", status);
    audit_results(&scene.redis, RESULTS, 1100);
    expect_each_event_and_few_twice(1100, MAX_TWICE);
}

Test(crash, leaves_no_claims_behind)
{
    job_push_many(&scene.redis, JOB_JSON, 0, 500, 50);
    scene_start_pusherd(&scene);
    kill_under_load(10);
    cr_assert(scene_settles(&scene, 500, 0));
    proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS);
    redisReply *keys = redis_cmd(&scene.redis, "KEYS *");
    for (size_t i = 0; i < keys->elements; i++) {
        const char *key = keys->element[i]->str;
        cr_expect(!strstr(key, ":inflight:"), "%s is left", key);
    }
    freeReplyObject(keys);
}

TestSuite(crash_loop, .fini = close_scene, .timeout = 120);

Test(crash_loop, is_ended_by_failing_the_job)
{
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 1000\n",
                                               .ini = "[delivery]\nlease_ms = 7000\n"
                                                      "max_orphanings = 1\n"});
    fake_server_set_rules(&scene.fake, "[{'action':{'hang':true}}]");
    job_push(&scene.redis, JOB_JSON, "{'id':'j','channel':'a','event':'e','data':'x'}");
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 1, WAIT_LONG_MS));
    proc_kill(&scene.pusherd);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 1));
    char *code = outcomes_field(&scene.redis, FAILURES, "j", "code");
    cr_expect_str_eq(code, "crash_loop");
    free(code);
}
