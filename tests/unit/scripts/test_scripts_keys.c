/* That the guard over the scripts' keys, key_guard.h, which runs with every test of a script, sees
 * what it is to see; and dedupe.lua, whose keys are all made of one. */
#include <criterion/criterion.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/unit/scripts/key_guard.h"
#include "tests/unit/scripts/scripts.h"

TestSuite(keys, .init = scripts_open, .fini = scripts_close, .timeout = 60);
TestSuite(dedupe, .init = scripts_open, .fini = scripts_close, .timeout = 60);

/* Runs a script that is given {L}:retry and {L}:seen, and the arguments L and a list. */
static bool is_stopped(const char *script)
{
    redisReply *reply = redis_cmd(&scripts_server, "EVAL %s 2 %s %s L replies", key_guard(script),
                                  key_of(KEYS_RETRY), key_of(KEYS_SEEN));
    bool stopped = reply->type == REDIS_REPLY_ERROR;

    if (stopped)
        cr_expect(strstr(reply->str, "was not given the key"), "%s", reply->str);
    freeReplyObject(reply);
    return stopped;
}

Test(keys, that_were_not_given_stop_a_script)
{
    cr_expect(is_stopped("#!lua\nreturn redis.call('HGET', KEYS[1] .. ':jobs', 'x')"));
    cr_expect(is_stopped("#!lua\nreturn redis.call('RPUSH', '" LIST "', 'x')"));
    cr_expect(is_stopped("#!lua\nreturn redis.call('EXISTS', KEYS[1], 'other')"));
    cr_expect(is_stopped("#!lua\nredis.pcall('DEL', 'other') return 1"), "a pcall hides nothing");
    cr_expect(is_stopped("#!lua\nreturn redis.call('EXISTS', '{" LIST "}:inflight:L')"));
}

Test(keys, that_were_given_do_not)
{
    cr_expect_not(is_stopped("#!lua\nreturn redis.call('ZADD', KEYS[1], 1, 'x')"));
    cr_expect_not(is_stopped("#!lua\nreturn redis.call('EXISTS', KEYS[1], KEYS[2] .. ':7')"));
    cr_expect_not(is_stopped("#!lua\nreturn redis.call('RPUSH', ARGV[2], 'x')"));
    cr_expect_not(is_stopped("#!lua flags=no-writes\nreturn redis.call('TIME')"));
}

static void expect_duplicates(struct settle_args *args, size_t n, const char *first)
{
    redisReply *reply = dedupe(args);

    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    cr_assert_eq(reply->elements, n);
    if (n > 0)
        cr_expect_str_eq(reply->element[0]->str, first);
    freeReplyObject(reply);
}

Test(dedupe, gives_the_claim_ids_of_jobs_seen_under_another)
{
    struct settle_args args = {.n = 0};

    settle_add(&args, "60000", "one", "1", "two", "2", "one", "3", NULL);
    expect_duplicates(&args, 1, "3");
    settle_add(&args, "60000", "one", "1", "two", "2", NULL);
    expect_duplicates(&args, 0, NULL);
    settle_add(&args, "60000", "two", "4", "three", "5", NULL);
    expect_duplicates(&args, 1, "4");
}

#define ID1    "7000000000000001"
#define ID2    "7000000000000002"
#define FAILED "one", "op", "app", "rejected", "400", "no", "1", ""

/* Two jobs with the id "one" are claimed; the first was looked at, and has the mark. */
static void claim_twins(void)
{
    struct settle_args args = {.n = 0};

    open_consumer("a");
    push_jobs(1, 2);
    freeReplyObject(claim("a", 2));
    settle_add(&args, "60000", "one", ID1, NULL);
    expect_duplicates(&args, 0, NULL);
}

static long long n_marks(void)
{
    return redis_int(&scripts_server, "EXISTS %s:one", key_of(KEYS_SEEN));
}

Test(dedupe, lets_a_job_that_failed_take_back_its_own_mark_alone)
{
    struct settle_args args = {.n = 0};

    claim_twins();
    settle_add(&args, "F", ID2, FAILED, "L", "replies", "{}", "U", "one", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_marks(), 1, "it is that of the other");
    settle_add(&args, "F", ID1, FAILED, "L", "replies", "{}", "U", "one", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_marks(), 0);
}

Test(dedupe, leaves_a_mark_of_another_type_and_settles_the_rest)
{
    struct settle_args args = {.n = 0};

    claim_twins();
    redis_do(&scripts_server, "DEL %s:one", key_of(KEYS_SEEN));
    redis_do(&scripts_server, "LPUSH %s:one x", key_of(KEYS_SEEN));
    settle_add(&args, "F", ID1, FAILED, "U", "one", "N", ID2, NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_inflight("a"), 0);
    cr_expect_eq(n_marks(), 1);
}
