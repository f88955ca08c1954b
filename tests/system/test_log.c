/* What the daemon logs: a storm of failures is a few lines, and no line has what it must not. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/audit.h"

#define N       10000
#define PAYLOAD "PAYLOAD-7c1d"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.ini = "[log]\nformat = json\n",
                                               .app = "concurrency = fixed\n"});
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(log, .init = open_scene, .fini = close_scene, .timeout = 120);

struct tally {
    size_t n_lines, n_job_lines, n_jobs; /* jobs that these lines tell of */
};

/* Every line is a JSON object, with the fields that all have. */
static struct tally count_lines(void)
{
    struct tally tally = {0, 0, 0};
    static char line[32768];
    FILE *file = fopen(scene.log, "re");
    cr_assert(file);
    while (fgets(line, sizeof(line), file)) {
        json_t *root = json_loads(line, JSON_ALLOW_NUL, NULL);
        cr_assert(root, "no JSON: %s", line);
        const char *tag = json_string_value(json_object_get(root, "tag"));
        cr_assert(tag && json_object_get(root, "level") && json_object_get(root, "time") &&
                  json_object_get(root, "msg"));
        tally.n_lines++;
        if (strcmp(tag, "job") == 0) {
            const json_t *repeated = json_object_get(root, "repeated");
            tally.n_job_lines++;
            tally.n_jobs += repeated ? (size_t)json_integer_value(repeated) : 1;
        }
        json_decref(root);
    }
    fclose(file);
    return tally;
}

Test(log, of_ten_thousand_failing_jobs_is_a_few_lines_that_count_them)
{
    for (int i = 0; i < N; i++)
        redisAppendCommand(scene.redis.client,
                           "RPUSH " JOB_LIST " {\"channel\":\"no#good\",\"event\":\"e\","
                           "\"data\":\"" PAYLOAD "\"}");
    for (int i = 0; i < N; i++) {
        redisReply *reply;
        cr_assert_eq(redisGetReply(scene.redis.client, (void **)&reply), REDIS_OK);
        freeReplyObject(reply);
    }
    uint64_t begin_ms = wait_now_ms();
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, N));
    cr_assert(wait_until(count_lines().n_jobs == N, WAIT_LONG_MS), "%zu of %d are told of",
              count_lines().n_jobs, N);
    size_t n_seconds = (size_t)(wait_now_ms() - begin_ms) / 1000 + 2;
    cr_expect_leq(count_lines().n_job_lines, 11 * n_seconds);
    cr_expect_lt(count_lines().n_lines, 200);
}

Test(log, of_a_server_that_is_down_is_a_few_lines)
{
    fake_server_set_rules(&scene.fake, "[{'times':300,'action':{'status':503}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 2000, 100);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "by_status.503") >= 40, WAIT_LONG_MS));
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, 2000, 0));
    cr_expect_lt(count_lines().n_lines, 200);
}

Test(log, has_names_with_control_characters_on_one_line)
{
    job_push(&scene.redis, JOB_JSON,
             "{'app':'a\\nlevel=error\\u0000\\u001b[2J\\u009b','channel':'c','event':'e',"
             "'data':'" PAYLOAD "'}");
    job_push(&scene.redis, JOB_JSON, "{'op':'no\\nop'}");
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 2));
    cr_assert(wait_until(count_lines().n_jobs == 2, WAIT_LONG_MS));
    cr_expect_eq(count_lines().n_job_lines, 2);
    cr_expect(proc_logged(&scene.pusherd, "a\\u000alevel=error\\u0000\\u001b[2J\\u009b"));
    cr_expect(proc_logged(&scene.pusherd, "no\\u000aop"));
    cr_expect_not(proc_logged(&scene.pusherd, "\x1b"));
}

Test(log, has_neither_secrets_nor_payloads)
{
    fake_server_set_rules(&scene.fake, "[{'match':{'contains':'bad'},'action':{'status':400}},"
                                       "{'times':3,'action':{'status':401,'body':'no'}}]");
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'bad','data':'" PAYLOAD "'}");
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'good','data':'" PAYLOAD "'}");
    job_push_bytes(&scene.redis, JOB_LIST, PAYLOAD, strlen(PAYLOAD));
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1, 2));
    proc_signal(&scene.pusherd, SIGHUP);
    cr_assert(audit_logs(&scene, "read again"));
    cr_expect_gt(count_lines().n_lines, 5);
    cr_expect_not(proc_logged(&scene.pusherd, PAYLOAD));
    cr_expect_not(proc_logged(&scene.pusherd, FAKE_APP_SECRET));
    cr_expect_not(proc_logged(&scene.pusherd, SCENE_MASTER_KEY));
}
