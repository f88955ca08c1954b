/* SIGHUP: queues are added and removed while their jobs are under way, and Redis may be away. */
#include <criterion/criterion.h>
#include <signal.h>

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
