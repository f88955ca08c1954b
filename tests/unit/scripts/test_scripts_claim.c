/* claim.lua, lease.lua, recover.lua: what is claimed, in which order, and what never is. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(claim, .init = scripts_open, .fini = scripts_close, .timeout = 120);
TestSuite(lease, .init = scripts_open, .fini = scripts_close, .timeout = 120);
TestSuite(recover, .init = scripts_open, .fini = scripts_close, .timeout = 120);

static void push_numbers(int first, int last)
{
    char job[16];

    for (int i = first; i <= last; i++) {
        (void)snprintf(job, sizeof(job), "job%d", i);
        push(job);
    }
}

static void expect_record(const redisReply *reply, size_t index, const char *record)
{
    cr_expect_str_eq(record_at(reply, index), record);
}

Test(claim, takes_jobs_in_queue_order_under_ascending_ids)
{
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 3);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 3);
    expect_record(reply, 0, "0:0:0::job1");
    expect_record(reply, 2, "0:0:0::job3");
    cr_expect_str_eq(id_at(reply, 0), "0000000001000001");
    cr_expect_str_eq(id_at(reply, 2), "0000000001000003");
    cr_expect_eq(n_inflight("a"), 3);
    cr_expect_eq(n_listed(), 0);
    freeReplyObject(reply);
}

Test(claim, takes_no_more_than_it_is_asked_for)
{
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 10);
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
    push_numbers(1, 2500);
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
    push_numbers(1, 3);
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
    push_numbers(1, 3);
    redis_do(&scripts_server, "HSET %s 0000000001000900 2:0:5::old", key_of(KEYS_RETRY_JOBS));
    redis_do(&scripts_server, "ZADD %s 0 0000000001000900", key_of(KEYS_RETRY));
    redis_do(&scripts_server, "LPUSH " LIST " front");
    redis_do(&scripts_server, "BLMOVE " LIST " " LIST " LEFT LEFT 1");
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 5);
    expect_record(reply, 0, "2:0:5::old");
    expect_record(reply, 1, "0:0:0::front");
    expect_record(reply, 2, "0:0:0::job1");
    expect_record(reply, 3, "0:0:0::job2");
    cr_expect_str_eq(id_at(reply, 0), "0000000001000900", "a retry keeps its id");
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 0);
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 0);
    freeReplyObject(reply);
}

Test(claim, leaves_what_is_not_due_and_tells_when_it_is)
{
    redisReply *reply;

    open_consumer("a");
    redis_do(&scripts_server, "HSET %s 0000000001000900 2:0:5::old", key_of(KEYS_RETRY_JOBS));
    redis_do(&scripts_server, "ZADD %s 99999999999999 0000000001000900", key_of(KEYS_RETRY));
    reply = claim("a", 10);
    cr_expect_eq(n_claimed(reply), 0);
    cr_expect_eq(reply->element[3]->integer, 99999999999999);
    freeReplyObject(reply);
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

static void push_oversize(void)
{
    static char big[MAX_JOB + 2];

    memset(big, 'B', MAX_JOB + 1);
    push_bytes(big, MAX_JOB + 1);
}

Test(claim, makes_a_failure_of_an_element_that_is_too_large)
{
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 1);
    push_oversize();
    push_numbers(2, 2);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 2);
    expect_record(reply, 1, "0:0:0::job2");
    cr_expect_eq(n_failures(), 1);
    cr_expect_str_eq(last_entry(key_of(KEYS_FAILURES), "code"), "payload_too_large");
    cr_expect_str_eq(last_entry(key_of(KEYS_FAILURES), "id"), "pd-1000002");
    cr_expect_eq(strlen(last_entry(key_of(KEYS_FAILURES), "job")), MAX_JOB + 1);
    cr_expect_eq(n_listed(), 0);
    freeReplyObject(reply);
}

Test(claim, makes_no_more_failures_than_it_may_take_jobs)
{
    open_consumer("a");
    for (int i = 0; i < 30; i++)
        push_oversize();
    freeReplyObject(claim("a", 10));
    cr_expect_eq(n_failures(), 10);
    cr_expect_eq(n_listed(), 20);
}

Test(claim, loses_nothing_when_a_failure_cannot_be_written)
{
    redisReply *reply;

    open_consumer("a");
    redis_do(&scripts_server, "SET %s x", key_of(KEYS_FAILURES));
    push_numbers(1, 2);
    push_oversize();
    push_numbers(3, 3);
    reply = claim("a", 10);
    cr_expect_eq(n_claimed(reply), 2, "those before it");
    freeReplyObject(reply);
    cr_expect_eq(n_inflight("a"), 2);
    cr_expect_eq(n_listed(), 2);
    reply = claim("a", 10);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    cr_expect_eq(n_listed(), 2);
}

Test(claim, makes_one_failure_though_the_claim_is_of_another_type)
{
    open_consumer("a");
    redis_do(&scripts_server, "SET %s x", key_of_consumer(KEYS_INFLIGHT, "a"));
    push_numbers(1, 1);
    push_oversize();
    for (int i = 0; i < 3; i++) {
        redisReply *reply = claim("a", 10);
        cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
        freeReplyObject(reply);
    }
    redis_do(&scripts_server, "DEL %s", key_of_consumer(KEYS_INFLIGHT, "a"));
    freeReplyObject(claim("a", 10));
    cr_expect_eq(n_failures(), 1);
    cr_expect_eq(n_inflight("a"), 1);
    cr_expect_eq(n_listed(), 0);
}

/* A key of another type, set by somebody, must not make a claim lose what it has taken already. */
static void expect_no_loss(const char *key)
{
    char broken[KEYS_KEY_MAX];
    redisReply *reply;

    (void)snprintf(broken, sizeof(broken), "%s", key);

    open_consumer("a");
    push_numbers(1, 3);
    redis_do(&scripts_server, "HSET %s 0000000001000900 2:0:5::old", key_of(KEYS_RETRY_JOBS));
    redis_do(&scripts_server, "ZADD %s 0 0000000001000900", key_of(KEYS_RETRY));
    redis_do(&scripts_server, "SET %s not-a-number", broken);
    reply = claim("a", 10);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR, "%s", broken);
    freeReplyObject(reply);
    redis_do(&scripts_server, "DEL %s", broken);
    reply = claim("a", 10);
    freeReplyObject(reply);
}

Test(claim, loses_nothing_when_the_counter_is_no_number)
{
    expect_no_loss(key_of(KEYS_SEQ));
    cr_expect_eq(n_inflight("a"), 4);
}

Test(claim, loses_nothing_when_the_claim_is_of_another_type)
{
    expect_no_loss(key_of_consumer(KEYS_INFLIGHT, "a"));
    cr_expect_eq(n_inflight("a"), 4);
}

Test(claim, loses_no_retry_when_the_list_is_of_another_type)
{
    expect_no_loss(LIST);
    cr_expect_eq(n_inflight("a"), 1);
}

Test(claim, gives_no_id_twice_when_the_counter_is_lost)
{
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 3);
    freeReplyObject(claim("a", 10));
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_SEQ));
    push_numbers(4, 6);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 3);
    cr_expect_gt(strcmp(id_at(reply, 0), "0000000001000003"), 0);
    cr_expect_eq(strlen(id_at(reply, 0)), 16);
    cr_expect_gt(strcmp(id_at(reply, 1), id_at(reply, 0)), 0);
    cr_expect_eq(n_inflight("a"), 6);
    freeReplyObject(reply);
}

static long long server_ms(void)
{
    redisReply *reply = redis_cmd(&scripts_server, "TIME");
    long long ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                   strtoll(reply->element[1]->str, NULL, 10) / 1000;

    freeReplyObject(reply);
    return ms;
}

/* A counter that is put right begins at the millisecond of the server's clock. */
static void wait_for_next_ms(void)
{
    long long now = server_ms();

    while (server_ms() <= now)
        continue;
}

/* Lua's numbers are doubles: from 2^53 on neighbours are the same, and so would be the ids of jobs.
 */
Test(claim, gives_no_id_twice_when_the_counter_is_too_large_or_negative)
{
    static const char *const counters[] = {"9007199254740990", "9007199254740993",
                                           "1000000000000000000", "-2"};

    open_consumer("a");
    for (long long i = 0; i < 4; i++) {
        redisReply *reply;

        wait_for_next_ms();
        redis_do(&scripts_server, "SET %s %s", key_of(KEYS_SEQ), counters[i]);
        push_numbers(1, 3);
        reply = claim("a", 10);
        cr_assert_eq(n_claimed(reply), 3);
        cr_expect_eq(strlen(id_at(reply, 0)), 16, "%s: %s", counters[i], id_at(reply, 0));
        cr_expect_gt(strcmp(id_at(reply, 1), id_at(reply, 0)), 0);
        cr_expect_gt(strcmp(id_at(reply, 2), id_at(reply, 1)), 0);
        cr_expect_eq(n_inflight("a"), 3 * (i + 1), "after %s", counters[i]);
        cr_expect_eq(n_listed(), 0);
        freeReplyObject(reply);
    }
}

Test(claim, without_a_lease_takes_nothing)
{
    redisReply *reply;

    push_numbers(1, 3);
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
    push_numbers(1, 3);
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

/* Fills the server up to its maxmemory, so that producers are refused. */
static void fill_memory(void)
{
    redis_do(&scripts_server, "CONFIG SET maxmemory-policy noeviction");
    redis_do(&scripts_server, "CONFIG SET maxmemory 1");
}

Test(claim, drains_a_queue_when_there_is_no_memory_left)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 3);
    fill_memory();
    reply = redis_cmd(&scripts_server, "RPUSH " LIST " more");
    cr_assert_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 3);
    settle_add(&args, "D", id_at(reply, 0), "id", "op", "app", "200", "1", "5", NULL);
    settle_add(&args, "R", id_at(reply, 1), "0", "1:0:0::", NULL);
    settle_add(&args, "B", id_at(reply, 2), NULL);
    settle_expecting(&args, "a", 0);
    freeReplyObject(reply);
    freeReplyObject(lease("beat", "a"));
    cr_expect_eq(n_results(), 1);
    cr_expect_eq(n_listed(), 1);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 1);
}

Test(lease, is_held_until_it_is_gone)
{
    redisReply *reply;

    open_consumer("a");
    reply = lease("beat", "a");
    cr_expect_eq(reply->element[1]->integer, 1);
    freeReplyObject(reply);
    redis_do(&scripts_server, "ZREM %s a", key_of(KEYS_LEASES));
    reply = lease("beat", "a");
    cr_expect_eq(reply->element[1]->integer, -1);
    freeReplyObject(reply);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_LEASES)), 0, "a beat does not bring it back");
}

Test(lease, tells_of_the_others_and_the_time_they_have_left)
{
    redisReply *reply;

    open_consumer("a");
    open_consumer("b");
    redis_do(&scripts_server, "ZADD %s 1 c", key_of(KEYS_LEASES));
    reply = lease("beat", "a");
    cr_assert_eq(reply->elements, 11);
    cr_expect_str_eq(reply->element[7]->str, "c");
    cr_expect_lt(reply->element[8]->integer, -1000000);
    cr_expect_str_eq(reply->element[9]->str, "b");
    cr_expect_gt(reply->element[10]->integer, 50000);
    cr_expect_leq(reply->element[10]->integer, 60000);
    freeReplyObject(reply);
}

Test(lease, stays_when_jobs_are_left_so_that_they_are_taken_over)
{
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 1);
    freeReplyObject(claim("a", 1));
    reply = lease("close", "a");
    cr_expect_eq(reply->element[1]->integer, 0);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_LEASES)), 1);
    freeReplyObject(reply);
}

Test(recover, gives_the_claims_that_are_not_known)
{
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 100);
    freeReplyObject(claim("a", 100));
    reply = recover("a", "0000000001000001 0000000001000050");
    cr_assert_eq(reply->elements, 1 + 2 * 98);
    cr_expect_str_eq(reply->element[1]->str, "0000000001000002");
    cr_expect_str_eq(reply->element[2]->str, "0:0:0::job2");
    freeReplyObject(reply);
}

Test(recover, sorts_what_the_claim_has_in_any_order)
{
    redisReply *reply;

    redis_do(&scripts_server, "HSET %s 0000000000000030 c 0000000000000010 a 0000000000000020 b",
             key_of_consumer(KEYS_INFLIGHT, "a"));
    reply = recover("a", "");
    cr_assert_eq(reply->elements, 7);
    cr_expect_str_eq(reply->element[2]->str, "a");
    cr_expect_str_eq(reply->element[4]->str, "b");
    cr_expect_str_eq(reply->element[6]->str, "c");
    freeReplyObject(reply);
}

Test(recover, gives_nothing_when_all_is_known)
{
    redisReply *reply;

    open_consumer("a");
    push_numbers(1, 1);
    freeReplyObject(claim("a", 1));
    reply = recover("a", "0000000001000001");
    cr_expect_eq(reply->elements, 1);
    freeReplyObject(reply);
}
