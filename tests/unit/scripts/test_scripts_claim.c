/* claim.lua: what is claimed, and in which order. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(claim, .init = scripts_open, .fini = scripts_close, .timeout = 120);

static void expect_record(const redisReply *reply, size_t index, const char *record)
{
    cr_expect_str_eq(record_at(reply, index), record);
}

Test(claim, takes_jobs_in_queue_order_under_ascending_ids)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 3);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 3);
    expect_record(reply, 0, "0:0:0::job1");
    expect_record(reply, 2, "0:0:0::job3");
    cr_expect_str_eq(id_at(reply, 0), "7000000000000001");
    cr_expect_str_eq(id_at(reply, 2), "7000000000000003");
    cr_expect_eq(n_inflight("a"), 3);
    cr_expect_eq(n_listed(), 0);
    freeReplyObject(reply);
}

Test(claim, takes_no_more_than_it_is_asked_for)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 10);
    reply = claim("a", 4);
    cr_expect_eq(n_claimed(reply), 4);
    cr_expect_eq(reply->element[2]->integer, 6, "the backlog");
    cr_expect_str_eq(listed_at(LIST, 0), "job5");
    freeReplyObject(reply);
}

Test(claim, takes_thousands_at_once)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 2500);
    reply = claim("a", 2400);
    cr_assert_eq(n_claimed(reply), 2400);
    for (size_t i = 0; i < 2400; i++)
        cr_assert_eq(strtoul(strrchr(record_at(reply, i), 'b') + 1, NULL, 10), i + 1);
    cr_expect_eq(n_inflight("a"), 2400);
    cr_expect_eq(n_listed(), 100);
    freeReplyObject(reply);
}

Test(claim, stops_at_the_most_bytes)
{
    char job[MAX_JOB + 1];
    redisReply *reply;

    memset(job, 'x', MAX_JOB);
    job[MAX_JOB] = '\0';
    open_consumer("a");
    for (int i = 0; i < 100; i++)
        push(job);
    reply = claim_bytes("a", 100, 5 * (MAX_JOB + 7), false);
    cr_expect_eq(n_claimed(reply), 5);
    cr_expect_eq(reply->element[1]->integer, 2, "there are more");
    cr_expect_eq(n_listed(), 95);
    cr_expect_eq(n_inflight("a"), 5);
    freeReplyObject(reply);
    reply = claim_bytes("a", 100, 5 * (MAX_JOB + 7) - 1, false);
    cr_expect_eq(n_claimed(reply), 4, "not one byte more");
    freeReplyObject(reply);
}

Test(claim, takes_one_job_at_least_however_few_bytes_if_it_is_asked_to)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 3);
    reply = claim_bytes("a", 100, 1, true);
    cr_expect_eq(n_claimed(reply), 1);
    freeReplyObject(reply);
    reply = claim_bytes("a", 100, 1, false);
    cr_expect_eq(n_claimed(reply), 0);
    cr_expect_eq(reply->element[1]->integer, 2);
    cr_expect_eq(n_listed(), 2);
    freeReplyObject(reply);
}

Test(claim, of_an_empty_queue_gives_nothing)
{
    redisReply *reply;

    open_consumer("a");
    reply = claim("a", 10);
    cr_expect_eq(n_claimed(reply), 0);
    cr_expect_eq(reply->element[1]->integer, 1);
    cr_expect_eq(reply->element[2]->integer, 0);
    cr_expect_eq(reply->element[3]->integer, -1);
    freeReplyObject(reply);
}

Test(claim, takes_what_is_due_then_the_list)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 3);
    redis_do(&scripts_server, "HSET %s 7000000000000900 2:0:5::old", key_of(KEYS_RETRY_JOBS));
    redis_do(&scripts_server, "ZADD %s 0 7000000000000900", key_of(KEYS_RETRY));
    redis_do(&scripts_server, "LPUSH " LIST " front");
    redis_do(&scripts_server, "BLMOVE " LIST " " LIST " LEFT LEFT 1");
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 5);
    expect_record(reply, 0, "2:0:5::old");
    expect_record(reply, 1, "0:0:0::front");
    expect_record(reply, 2, "0:0:0::job1");
    expect_record(reply, 3, "0:0:0::job2");
    cr_expect_str_eq(id_at(reply, 0), "7000000000000900", "a retry keeps its id");
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 0);
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 0);
    freeReplyObject(reply);
}

Test(claim, leaves_what_is_not_due_and_tells_when_it_is)
{
    redisReply *reply;

    open_consumer("a");
    redis_do(&scripts_server, "HSET %s 7000000000000900 2:0:5::old", key_of(KEYS_RETRY_JOBS));
    redis_do(&scripts_server, "ZADD %s 99999999999999 7000000000000900", key_of(KEYS_RETRY));
    reply = claim("a", 10);
    cr_expect_eq(n_claimed(reply), 0);
    cr_expect_eq(reply->element[3]->integer, 99999999999999);
    freeReplyObject(reply);
}

static void expect_next_due(long long due_ms)
{
    redisReply *reply = claim("a", 10);

    cr_expect_eq(n_claimed(reply), 1);
    cr_expect_eq(reply->element[3]->integer, due_ms);
    freeReplyObject(reply);
}

Test(claim, tells_when_the_first_is_due_of_those_that_it_has_not_taken)
{
    open_consumer("a");
    redis_do(&scripts_server, "HSET %s 0000000000000901 1:0:5::due 0000000000000902 1:0:5::later",
             key_of(KEYS_RETRY_JOBS));
    redis_do(&scripts_server, "ZADD %s 0 0000000000000901 99999999999999 0000000000000902",
             key_of(KEYS_RETRY));
    expect_next_due(99999999999999);
    redis_do(&scripts_server, "ZADD %s 0 0000000000000902", key_of(KEYS_RETRY));
    expect_next_due(-1);
}

Test(claim, gives_the_bytes_of_a_job_unaltered)
{
    static const char job[] = "\x83\xa2id\0 1:2:3:ff:\r\n\xff\xfe:\"end";
    static const char header[] = "0:0:0::";
    redisReply *reply;
    const redisReply *record;

    open_consumer("a");
    push_bytes(job, sizeof(job));
    reply = claim("a", 1);
    record = reply->element[6];
    cr_assert_eq(record->len, sizeof(header) - 1 + sizeof(job));
    cr_expect_arr_eq(record->str + sizeof(header) - 1, job, sizeof(job));
    freeReplyObject(reply);
}

Test(claim, without_a_lease_takes_nothing)
{
    redisReply *reply;

    push_jobs(1, 3);
    reply = claim("a", 10);
    cr_expect_eq(reply->element[1]->integer, -1);
    cr_expect_eq(n_claimed(reply), 0);
    cr_expect_eq(n_listed(), 3);
    freeReplyObject(reply);
}

Test(claim, renews_the_lease)
{
    open_consumer("a");
    redis_do(&scripts_server, "ZADD %s 1 a", key_of(KEYS_LEASES));
    freeReplyObject(claim("a", 1));
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_LEASES)), 1);
    cr_expect_eq(redis_int(&scripts_server, "ZCOUNT %s 2 +inf", key_of(KEYS_LEASES)), 1);
}

Test(claim, of_a_paused_queue_takes_nothing)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 3);
    redis_do(&scripts_server, "HSET %s * {}", key_of(KEYS_PAUSED));
    reply = claim("a", 10);
    cr_expect_eq(reply->element[1]->integer, 0);
    cr_expect_eq(reply->element[2]->integer, 3);
    cr_expect_eq(n_claimed(reply), 0);
    freeReplyObject(reply);
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_PAUSED));
    reply = claim("a", 10);
    cr_expect_eq(n_claimed(reply), 3);
    freeReplyObject(reply);
}
