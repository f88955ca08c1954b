/* SIGTERM: what is in flight finishes, the rest goes back in order, and the next daemon goes on. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define N 1000

static struct scene scene;

static void close_scene(void)
{
    scene_close(&scene);
}

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.app = "max_in_flight = 4\n"});
}

TestSuite(stop, .init = open_scene, .fini = close_scene, .timeout = 120);

/* The jobs that lie in the list carry ids in rising order. */
static void expect_list_in_order(size_t n)
{
    long last = -1;
    redisReply *list = redis_cmd(&scene.redis, "LRANGE " JOB_LIST " 0 -1");
    cr_expect_eq(list->elements, n, "%zu jobs in the list, not %zu", list->elements, n);
    for (size_t i = 0; i < list->elements; i++) {
        const char *id = strstr(list->element[i]->str, "\"id\":\"");
        long number = id ? strtol(id + 6, NULL, 10) : -1;
        cr_assert_gt(number, last, "%ld after %ld", number, last);
        last = number;
    }
    freeReplyObject(list);
}

static void expect_each_event_once(void)
{
    unsigned counts[N];
    scene_count_published(&scene, counts, N);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(counts[i], 1, "event %zu: %u times", i, counts[i]);
    }
}

static void run(int signal)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':50}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, N, 100);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 50, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, signal, WAIT_LONG_MS), 0);
    size_t n_results = outcomes_count(&scene.redis, RESULTS);
    cr_expect_eq(fake_server_events(&scene.fake), n_results);
    expect_list_in_order(N - n_results);

    fake_server_delete_rules(&scene.fake);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N, 0));
    expect_each_event_once();
}

Test(stop, by_sigterm_finishes_hands_back_and_the_next_daemon_goes_on)
{
    run(SIGTERM);
}

Test(stop, by_sigint_finishes_hands_back_and_the_next_daemon_goes_on)
{
    run(SIGINT);
}

Test(stop, of_an_idle_daemon_is_quick)
{
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, 3000), 0);
}

/* The server refuses it for a while, or for ever. */
static void stop_without_the_right_to_close(void)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases") == 1, WAIT_LONG_MS));
    redis_do(&scene.redis, "ACL SETUSER default -zrem");
    proc_signal(&scene.pusherd, SIGTERM);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "script=lease"), WAIT_LONG_MS));
}

Test(stop, tries_again_to_close_the_lease)
{
    stop_without_the_right_to_close();
    redis_do(&scene.redis, "ACL SETUSER default +zrem");
    cr_expect_eq(proc_wait(&scene.pusherd, WAIT_LONG_MS), 0);
    cr_expect_eq(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases"), 0);
}

Test(stop, of_an_idle_daemon_that_may_not_close_its_lease_leaves_no_job)
{
    stop_without_the_right_to_close();
    cr_expect_eq(proc_wait(&scene.pusherd, WAIT_LONG_MS), 0);
    cr_expect_not(proc_logged(&scene.pusherd, "unsettled jobs"));
}

Test(stop, by_two_signals_does_not_wait_for_a_server_that_hangs)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'hang':true}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 100, 1);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 1, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGTERM);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "tag=stop"), WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, 3000), 0);
    expect_list_in_order(100);
}

Test(stop, waits_no_longer_than_the_drain_time)
{
    FILE *file = fopen(scene.config, "ae");
    cr_assert(file && fputs("timeout_ms = 10000\n[delivery]\ndrain_ms = 300\n", file) >= 0 &&
              fclose(file) == 0);
    fake_server_set_rules(&scene.fake, "[{'action':{'hang':true}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 1);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 1, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, 4000), 0);
    expect_list_in_order(5);
}

Test(stop, of_one_of_two_daemons_leaves_its_jobs_to_the_other)
{
    struct proc other;
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':10}}]");
    scene_start_pusherd(&scene);
    scene_start_other(&scene, &other);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases") == 2, WAIT_LONG_MS));
    job_push_many(&scene.redis, JOB_JSON, 0, N, 100);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 100, WAIT_LONG_MS));
    int status = proc_stop(&other, SIGTERM, WAIT_LONG_MS);
    cr_expect_eq(status, 0, "the other daemon ended with %d", status);
    cr_assert(scene_settles(&scene, N, 0));
    expect_each_event_once();
}

/* Two requests are refused while the daemon stops, one after the other: their jobs stood between
 * those that were never sent. */
Test(stop, hands_back_in_order_what_is_refused_meanwhile)
{
    fake_server_set_rules(&scene.fake, "[{'times':1,'action':{'status':401,'delay_ms':300}},"
                                       "{'action':{'status':401,'delay_ms':700}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 60, 3);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 2, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    expect_list_in_order(60);
}

/* A byte of data becomes six in JSON: more is claimed than fits, and the youngest are left in the
 * claim until there is room, which is when the others have gone back. */
static void push_jobs_that_grow(size_t n)
{
    static char data[6 * 60000 + 1];
    size_t len;
    for (char *at = data; at + 6 < data + sizeof(data); at += 6) {
        memcpy(at, "\\u0001", 6);
    }
    for (size_t i = 0; i < n; i++) {
        char *json = NULL;
        cr_assert_gt(asprintf(&json,
                              "{\"id\":\"%zu\",\"channel\":\"a\",\"event\":\"e\",\"data\":\"%s\"}",
                              i, data),
                     0);
        char *job = job_to_msgpack(json, &len);
        job_push_bytes(&scene.redis, JOB_LIST, job, len);
        free(job);
        free(json);
    }
}

static void expect_results_in_order(size_t n)
{
    struct outcomes results;
    outcomes_read(&scene.redis, RESULTS, &results);
    cr_assert_eq(results.n, n);
    for (size_t i = 0; i < n; i++) {
        const char *id = outcomes_get(&results, i, "id", NULL);
        cr_expect_eq(strtoul(id, NULL, 10), i, "job %s is the result %zu", id, i);
    }
    outcomes_deinit(&results);
}

Test(stop_in_doubt, keeps_what_is_recovered_behind_what_went_back, .fini = close_scene,
     .timeout = 120)
{
    scene_open(&scene,
               &(struct scene_options){
                   .app = "max_event_bytes = 10000000\nmax_request_bytes = 8000000\n",
                   .ini = "[delivery]\nmax_claimed_bytes = 4194304\nmax_job_bytes = 1500000\n"});
    fake_server_set_rules(&scene.fake, "[{'action':{'status':401}}]");
    push_jobs_that_grow(30);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "the app is paused"), WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    fake_server_set_rules(&scene.fake, "[{'action':{'status':200,'body':'{}'}}]"); /* any size */
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 30, 0));
    expect_results_in_order(30);
}

Test(stop, again_and_again_under_load_loses_and_doubles_nothing)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':10}}]");
    job_push_many(&scene.redis, JOB_MSGPACK, 0, N, 100);
    for (size_t i = 1; i <= 6; i++) {
        size_t before = fake_server_events(&scene.fake); /* a signal before it runs would kill it */
        scene_start_pusherd(&scene);
        cr_assert(wait_until(fake_server_events(&scene.fake) > before &&
                                 fake_server_events(&scene.fake) >= i * N / 8,
                             WAIT_LONG_MS));
        int status = proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS);
        cr_assert_eq(status, 0, "daemon %zu ended with %d", i, status);
    }
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N, 0));
    expect_each_event_once();
}

Test(stop, before_redis_is_up)
{
    redis_kill(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "redis"), WAIT_LONG_MS),
              "the log does not say that Redis is away");
    cr_expect(proc_is_running(&scene.pusherd));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, 3000), 0);
}
