/* pusherctl results and failures list --follow: what comes is shown as it comes. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/ctl.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(results, .init = open_scene, .fini = close_scene, .timeout = 120);

static void add_result(const char *id)
{
    redis_do(&scene.redis, "XADD " RESULTS " * id %s op triggerEvent app main http 200 ms 3", id);
}

/* The next line is a JSON object of this job. */
static void expect_line(const struct proc *proc, const char *id)
{
    char line[4096];
    cr_assert(proc_read_line(proc, line, sizeof(line), WAIT_LONG_MS), "nothing came of %s", id);
    json_t *entry = json_loads(line, 0, NULL);
    cr_assert(entry, "%s", line);
    cr_expect_str_eq(json_string_value(json_object_get(entry, "id")), id);
    json_decref(entry);
}

Test(results, are_the_last_ones_oldest_first)
{
    static const char *const ids[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < 4; i++) {
        add_result(ids[i]);
    }
    json_t *list = ctl_json(&scene, 0, "results", "--limit", "2", NULL);
    cr_assert_eq(json_array_size(list), 2);
    for (size_t i = 0; i < 2; i++) {
        cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, i), "id")),
                         ids[2 + i]);
    }
    json_decref(list);
    list = ctl_json(&scene, 0, "results", "--id", "b", "--since", "1h", NULL);
    cr_expect_eq(json_array_size(list), 1);
    json_decref(list);
}

Test(results, of_a_running_daemon_are_followed)
{
    struct proc follower;
    add_result("before");
    ctl_start(&scene, &follower, "results", "--follow", NULL);
    expect_line(&follower, "before");
    scene_start_pusherd(&scene);
    job_push(&scene.redis, JOB_JSON, "{'id':'x','channel':'a','event':'e','data':''}");
    expect_line(&follower, "x");
    cr_expect_eq(proc_stop(&follower, SIGINT, WAIT_LONG_MS), 0);
}

Test(results, are_followed_through_a_restart_of_redis)
{
    struct proc follower;
    redis_stop(&scene.redis);
    redis_start(&scene.redis, (const char *[]){"--appendonly", "yes", NULL});
    setenv("REDIS_URL", scene.redis.url, 1);
    scene.config[0] = '\0'; /* the environment alone: the configuration names the old socket */
    add_result("before");
    ctl_start(&scene, &follower, "results", "--follow", "--limit", "1", NULL);
    expect_line(&follower, "before");
    redis_shut_down(&scene.redis);
    redis_start_again(&scene.redis);
    add_result("after");
    expect_line(&follower, "after");
    cr_expect_eq(proc_stop(&follower, SIGTERM, WAIT_LONG_MS), 0);
}

Test(results, stop_being_followed_when_nobody_reads_them)
{
    struct proc follower;
    add_result("a");
    ctl_start(&scene, &follower, "results", "--follow", NULL);
    expect_line(&follower, "a");
    close(follower.out);
    follower.out = -1;
    cr_expect_neq(proc_wait(&follower, 4000), PROC_STILL_RUNNING);
    proc_kill(&follower);
}

Test(results, and_failures_are_followed_alike)
{
    struct proc follower;
    ctl_start(&scene, &follower, "failures", "list", "--follow", "--code", "rejected", NULL);
    redis_do(&scene.redis, "XADD " FAILURES " * id no code expired job x");
    redis_do(&scene.redis, "XADD " FAILURES " * id yes code rejected job x");
    expect_line(&follower, "yes");
    cr_expect_eq(proc_stop(&follower, SIGINT, WAIT_LONG_MS), 0);
}

Test(results, that_are_no_stream_end_it)
{
    redis_do(&scene.redis, "SET " RESULTS " x");
    cr_expect_eq(ctl_run(&scene, NULL, "results", "--follow", NULL), 1);
}
