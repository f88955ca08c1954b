/* A lone job on an idle daemon is sent at once: nothing lingers, nothing polls. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

#include "tests/support/scene.h"

#define N_SAMPLES 31

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(latency, .init = open_scene, .fini = close_scene, .timeout = 120);

static int64_t unix_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* From the RPUSH to the arrival at the server. */
static int64_t sample_us(size_t i)
{
    int64_t pushed_us = unix_us();
    job_push_many(&scene.redis, JOB_MSGPACK, i, 1, 1);
    cr_assert(scene_settles(&scene, i + 1, 0));
    json_t *event = scene_event(&scene, i);
    int64_t us = json_integer_value(json_object_get(event, "received_us")) - pushed_us;
    json_decref(event);
    return us;
}

Test(latency, of_a_lone_job_is_a_few_milliseconds)
{
    int64_t us[N_SAMPLES];
    for (size_t i = 0; i < N_SAMPLES; i++) {
        us[i] = sample_us(i);
    }
    qsort(us, N_SAMPLES, sizeof(us[0]), compare);
    cr_expect_lt(us[N_SAMPLES / 2], 20000, "median %lld us", (long long)us[N_SAMPLES / 2]);
}

Test(latency, idle_daemon_uses_no_cpu)
{
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    uint64_t before_us = proc_cpu_us(&scene.pusherd);
    uint64_t start_ms = wait_now_ms();
    wait_until(wait_now_ms() >= start_ms + 2000, 3000);
    uint64_t used_us = proc_cpu_us(&scene.pusherd) - before_us;
    cr_expect_leq(used_us, 100000u, "%u us of CPU in two idle seconds", (unsigned)used_us);
}
