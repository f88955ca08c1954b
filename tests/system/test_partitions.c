/* partitions = N: order across daemons, each list with one daemon at a time. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"

#define N_LISTS    4
#define N_CHANNELS 8
#define N_JOBS     4000

static struct scene scene;
static struct proc other;

static void open_scene(void)
{
    other = (struct proc){0};
    scene_open(&scene, &(struct scene_options){
                           .app = "timeout_ms = 1000\nmax_in_flight = 4\n",
                           .ini = "[queue pusher:jobs]\napp = main\npartitions = 4\n"
                                  "[delivery]\nlease_ms = 3500\nmax_orphanings = 100\n"});
}

static void close_scene(void)
{
    proc_stop(&other, SIGTERM, WAIT_LONG_MS);
    scene_close(&scene);
}

TestSuite(partitions, .init = open_scene, .fini = close_scene, .timeout = 240);

/* Job i is event i / N_CHANNELS of channel i % N_CHANNELS. */
static void push_jobs(int first, int n)
{
    for (int i = first; i < first + n; i++) {
        redisAppendCommand(scene.redis.client,
                           "RPUSH " JOB_LIST
                           ":%d {\"channel\":\"c-%d\",\"event\":\"e\",\"data\":\"%d\"}",
                           i % N_CHANNELS % N_LISTS, i % N_CHANNELS, i);
    }
    for (int i = 0; i < n; i++) {
        redisReply *reply = NULL;
        cr_assert_eq(redisGetReply(scene.redis.client, (void **)&reply), REDIS_OK);
        cr_assert_eq(reply->type, REDIS_REPLY_INTEGER);
        freeReplyObject(reply);
    }
}

/* How many lists a process has; SIZE_MAX if two consumers are on one list. */
static size_t n_owned(const struct proc *proc)
{
    char mark[32];
    size_t n = 0;
    snprintf(mark, sizeof(mark), ":%d:", (int)proc->pid);
    for (int i = 0; i < N_LISTS; i++) {
        redisReply *names = redis_cmd(&scene.redis, "ZRANGE {" JOB_LIST ":%d}:leases 0 -1", i);
        cr_assert_leq(names->elements, 1);
        n += names->elements == 1 && strstr(names->element[0]->str, mark);
        freeReplyObject(names);
    }
    return n;
}

static size_t n_results(void)
{
    size_t n = 0;
    for (int i = 0; i < N_LISTS; i++) {
        n += (size_t)redis_int(&scene.redis, "XLEN {" JOB_LIST ":%d}:results", i);
    }
    return n;
}

/* The first time each event came, the ones before it on its channel had come. */
static void expect_order(int n)
{
    json_t *events = fake_server_get(&scene.fake, "events?from=1&limit=100000");
    int last[N_CHANNELS];
    size_t n_passed = 0;
    for (int i = 0; i < N_CHANNELS; i++) {
        last[i] = i - N_CHANNELS;
    }
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        int number = atoi(json_string_value(json_object_get(event, "data")));
        int *before = &last[number % N_CHANNELS];
        n_passed += number > *before + N_CHANNELS;
        *before = number > *before ? number : *before;
    }
    json_decref(events);
    cr_expect_eq(n_passed, 0, "%zu events came before an older one", n_passed);
    for (int i = 0; i < N_CHANNELS; i++) {
        cr_expect_eq(last[i], n - N_CHANNELS + i, "channel %d ends with %d", i, last[i]);
    }
}

static void start_both(void)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(n_owned(&scene.pusherd) == N_LISTS, WAIT_LONG_MS));
    scene_start_other(&scene, &other);
    cr_assert(wait_until(n_owned(&other) == 2 && n_owned(&scene.pusherd) == 2, WAIT_LONG_MS),
              "%zu and %zu lists", n_owned(&scene.pusherd), n_owned(&other));
}

Test(partitions, are_shared_evenly_and_keep_order)
{
    push_jobs(0, N_JOBS / 2);
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':5}}]");
    start_both();
    push_jobs(N_JOBS / 2, N_JOBS / 2);
    cr_assert(wait_until(n_results() == N_JOBS, WAIT_LONG_MS), "%zu results", n_results());
    expect_order(N_JOBS);
}

Test(partitions, of_a_daemon_that_dies_are_taken_over_in_order)
{
    start_both();
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':5}}]");
    push_jobs(0, N_JOBS);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= N_JOBS / 8, WAIT_LONG_MS));
    proc_kill(&other);
    cr_assert(wait_until(n_owned(&scene.pusherd) == N_LISTS, WAIT_LONG_MS));
    cr_assert(wait_until(n_results() == N_JOBS, WAIT_LONG_MS), "%zu results", n_results());
    expect_order(N_JOBS);
}

Test(partitions, of_a_daemon_that_stops_are_taken_over_in_order)
{
    start_both();
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':5}}]");
    push_jobs(0, N_JOBS);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= N_JOBS / 8, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&other, SIGTERM, WAIT_LONG_MS), 0);
    cr_assert(wait_until(n_results() == N_JOBS, WAIT_LONG_MS), "%zu results", n_results());
    expect_order(N_JOBS);
}

/* A list is given up once its lease is closed, which Redis refuses for a while. */
Test(partitions, are_given_up_when_redis_lets_them)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(n_owned(&scene.pusherd) == N_LISTS, WAIT_LONG_MS));
    redis_do(&scene.redis, "ACL SETUSER default -zrem");
    scene_start_other(&scene, &other);
    cr_assert(audit_logs(&scene, "script=lease"));
    redis_do(&scene.redis, "ACL SETUSER default +zrem");
    cr_assert(wait_until(n_owned(&other) == 2 && n_owned(&scene.pusherd) == 2, WAIT_LONG_MS));
    cr_expect_eq(audit_log_lines(&scene, "is given to another daemon"), 2);
}
