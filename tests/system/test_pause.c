/* pusherctl pause and resume: a queue, or an app of it, waits in Redis. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ctl.h"

#define PAUSED "{" JOB_LIST "}:paused"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(pause, .init = open_scene, .fini = close_scene, .timeout = 120);

static void expect_changed(json_t *report, bool changed, size_t n_paused)
{
    cr_expect_eq(json_is_true(json_object_get(report, "changed")), changed);
    cr_expect_eq(json_array_size(json_object_get(report, "pauses")), n_paused);
    json_decref(report);
}

static void push_one(void)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'x'}");
}

Test(pause, keeps_the_jobs_of_a_queue_in_redis_until_it_is_resumed)
{
    expect_changed(ctl_json(&scene, 0, "pause", "--reason", "maintenance", NULL), true, 1);
    push_one();
    scene_start_pusherd(&scene);
    cr_assert(
        wait_until(redis_int(&scene.redis, "ZCARD {" JOB_LIST "}:leases") == 1, WAIT_LONG_MS));
    push_one();
    /* A pause is seen by the first claim: give it time for some. */
    cr_expect_not(wait_within(fake_server_events(&scene.fake) > 0, 1500));
    expect_changed(ctl_json(&scene, 0, "resume", NULL), true, 0);
    cr_assert(scene_settles(&scene, 2, 0));
}

Test(pause, stops_a_queue_at_work)
{
    scene_start_pusherd(&scene);
    push_one();
    cr_assert(scene_settles(&scene, 1, 0));
    expect_changed(ctl_json(&scene, 0, "pause", NULL), true, 1);
    push_one();
    cr_expect_not(wait_within(fake_server_events(&scene.fake) > 1, 1500));
    expect_changed(ctl_json(&scene, 0, "resume", NULL), true, 0);
    cr_assert(scene_settles(&scene, 2, 0));
}

Test(pause, is_shown_by_status)
{
    expect_changed(ctl_json(&scene, 0, "pause", "--reason", "why \"not\"", NULL), true, 1);
    expect_changed(ctl_json(&scene, 0, "pause", "--app", "main", NULL), true, 2);
    json_t *root = ctl_json(&scene, 0, "status", NULL);
    const json_t *queue = json_array_get(json_object_get(root, "queues"), 0);
    const json_t *pauses = json_object_get(queue, "pauses");
    cr_expect(json_is_true(json_object_get(queue, "paused")));
    cr_assert_eq(json_array_size(pauses), 2);
    cr_expect(json_is_null(json_object_get(json_array_get(pauses, 0), "app")));
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(pauses, 0), "reason")),
                     "why \"not\"");
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(pauses, 1), "app")), "main");
    cr_expect_gt(ctl_number(json_array_get(pauses, 1), "since_ms"), 1600000000000);
    json_decref(root);
}

Test(pause, of_an_app_is_a_field_of_its_own)
{
    expect_changed(ctl_json(&scene, 0, "pause", "--app", "main", NULL), true, 1);
    expect_changed(ctl_json(&scene, 0, "pause", "--app", "main", NULL), false, 1);
    cr_expect_eq(redis_int(&scene.redis, "HEXISTS " PAUSED " main"), 1);
    cr_expect_eq(redis_int(&scene.redis, "HEXISTS " PAUSED " *"), 0);
    expect_changed(ctl_json(&scene, 0, "resume", NULL), false, 1);
    expect_changed(ctl_json(&scene, 0, "resume", "--app", "main", NULL), true, 0);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS " PAUSED), 0);
}

Test(pause, of_an_app_lets_the_others_go_on)
{
    static const struct scene_options options = {
        .ini = "[app other]\napp_id = " FAKE_APP_ID "\nkey = " FAKE_APP_KEY
               "\nsecret = " FAKE_APP_SECRET "\nhost = 127.0.0.1\nport = 1\nuse_tls = off\n"
               "[queue pusher:jobs]\napp = main\n"};
    scene_close(&scene);
    scene_open(&scene, &options);
    expect_changed(ctl_json(&scene, 0, "pause", "--app", "other", NULL), true, 1);
    scene_start_pusherd(&scene);
    job_push(&scene.redis, JOB_JSON, "{'app':'other','channel':'a','event':'e','data':'x'}");
    push_one();
    cr_assert(scene_settles(&scene, 1, 0));
    expect_changed(ctl_json(&scene, 0, "pause", "--app", "main", NULL), true, 2);
    expect_changed(ctl_json(&scene, 0, "resume", "--app", "other", NULL), true, 1);
    cr_expect(wait_until(redis_int(&scene.redis, "EXISTS {" JOB_LIST "}:parked:other") == 0,
                         WAIT_LONG_MS));
}

Test(pause, refuses_an_app_that_is_not_configured)
{
    cr_expect_eq(ctl_run(&scene, NULL, "pause", "--app", "nobody", NULL), 78);
    cr_expect_eq(ctl_run(&scene, NULL, "pause", "--app", "*", NULL), 64);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS " PAUSED), 0);
    expect_changed(ctl_json(&scene, 0, "pause", "--app", "nobody", "--force", NULL), true, 1);
    expect_changed(ctl_json(&scene, 0, "resume", "--app", "nobody", NULL), true, 0);
}
