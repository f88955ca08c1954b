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
