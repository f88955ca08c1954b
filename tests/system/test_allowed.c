/* `operations` of a queue: a job that asks for another one fails alone, and nothing is sent or
 * computed. A reload that changes them: test_reload_queues.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

#define PUBLISH "triggerEvent, triggerMultipleChannels, triggerBatch, sendToUser"
#define OTHER   "other:jobs"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.ini = "[queue pusher:jobs]\noperations = " PUBLISH
                                                      "\n[queue " OTHER "]\noperations = "
                                                      "authorizeChannel\n"});
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(allowed, .init = open_scene, .fini = close_scene, .timeout = 120);

/* Jobs that are good but for the queue, each with its operation as its id. */
static const char *const others[] = {
    "{'id':'listChannels','op':'listChannels'}",
    "{'id':'getChannel','op':'getChannel','channelName':'a'}",
    "{'id':'getChannelUsers','op':'getChannelUsers','channelName':'presence-a'}",
    "{'id':'authenticateUser','op':'authenticateUser','socketId':'1.2','userData':{'id':'7'}}",
    "{'id':'authorizeChannel','op':'authorizeChannel','socketId':'1.2','channel':'private-a'}",
    "{'id':'terminateUserConnections','op':'terminateUserConnections','userId':'u'}",
    "{'id':'validateWebhook','op':'validateWebhook','headers':{},'rawBody':'{}'}",
    "{'id':'createSignedQueryString','op':'createSignedQueryString','method':'GET','path':'/x'}",
    "{'id':'customGet','op':'customGet','path':'/channels'}",
    "{'id':'customPost','op':'customPost','path':'/events','body':{'name':'e'}}",
};
#define N_OTHERS (sizeof(others) / sizeof(others[0]))

static void expect_refused(const struct outcomes *failures, size_t i)
{
    char wanted[128];
    const char *op = outcomes_get(failures, i, "op", NULL);
    snprintf(wanted, sizeof(wanted), "%s is not among the operations of this queue", op);
    cr_expect_str_eq(outcomes_get(failures, i, "code", NULL), "unknown_op", "%s", op);
    cr_expect_str_eq(outcomes_get(failures, i, "error", NULL), wanted);
    cr_expect_str_eq(outcomes_get(failures, i, "id", NULL), op);
    cr_expect_str_eq(outcomes_get(failures, i, "http", NULL), "0");
    cr_expect_str_eq(outcomes_get(failures, i, "app", NULL), "main");
    cr_expect(strstr(outcomes_get(failures, i, "job", NULL), op), "%s: the job's bytes", op);
    cr_expect_null(outcomes_get(failures, i, "result", NULL));
}

Test(allowed, is_nothing_but_what_the_queue_names_and_neighbours_are_delivered)
{
    struct outcomes failures;
    for (size_t i = 0; i < N_OTHERS; i++) {
        job_push(&scene.redis, i % 2 ? JOB_MSGPACK : JOB_JSON, "%s", others[i]);
        job_push_many(&scene.redis, JOB_JSON, i, 1, 1);
    }
    cr_assert(scene_settles(&scene, N_OTHERS, N_OTHERS));
    outcomes_read(&scene.redis, FAILURES, &failures);
    for (size_t i = 0; i < failures.n; i++)
        expect_refused(&failures, i);
    outcomes_deinit(&failures);
    cr_expect_eq(fake_server_events(&scene.fake), N_OTHERS);
    json_t *requests = fake_server_get(&scene.fake, "requests");
    for (size_t i = 0; i < json_array_size(requests); i++)
        cr_expect_str_eq(json_string_value(json_object_get(json_array_get(requests, i), "path")),
                         "/apps/app-id/batch_events");
    json_decref(requests);
}

Test(allowed, is_each_operation_that_the_queue_names)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'x'}");
    job_push(&scene.redis, JOB_JSON, "{'channels':['a','b'],'event':'e','data':'x'}");
    job_push(&scene.redis, JOB_JSON, "{'events':[{'channel':'a','event':'e','data':'x'}]}");
    job_push(&scene.redis, JOB_JSON, "{'op':'sendToUser','userId':'u','event':'e','data':'x'}");
    cr_expect(scene_settles(&scene, 4, 0));
}

Test(allowed, is_for_a_queue_what_another_may_not_ask_for)
{
    static const char bad[] = "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\"}";
    static const char good[] =
        "{\"op\":\"authorizeChannel\",\"socketId\":\"1.2\",\"channel\":\"private-a\"}";
    job_push_bytes(&scene.redis, OTHER, bad, sizeof(bad) - 1);
    job_push_bytes(&scene.redis, OTHER, good, sizeof(good) - 1);
    cr_expect(wait_until(outcomes_count(&scene.redis, "{" OTHER "}:results") == 1, WAIT_LONG_MS));
    cr_expect(wait_until(outcomes_count(&scene.redis, "{" OTHER "}:failures") == 1, WAIT_LONG_MS));
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 0);
}

/* Whoever waits for the outcome gets it, and not what was asked for. */
Test(allowed, is_told_to_reply_to)
{
    job_push(&scene.redis, JOB_JSON,
             "{'op':'authorizeChannel','socketId':'1.2','channel':'private-a','replyTo':'r'}");
    redisReply *reply = redis_cmd(&scene.redis, "BLPOP r 30");
    cr_assert(reply->type == REDIS_REPLY_ARRAY && reply->elements == 2, "no reply");
    cr_expect(strstr(reply->element[1]->str, "\"code\":\"unknown_op\""));
    cr_expect_not(strstr(reply->element[1]->str, "auth\""));
    freeReplyObject(reply);
}

/* Whoever can write to the other keys of a queue can do no more than by the list. */
Test(allowed, is_no_more_for_a_job_that_was_put_where_retries_wait)
{
    redis_do(&scene.redis, "HSET {pusher:jobs}:retry:jobs 0000000000000007 %s",
             "1:0:0::{\"id\":\"x\",\"op\":\"customPost\",\"path\":\"/x\"}");
    redis_do(&scene.redis, "ZADD {pusher:jobs}:retry 0 0000000000000007");
    cr_assert(scene_settles(&scene, 0, 1));
    char *code = outcomes_field(&scene.redis, FAILURES, "x", "code");
    cr_expect_str_eq(code, "unknown_op");
    free(code);
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 0);
}
