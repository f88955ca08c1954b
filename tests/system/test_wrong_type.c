/* Keys of the wrong type, put there by somebody else: no job is lost for it, and none waits for it
 * longer than the mistake stands. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ctl.h"
#include "tests/support/scene.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(wrong_type, .init = open_scene, .fini = close_scene, .timeout = 120);

Test(wrong_type, of_a_reply_list_spoils_only_that_reply)
{
    redis_do(&scene.redis, "SET r x");
    job_push_many(&scene.redis, JOB_JSON, 0, 20, 5);
    job_push(&scene.redis, JOB_JSON,
             "{'id':'20','channel':'a','event':'e','data':{'n':20},'replyTo':"
             "'r'}");
    job_push_many(&scene.redis, JOB_JSON, 21, 20, 5);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 41, 0));
    unsigned counts[41];
    scene_count_published(&scene, counts, 41);
    for (size_t i = 0; i < 41; i++) {
        cr_expect_eq(counts[i], 1, "event %zu: %u times", i, counts[i]);
    }
}

Test(wrong_type, of_the_results_is_said_and_loses_no_job)
{
    redis_do(&scene.redis, "SET " RESULTS " x");
    job_push_many(&scene.redis, JOB_JSON, 0, 20, 5);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "WRONGTYPE"), WAIT_LONG_MS));
    redis_do(&scene.redis, "DEL " RESULTS);
    cr_assert(scene_settles(&scene, 20, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 20);
}

Test(wrong_type, of_the_list_is_said_and_ends_nothing)
{
    redis_do(&scene.redis, "SET " JOB_LIST " x");
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "WRONGTYPE"), WAIT_LONG_MS));
    redis_do(&scene.redis, "DEL " JOB_LIST);
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 5);
    cr_assert(scene_settles(&scene, 5, 0));
}

Test(wrong_type, of_a_server_that_is_read_only_is_waited_out)
{
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 5);
    redis_do(&scene.redis, "REPLICAOF 127.0.0.1 1");
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "READONLY"), WAIT_LONG_MS));
    redis_do(&scene.redis, "REPLICAOF NO ONE");
    cr_assert(scene_settles(&scene, 5, 0));
}

/* Redis makes the least of all integers of them. */
Test(wrong_type, of_a_time_that_is_infinite_ends_nothing)
{
    redis_do(&scene.redis, "ZADD {pusher:jobs}:retry inf 0000000000000005");
    redis_do(&scene.redis, "ZADD {pusher:jobs}:leases inf another -inf third");
    job_push_many(&scene.redis, JOB_JSON, 0, 5, 5);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 5, 0));
    cr_expect_eq(ctl_run(&scene, NULL, "status", NULL), 0);
    cr_expect(proc_is_running(&scene.pusherd));
}

static long long n_calls(void)
{
    redisReply *info = redis_cmd(&scene.redis, "INFO commandstats");
    const char *at = strstr(info->str, "cmdstat_evalsha:calls=");
    long long n = at ? strtoll(at + strlen("cmdstat_evalsha:calls="), NULL, 10) : 0;
    freeReplyObject(info);
    return n;
}

static bool is_past(uint64_t ms)
{
    return wait_now_ms() >= ms;
}

/* A right that is missing, rather than a type that is wrong. */
Test(wrong_type, of_parked_jobs_is_no_reason_to_ask_for_them_without_end)
{
    redis_do(&scene.redis, "SADD {pusher:jobs}:parked main");
    redis_do(&scene.redis, "ZADD {pusher:jobs}:parked:main 5 0000000000000005");
    redis_do(&scene.redis, "HSET {pusher:jobs}:retry:jobs 0000000000000005 %s",
             "0:0:0::{\"channel\":\"a\",\"event\":\"e\",\"data\":\"\"}");
    redis_do(&scene.redis, "ACL SETUSER default -zrem");
    scene_start_pusherd(&scene);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "script=unpark"), WAIT_LONG_MS));
    long long before = n_calls();
    uint64_t from_ms = wait_now_ms();
    cr_assert(wait_until(is_past(from_ms + 1500), WAIT_LONG_MS));
    cr_expect_lt(n_calls() - before, 30, "%lld calls", n_calls() - before);
    redis_do(&scene.redis, "ACL SETUSER default +zrem");
    cr_assert(scene_settles(&scene, 1, 0));
}
