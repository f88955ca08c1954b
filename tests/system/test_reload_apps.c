/* SIGHUP: apps are added, changed and removed while their jobs are under way. */
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "tests/support/audit.h"
#include "tests/support/exposition.h"
#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/system/reload_scene.h"

TestSuite(reload_apps, .init = open_scene, .fini = close_scene, .timeout = 240);

Test(reload_apps, adds_an_app)
{
    start();
    push_one("other");
    cr_assert(scene_settles(&scene, 0, 1));
    take("", other_app(""));
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 1));
}

Test(reload_apps, moves_an_app_to_another_server_and_secret_under_load)
{
    const char *args[] = {"--app", FAKE_APP_ID ":" FAKE_APP_KEY ":another-secret", NULL};
    const size_t n = 6000;
    fake_server_start(&second, args);
    slow_down(&scene.fake, 10);
    start();
    job_push_many(&scene.redis, JOB_JSON, 0, n, N_CHANNELS);
    cr_assert(wait_until(fake_server_events(&scene.fake) > 500, WAIT_LONG_MS));
    write_whole("another-secret", second.port, "");
    hang_up();
    cr_assert(audit_logs(&scene, TAKEN));
    cr_assert(scene_settles(&scene, n, 0));
    expect_each_once_in_order(n, n);
}

Test(reload_apps, lets_an_app_go_on_whose_secret_is_mended)
{
    write_whole("wrong", scene.fake.port, "");
    start();
    job_push_many(&scene.redis, JOB_JSON, 0, 200, N_CHANNELS);
    cr_assert(audit_logs(&scene, "the app is paused"));
    /* So often that the gate waits for seconds before the next probe. */
    double begin = fake_server_stat(&scene.fake, "bad_signatures");
    cr_assert(
        wait_until(fake_server_stat(&scene.fake, "bad_signatures") >= begin + 4, WAIT_LONG_MS));
    write_whole(FAKE_APP_SECRET, scene.fake.port, "");
    uint64_t begin_ms = wait_now_ms();
    hang_up();
    cr_assert(audit_logs(&scene, "the app goes on"));
    cr_expect_lt(wait_now_ms() - begin_ms, 2000u);
    cr_assert(scene_settles(&scene, 200, 0));
}

Test(reload_apps, of_a_lower_limit_holds_for_what_is_claimed)
{
    slow_down(&scene.fake, 300);
    write_config("max_in_flight = 1\n", "");
    start();
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'x'}");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'%0300d'}", 1);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    take("max_in_flight = 1\nmax_event_bytes = 100\n", "");
    cr_assert(scene_settles(&scene, 1, 1));
    struct outcomes failures;
    outcomes_read(&scene.redis, FAILURES, &failures);
    cr_expect_str_eq(outcomes_get(&failures, 0, "code", NULL), "payload_too_large");
    outcomes_deinit(&failures);
}

static size_t n_unknown(void)
{
    struct outcomes failures;
    size_t n = 0;
    outcomes_read(&scene.redis, FAILURES, &failures);
    for (size_t i = 0; i < failures.n; i++) {
        n += strcmp(outcomes_get(&failures, i, "code", NULL), "unknown_app") == 0 &&
             strcmp(outcomes_get(&failures, i, "app", NULL), "other") == 0;
    }
    outcomes_deinit(&failures);
    return n;
}

Test(reload_apps, of_a_removed_app_fails_its_jobs_as_unknown_but_those_in_flight)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':1000}}]");
    write_config("", other_app("max_in_flight = 2\n"));
    start();
    for (int i = 0; i < 200; i++) {
        push_one("other");
    }
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 1 &&
                             redis_int(&scene.redis, "LLEN " JOB_LIST) == 0,
                         WAIT_LONG_MS));
    take("", "[queue pusher:jobs]\napp = main\n");
    size_t n_requests = (size_t)fake_server_stat(&scene.fake, "requests");
    push_one("main");
    cr_assert(scene_drains(&scene, 201));
    size_t n_sent = fake_server_events(&scene.fake);
    cr_expect_leq(n_requests, 2);
    cr_expect_eq(outcomes_count(&scene.redis, RESULTS), n_sent);
    cr_expect_eq(n_unknown(), 201 - n_sent);
    cr_expect_leq(n_sent, 21);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS {" JOB_LIST "}:parked:other"), 0);
}

Test(reload_apps, brings_an_app_back_that_was_removed)
{
    write_config("", other_app(""));
    start();
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 0));
    take("", "[queue pusher:jobs]\napp = main\n");
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 1));
    take("", other_app(""));
    push_one("other");
    cr_assert(scene_settles(&scene, 2, 1));
}

/* Whether /metrics has a series with the label app="other". That none is there twice is seen by
 * exposition_read(). */
static bool metrics_have_other(unsigned port)
{
    struct exposition exposition;
    struct http_answer answer;
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/metrics", port);
    http_perform(&(struct http_request){.method = "GET", .url = url}, &answer);
    cr_assert_eq(answer.status, 200);
    bool has = strstr(answer.body, "app=\"other\"");
    exposition_read(answer.body, &exposition);
    exposition_deinit(&exposition);
    http_answer_deinit(&answer);
    return has;
}

/* It comes back while a request of its first life is in flight: it has two places then. */
Test(reload_apps, of_an_app_that_goes_and_comes_back_shows_it_in_the_metrics_when_it_is_there)
{
    char with[64], without[128];
    unsigned port = port_pick();
    snprintf(with, sizeof(with), "[status]\nlisten = 127.0.0.1:%u\n", port);
    snprintf(without, sizeof(without), "[queue pusher:jobs]\napp = main\n%s", with);
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':3000}}]");
    write_config("", other_app(with));
    start();
    push_one("other");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    cr_expect(metrics_have_other(port));
    take("", without);
    cr_expect_not(metrics_have_other(port));
    take("", other_app(with));
    cr_expect(metrics_have_other(port));
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect(metrics_have_other(port));
}

#define SETTLED  "the app that was removed is settled"
#define RING_KIB 192u /* the keys of the channels of an app: lib/sealer.c */

/* Memory that is left out of cores: that of keys, and a constant rest. */
static size_t secret_kib(void)
{
    char path[64], line[256];
    size_t kib = 0, sum = 0;
    snprintf(path, sizeof(path), "/proc/%d/smaps", (int)scene.pusherd.pid);
    FILE *file = fopen(path, "re");
    cr_assert(file);
    while (fgets(line, sizeof(line), file)) {
        (void)sscanf(line, "Size: %zu", &kib);
        if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " dd"))
            sum += kib;
    }
    fclose(file);
    return sum;
}

Test(reload_apps, of_a_removed_app_wipes_its_keys_when_its_last_job_is_settled)
{
    static const char without[] = "[queue pusher:jobs]\napp = main\n";
    write_config("", other_app("encryption_master_key_base64 = " SCENE_MASTER_KEY "\n"));
    start();
    size_t at_start = secret_kib();
    job_push(&scene.redis, JOB_JSON,
             "{'channel':'private-encrypted-a','event':'e','data':'x','app':'other'}");
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_geq(secret_kib(), at_start + RING_KIB);
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':1000}}]");
    push_one("other");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 2, WAIT_LONG_MS));
    take("", without);
    cr_expect_not(proc_logged(&scene.pusherd, SETTLED), "a request is in flight");
    cr_assert(wait_until(proc_logged(&scene.pusherd, SETTLED), WAIT_LONG_MS));
    cr_expect_eq(outcomes_count(&scene.redis, RESULTS), 2);
    cr_expect_lt(secret_kib(), at_start);
    take("", without);
    push_one("other");
    push_one("main");
    cr_assert(scene_settles(&scene, 3, 1));
}

Test(reload_apps, of_a_removed_app_settles_its_last_job_when_the_daemon_stops)
{
    static const char quick[] = "[queue pusher:jobs]\napp = main\n[delivery]\ndrain_ms = 100\n";
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':3000}}]");
    write_config("", other_app(""));
    start();
    push_one("other");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    take("", quick);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    cr_expect(proc_logged(&scene.pusherd, SETTLED));
}

Test(reload_apps, of_an_app_that_comes_and_goes_under_load_leaves_each_job_one_outcome)
{
    const int n = 4000;
    slow_down(&scene.fake, 3);
    write_config("", other_app("max_in_flight = 4\n"));
    start();
    for (int i = 0; i < n; i++) {
        redisAppendCommand(scene.redis.client,
                           "RPUSH " JOB_LIST " {\"id\":\"%d\",\"channel\":\"c-%d\","
                           "\"event\":\"e\",\"data\":\"x\",\"app\":\"%s\"}",
                           i, i % N_CHANNELS, i % 2 ? "other" : "main");
    }
    for (int i = 0; i < n; i++) {
        redisReply *reply;
        cr_assert_eq(redisGetReply(scene.redis.client, (void **)&reply), REDIS_OK);
        freeReplyObject(reply);
    }
    for (int i = 0; i < 10; i++) {
        take("", i % 2 ? other_app("max_in_flight = 4\n") : "[queue pusher:jobs]\napp = main\n");
    }
    cr_assert(scene_drains(&scene, (size_t)n));
    size_t n_results = outcomes_count(&scene.redis, RESULTS);
    cr_expect_eq(n_results + outcomes_count(&scene.redis, FAILURES), (size_t)n);
    cr_expect_eq(fake_server_events(&scene.fake), n_results);
    cr_expect_eq(n_unknown(), (size_t)n - n_results);
    cr_expect_geq(n_results, (size_t)n / 2, "jobs of the other app have failed as well");
}
