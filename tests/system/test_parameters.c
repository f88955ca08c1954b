/* Parameters of an app whose effect is seen in the traffic only: keepAlive and timeout. The others
 * have tests of their own: proxy and cluster in test_proxy.c, TLS in test_config.c, and no event at
 * all arrives under a wrong appId, key, secret, host or port. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "tests/support/scene.h"

#define N 10

static struct scene scene;

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(parameters, .fini = close_scene, .timeout = 120);

/* Connections that pusherd makes for N jobs, sent one after the other; ours to the fake are not
 * among them. */
static size_t count_connections(const char *app)
{
    scene_open(&scene, &(struct scene_options){.app = app});
    scene_start_pusherd(&scene);
    double before = fake_server_stat(&scene.fake, "connections");
    for (size_t i = 0; i < N; i++) {
        job_push_many(&scene.redis, JOB_JSON, i, 1, 1);
        cr_assert(scene_settles(&scene, i + 1, 0));
    }
    return (size_t)(fake_server_stat(&scene.fake, "connections") - before) - 1;
}

Test(parameters, keep_alive_is_on_by_default)
{
    cr_expect_eq(count_connections(NULL), 1);
}

Test(parameters, keep_alive_off_makes_a_connection_for_each_request)
{
    cr_expect_eq(count_connections("keep_alive = off\n"), N);
}

/* Milliseconds until a job is through whose first request is not answered. */
static long ms_until_settled(const char *app)
{
    scene_open(&scene,
               &(struct scene_options){.app = app, .ini = "[delivery]\nretry_base_ms = 1\n"});
    fake_server_set_rules(&scene.fake, "[{'times':1,'action':{'hang':true}}]");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    char *ms = outcomes_field(&scene.redis, RESULTS, "0", "ms");
    long value = strtol(ms, NULL, 10);
    free(ms);
    return value;
}

Test(parameters, timeout_ends_a_request)
{
    long ms = ms_until_settled("timeout_ms = 400\n");
    cr_expect(ms >= 390 && ms < 4500, "%ld ms", ms);
}

Test(parameters, timeout_is_five_seconds_by_default)
{
    long ms = ms_until_settled(NULL);
    cr_expect(ms >= 4990 && ms < 15000, "%ld ms", ms);
}
