/* SIGHUP: queues are added and removed while their jobs are under way, and Redis may be away; what
 * they are for changes. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/audit.h"
#include "tests/system/reload_scene.h"

TestSuite(reload_queues, .init = open_scene, .fini = close_scene, .timeout = 240);

Test(reload_queues, adds_and_removes_a_queue_under_load)
{
    static const char *const one = "[queue pusher:jobs]\napp = main\n",
                             *two = "[queue pusher:jobs]\napp = main\n[queue " MORE_LIST
                                    "]\napp = main\n";
    const size_t n = 4000;
    slow_down(&scene.fake, 5);
    write_config("", one);
    start();
    job_push_many_to(&scene.redis, MORE_LIST, JOB_JSON, n, n, N_CHANNELS);
    job_push_many(&scene.redis, JOB_JSON, 0, n, N_CHANNELS);
    take("", two);
    cr_assert(
        wait_until(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") > 100, WAIT_LONG_MS));
    take("", one);
    cr_assert(audit_logs(&scene, "the queue that was removed is settled"));
    cr_expect_eq(redis_int(&scene.redis, "ZCARD {" MORE_LIST "}:leases"), 0);
    long long left = redis_int(&scene.redis, "LLEN " MORE_LIST);
    cr_expect_gt(left, 0, "nothing was left to be left alone");
    cr_expect_eq(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") + (size_t)left, n);
    cr_assert(scene_settles(&scene, n, 0));
    cr_expect_eq(redis_int(&scene.redis, "LLEN " MORE_LIST), left);
    take("", two);
    cr_assert(
        wait_until(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") == n, WAIT_LONG_MS));
    cr_expect_eq(fake_server_events(&scene.fake), 2 * n);
}

Test(reload_queues, takes_a_queue_back_that_is_not_settled_yet)
{
    static const char *const two =
        "[queue pusher:jobs]\napp = main\n[queue " MORE_LIST "]\napp = main\n";
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':1000}}]");
    write_config("", two);
    start();
    job_push_many_to(&scene.redis, MORE_LIST, JOB_JSON, 0, 10, 10);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 1, WAIT_LONG_MS));
    take("", "[queue pusher:jobs]\napp = main\n");
    take("", two);
    job_push_many_to(&scene.redis, MORE_LIST, JOB_JSON, 10, 10, 10);
    cr_assert(
        wait_until(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") == 20, WAIT_LONG_MS));
    cr_expect_not(proc_logged(&scene.pusherd, "the queue that was removed is settled"));
}

Test(reload_queues, works_while_redis_is_away)
{
    start();
    redis_kill(&scene.redis);
    cr_assert(audit_logs(&scene, "connection lost"));
    take("", other_app("[queue " MORE_LIST "]\napp = other\n"));
    redis_start_again(&scene.redis);
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 0));
    take("", "[queue pusher:jobs]\napp = main\n");
    cr_assert(audit_logs(&scene, "the queue that was removed is settled"));
}

Test(reload_queues, makes_jobs_anew_when_a_silent_redis_is_back)
{
    const size_t n = 4000;
    slow_down(&scene.fake, 5);
    start();
    job_push_many(&scene.redis, JOB_JSON, 0, n, N_CHANNELS);
    cr_assert(wait_until(fake_server_events(&scene.fake) > 500, WAIT_LONG_MS));
    proc_signal(&scene.redis.proc, SIGSTOP);
    take("max_event_bytes = 5000\n", "");
    proc_signal(&scene.redis.proc, SIGCONT);
    cr_assert(scene_settles(&scene, n, 0));
    expect_each_once_in_order(n, n);
}

/* ---- which operations a queue is for */

#define FOR(names) "[queue pusher:jobs]\napp = main\noperations = " names "\n"

static void expect_field(const char *stream, const char *id, const char *field, const char *wanted)
{
    char *value = outcomes_field(&scene.redis, stream, id, field);
    cr_expect_str_eq(value, wanted, "%s: %s is %s", id, field, value);
    free(value);
}

static void expect_refused(const char *id)
{
    expect_field(FAILURES, id, "code", "unknown_op");
}

Test(reload_queues, takes_operations_away_and_gives_them_back)
{
    write_config("", FOR("all"));
    start();
    job_push(&scene.redis, JOB_JSON, "{'id':'before','op':'listChannels'}");
    cr_assert(scene_settles(&scene, 1, 0));
    take("", FOR("triggerEvent"));
    job_push(&scene.redis, JOB_JSON, "{'id':'after','op':'listChannels'}");
    push_one("main");
    cr_assert(scene_settles(&scene, 2, 1));
    expect_refused("after");
    take("", FOR("listChannels"));
    job_push(&scene.redis, JOB_JSON, "{'id':'again','op':'listChannels'}");
    cr_assert(scene_settles(&scene, 3, 1));
}

Test(reload_queues, keeps_the_operations_when_a_name_is_wrong)
{
    write_config("", FOR("triggerEvent"));
    start();
    write_config("", FOR("triggerEvent,listChannel"));
    refuse("[queue pusher:jobs] operations: listChannel is not the name of an operation");
    job_push(&scene.redis, JOB_JSON, "{'id':'a','op':'listChannels'}");
    push_one("main");
    cr_assert(scene_settles(&scene, 1, 1));
    expect_refused("a");
}

/* What is in flight ends as it was sent; what waits behind it is not sent any more, nor is what
 * waits in Redis for its time. */
Test(reload_queues, that_take_an_operation_away_hold_for_jobs_that_wait)
{
    fake_server_set_rules(&scene.fake, "[{'times':1,'action':{'delay_ms':3000}}]");
    write_config("max_in_flight = 1\n", FOR("all"));
    start();
    job_push(&scene.redis, JOB_JSON, "{'id':'sent','op':'customGet','path':'/channels'}");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    job_push(&scene.redis, JOB_JSON, "{'id':'waits','op':'customGet','path':'/channels'}");
    job_push(&scene.redis, JOB_JSON,
             "{'id':'due','op':'authorizeChannel','socketId':'1.2','channel':'private-a',"
             "'deliverAt':%lld}",
             (long long)time(NULL) * 1000 + 7000);
    push_one("main");
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0 &&
                             redis_int(&scene.redis, "ZCARD {" JOB_LIST "}:retry") == 1,
                         WAIT_LONG_MS));
    take("max_in_flight = 1\n", FOR("triggerEvent"));
    cr_assert(scene_settles(&scene, 2, 2));
    expect_refused("waits");
    expect_refused("due");
    expect_field(RESULTS, "sent", "http", "200");
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 2);
    cr_expect_eq(fake_server_events(&scene.fake), 1);
}

/* Jobs that are tried again are not, once their operation is taken away: not even those whose
 * request was in flight. */
Test(reload_queues, that_take_an_operation_away_end_the_retries_of_its_jobs)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'status':503,'delay_ms':3000}}]");
    write_config("", FOR("all") "[delivery]\nretry_base_ms = 1\nretry_cap_ms = 1\n");
    start();
    job_push(&scene.redis, JOB_JSON, "{'id':'x','op':'customPost','path':'/events'}");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    take("", FOR("triggerEvent") "[delivery]\nretry_base_ms = 1\nretry_cap_ms = 1\n");
    cr_assert(scene_settles(&scene, 0, 1));
    expect_refused("x");
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 1);
}

/* The connection that waits brings the job along, and takes none that is longer than it may be. */
Test(reload_queues, longer_jobs_than_before_are_waited_for)
{
    static char text[60001];
    memset(text, 'x', sizeof(text) - 1);
    write_config("", "[delivery]\nmax_job_bytes = 2048\n");
    scene_start_pusherd(&scene);
    push_one("main");
    cr_assert(scene_settles(&scene, 1, 0));
    take("", "[delivery]\nmax_job_bytes = 1000000\n");
    for (size_t i = 0; i < 5; i++) {
        job_push(&scene.redis, JOB_JSON, "{'channel':'c','event':'e','data':'d','ignored':'%s'}",
                 text);
        cr_assert(scene_settles(&scene, 2 + i, 0));
    }
    cr_expect_eq(audit_log_lines(&scene, "no second connection"), 0);
}
