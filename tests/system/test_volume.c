/* Many jobs: each once, in order, in full batches. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define N_CHANNELS 500

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.ini = "[results]\nmax_entries = 1000000\n"});
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(volume, .init = open_scene, .fini = close_scene, .timeout = 300);

static void expect_each_in_results_once(size_t n)
{
    struct outcomes results;
    unsigned *seen = calloc(n, sizeof(unsigned));
    outcomes_read(&scene.redis, RESULTS, &results);
    cr_expect_eq(results.n, n);
    for (size_t i = 0; i < results.n; i++) {
        size_t id = strtoul(outcomes_get(&results, i, "id", NULL), NULL, 10);
        cr_assert_lt(id, n);
        cr_assert_eq(++seen[id], 1, "two results of job %zu", id);
    }
    outcomes_deinit(&results);
    free(seen);
}

/* One page of events: each n is larger than the last of its channel. */
static void check_order(const json_t *events, json_int_t *last)
{
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *event = json_array_get(events, i);
        size_t channel = 0;
        json_int_t n = 0;
        const char *data = json_string_value(json_object_get(event, "data"));
        sscanf(json_string_value(json_object_get(event, "channel")), "ch-%zu", &channel);
        sscanf(data, "{\"n\":%" JSON_INTEGER_FORMAT "}", &n);
        cr_assert_gt(n, last[channel], "%s after %d on channel %zu", data, (int)last[channel],
                     channel);
        last[channel] = n;
    }
}

static void expect_order_in_each_channel(void)
{
    json_int_t last[N_CHANNELS];
    memset(last, -1, sizeof(last));
    for (size_t from = 1, got = 1; got > 0; from += got) {
        char what[64];
        snprintf(what, sizeof(what), "events?from=%zu&limit=10000", from);
        json_t *events = fake_server_get(&scene.fake, what);
        got = json_array_size(events);
        check_order(events, last);
        json_decref(events);
    }
}

static void run(enum job_format format)
{
    job_push_many(&scene.redis, format, 0, VOLUME_JOBS, N_CHANNELS);
    scene_start_pusherd(&scene);
    cr_assert(scene_drains(&scene, VOLUME_JOBS));
    cr_assert(scene_settles(&scene, VOLUME_JOBS, 0));
    expect_each_in_results_once(VOLUME_JOBS);
    cr_expect_eq(fake_server_events(&scene.fake), VOLUME_JOBS);
    cr_expect_geq(fake_server_stat(&scene.fake, "mean_batch"), 9);
    cr_expect_eq(fake_server_stat(&scene.fake, "bad_signatures"), 0);
    expect_order_in_each_channel();
}

Test(volume, of_msgpack_jobs_is_delivered_once_in_order_and_in_full_batches)
{
    run(JOB_MSGPACK);
}

Test(volume, of_json_jobs_is_delivered_once_in_order_and_in_full_batches)
{
    run(JOB_JSON);
}

Test(volume, leaves_the_backlog_in_redis_and_memory_flat)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':20}}]");
    job_push_many(&scene.redis, JOB_MSGPACK, 0, VOLUME_JOBS, N_CHANNELS);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(outcomes_count(&scene.redis, RESULTS) > 1000, WAIT_LONG_MS));
    size_t rss_kib = proc_rss_kib(&scene.pusherd);
    cr_expect_lt(rss_kib, (size_t)VOLUME_RSS_KIB, "%zu KiB", rss_kib);
    cr_expect_gt(redis_int(&scene.redis, "LLEN " JOB_LIST), 0);
}
