/* How many requests are sent at a time adapts to the server, and the metrics show it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/support/exposition.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define N        4000
#define LIMIT    "pusherd_api_requests_limit{app=\"main\"}"
#define CAUSE(c) "pusherd_api_limit_decreases_total{app=\"main\",cause=\"" c "\"}"

static struct scene scene;
static unsigned port;
static char ini[256];

static void open_with(const char *app)
{
    port = port_pick();
    snprintf(ini, sizeof(ini), "[status]\nlisten = 127.0.0.1:%u\n[delivery]\nretry_base_ms = 20\n",
             port);
    scene_open(&scene, &(struct scene_options){.ini = ini, .app = app});
    job_push_many(&scene.redis, JOB_JSON, 0, N, N);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(concurrency, .fini = close_scene, .timeout = 120);

static double value_of(const char *series)
{
    return exposition_ask(port, series);
}

static void deliver_all(void)
{
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N, 0));
}

/* A server that is far away, and never refuses: as many as are allowed. */
Test(concurrency, grows_to_what_is_allowed)
{
    open_with("max_in_flight = 24\n");
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':30}}]");
    scene_start_pusherd(&scene);
    cr_expect(wait_until(value_of(LIMIT) == 24, WAIT_LONG_MS));
    cr_expect(scene_settles(&scene, N, 0));
    cr_expect_eq(value_of(CAUSE("rate_limited")), 0);
    cr_expect_eq(value_of(CAUSE("server_error")), 0);
}

Test(concurrency, shrinks_when_the_server_refuses)
{
    open_with("max_in_flight = 24\n");
    fake_server_set_rules(&scene.fake, "[{'probability':0.2,'action':{'status':429}},"
                                       "{'action':{'delay_ms':10}}]");
    deliver_all();
    cr_expect_gt(value_of(CAUSE("rate_limited")), 3);
    cr_expect_lt(value_of(LIMIT), 24);
    cr_expect_geq(value_of(LIMIT), 2);
}

Test(concurrency, stays_where_it_is_fixed)
{
    open_with("max_in_flight = 24\nconcurrency = fixed\n");
    fake_server_set_rules(&scene.fake, "[{'probability':0.2,'action':{'status':503}}]");
    deliver_all();
    cr_expect_eq(value_of(LIMIT), 24);
    cr_expect_eq(value_of(CAUSE("server_error")), 0);
}
