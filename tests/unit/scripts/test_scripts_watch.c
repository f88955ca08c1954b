/* The scripts for those who look: publish.lua and peek.lua. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/unit/scripts/ctl_scripts.h"
#include "tests/unit/scripts/key_guard.h"

TestSuite(publish, .init = scripts_open, .fini = scripts_close, .timeout = 60);
TestSuite(peek, .init = scripts_open, .fini = scripts_close, .timeout = 60);

/* What it gives: whether somebody looks. */
static long long publish(const char *consumer, const char *report)
{
    return redis_int(&scripts_server, "EVAL %s 3 %s %s %s %s %s 20", key_guard(script_publish.text),
                     key_of(KEYS_LEASES), key_of(KEYS_DAEMONS), key_of(KEYS_WATCHED), consumer,
                     report);
}

static void expect_report(const char *consumer, const char *begin, const char *end)
{
    redisReply *reply = redis_cmd(&scripts_server, "HGET %s %s", key_of(KEYS_DAEMONS), consumer);

    cr_assert_eq(reply->type, REDIS_REPLY_STRING);
    cr_expect_eq(strncmp(reply->str, begin, strlen(begin)), 0, "%s", reply->str);
    cr_expect_str_eq(reply->str + reply->len - strlen(end), end);
    freeReplyObject(reply);
}

Test(publish, puts_the_report_there_with_the_time_of_redis)
{
    open_consumer("a");
    cr_expect_eq(publish("a", "{\"x\":1}"), 0);
    expect_report("a", "{\"at_ms\":", ",\"x\":1}");
    long long ttl = redis_int(&scripts_server, "TTL %s", key_of(KEYS_DAEMONS));
    cr_expect(ttl > 15 && ttl <= 20, "it is never forgotten: %lld", ttl);
}

Test(publish, of_a_consumer_without_a_lease_leaves_nothing)
{
    cr_expect_eq(publish("a", "{\"x\":1}"), 0);
    cr_expect_eq(redis_int(&scripts_server, "EXISTS %s", key_of(KEYS_DAEMONS)), 0);
}

Test(publish, of_nothing_takes_back_the_report)
{
    open_consumer("a");
    publish("a", "{\"x\":1}");
    cr_expect_eq(publish("a", ""), 0);
    cr_expect_eq(redis_int(&scripts_server, "EXISTS %s", key_of(KEYS_DAEMONS)), 0);
}

Test(publish, removes_what_the_gone_have_said)
{
    open_consumer("a");
    open_consumer("b");
    publish("a", "{\"x\":1}");
    redis_do(&scripts_server, "ZREM %s a", key_of(KEYS_LEASES));
    publish("b", "{\"x\":2}");
    cr_expect_eq(redis_int(&scripts_server, "HLEN %s", key_of(KEYS_DAEMONS)), 1);
    expect_report("b", "{\"at_ms\":", ",\"x\":2}");
}

Test(publish, tells_whether_somebody_looks)
{
    open_consumer("a");
    redis_do(&scripts_server, "SET %s 1 PX 60000", key_of(KEYS_WATCHED));
    cr_expect_eq(publish("a", "{\"x\":1}"), 1);
}

/* What it gives: {more, entries}. */
static redisReply *peek(const char *before, const char *count, const char *max_bytes)
{
    redisReply *reply =
        redis_cmd(&scripts_server, "EVAL %s 1 %s %s %s %s", key_guard(script_peek.text),
                  key_of(KEYS_FAILURES), before, count, max_bytes);

    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    cr_assert_eq(reply->elements, 2);
    return reply;
}

static const char *field_of(const redisReply *entry, const char *name)
{
    const redisReply *fields = entry->element[1];

    for (size_t i = 0; i + 1 < fields->elements; i += 2) {
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    }
    return NULL;
}

Test(peek, gives_the_newest_first_and_goes_on_before_an_id)
{
    char id[3][FAILURE_ID_MAX];

    for (int i = 0; i < 3; i++)
        add_failure("job", 3, id[i]);
    redisReply *reply = peek("+", "2", "100"), *entries = reply->element[1];
    cr_assert_eq(entries->elements, 2);
    cr_expect_eq(reply->element[0]->integer, 1);
    cr_expect_str_eq(entries->element[0]->element[0]->str, id[2]);
    cr_expect_str_eq(entries->element[1]->element[0]->str, id[1]);
    cr_expect_str_eq(field_of(entries->element[0], "job"), "job");
    cr_expect_null(field_of(entries->element[0], "job_bytes"));
    freeReplyObject(reply);
    reply = peek(id[1], "2", "100");
    entries = reply->element[1];
    cr_assert_eq(entries->elements, 1);
    cr_expect_eq(reply->element[0]->integer, 0);
    cr_expect_str_eq(entries->element[0]->element[0]->str, id[0]);
    freeReplyObject(reply);
}

Test(peek, cuts_long_values_and_says_how_long_the_job_is)
{
    char id[FAILURE_ID_MAX];

    add_failure("0123456789", 10, id);
    redisReply *reply = peek("+", "2", "4"), *entries = reply->element[1];
    cr_assert_eq(entries->elements, 1);
    cr_expect_str_eq(field_of(entries->element[0], "job"), "0123");
    cr_expect_str_eq(field_of(entries->element[0], "job_bytes"), "10");
    cr_expect_str_eq(field_of(entries->element[0], "code"), "reje");
    freeReplyObject(reply);
}

/* Fifty jobs of a mebibyte each would keep Redis busy. */
Test(peek, stops_when_it_has_read_a_lot_and_says_that_there_is_more)
{
    size_t size = 1 << 20;
    char *job = calloc(1, size), id[FAILURE_ID_MAX];

    for (int i = 0; i < 10; i++)
        add_failure(job, size, id);
    redisReply *reply = peek("+", "10", "4");
    cr_expect_lt(reply->element[1]->elements, 6);
    cr_expect_eq(reply->element[0]->integer, 1);
    freeReplyObject(reply);
    free(job);
}
