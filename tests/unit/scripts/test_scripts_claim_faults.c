/* claim.lua: elements that are too large, keys of another type, a spoilt counter, no memory: no job
 * is lost. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(claim_faults, .init = scripts_open, .fini = scripts_close, .timeout = 120);

static void push_oversize(void)
{
    static char big[MAX_JOB + 2];

    memset(big, 'B', MAX_JOB + 1);
    push_bytes(big, MAX_JOB + 1);
}

Test(claim_faults, makes_a_failure_of_an_element_that_is_too_large)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 1);
    push_oversize();
    push_jobs(2, 2);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 2);
    cr_expect_str_eq(record_at(reply, 1), "0:0:0::job2");
    cr_expect_eq(n_failures(), 1);
    cr_expect_str_eq(last_entry(key_of(KEYS_FAILURES), "code"), "payload_too_large");
    cr_expect_str_eq(last_entry(key_of(KEYS_FAILURES), "id"), "pd-7000000000000002");
    cr_expect_eq(strlen(last_entry(key_of(KEYS_FAILURES), "job")), MAX_JOB + 1);
    cr_expect_eq(n_listed(), 0);
    freeReplyObject(reply);
}

/* Nobody else is served while they are copied. Nothing passes the last one that is refused. */
Test(claim_faults, makes_failures_of_little_more_than_8_mib_at_a_time)
{
    size_t size = 3u << 20;
    char *big = calloc(1, size);
    redisReply *reply;

    cr_assert_not_null(big);
    open_consumer("a");
    for (int i = 0; i < 5; i++)
        push_bytes(big, size);
    push_jobs(1, 1);
    free(big);
    reply = claim("a", 10);
    cr_expect_eq(n_claimed(reply), 0);
    cr_expect_eq(n_failures(), 3);
    cr_expect_eq(n_listed(), 3);
    freeReplyObject(reply);
    reply = claim("a", 10);
    cr_expect_eq(n_claimed(reply), 1);
    cr_expect_eq(n_failures(), 5);
    freeReplyObject(reply);
}

Test(claim_faults, makes_no_more_failures_than_it_may_take_jobs)
{
    open_consumer("a");
    for (int i = 0; i < 30; i++)
        push_oversize();
    freeReplyObject(claim("a", 10));
    cr_expect_eq(n_failures(), 10);
    cr_expect_eq(n_listed(), 20);
}

Test(claim_faults, loses_nothing_when_a_failure_cannot_be_written)
{
    redisReply *reply;

    open_consumer("a");
    redis_do(&scripts_server, "SET %s x", key_of(KEYS_FAILURES));
    push_jobs(1, 2);
    push_oversize();
    push_jobs(3, 3);
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

Test(claim_faults, makes_one_failure_though_the_claim_is_of_another_type)
{
    open_consumer("a");
    redis_do(&scripts_server, "SET %s x", key_of_consumer(KEYS_INFLIGHT, "a"));
    push_jobs(1, 1);
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
    push_jobs(1, 3);
    redis_do(&scripts_server, "HSET %s 7000000000000900 2:0:5::old", key_of(KEYS_RETRY_JOBS));
    redis_do(&scripts_server, "ZADD %s 0 7000000000000900", key_of(KEYS_RETRY));
    redis_do(&scripts_server, "SET %s not-a-number", broken);
    reply = claim("a", 10);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR, "%s", broken);
    freeReplyObject(reply);
    redis_do(&scripts_server, "DEL %s", broken);
    reply = claim("a", 10);
    freeReplyObject(reply);
}

Test(claim_faults, loses_nothing_when_the_counter_is_no_number)
{
    expect_no_loss(key_of(KEYS_SEQ));
    cr_expect_eq(n_inflight("a"), 4);
}

Test(claim_faults, loses_nothing_when_the_claim_is_of_another_type)
{
    expect_no_loss(key_of_consumer(KEYS_INFLIGHT, "a"));
    cr_expect_eq(n_inflight("a"), 4);
}

Test(claim_faults, loses_no_retry_when_the_list_is_of_another_type)
{
    expect_no_loss(LIST);
    cr_expect_eq(n_inflight("a"), 1);
}

Test(claim_faults, gives_no_id_twice_when_the_counter_is_lost)
{
    redisReply *reply;
    char last[24];

    open_consumer("a");
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_SEQ));
    push_jobs(1, 3);
    reply = claim("a", 10);
    (void)snprintf(last, sizeof(last), "%s", id_at(reply, 2));
    freeReplyObject(reply);
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_SEQ));
    scripts_wait_for_next_ms();
    push_jobs(4, 6);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 3);
    cr_expect_gt(strcmp(id_at(reply, 0), last), 0);
    cr_expect_eq(strlen(id_at(reply, 0)), 16);
    cr_expect_gt(strcmp(id_at(reply, 1), id_at(reply, 0)), 0);
    cr_expect_eq(n_inflight("a"), 6);
    freeReplyObject(reply);
}

/* Lua's numbers are doubles: from 2^53 on neighbours are the same, and so would be the ids of jobs.
 */
Test(claim_faults, gives_no_id_twice_when_the_counter_is_too_large_or_negative)
{
    static const char *const counters[] = {"9007199254740990", "9007199254740993",
                                           "1000000000000000000", "-2"};

    open_consumer("a");
    for (long long i = 0; i < 4; i++) {
        redisReply *reply;

        scripts_wait_for_next_ms();
        redis_do(&scripts_server, "SET %s %s", key_of(KEYS_SEQ), counters[i]);
        push_jobs(1, 3);
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

/* Fills the server up to its maxmemory, so that producers are refused. */
static void fill_memory(void)
{
    redis_do(&scripts_server, "CONFIG SET maxmemory-policy noeviction");
    redis_do(&scripts_server, "CONFIG SET maxmemory 1");
}

Test(claim_faults, drains_a_queue_when_there_is_no_memory_left)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 3);
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
