/* dedupe_ms: a job that was enqueued twice is sent once. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

static struct scene scene;

static void open_with(const char *window)
{
    char ini[128];
    snprintf(ini, sizeof(ini), "[queue pusher:jobs]\napp = main\ndedupe_ms = %s\n", window);
    scene_open(&scene, &(struct scene_options){.ini = ini});
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(dedupe, .fini = close_scene, .timeout = 120);

static void push(const char *id, const char *data)
{
    job_push(&scene.redis, JOB_JSON, "{'id':'%s','channel':'a','event':'e','data':'%s'}", id, data);
}

static size_t count_duplicates(void)
{
    struct outcomes results;
    size_t n = 0;
    outcomes_read(&scene.redis, RESULTS, &results);
    for (size_t i = 0; i < results.n; i++) {
        const char *result = outcomes_get(&results, i, "result", NULL);
        n += result && strstr(result, "{\"duplicate\":true}") != NULL;
    }
    outcomes_deinit(&results);
    return n;
}

Test(dedupe, sends_a_job_once_and_says_so)
{
    open_with("60000");
    push("one", "1");
    push("two", "2");
    push("one", "again");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 3, 0));
    cr_assert_eq(fake_server_events(&scene.fake), 2);
    cr_expect(scene_event_is(&scene, 0, "a", "e", "1"));
    cr_expect(scene_event_is(&scene, 1, "a", "e", "2"));
    push("two", "much later");
    cr_assert(scene_settles(&scene, 4, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 2);
    cr_expect_eq(count_duplicates(), 2);
}

Test(dedupe, is_off_by_default)
{
    open_with("0");
    push("one", "1");
    push("one", "2");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 2, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 2);
}

Test(dedupe, looks_at_the_ids_of_producers_only)
{
    open_with("60000");
    for (int i = 0; i < 3; i++) {
        job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'x'}");
    }
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 3, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 3);
}

Test(dedupe, forgets_after_the_window)
{
    open_with("300");
    push("one", "1");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_assert(wait_until(redis_int(&scene.redis, "EXISTS {pusher:jobs}:seen:one") == 0, 5000));
    push("one", "2");
    cr_assert(scene_settles(&scene, 2, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 2);
}

Test(dedupe, takes_a_job_that_failed_again)
{
    open_with("60000");
    fake_server_set_rules(&scene.fake, "[{'action':{'status':400,'body':'no'}}]");
    push("one", "1");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 1));
    fake_server_delete_rules(&scene.fake);
    push("one", "1");
    cr_assert(scene_settles(&scene, 1, 1));
    cr_expect_eq(fake_server_events(&scene.fake), 1);
}

/* It was not looked at, as it failed at once: the mark is that of the job before. */
Test(dedupe, remembers_a_job_though_another_of_its_id_fails_unsent)
{
    open_with("60000");
    scene_start_pusherd(&scene);
    push("one", "1");
    cr_assert(scene_settles(&scene, 1, 0));
    job_push(&scene.redis, JOB_JSON,
             "{'id':'one','channel':'a','event':'e','data':'late','expiresAt':1000}");
    cr_assert(scene_settles(&scene, 1, 1));
    push("one", "2");
    cr_assert(scene_settles(&scene, 2, 1));
    cr_expect_eq(fake_server_events(&scene.fake), 1);
    cr_expect_eq(count_duplicates(), 1);
}

/* Neither a crash nor a stop makes a job its own duplicate; and order is kept. */
Test(dedupe, survives_restarts)
{
    open_with("600000");
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':20}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 2000, 20);
    job_push_many(&scene.redis, JOB_JSON, 0, 500, 20);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 100, WAIT_LONG_MS));
    proc_kill(&scene.pusherd);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= 800, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 2500, 0));
    unsigned counts[2000] = {0};
    scene_count_published(&scene, counts, 2000);
    for (size_t i = 0; i < 2000; i++) {
        cr_assert_geq(counts[i], 1u, "job %zu was not sent", i);
    }
}
