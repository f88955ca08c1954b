#include "tests/torture/jobs.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/job.h"
#include "tests/support/outcomes.h"

/* Every kind of job; ids begin with what is to become of them. */
static const struct {
    const char *id;
    bool replies;
    const char *job;
    const char *told; /* its result, or its failed parts but their texts; "*": any; NULL: none */
} jobs[] = {
    {"good-a", true, "'channel':'a','event':'e','data':{'n':1}", NULL},
    {"good-b", false, "'channel':'private-encrypted-b','event':'e','data':'x'", NULL},
    {"good-c", false, "'channels':['a','b','c'],'event':'e','data':'x'", NULL},
    {"good-d", false,
     "'events':[{'channel':'a','event':'e','data':'x'},{'channel':'b','event':'e','data':[1]}],"
     "'orderKey':'k'",
     NULL},
    {"good-e", false, "'op':'sendToUser','userId':'u','event':'e','data':'x'", NULL},
    {"good-f", false, "'op':'listChannels','info':'subscription_count'", JOBS_ANSWER},
    {"good-g", true, "'op':'getChannel','channelName':'a'", JOBS_ANSWER},
    {"good-h", false, "'op':'authorizeChannel','socketId':'1.2','channel':'private-a'",
     "{'auth':'app-key:"
     "2c0cfaff26b3df968a228e04af313586df7b828fa1b10a3e4c359be3c853695f'}"},
    {"good-i", false, "'op':'createSignedQueryString','method':'GET','path':'/x'", "*"},
    {"good-j", false, "'op':'customGet','path':'/channels','params':{'a':'b'}", JOBS_ANSWER},
    {"good-k", false, "'channel':'a','event':'again','data':'x'", NULL},
    {"good-l", false, "'channel':'presence-a','event':'e','data':'x','info':'user_count'",
     "{'channels':{'presence-a':{'user_count':2}}}"},
    {"bad-a", false, "'channel':'a b','event':'e','data':'x'", NULL},
    {"bad-b", true, "'channel':'a','event':'poison','data':'x'", NULL},
    {"bad-c", false, "'events':[{'channel':'a','event':'e','data':'x'},7]",
     "[{'index':1,'code':'invalid_job'}]"},
    {"bad-d", false, "'op':'nothing'", NULL},
    {"bad-e", true,
     "'events':[{'channel':'a','event':'e','data':'x'},"
     "{'channel':'a','event':'poison','data':'x'}]",
     "[{'index':1,'code':'rejected'}]"},
};
#define N_JOBS (sizeof(jobs) / sizeof(jobs[0]))

void jobs_push(struct redis *redis)
{
    for (size_t i = 0; i < N_JOBS; i++) {
        job_push(redis, i % 2 ? JOB_MSGPACK : JOB_JSON, "{'id':'%s',%s%s}", jobs[i].id, jobs[i].job,
                 jobs[i].replies ? ",'replyTo':'replies'" : "");
    }
}

static bool is_good(size_t job)
{
    return strncmp(jobs[job].id, "good-", 5) == 0;
}

static bool has_entry(size_t job, bool successes_are_none)
{
    return !is_good(job) || jobs[job].told || !successes_are_none;
}

static size_t index_of(const char *id)
{
    for (size_t i = 0; i < N_JOBS; i++) {
        if (strcmp(jobs[i].id, id) == 0) {
            return i;
        }
    }
    cr_assert_fail("no job has the id %s", id);
    return 0;
}

static size_t n_entries(bool good, bool successes_are_none)
{
    size_t n = 0;
    for (size_t i = 0; i < N_JOBS; i++) {
        n += is_good(i) == good && has_entry(i, successes_are_none);
    }
    return n;
}

static size_t n_replies(void)
{
    size_t n = 0;
    for (size_t i = 0; i < N_JOBS; i++) {
        n += jobs[i].replies;
    }
    return n;
}

/* ---- what became of them */

bool jobs_are_over(struct redis *redis, bool successes_are_none)
{
    redisReply *claims = redis_cmd(redis, "KEYS {" JOB_LIST "}:inflight:*");
    size_t n_claims = claims->elements;
    freeReplyObject(claims);
    return n_claims == 0 && redis_int(redis, "LLEN " JOB_LIST) == 0 &&
           redis_int(redis, "ZCARD {" JOB_LIST "}:retry") == 0 &&
           outcomes_count(redis, RESULTS) + outcomes_count(redis, FAILURES) ==
               n_entries(true, successes_are_none) + n_entries(false, successes_are_none) &&
           (size_t)redis_int(redis, "LLEN replies") == n_replies();
}

/* Without the texts for humans, which may be shorter when memory is short. */
static void drop_errors(json_t *parts)
{
    size_t i;
    json_t *part;
    json_array_foreach(parts, i, part)
    {
        json_object_del(part, "error");
    }
}

/* `told` is its result or its parts; NULL: there are none. Takes the reference. */
static void expect_told(size_t job, json_t *told, unsigned long at)
{
    char text[256];
    snprintf(text, sizeof(text), "%s", jobs[job].told ? jobs[job].told : "");
    for (char *c = text; *c; c++) {
        *c = *c == '\'' ? '"' : *c;
    }
    json_t *expected = json_loads(text, 0, NULL);
    drop_errors(told);
    char *shown = told ? json_dumps(told, JSON_ENCODE_ANY) : NULL;
    cr_assert_eq(told != NULL, jobs[job].told != NULL, "%lu: %s tells %s", at, jobs[job].id,
                 shown ? shown : "nothing");
    cr_assert(!expected || json_equal(told, expected), "%lu: %s tells %s", at, jobs[job].id, shown);
    free(shown);
    json_decref(expected);
    json_decref(told);
}

static void expect_entries(struct redis *redis, const char *stream, bool good, size_t n,
                           unsigned long at)
{
    struct outcomes outcomes;
    outcomes_read(redis, stream, &outcomes);
    for (size_t i = 0; i < outcomes.n; i++) {
        const char *id = outcomes_get(&outcomes, i, "id", NULL);
        const char *error = outcomes_get(&outcomes, i, "error", NULL);
        const char *told = outcomes_get(&outcomes, i, good ? "result" : "parts", NULL);
        size_t job = index_of(id);
        cr_assert_eq(is_good(job), good, "%lu: %s is in %s: %s", at, id, stream,
                     error ? error : "");
        cr_assert_eq(outcomes_find(&outcomes, id), i, "%lu: %s", at, id);
        expect_told(job, told ? json_loads(told, JSON_DECODE_ANY, NULL) : NULL, at);
    }
    cr_assert_eq(outcomes.n, n, "%lu: %s has %zu", at, stream, outcomes.n);
    outcomes_deinit(&outcomes);
}

static void expect_replies(struct redis *redis, unsigned long at)
{
    bool seen[N_JOBS] = {false};
    redisReply *replies = redis_cmd(redis, "LRANGE replies 0 -1");
    for (size_t i = 0; i < replies->elements; i++) {
        json_t *reply = json_loads(replies->element[i]->str, 0, NULL);
        cr_assert(reply, "%lu: a reply is %s", at, replies->element[i]->str);
        size_t job = index_of(json_string_value(json_object_get(reply, "id")));
        cr_assert(jobs[job].replies && !seen[job], "%lu: %s replies", at, jobs[job].id);
        seen[job] = true;
        cr_assert_eq(json_is_true(json_object_get(reply, "ok")), is_good(job), "%lu: %s", at,
                     jobs[job].id);
        json_t *told = json_object_get(reply, is_good(job) ? "result" : "parts");
        expect_told(job, json_incref(told), at);
        json_decref(reply);
    }
    cr_assert_eq(replies->elements, n_replies(), "%lu: %zu replies", at, replies->elements);
    freeReplyObject(replies);
}

void jobs_expect(struct redis *redis, bool successes_are_none, unsigned long at)
{
    expect_entries(redis, FAILURES, false, n_entries(false, successes_are_none), at);
    expect_entries(redis, RESULTS, true, n_entries(true, successes_are_none), at);
    expect_replies(redis, at);
}
