/* replyTo, expiresAt, deliverAt, orderKey; and queues. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/support/scene.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.ini = "[delivery]\nretry_base_ms = 20\n"});
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(options, .init = open_scene, .fini = close_scene, .timeout = 120);

static int64_t unix_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* What was answered to the list `r`: a new reference. */
static json_t *take_reply(void)
{
    redisReply *reply = redis_cmd(&scene.redis, "BLPOP r 30");
    cr_assert(reply->type == REDIS_REPLY_ARRAY && reply->elements == 2, "no reply");
    json_t *outcome = json_loads(reply->element[1]->str, 0, NULL);
    cr_assert(outcome, "%s", reply->element[1]->str);
    freeReplyObject(reply);
    return outcome;
}

static void expect_member(const json_t *object, const char *key, const char *json)
{
    char *have = json_dumps(json_object_get(object, key), JSON_ENCODE_ANY | JSON_COMPACT);
    cr_expect(have && strcmp(have, json) == 0, "%s: %s, not %s", key, have, json);
    free(have);
}

Test(options, reply_to_gets_the_outcome_of_a_success)
{
    job_push(&scene.redis, JOB_MSGPACK,
             "{'id':'1','channel':'presence-a','event':'e','data':'','info':'user_count',"
             "'replyTo':'r'}");
    json_t *reply = take_reply();
    expect_member(reply, "id", "\"1\"");
    expect_member(reply, "op", "\"triggerEvent\"");
    expect_member(reply, "ok", "true");
    expect_member(reply, "http", "200");
    expect_member(reply, "result", "{\"channels\":{\"presence-a\":{\"user_count\":2}}}");
    json_decref(reply);
    cr_expect(scene_settles(&scene, 1, 0));
}

Test(options, reply_to_gets_the_outcome_of_a_failure)
{
    job_push(&scene.redis, JOB_JSON,
             "{'id':'2','channel':'a b','event':'e','data':'','replyTo':'r'}");
    json_t *reply = take_reply();
    expect_member(reply, "id", "\"2\"");
    expect_member(reply, "ok", "false");
    expect_member(reply, "code", "\"invalid_channel\"");
    json_decref(reply);
    cr_expect(scene_settles(&scene, 0, 1));
}

Test(options, reply_to_expires_after_a_minute)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'','replyTo':'r'}");
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN r") == 1, WAIT_LONG_MS));
    long long ms = redis_int(&scene.redis, "PTTL r");
    cr_expect(ms > 20000 && ms <= 60000, "%lld ms", ms);
}

Test(options, reply_to_must_not_be_a_key_of_the_queue)
{
    job_push(&scene.redis, JOB_JSON,
             "{'channel':'a','event':'e','data':'','replyTo':'{pusher:jobs}:results'}");
    job_push(&scene.redis, JOB_JSON,
             "{'channel':'a','event':'e','data':'','replyTo':'pusher:jobs'}");
    cr_expect(scene_settles(&scene, 0, 2));
    cr_expect_eq(fake_server_events(&scene.fake), 0);
}

Test(options, deliver_at_waits_and_holds_nobody_else)
{
    int64_t due_ms = unix_ms() + 3000;
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'later','data':'','deliverAt':%lld}",
             (long long)due_ms);
    job_push(&scene.redis, JOB_JSON, "{'channel':'b','event':'now','data':''}");
    cr_assert(scene_settles(&scene, 2, 0));
    cr_expect(scene_event_is(&scene, 0, "b", "now", ""));
    json_t *event = scene_event(&scene, 1);
    int64_t us = json_integer_value(json_object_get(event, "received_us"));
    cr_expect_geq(us, due_ms * 1000, "%lld ms early", (long long)(due_ms - us / 1000));
    cr_expect_lt(us, (due_ms + 5000) * 1000);
    json_decref(event);
}

/* Nothing else happens on the queue that would make the daemon ask for it: the lease is renewed
 * every five seconds. */
Test(options, deliver_at_is_kept_to_the_second_by_an_idle_daemon)
{
    int64_t due_ms = unix_ms() + 1500;
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'','deliverAt':%lld}",
             (long long)due_ms);
    cr_assert(scene_settles(&scene, 1, 0));
    json_t *event = scene_event(&scene, 0);
    int64_t us = json_integer_value(json_object_get(event, "received_us"));
    cr_expect_geq(us, due_ms * 1000, "%lld ms early", (long long)(due_ms - us / 1000));
    cr_expect_lt(us, (due_ms + 1000) * 1000, "%lld ms late", (long long)(us / 1000 - due_ms));
    json_decref(event);
}

Test(options, deliver_at_survives_a_stop)
{
    int64_t due_ms = unix_ms() + 1500;
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'','deliverAt':%lld}",
             (long long)due_ms);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1, 0));
    json_t *event = scene_event(&scene, 0);
    cr_expect_geq(json_integer_value(json_object_get(event, "received_us")), due_ms * 1000);
    json_decref(event);
}

Test(options, expires_at_lets_a_fresh_job_through)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'','expiresAt':%lld}",
             (long long)unix_ms() + 60000);
    cr_expect(scene_settles(&scene, 1, 0));
}

Test(options, expires_at_ends_the_retries_of_a_job)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'status':503}}]");
    job_push(&scene.redis, JOB_JSON,
             "{'id':'x','channel':'a','event':'e','data':'','expiresAt':%lld}",
             (long long)unix_ms() + 700);
    cr_assert(scene_settles(&scene, 0, 1));
    char *code = outcomes_field(&scene.redis, FAILURES, "x", "code");
    cr_expect_str_eq(code, "expired");
    free(code);
}

Test(options, order_key_keeps_jobs_of_several_channels_in_order)
{
    fake_server_set_rules(&scene.fake,
                          "[{'match':{'contains':'first'},'times':2,'action':{'status':503}}]");
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'first','data':'','orderKey':'k'}");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "by_status.503") >= 1, WAIT_LONG_MS));
    job_push(&scene.redis, JOB_JSON, "{'channel':'b','event':'second','data':'','orderKey':'k'}");
    cr_assert(scene_settles(&scene, 2, 0));
    cr_expect(scene_event_is(&scene, 0, "a", "first", ""));
    cr_expect(scene_event_is(&scene, 1, "b", "second", ""));
}

/* Who sends it again must know what was delivered before. */
Test(options, expires_at_fails_nothing_of_what_was_delivered_whole)
{
    redis_do(&scene.redis, "HSET {pusher:jobs}:retry:jobs 0000000000000007 %s",
             "1:0:0:3:{\"id\":\"x\",\"expiresAt\":1,\"events\":["
             "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"0\"},"
             "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"1\"}]}");
    redis_do(&scene.redis, "ZADD {pusher:jobs}:retry 0 0000000000000007");
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 0);
}

Test(options, expires_at_fails_only_what_was_not_delivered)
{
    redis_do(&scene.redis, "HSET {pusher:jobs}:retry:jobs 0000000000000007 %s",
             "1:0:0:5:{\"id\":\"x\",\"expiresAt\":1,\"events\":["
             "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"0\"},"
             "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"1\"},"
             "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"2\"}]}");
    redis_do(&scene.redis, "ZADD {pusher:jobs}:retry 0 0000000000000007");
    cr_assert(scene_settles(&scene, 0, 1));
    char *parts = outcomes_field(&scene.redis, FAILURES, "x", "parts");
    cr_assert(parts, "it does not say which part failed");
    json_t *json = json_loads(parts, 0, NULL);
    cr_expect_eq(json_array_size(json), 1, "%s", parts);
    cr_expect_eq(json_integer_value(json_object_get(json_array_get(json, 0), "index")), 1);
    json_decref(json);
    free(parts);
    cr_expect_eq(fake_server_events(&scene.fake), 0);
}

TestSuite(queues, .fini = close_scene, .timeout = 120);

Test(queues, are_all_consumed_each_with_its_own_streams)
{
    scene_open(&scene, &(struct scene_options){
                           .ini = "[queue first]\n[queue second]\nlist = {tag}:jobs\nweight = 3\n"
                                  "order = none\n"});
    scene_start_pusherd(&scene);
    static const char job[] = "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\"}";
    job_push_bytes(&scene.redis, "first", job, sizeof(job) - 1);
    job_push_bytes(&scene.redis, "{tag}:jobs", job, sizeof(job) - 1);
    cr_expect(wait_until(outcomes_count(&scene.redis, "{first}:results") == 1, WAIT_LONG_MS));
    cr_expect(wait_until(outcomes_count(&scene.redis, "{tag}:jobs:results") == 1, WAIT_LONG_MS));
    cr_expect_eq(fake_server_events(&scene.fake), 2);
}

/* Not even by a job that fails for another reason, whose outcome goes to its replyTo. */
Test(queues, cannot_be_named_by_jobs_of_another_for_replies)
{
    scene_open(&scene,
               &(struct scene_options){
                   .ini = "[queue pusher:jobs]\n[queue second]\n[queue third]\npartitions = 2\n"});
    scene_start_pusherd(&scene);
    job_push(&scene.redis, JOB_JSON, "{'op':'nonsense','replyTo':'second'}");
    job_push(&scene.redis, JOB_JSON, "{'op':'nonsense','replyTo':'{second}:retry'}");
    job_push(&scene.redis, JOB_JSON, "{'op':'nonsense','replyTo':'third:1'}");
    job_push(&scene.redis, JOB_JSON, "{'op':'nonsense','replyTo':'{third:0}:failures'}");
    cr_expect(scene_settles(&scene, 0, 4));
    cr_expect_eq(redis_int(&scene.redis, "LLEN second"), 0);
    cr_expect_eq(outcomes_count(&scene.redis, "{second}:failures"), 0);
    cr_expect_eq(outcomes_count(&scene.redis, "{third:1}:failures"), 0);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS {second}:retry {third:0}:failures"), 0);
}

Test(queues, can_be_told_to_keep_failures_and_results_only)
{
    scene_open(&scene, &(struct scene_options){.ini = "[results]\nsuccesses = none\n"});
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 10, 1);
    job_push(&scene.redis, JOB_JSON, "{'id':'q','op':'getChannel','channelName':'ch-0'}");
    job_push(&scene.redis, JOB_JSON, "{'id':'f','channel':'a b','event':'e','data':''}");
    cr_expect(scene_settles(&scene, 1, 1));
    cr_expect(wait_until(fake_server_events(&scene.fake) == 10, WAIT_LONG_MS));
    char *result = outcomes_field(&scene.redis, RESULTS, "q", "result");
    cr_expect_not_null(result);
    free(result);
}
