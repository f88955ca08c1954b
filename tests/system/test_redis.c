/* Redis goes away and comes back: every job still ends in exactly one stream. */
#include <criterion/criterion.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"

static struct scene scene;

static void open_scene(void)
{
    const char *args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 1000\n",
                                               .ini = "[delivery]\nlease_ms = 3500\n"
                                                      "max_orphanings = 100\n",
                                               .redis_args = args});
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(redis, .init = open_scene, .fini = close_scene, .timeout = 240);

static void expect_each_job_once(size_t n)
{
    audit_each_once(&scene, &scene.redis, RESULTS, n);
}

static void start_under_load(void)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':5}}]");
    job_push_many(&scene.redis, JOB_MSGPACK, 0, CRASH_JOBS, 100);
    scene_start_pusherd(&scene);
}

Test(redis, killed_and_started_again_under_load)
{
    start_under_load();
    cr_assert(wait_until(fake_server_events(&scene.fake) >= CRASH_JOBS / 5, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    redis_start_again(&scene.redis);
    cr_assert(scene_drains(&scene, CRASH_JOBS));
    cr_assert(scene_settles(&scene, CRASH_JOBS, 0));
    expect_each_job_once(CRASH_JOBS);
    cr_expect(proc_is_running(&scene.pusherd));
}

Test(redis, that_cuts_its_clients_again_and_again)
{
    start_under_load();
    for (size_t i = 1; i <= 5; i++) {
        cr_assert(wait_until(fake_server_events(&scene.fake) >= i * CRASH_JOBS / 8, WAIT_LONG_MS));
        redis_do(&scene.redis, "CLIENT KILL TYPE normal SKIPME yes");
    }
    cr_assert(scene_drains(&scene, CRASH_JOBS));
    cr_assert(scene_settles(&scene, CRASH_JOBS, 0));
    expect_each_job_once(CRASH_JOBS);
}

Test(redis, cut_while_idle_does_not_stop_the_next_job)
{
    scene_start_pusherd(&scene);
    for (size_t i = 0; i < 3; i++) {
        job_push_many(&scene.redis, JOB_JSON, i, 1, 1);
        cr_assert(scene_settles(&scene, i + 1, 0));
        redis_do(&scene.redis, "CLIENT KILL TYPE normal SKIPME yes");
    }
}

Test(redis, whose_scripts_were_flushed)
{
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 3);
    cr_assert(scene_settles(&scene, 10, 0));
    redis_do(&scene.redis, "SCRIPT FLUSH");
    job_push_many(&scene.redis, JOB_JSON, 10, 10, 3);
    cr_assert(scene_settles(&scene, 20, 0));
    expect_each_job_once(20);
}

Test(redis, that_comes_up_after_the_daemon)
{
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 3);
    redis_kill(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "redis"), WAIT_LONG_MS));
    redis_start_again(&scene.redis);
    cr_assert(scene_settles(&scene, 10, 0));
}

Test(redis, at_its_memory_limit_still_drains)
{
    job_push_many(&scene.redis, JOB_JSON, 0, 2000, 100);
    redis_do(&scene.redis, "CONFIG SET maxmemory-policy noeviction");
    redis_do(&scene.redis, "CONFIG SET maxmemory 1");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 2000, 0));
}
