/* What is held of jobs stays within max_claimed_bytes, however large they are and however slow the
 * server. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/exposition.h"
#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define BUDGET   (4u << 20)
#define LARGEST  1000000u /* bytes of data */
#define SMALLEST 10000u
#define N        120
#define HELD     "pusherd_jobs_held_bytes{queue=\"pusher:jobs\"}"

static struct scene scene;
static unsigned port;
static char ini[256];

static void open_scene(void)
{
    static const char *const fake_args[] = {"--record", "0", NULL};

    port = port_pick();
    snprintf(ini, sizeof(ini),
             "[status]\nlisten = 127.0.0.1:%u\n[delivery]\nmax_claimed_bytes = %u\n"
             "max_job_bytes = 1500000\n",
             port, BUDGET);
    scene_open(&scene, &(struct scene_options){
                           .ini = ini,
                           .app = "max_event_bytes = 10000000\nmax_request_bytes = 8000000\n"
                                  "timeout_ms = 12000\n",
                           .fake_args = fake_args});
    fake_server_set_rules(&scene.fake, "[{'action':{'status':200,'body':'{}','delay_ms':30}}]");
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(memory, .init = open_scene, .fini = close_scene, .timeout = 240);

/* A msgpack job to one of ten channels, with so many bytes of data, all the same. */
static void push(unsigned i, const char *channels, size_t size, char byte)
{
    char head[128];
    size_t len = (size_t)snprintf(head, sizeof(head),
                                  "\x83\xa7"
                                  "channel\xac%.10s-%u\xa5"
                                  "event\xa1"
                                  "e\xa4"
                                  "data\xdb",
                                  channels, i % 10);
    char *job = malloc(len + 4 + size);

    memcpy(job, head, len);
    for (int k = 0; k < 4; k++)
        job[len + (size_t)k] = (char)(size >> (24 - 8 * k));
    memset(job + len + 4, byte, size);
    job_push_bytes(&scene.redis, JOB_LIST, job, len + 4 + size);
    free(job);
}

/* Sizes from the smallest to the largest, mixed. */
static size_t size_of(unsigned i)
{
    return SMALLEST + (i * 7919u % N) * ((LARGEST - SMALLEST) / N);
}

static double held_bytes(void)
{
    struct exposition exposition;
    struct http_answer answer;
    char url[64];
    double value;

    snprintf(url, sizeof(url), "http://127.0.0.1:%u/metrics", port);
    http_perform(&(struct http_request){.method = "GET", .url = url}, &answer);
    if (answer.status != 200) {
        http_answer_deinit(&answer);
        return 0;
    }
    exposition_read(answer.body, &exposition);
    value = exposition_value(&exposition, HELD);
    exposition_deinit(&exposition);
    http_answer_deinit(&answer);
    return value;
}

static double most_bytes;

static bool are_done(size_t n)
{
    double bytes = held_bytes();

    most_bytes = bytes > most_bytes ? bytes : most_bytes;
    return outcomes_count(&scene.redis, RESULTS) + outcomes_count(&scene.redis, FAILURES) >= n;
}

static void expect_all_delivered(size_t n)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(are_done(n), 120000));
    cr_expect(scene_settles(&scene, n, 0));
    cr_expect_gt(most_bytes, BUDGET / 4, "%.0f bytes", most_bytes);
}

Test(memory, of_large_jobs_stays_within_the_budget)
{
    for (unsigned i = 0; i < N; i++)
        push(i, "large-jobs", size_of(i), 'x');
    expect_all_delivered(N);
    cr_expect_leq(most_bytes, BUDGET);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    cr_expect_lt(proc_rss_kib(&scene.pusherd), (size_t)VOLUME_RSS_KIB);
#endif
}

/* A byte becomes six in JSON: nothing of the plain jobs
 * before lets expect it. */
Test(memory, of_jobs_that_grow_when_they_are_encoded_stays_within_the_budget)
{
    for (unsigned i = 0; i < N; i++)
        push(i, "plain-jobs", SMALLEST, 'x');
    for (unsigned i = 0; i < N; i++)
        push(i, "they-grow_", size_of(i) / 10, '\x01');
    expect_all_delivered(2 * N);
    cr_expect_leq(most_bytes, BUDGET);
}

/* As far as it goes: one that is larger by itself is sent all the same. */
Test(memory, takes_a_job_that_alone_is_larger_than_the_budget)
{
    push(0, "plain-jobs", SMALLEST, 'x');
    push(1, "they-grow_", BUDGET / 5, '\x01');
    push(2, "plain-jobs", SMALLEST, 'x');
    scene_start_pusherd(&scene);
    cr_assert(wait_until(are_done(3), 60000));
    cr_expect(scene_settles(&scene, 3, 0));
    cr_expect_gt(most_bytes, BUDGET);
    cr_expect_lt(most_bytes, 8.0 * BUDGET / 5);
}
