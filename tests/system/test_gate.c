/* When the server refuses the whole app, no job fails: the app is paused until a probe goes
 * through. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ctl.h"
#include "tests/support/http.h"

#define N       20
#define DAEMONS "{pusher:jobs}:daemons"

static struct scene scene;

static void open_scene(void)
{
    const char *fake_args[] = {"--app", "app-id:app-key:app-secret", "--app",
                               "other:other-key:other-secret", NULL};
    scene_open(&scene, &(struct scene_options){.fake_args = fake_args});
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(gate, .init = open_scene, .fini = close_scene, .timeout = 120);

static size_t refusals(const char *status)
{
    char name[32];
    snprintf(name, sizeof(name), "by_status.%s", status);
    return (size_t)fake_server_stat(&scene.fake, name);
}

/* The app is refused, probed, and then let in. */
static void run(const char *rules, const char *status)
{
    fake_server_set_rules(&scene.fake, rules);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(refusals(status) >= 2, WAIT_LONG_MS), "there is no probe");
    cr_expect_leq(refusals(status), 12, "%zu requests on a closed app", refusals(status));
    cr_expect_eq(outcomes_count(&scene.redis, RESULTS), 0);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 0);

    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(fake_server_events(&scene.fake), N);
}

Test(gate, pauses_on_401_and_goes_on_when_a_probe_succeeds)
{
    run("[{'action':{'status':401,'body':'Invalid signature\\n'}}]", "401");
}

Test(gate, pauses_on_403_and_goes_on_when_a_probe_succeeds)
{
    run("[{'action':{'status':403,'body':'over quota\\n'}}]", "403");
}

Test(gate, leaves_the_jobs_of_a_paused_app_in_redis_in_order)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'status':401}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(refusals("401") >= 1, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);

    redisReply *list = redis_cmd(&scene.redis, "LRANGE " JOB_LIST " 0 -1");
    cr_expect_eq(list->elements, N);
    for (size_t i = 0; i < list->elements; i++) {
        char id[32];
        snprintf(id, sizeof(id), "\"id\":\"%zu\"", i);
        cr_expect(strstr(list->element[i]->str, id), "%zu: %s", i, list->element[i]->str);
    }
    freeReplyObject(list);
}

/* The daemon's clock is right and the server's is off, or the other way round: a 401 that tells the
 * server's time must not stop anything. */
static void expect_clock_corrected(const char *rules)
{
    fake_server_set_rules(&scene.fake, rules);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(outcomes_count(&scene.redis, RESULTS) == N, 10000));
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 0);
    cr_expect_eq(fake_server_events(&scene.fake), N);
}

Test(gate, corrects_a_clock_that_runs_behind)
{
    expect_clock_corrected("[{'action':{'skew_s':82800}}]");
}

Test(gate, corrects_a_clock_that_runs_ahead)
{
    expect_clock_corrected("[{'action':{'skew_s':-82800}}]");
}

/* Over the bound nothing is signed for the server's time: by it, whoever can change answers could
 * have requests signed for a time to come, and repeat them then. */
static void expect_clock_refused(const char *rules, const char *offset)
{
    fake_server_set_rules(&scene.fake, rules);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(refusals("401") >= 3, WAIT_LONG_MS), "there is no probe");
    cr_expect_leq(refusals("401"), 12, "%zu requests on a closed app", refusals("401"));
    cr_expect_eq(outcomes_count(&scene.redis, RESULTS), 0);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 0);
    cr_expect(proc_logged(&scene.pusherd, "level=error tag=http app=main offset_s="));
    cr_expect(proc_logged(&scene.pusherd, offset), "not by %s", offset);
    cr_expect(proc_logged(&scene.pusherd, "max_s=86400"));
    cr_expect(proc_logged(&scene.pusherd, "cause=refused text=\"the server's clock differs by "));
    cr_expect_not(proc_logged(&scene.pusherd, "requests are signed by its"));
}

Test(gate, pauses_on_a_clock_that_is_too_far_away_until_it_is_set)
{
    expect_clock_refused("[{'action':{'skew_s':31536500}}]", "offset_s=31536");
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(fake_server_events(&scene.fake), N);
}

/* It need not be right: it is corrected as soon as it can be. */
Test(gate, pauses_on_a_clock_that_is_too_far_behind_until_it_can_be_corrected)
{
    expect_clock_refused("[{'action':{'skew_s':-90500}}]", "offset_s=-90");
    fake_server_set_rules(&scene.fake, "[{'action':{'skew_s':-80000}}]");
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(fake_server_events(&scene.fake), N);
}

TestSuite(gate_config, .fini = close_scene, .timeout = 120);

Test(gate_config, of_one_app_leaves_another_alone)
{
    const char *fake_args[] = {"--app", "app-id:app-key:app-secret", "--app",
                               "other:other-key:other-secret", NULL};
    char ini[256];
    char rewritten[1024];
    scene_open(&scene, &(struct scene_options){.fake_args = fake_args});
    snprintf(ini, sizeof(ini),
             "[app other]\napp_id = other\nkey = other-key\nsecret = other-secret\n"
             "host = 127.0.0.1\nport = %u\nuse_tls = off\n[queue pusher:jobs]\napp = main\n",
             scene.fake.port);
    FILE *file = fopen(scene.config, "ae");
    cr_assert(file && fputs(ini, file) >= 0 && fclose(file) == 0);
    snprintf(rewritten, sizeof(rewritten), "[{'match':{'app':'app-id'},'action':{'status':401}}]");
    fake_server_set_rules(&scene.fake, rewritten);

    job_push_many(&scene.redis, JOB_JSON, 0, N, 5);
    for (int i = 0; i < N; i++) {
        job_push(&scene.redis, JOB_JSON, "{'app':'other','channel':'o','event':'e','data':'%d'}",
                 i);
    }
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(fake_server_events(&scene.fake), N);
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, 2 * N, 0));
}

static bool status_says(const char *text)
{
    char *out = NULL;
    bool is_said = ctl_run(&scene, &out, "status", NULL) == 0 && strstr(out, text);
    free(out);
    return is_said;
}

/* The lease is so long that the next report is due in minutes. */
Test(gate_config, is_told_by_status_as_soon_as_it_is_shut)
{
    scene_open(&scene, &(struct scene_options){.ini = "[delivery]\nlease_ms = 600000\n"});
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "HLEN " DAEMONS) == 1, WAIT_LONG_MS));
    fake_server_set_rules(&scene.fake, "[{'action':{'status':401,'body':'no'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(wait_until(status_says("\"text\":\"no\""), WAIT_LONG_MS));
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect(wait_until(status_says("\"gates\":[]"), WAIT_LONG_MS));
}
