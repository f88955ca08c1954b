/* pusherctl failures: what failed is looked at, and given back to a running pusherd or dropped. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/ctl.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){
                           .ini = "[delivery]\nmax_attempts = 1\nretry_base_ms = 10\n"});
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(failures, .init = open_scene, .fini = close_scene, .timeout = 120);

#define REFUSE_POISON                                                                              \
    "[{'match':{'path':'events','contains':'poison'},'action':{'status':400,'body':'no\\n'}}]"

/* One job that the server refuses; true once it is a failure. */
static void make_failure(const char *id)
{
    fake_server_set_rules(&scene.fake, REFUSE_POISON);
    job_push(&scene.redis, JOB_JSON, "{'id':'%s','channel':'a','event':'e','data':'poison'}", id);
    cr_assert(scene_settles(&scene, 0, 1));
}

static void expect_moved(json_t *report, const char *what, json_int_t n)
{
    cr_expect_eq(ctl_number(report, what), n);
    json_decref(report);
}

Test(failures, are_delivered_when_the_cause_is_mended)
{
    make_failure("j");
    fake_server_delete_rules(&scene.fake);
    expect_moved(ctl_json(&scene, 0, "failures", "replay", "--all", NULL), "replayed", 1);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 1);
    cr_expect(scene_event_is(&scene, 0, "a", "e", "poison"));
}

Test(failures, that_are_not_mended_fail_again)
{
    make_failure("j");
    expect_moved(ctl_json(&scene, 0, "failures", "replay", "--id", "j", NULL), "replayed", 1);
    cr_assert(scene_settles(&scene, 0, 1));
    cr_expect(wait_until(fake_server_stat(&scene.fake, "requests") == 2, WAIT_LONG_MS));
}

Test(failures, are_listed_and_shown_with_their_jobs)
{
    make_failure("j");
    json_t *list = ctl_json(&scene, 0, "failures", "list", NULL);
    json_t *entry = json_array_get(list, 0);
    cr_expect_eq(json_array_size(list), 1);
    cr_expect_str_eq(json_string_value(json_object_get(entry, "code")), "rejected");
    cr_expect_str_eq(json_string_value(json_object_get(entry, "format")), "json");
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(entry, "job"), "data")),
                     "poison");
    json_t *shown = ctl_json(&scene, 0, "failures", "show",
                             json_string_value(json_object_get(entry, "stream_id")), NULL);
    cr_expect(json_equal(shown, entry));
    json_decref(shown);
    json_decref(list);
}

/* n failures as pusherd would write them, without one. */
static void add_failures(size_t n, const char *code)
{
    for (size_t i = 0; i < n; i++) {
        int k = (int)i;
        redisAppendCommand(scene.redis.client,
                           "XADD " FAILURES " * id %d op triggerEvent app main code %s job "
                           "{\"id\":%d,\"channel\":\"ch-%d\",\"event\":\"e\",\"data\":{\"n\":%d}}",
                           k, code, k, k % 7, k);
    }
    for (size_t i = 0; i < n; i++) {
        void *reply;
        cr_assert_eq(redisGetReply(scene.redis.client, &reply), REDIS_OK);
        freeReplyObject(reply);
    }
}

Test(failures, that_two_replay_at_once_are_delivered_once_each)
{
    enum { N = 1000 };
    struct proc one, two;
    unsigned counts[N];
    add_failures(N, "rejected");
    ctl_start(&scene, &one, "failures", "replay", "--all", NULL);
    ctl_start(&scene, &two, "failures", "replay", "--all", NULL);
    json_t *a = ctl_finish(&one, 0), *b = ctl_finish(&two, 0);
    cr_expect_eq(ctl_number(a, "replayed") + ctl_number(b, "replayed"), N);
    json_decref(a);
    json_decref(b);
    cr_assert(scene_settles(&scene, N, 0));
    scene_count_published(&scene, counts, N);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(counts[i], 1u, "event %zu: %u times", i, counts[i]);
    }
}

/* What fails again while the replay runs comes before --until as well: it would go round for ever.
 */
Test(failures, that_come_during_a_replay_are_left_alone_though_until_is_later)
{
    enum { N = 1000 };
    char until[32];
    uint64_t in_an_hour_ms = ((uint64_t)time(NULL) + 3600) * 1000;
    snprintf(until, sizeof(until), "%" PRIu64, in_an_hour_ms);
    for (size_t i = 0; i < N; i++) {
        redis_do(&scene.redis, "XADD " FAILURES " * id %d job {}", (int)i);
    }
    expect_moved(
        ctl_json(&scene, 0, "failures", "replay", "--until", until, "--limit", "20000", NULL),
        "replayed", N);
    cr_assert(scene_settles(&scene, 0, N));
}

Test(failures, of_the_last_millisecond_are_dropped_when_until_is_that_one)
{
    redis_do(&scene.redis, "XADD " FAILURES " 1000-1 id a job {}");
    redis_do(&scene.redis, "XADD " FAILURES " 2000-1 id b job {}");
    redis_do(&scene.redis, "XADD " FAILURES " 2000-2 id c job {}");
    redis_do(&scene.redis, "XADD " FAILURES " 3000-1 id d job {}");
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "--until", "2000", NULL), "dropped", 3);
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "--until", "3000", NULL), "dropped", 1);
}

/* Of five events, those with poison fail; replayed, they alone are sent. */
Test(failures, in_part_are_replayed_in_those_parts)
{
    fake_server_set_rules(&scene.fake, REFUSE_POISON);
    job_push(&scene.redis, JOB_MSGPACK,
             "{'id':'j','events':[{'channel':'a','event':'e','data':{'n':0}},"
             "{'channel':'b','event':'e','data':{'n':1,'poison':1}},"
             "{'channel':'c','event':'e','data':{'n':2}},"
             "{'channel':'d','event':'e','data':{'n':3}},"
             "{'channel':'a','event':'e','data':{'n':4,'poison':1}}]}");
    cr_assert(scene_settles(&scene, 0, 1));
    fake_server_delete_rules(&scene.fake);
    json_t *report = ctl_json(&scene, 0, "failures", "replay", "--all", NULL);
    cr_expect_eq(ctl_number(report, "in_part"), 1);
    json_decref(report);
    cr_assert(scene_settles(&scene, 1, 0));
    unsigned counts[5];
    scene_count_published(&scene, counts, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_expect_eq(counts[i], 1u, "event %zu: %u times", i, counts[i]);
    }
}

Test(failures, of_some_channels_are_replayed_to_those_channels)
{
    job_push(&scene.redis, JOB_JSON,
             "{'id':'j','channels':['a','b c','d'],'event':'e','data':'x'}");
    cr_assert(scene_settles(&scene, 0, 1));
    cr_expect_eq(fake_server_events(&scene.fake), 2);
    json_t *report = ctl_json(&scene, 0, "failures", "replay", "--all", NULL);
    cr_expect_eq(ctl_number(report, "in_part"), 1);
    json_decref(report);
    cr_assert(wait_until(outcomes_count(&scene.redis, FAILURES) == 1, WAIT_LONG_MS));
    char *parts = outcomes_field(&scene.redis, FAILURES, "j", "parts");
    cr_expect(parts && strstr(parts, "[{\"index\":1,"), "%s", parts);
    free(parts);
    cr_expect_eq(fake_server_events(&scene.fake), 2);
}

Test(failures, whose_parts_cannot_be_told_stay)
{
    redis_do(&scene.redis, "XADD " FAILURES " * id j job notjson parts [{\"index\":1}]");
    json_t *report = ctl_json(&scene, 1, "failures", "replay", "--all", NULL);
    cr_expect_eq(ctl_number(report, "refused"), 1);
    cr_expect_eq(ctl_number(report, "replayed"), 0);
    json_decref(report);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 1);
}

Test(failures, are_dropped_by_what_they_are)
{
    add_failures(3, "rejected");
    add_failures(2, "expired");
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "--code", "expired", "--dry-run", NULL),
                 "dropped", 2);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 5);
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "--code", "expired", NULL), "dropped", 2);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 3);
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "drop", "--all", NULL), 64);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 3);
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "--all", "--yes", NULL), "dropped", 3);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 0);
}

/* --limit counts the entries that are named, too. */
Test(failures, beyond_the_limit_stay)
{
    redis_do(&scene.redis, "XADD " FAILURES " 1-1 id a job {}");
    redis_do(&scene.redis, "XADD " FAILURES " 2-1 id b job {}");
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "1-1", "--limit", "0", NULL), "dropped",
                 0);
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "--all", "--yes", "--limit", "0", NULL),
                 "dropped", 0);
    expect_moved(ctl_json(&scene, 1, "failures", "drop", "3-1", "2-1", "1-1", "--limit", "1", NULL),
                 "dropped", 1);
    expect_moved(ctl_json(&scene, 0, "failures", "drop", "1-1", NULL), "dropped", 1);
}

Test(failures, are_named_or_all_is_said)
{
    add_failures(1, "rejected");
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "replay", NULL), 64);
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "replay", "--all", "1-1", NULL), 64);
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "replay", "1-x", NULL), 64);
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "replay", "1-1", NULL), 1);
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "show", "1-1", NULL), 1);
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "list", "--yes", NULL), 64);
    cr_expect_eq(ctl_run(&scene, NULL, "failures", "burn", NULL), 64);
    cr_expect_eq(outcomes_count(&scene.redis, FAILURES), 1);
}
