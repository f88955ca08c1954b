/* Elements that lie about their size, that nest without end, that are no text, or that are many:
 * each fails alone, its good neighbours are delivered, and the daemon's memory stays bounded. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define MIB ((size_t)1 << 20)

static struct scene scene;
static size_t n_good, n_bad;

static void open_scene(void)
{
    scene_open(&scene, NULL);
    scene_start_pusherd(&scene);
    n_good = n_bad = 0;
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(hostile, .init = open_scene, .fini = close_scene, .timeout = 300);

static void push_good(void)
{
    job_push_many(&scene.redis, JOB_MSGPACK, n_good++, 1, 7);
}

static void push_bad(const void *bytes, size_t len)
{
    job_push_bytes(&scene.redis, JOB_LIST, bytes, len);
    n_bad++;
    push_good();
}

static void expect_failures_alone(const char *code)
{
    struct outcomes failures;
    cr_assert(scene_settles(&scene, n_good, n_bad));
    outcomes_read(&scene.redis, FAILURES, &failures);
    for (size_t i = 0; i < failures.n; i++) {
        cr_expect_str_eq(outcomes_get(&failures, i, "code", NULL), code, "%zu: %s", i,
                         outcomes_get(&failures, i, "error", NULL));
    }
    outcomes_deinit(&failures);
    cr_expect_eq(fake_server_events(&scene.fake), n_good);
}

static void expect_memory_within(size_t max_kib)
{
    size_t peak_kib = proc_peak_kib(&scene.pusherd);
    fprintf(stderr, "peak of memory: %zu KiB\n", peak_kib);
    cr_expect_lt(peak_kib, max_kib);
}

/* A map whose member `x` begins with this head, and has four bytes more. */
static void push_lie(const char *head, size_t len)
{
    char job[64] = "\x81\xa1x";
    memcpy(job + 3, head, len);
    memcpy(job + 3 + len, "\xc0\xc0\xc0\xc0", 4);
    push_bad(job, 3 + len + 4);
    memcpy(job,
           "\x81\xa4"
           "data",
           6);
    memcpy(job + 6, head, len);
    push_bad(job, 6 + len);
}

Test(hostile, declared_gigabytes_are_refused)
{
    static const char heads[][5] = {
        "\xdb\xff\xff\xff\xff", "\xdb\x7f\xff\xff\xff", "\xc6\xff\xff\xff\xff",
        "\xc9\xff\xff\xff\xff", "\xdd\xff\xff\xff\xff", "\xdd\x08\x00\x00\x00",
        "\xdf\xff\xff\xff\xff", "\xdf\x80\x00\x00\x00",
    };
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        push_bad(heads[i], 5);
        push_lie(heads[i], 5);
    }
    push_lie("\xda\xff\xff", 3);
    push_lie("\xdc\xff\xff", 3);
    push_lie("\xd9\xff", 2);
    push_bad("\xdf\xff\xff\xff\xff\xdf\xff\xff\xff\xff", 10);
    expect_failures_alone("invalid_job");
    expect_memory_within(HOSTILE_RSS_KIB);
}

/* HEAD, then so often DOWN, then UP as often. */
static void push_nested(const char *head, const char *down, size_t len, const char *up)
{
    enum { LEVELS = 100000 };
    size_t size = strlen(head) + LEVELS * (len + strlen(up)) + 1;
    char *job = malloc(size), *at = job;
    at = stpcpy(at, head);
    for (size_t i = 0; i < LEVELS; i++) {
        memcpy(at, down, len);
        at += len;
    }
    for (size_t i = 0; i < LEVELS; i++) {
        at = stpcpy(at, up);
    }
    push_bad(job, (size_t)(at - job));
    free(job);
}

Test(hostile, nesting_of_a_hundred_thousand_levels_is_refused)
{
    push_nested("{\"channel\":\"a\",\"event\":\"e\",\"data\":", "[", 1, "]");
    push_nested("{\"channel\":\"a\",\"event\":\"e\",\"data\":", "{\"a\":", 5, "}");
    push_nested("{\"channel\":\"a\",\"event\":\"e\",\"nobodys\":", "[", 1, "");
    push_nested("{\"op\":\"customGet\",\"path\":\"/x\",\"params\":", "{\"a\":", 5, "");
    push_nested("{\"events\":", "[", 1, "]");
    push_nested("\x81\xa4"
                "data",
                "\x91", 1, "");
    push_nested("\x81\xa4"
                "data",
                "\x81\xa1"
                "a",
                3, "");
    push_nested("\x81\xa1", "\x81", 1, "");
    push_nested("\x81\xa6"
                "events",
                "\x91", 1, "");
    expect_failures_alone("invalid_job");
    expect_memory_within(HOSTILE_RSS_KIB);
}

/* jansson, which reads these texts inside a job, has bounds of its own. */
Test(hostile, nesting_inside_of_texts_is_refused)
{
    char *deep = malloc(200001);
    memset(deep, '[', 100000);
    memset(deep + 100000, ']', 100000);
    deep[200000] = '\0';
    job_push(&scene.redis, JOB_JSON, "{'op':'validateWebhook','headers':'%s','rawBody':'x'}", deep);
    job_push(&scene.redis, JOB_JSON, "{'op':'customGet','path':'/x','params':'%s'}", deep);
    n_bad = 2;
    push_good();
    expect_failures_alone("invalid_job");
    free(deep);
}

Test(hostile, bytes_that_are_no_text_are_refused)
{
    static const char *const bytes[] = {"\xff",         "\xc0\xaf",         "\xed\xa0\x80",
                                        "\xf4\x90\x80", "\xe2\x82",         "\x80",
                                        "\xc3(",        "\xf8\x88\x80\x80", "\xfe\xff"};
    char job[128];
    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        int len = snprintf(job, sizeof(job), "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"%s\"}",
                           bytes[i]);
        push_bad(job, (size_t)len);
        len = snprintf(job, sizeof(job),
                       "\x83\xa7"
                       "channel\xa1"
                       "a\xa5"
                       "event\xa1"
                       "e\xa4"
                       "data%c%s",
                       (char)(0xa0 | strlen(bytes[i])), bytes[i]);
        push_bad(job, (size_t)len);
    }
    expect_failures_alone("invalid_data");
}

/* "_": the first byte in each text of a job that is not UTF-8. */
Test(hostile, names_that_are_no_text_are_refused)
{
    static const char *const jobs[] = {
        "{\"channel\":\"_\",\"event\":\"e\",\"data\":1}",
        "{\"channel\":\"a\",\"event\":\"_\",\"data\":1}",
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"id\":\"_\"}",
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"app\":\"_\"}",
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"replyTo\":\"_\"}",
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"orderKey\":\"_\"}",
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"socketId\":\"_\"}",
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"nobodys\":\"_\"}",
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"_\":1}",
        "{\"channels\":[\"_\"],\"event\":\"e\",\"data\":1}",
        "{\"op\":\"_\",\"channel\":\"a\",\"event\":\"e\",\"data\":1}",
        "{\"op\":\"sendToUser\",\"userId\":\"_\",\"event\":\"e\",\"data\":1}",
        "{\"op\":\"customGet\",\"path\":\"/_\"}",
        "{\"op\":\"customGet\",\"path\":\"/\",\"params\":{\"_\":1}}",
    };
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        char job[128];
        snprintf(job, sizeof(job), "%s", jobs[i]);
        *strchr(job, '_') = '\xff';
        push_bad(job, strlen(job));
    }
    expect_failures_alone("invalid_job");
}

/* HEAD, then the item as often as fits into `size` bytes, then TAIL. */
static void push_dense(const char *head, const char *item, const char *tail, size_t size)
{
    size_t len = strlen(item);
    char *job = malloc(size + 1), *at = stpcpy(job, head);
    while (at + len + strlen(tail) < job + size) {
        at = stpcpy(at, item);
    }
    at -= item[len - 1] == ',';
    at = stpcpy(at, tail);
    push_bad(job, (size_t)(at - job));
    free(job);
}

Test(hostile, elements_of_64_megabytes_never_reach_the_daemon)
{
    for (int i = 0; i < 4; i++) {
        push_dense("{\"channel\":\"a\",\"event\":\"e\",\"data\":\"", "x", "\"}", 64 * MIB);
    }
    expect_failures_alone("payload_too_large");
    expect_memory_within(HOSTILE_RSS_KIB);
}

/* Of the largest size that is allowed, with as many items in it as there can be: they take far more
 * memory than they are long. */
Test(hostile, elements_of_the_most_items_are_bounded)
{
    for (int i = 0; i < HOSTILE_ROUNDS; i++) {
        push_dense("{\"events\":[", "0,", "]}", MIB - 1);
        push_dense("{\"events\":[", "{},", "]}", MIB - 1);
        push_dense("{\"channels\":[", "\" \",", "],\"event\":\"e\",\"data\":1}", MIB - 1);
        push_dense("{\"op\":\"customGet\",\"path\":\"/x\",\"params\":{", "\"a\":1,", "}}", MIB - 1);
    }
    for (int i = 0; i < 10 * HOSTILE_ROUNDS; i++) { /* many of them fit into a claim */
        push_dense("{\"events\":[", "0,", "]}", MIB / 16);
    }
    cr_assert(scene_settles(&scene, n_good, n_bad));
    cr_expect_eq(fake_server_events(&scene.fake), n_good);
    expect_memory_within(HOSTILE_RSS_KIB);
}

/* Jobs with their numbers between head and tail. */
static void push_flood(const char *head, const char *tail, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char job[256];
        int len = snprintf(job, sizeof(job), "%s%zu%s", head, i, tail);
        redisAppendCommand(scene.redis.client, "RPUSH " JOB_LIST " %b", job, (size_t)len);
    }
    for (size_t i = 0; i < n; i++) {
        redisReply *reply;
        cr_assert_eq(redisGetReply(scene.redis.client, (void **)&reply), REDIS_OK);
        freeReplyObject(reply);
    }
}

Test(hostile, a_flood_of_lanes_is_delivered_in_bounded_memory)
{
    enum { N = HOSTILE_FLOOD };
    push_flood("{\"channel\":\"ch-", "\",\"event\":\"e\",\"data\":1}", N);
    push_flood("{\"channel\":\"a\",\"event\":\"e\",\"data\":1,\"orderKey\":\"k-", "\"}", N);
    cr_assert(scene_drains(&scene, 2 * N));
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 0);
    cr_expect_eq(fake_server_events(&scene.fake), 2 * N);
    expect_memory_within(HOSTILE_RSS_KIB);
}

Test(hostile, a_flood_of_apps_fails_and_no_more)
{
    enum { N = HOSTILE_FLOOD };
    push_flood("{\"app\":\"app-", "\",\"channel\":\"a\",\"event\":\"e\",\"data\":1}", N);
    push_good();
    cr_assert(scene_settles(&scene, n_good, N));
    expect_memory_within(HOSTILE_RSS_KIB);
}
