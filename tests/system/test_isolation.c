/* One event that the server refuses fails alone; the others of its batch are delivered once. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define N 50

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(isolation, .init = open_scene, .fini = close_scene, .timeout = 120);

static bool is_poison(size_t i, size_t every)
{
    return i % every == every / 2;
}

/* N jobs before the daemon starts, so that they meet in full batches; some carry poison. */
static size_t push_with_poison(size_t every)
{
    size_t n_poison = 0;
    for (size_t i = 0; i < N; i++) {
        bool poison = is_poison(i, every);
        n_poison += poison;
        job_push(&scene.redis, JOB_JSON,
                 "{'id':'%zu','channel':'ch-%zu','event':'e','data':{'n':%zu%s}}", i, i % 20, i,
                 poison ? ",'poison':1" : "");
    }
    scene_start_pusherd(&scene);
    return n_poison;
}

static void expect_all_but_poison_once(size_t every)
{
    unsigned counts[N];
    scene_count_published(&scene, counts, N);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(counts[i], is_poison(i, every) ? 0u : 1u, "event %zu: %u times", i, counts[i]);
    }
}

static void expect_rejections(size_t every, const char *http, const char *text)
{
    struct outcomes failures;
    outcomes_read(&scene.redis, FAILURES, &failures);
    for (size_t i = 0; i < failures.n; i++) {
        cr_expect(is_poison(strtoul(outcomes_get(&failures, i, "id", NULL), NULL, 10), every));
        cr_expect_str_eq(outcomes_get(&failures, i, "code", NULL), "rejected");
        cr_expect_str_eq(outcomes_get(&failures, i, "http", NULL), http);
        cr_expect(strstr(outcomes_get(&failures, i, "error", NULL), text), "%s",
                  outcomes_get(&failures, i, "error", NULL));
        cr_expect(strstr(outcomes_get(&failures, i, "job", NULL), "poison"));
    }
    outcomes_deinit(&failures);
}

static void run(size_t every, const char *rules, const char *http, const char *text)
{
    fake_server_set_rules(&scene.fake, rules);
    size_t n_poison = push_with_poison(every);
    cr_assert(scene_settles(&scene, N - n_poison, n_poison));
    expect_all_but_poison_once(every);
    expect_rejections(every, http, text);
}

Test(isolation, of_one_event_refused_with_400)
{
    run(N, "[{'match':{'contains':'poison'},'action':{'status':400,'body':'no such thing\\n'}}]",
        "400", "no such thing");
}

Test(isolation, of_several_events_refused_with_413)
{
    run(8, "[{'match':{'contains':'poison'},'action':{'status':413,'body':'too large'}}]", "413",
        "too large");
}

/* As if the whole app were: its gate closes once, and opens again for the others. */
Test(isolation, of_one_event_that_a_firewall_forbids)
{
    run(N, "[{'match':{'contains':'poison'},'action':{'status':403,'body':'blocked'}}]", "403",
        "blocked");
}

Test(isolation, of_a_call_that_is_forbidden)
{
    fake_server_set_rules(&scene.fake,
                          "[{'match':{'path':'/admin'},'action':{'status':401,'body':'no'}}]");
    job_push(&scene.redis, JOB_JSON, "{'id':'bad','op':'customGet','path':'/admin'}");
    for (int i = 0; i < N; i++)
        job_push(&scene.redis, JOB_JSON, "{'channel':'c','event':'e','data':{'n':%d}}", i);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "by_status.401") >= 1, WAIT_LONG_MS));
    /* All others may be done by now, and then nothing tells that it is not the app. */
    job_push(&scene.redis, JOB_JSON, "{'channel':'d','event':'e','data':''}");
    cr_assert(scene_settles(&scene, N + 1, 1));
    char *code = outcomes_field(&scene.redis, FAILURES, "bad", "code");
    cr_expect_str_eq(code, "rejected");
    free(code);
}

Test(isolation, of_an_error_that_comes_with_status_200)
{
    run(N,
        "[{'match':{'contains':'poison'},'action':{'status':200,'publish':'none','body':"
        "'{\\u0022error\\u0022:\\u0022no thanks\\u0022,\\u0022code\\u0022:400}'}}]",
        "400", "no thanks");
}

Test(isolation, within_a_batch_job_names_the_parts)
{
    fake_server_set_rules(&scene.fake,
                          "[{'match':{'contains':'poison'},'action':{'status':400,'body':'no'}}]");
    job_push(
        &scene.redis, JOB_MSGPACK,
        "{'id':'b','events':[{'channel':'a','event':'e','data':{'n':0}},"
        "{'channel':'b','event':'e','data':'poison'},{'channel':'c','event':'e','data':{'n':1}},"
        "{'channel':'not a name','event':'e','data':'x'}]}");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 1));
    unsigned counts[2];
    scene_count_published(&scene, counts, 2);
    cr_expect(counts[0] == 1 && counts[1] == 1);

    char *text = outcomes_field(&scene.redis, FAILURES, "b", "parts");
    json_t *parts = text ? json_loads(text, 0, NULL) : NULL;
    json_int_t first = 0, second = 0;
    const char *first_code = "", *second_code = "";
    json_unpack(parts, "[{s:I, s:s}, {s:I, s:s} !]", "index", &first, "code", &first_code, "index",
                &second, "code", &second_code);
    cr_expect(first == 1 && second == 3, "%s", text);
    cr_expect_str_eq(first_code, "rejected", "%s", text);
    cr_expect_str_eq(second_code, "invalid_channel", "%s", text);
    json_decref(parts);
    free(text);
}

Test(isolation, within_a_job_of_many_channels_leaves_the_other_chunks_alone)
{
    fake_server_set_rules(
        &scene.fake,
        "[{'match':{'contains':'c-120'},'action':{'status':400,'body':'not that one'}}]");
    char *channels;
    size_t size;
    FILE *out = open_memstream(&channels, &size);
    for (int i = 0; i < 150; i++) {
        fprintf(out, "%s'c-%d'", i ? "," : "", i);
    }
    fclose(out);
    job_push(&scene.redis, JOB_JSON, "{'id':'m','channels':[%s],'event':'e','data':'x'}", channels);
    free(channels);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 1));
    char *parts = outcomes_field(&scene.redis, FAILURES, "m", "parts");
    cr_expect(parts && strstr(parts, "\"index\":120"), "%s", parts);
    cr_expect_geq(fake_server_events(&scene.fake), 100u);
    free(parts);
}
