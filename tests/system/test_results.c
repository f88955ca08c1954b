/* pusherctl results and failures list --follow: what comes is shown as it comes. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/ctl.h"

#define LARGE 16384 /* of a result */

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

/* The next line is a JSON object of this job. False if there is none: then not a byte is left. */
static bool read_entry(const struct proc *proc, const char *id)
{
    static char line[LARGE + 4096];
    line[0] = '\0';
    if (!proc_read_line(proc, line, sizeof(line), WAIT_LONG_MS)) {
        cr_expect_eq(line[0], '\0', "a line was cut");
        return false;
    }
    json_t *entry = json_loads(line, 0, NULL);
    cr_assert(entry, "%s", line);
    cr_expect_str_eq(json_string_value(json_object_get(entry, "id")), id);
    json_decref(entry);
    return true;
}

static void expect_line(const struct proc *proc, const char *id)
{
    cr_assert(read_entry(proc, id), "nothing came of %s", id);
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

/* A number behind `name` in what INFO says of `section`; 0 if it is not there. */
static unsigned long info_of(const char *section, const char *name)
{
    redisReply *info = redis_cmd(&scene.redis, "INFO %s", section);
    const char *at = strstr(info->str, name);
    unsigned long n = at ? strtoul(at + strlen(name), NULL, 10) : 0;
    freeReplyObject(info);
    return n;
}

Test(results, hold_one_connection_while_redis_refuses_to_be_asked_again)
{
    struct proc follower;
    add_result("a");
    ctl_start(&scene, &follower, "results", "--follow", NULL);
    expect_line(&follower, "a");
    unsigned long n = info_of("clients", "connected_clients:");
    redis_do(&scene.redis, "ACL SETUSER default -exists");
    redis_do(&scene.redis, "CLIENT KILL TYPE normal SKIPME yes");
    cr_assert(wait_until(info_of("errorstats", "errorstat_NOPERM:count=") >= 3, WAIT_LONG_MS));
    cr_expect_leq(info_of("clients", "connected_clients:"), n);
    redis_do(&scene.redis, "ACL SETUSER default +exists");
    add_result("b");
    expect_line(&follower, "b");
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

/* ---- ended while nobody reads */

/* True if a write would have to wait. */
static bool is_full(const struct proc *proc)
{
    char path[32];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", proc->out);
    struct pollfd end = {.fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), .events = POLLOUT};
    cr_assert_geq(end.fd, 0);
    bool would_wait = poll(&end, 1, 0) == 0;
    close(end.fd);
    return would_wait;
}

/* Its pipe is full, and there is more to come than that holds. */
static void follow_without_reading(struct proc *ret_follower)
{
    char id[16], text[LARGE + 1] = "";
    memset(text, 'x', LARGE);
    add_result("before");
    ctl_start(&scene, ret_follower, "results", "--follow", "--json", NULL);
    expect_line(ret_follower, "before");
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof(id), "%d", i);
        redis_do(&scene.redis, "XADD " RESULTS " * id %s op getChannel result \"%s\"", id, text);
    }
    cr_assert(wait_until(is_full(ret_follower), WAIT_LONG_MS));
}

Test(results, are_whole_lines_when_a_signal_interrupts_a_write)
{
    struct proc follower;
    char id[16];
    int n = 0;
    follow_without_reading(&follower);
    proc_signal(&follower, SIGTERM);
    for (;; n++) {
        snprintf(id, sizeof(id), "%d", n);
        if (!read_entry(&follower, id))
            break;
    }
    cr_expect_geq(n, 65536 / (LARGE + 256), "%d of them", n);
    cr_expect_eq(proc_wait(&follower, WAIT_LONG_MS), 0);
}

Test(results, that_nobody_reads_end_at_the_second_signal)
{
    struct proc follower;
    int status;
    follow_without_reading(&follower);
    cr_assert(wait_until((proc_signal(&follower, SIGTERM), status = proc_wait(&follower, 0)) !=
                             PROC_STILL_RUNNING,
                         WAIT_LONG_MS));
    cr_expect_eq(status, 128 + SIGTERM);
}

Test(results, that_are_no_stream_end_it)
{
    redis_do(&scene.redis, "SET " RESULTS " x");
    cr_expect_eq(ctl_run(&scene, NULL, "results", "--follow", NULL), 1);
}
