/* Redis comes back without its last writes, as from an older snapshot or after a failover: the
 * outcomes that a daemon still has are not those of other jobs. */
#include <criterion/criterion.h>
#include <signal.h>

#include "tests/support/scene.h"

#define RETRY      "{pusher:jobs}:retry"
#define RETRY_JOBS "{pusher:jobs}:retry:jobs"
#define FAR_AWAY   "4000000000000" /* unix ms */

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 50000\n",
                                               .ini = "[delivery]\nlease_ms = 60000\n"});
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    proc_signal(&scene.fake.proc, SIGCONT);
    scene_close(&scene);
}

TestSuite(snapshot, .init = open_scene, .fini = close_scene, .timeout = 120);

static void push(const char *id, const char *more)
{
    job_push(&scene.redis, JOB_JSON, "{'id':'%s','channel':'c','event':'e','data':'%s'%s}", id, id,
             more);
}

/* The job is on its way, and not answered until the server is let go. */
static void hold_in_flight(const char *id)
{
    size_t n = fake_server_events(&scene.fake);

    fake_server_set_rules(&scene.fake,
                          "[{'match':{'contains':'late'},'action':{'delay_ms':5000}}]");
    push(id, "");
    cr_assert(wait_until(fake_server_events(&scene.fake) == n + 1, WAIT_LONG_MS));
    proc_signal(&scene.fake.proc, SIGSTOP);
}

static bool waits_for_its_time(void)
{
    return wait_until(redis_int(&scene.redis, "ZCARD " RETRY) == 1, WAIT_LONG_MS);
}

/* Jobs of a channel are answered, and settled, one behind the other. */
Test(snapshot, does_not_make_an_outcome_that_of_another_job)
{
    push("before", "");
    cr_assert(scene_settles(&scene, 1, 0));
    redis_do(&scene.redis, "SAVE");
    hold_in_flight("late");
    redis_kill(&scene.redis);
    redis_start_again(&scene.redis);
    push("new", ",'deliverAt':" FAR_AWAY);
    cr_assert(waits_for_its_time());
    push("after", "");
    proc_signal(&scene.fake.proc, SIGCONT);
    cr_assert(scene_settles(&scene, 2, 0));
    cr_expect_eq(redis_int(&scene.redis, "ZCARD " RETRY), 1);
    cr_expect_eq(redis_int(&scene.redis, "HLEN " RETRY_JOBS), 1, "its record is gone");
    cr_expect_eq(fake_server_events(&scene.fake), 3);
}
