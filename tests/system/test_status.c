/* The status server: /healthz, and /readyz with its reasons. What /metrics says is in
 * test_metrics.c. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "status_scene.h"
#include "tests/support/port.h"

TestSuite(status, .init = open_scene, .fini = close_scene, .timeout = 120);
TestSuite(status_of_two, .fini = close_scene, .timeout = 120);

Test(status, serves_what_it_says_and_nothing_else)
{
    start_ready();
    struct http_answer answer = ask("GET", "/healthz");
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.body, "{\"healthy\":true}\n");
    cr_expect(strstr(answer.headers, "Content-Type: application/json"));
    http_answer_deinit(&answer);

    answer = ask("GET", "/nothing");
    cr_expect_eq(answer.status, 404);
    cr_expect(strstr(answer.body, "/readyz"), "%s", answer.body);
    http_answer_deinit(&answer);
    cr_expect_eq(status_of("POST", "/metrics"), 405);
    cr_expect_eq(status_of("POST", "/"), 405);
    cr_expect_eq(status_of("DELETE", "/readyz"), 405);
    cr_expect_eq(status_of("GET", "/metrics/"), 404);
}

Test(status, is_not_ready_without_redis_and_says_why)
{
    start_ready();
    redis_kill(&scene.redis);
    cr_assert(
        wait_until(readyz_is(503, "queue pusher:jobs: no connection to Redis: "), WAIT_LONG_MS));
    cr_expect_eq(status_of("GET", "/healthz"), 200);
    redis_start_again(&scene.redis);
    cr_expect(becomes_ready());
}

/* Redis is there, and takes nothing: as with min-replicas-to-write and no replica. */
Test(status, is_not_ready_while_its_lease_cannot_be_renewed_and_says_why)
{
    start_ready();
    redis_do(&scene.redis, "DEL {%s}:leases", JOB_LIST);
    redis_do(&scene.redis, "SET {%s}:leases x", JOB_LIST);
    cr_assert(wait_until(readyz_is(503, "its lease could not be renewed"), WAIT_LONG_MS));
    redis_do(&scene.redis, "DEL {%s}:leases", JOB_LIST);
    cr_assert(becomes_ready());
}

Test(status, is_not_ready_while_the_app_is_refused_and_says_why)
{
    start_ready();
    fake_server_set_rules(&scene.fake,
                          "[{'action':{'status':401,'body':'Invalid \\'signature\\'\\n'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 2);
    cr_assert(wait_until(readyz_is(503, "app main is paused: refused: "), WAIT_LONG_MS));
    cr_expect(readyz_is(503, "signature"));
    fake_server_delete_rules(&scene.fake);
    cr_expect(becomes_ready());
    cr_expect(scene_settles(&scene, 10, 0));
}

Test(status, is_not_ready_while_the_clock_is_too_wrong_and_says_why)
{
    start_ready();
    fake_server_set_rules(&scene.fake, "[{'action':{'skew_s':100000}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 2);
    cr_assert(wait_until(readyz_is(503, "app main is paused: refused: the server's clock differs"),
                         WAIT_LONG_MS));
    cr_expect(readyz_is(503, "set this machine's clock"));
    fake_server_delete_rules(&scene.fake);
    cr_expect(becomes_ready());
    cr_expect(scene_settles(&scene, 10, 0));
}

Test(status, says_that_it_is_stopping)
{
    start_ready();
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':1500}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(wait_until(fake_server_events(&scene.fake) == 1, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGTERM);
    cr_expect(wait_until(readyz_is(503, "pusherd is stopping"), 1400));
    cr_expect_eq(proc_wait(&scene.pusherd, WAIT_LONG_MS), 0);
    cr_expect_eq(status_of("GET", "/healthz"), HTTP_NO_CONNECTION);
}

Test(status_of_two, is_ready_while_one_app_of_two_is_refused_but_tells_of_it)
{
    char address[64];
    port = port_pick();
    snprintf(address, sizeof(address), "127.0.0.1:%u", port);
    open_listening(address, "[app other]\napp_id = other\nkey = other-key\nsecret = other-secret\n"
                            "host = 127.0.0.1\nport = 9\nuse_tls = off\n"
                            "[queue pusher:jobs]\napp = main\n");
    start_ready();
    fake_server_set_rules(&scene.fake, "[{'action':{'status':403,'body':'over quota\\n'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 2);
    cr_assert(wait_until(readyz_is(200, "app main is paused: refused: "), WAIT_LONG_MS));
    fake_server_delete_rules(&scene.fake);
    cr_expect(becomes_ready());
}
