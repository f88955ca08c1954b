/* settle.lua for jobs that were taken from their consumer: they are settled where they wait. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(late, .init = scripts_open, .fini = scripts_close, .timeout = 120);

#define DONE   "job-id", "triggerEvent", "main", "200", "1", "12"
#define FAILED "job-id", "triggerEvent", "main", "rejected", "400", "bad", "3", ""

/* Consumer a claims a job and loses it; it waits to be claimed again. */
static void lose_a_job(char ret_id[24])
{
    open_consumer("a");
    push("job");
    claim_one("a", ret_id);
    cr_assert_eq(reap_all("a"), 1);
}

static long long n_waiting(void)
{
    return n_in("ZCARD", key_of(KEYS_RETRY)) + n_in("HLEN", key_of(KEYS_RETRY_JOBS));
}

static const char *waiting(const char *id)
{
    static char record[256];
    redisReply *reply = redis_cmd(&scripts_server, "HGET %s %s", key_of(KEYS_RETRY_JOBS), id);

    (void)snprintf(record, sizeof(record), "%s", reply->str ? reply->str : "");
    freeReplyObject(reply);
    return record;
}

static long long due(const char *id)
{
    redisReply *reply = redis_cmd(&scripts_server, "ZSCORE %s %s", key_of(KEYS_RETRY), id);
    long long score = reply->str ? atoll(reply->str) : -1;

    freeReplyObject(reply);
    return score;
}

Test(late, settles_what_waits_to_be_claimed_again)
{
    struct settle_args args = {.n = 0};
    char id[24];

    lose_a_job(id);
    settle_add(&args, "D", id, DONE, NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_waiting(), 0);
    cr_expect_eq(n_results(), 1);
}

Test(late, fails_it_with_the_producers_bytes)
{
    struct settle_args args = {.n = 0};
    char id[24];

    lose_a_job(id);
    settle_add(&args, "F", id, FAILED, NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_waiting(), 0);
    cr_expect_str_eq(last_entry(key_of(KEYS_FAILURES), "job"), "job");
}

Test(late, reports_it_once)
{
    struct settle_args args = {.n = 0};
    char id[24];

    lose_a_job(id);
    settle_add(&args, "D", id, DONE, NULL);
    settle_expecting(&args, "a", 0);
    settle_add(&args, "D", id, DONE, NULL);
    settle_expecting(&args, "a", 1);
    cr_expect_eq(n_results(), 1);
}

/* The daemon sends again what met an error: whatever was written before it would be there twice. */
Test(late, reports_it_once_though_the_retry_set_is_of_another_type)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;
    char id[24];

    lose_a_job(id);
    redis_do(&scripts_server, "SET %s text", key_of(KEYS_RETRY));
    settle_add(&args, "D", id, DONE, "L", "replies", "{}", NULL);
    reply = settle(&args, "a");
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_RETRY));
    settle_add(&args, "D", id, DONE, "L", "replies", "{}", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_results(), 1);
    cr_expect_eq(n_in("LLEN", "replies"), 1);
    cr_expect_eq(n_waiting(), 0);
}

Test(late, leaves_what_another_has_claimed)
{
    struct settle_args args = {.n = 0};
    char id[24], again[24];

    lose_a_job(id);
    open_consumer("b");
    claim_one("b", again);
    cr_assert_str_eq(id, again);
    settle_add(&args, "D", id, DONE, NULL);
    settle_expecting(&args, "a", 1);
    cr_expect_eq(n_inflight("b"), 1);
    cr_expect_eq(n_results(), 0);
}

/* 1 and 2 were known to be delivered, 0 and 2 are now: bits of a hex digit each. */
Test(late, adds_its_progress_to_what_is_known)
{
    struct settle_args args = {.n = 0};
    char id[24];

    lose_a_job(id);
    redis_do(&scripts_server, "HSET %s %s 7:1:50:60:job", key_of(KEYS_RETRY_JOBS), id);
    settle_add(&args, "P", id, "3:0:40:501:", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_str_eq(waiting(id), "7:1:50:701:job");
    cr_expect_eq(due(id), 0);
}

Test(late, moves_a_retry_back_but_never_forward)
{
    struct settle_args args = {.n = 0};
    char id[24];

    lose_a_job(id);
    settle_add(&args, "R", id, "5000", "3:0:40:1:", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(due(id), 5000);
    settle_add(&args, "R", id, "4000", "2:0:30::", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(due(id), 5000);
    cr_expect_str_eq(waiting(id), "3:1:40:1:job");
}

Test(late, parks_nothing_and_hands_nothing_back_that_waits)
{
    struct settle_args args = {.n = 0};
    char id[24];

    lose_a_job(id);
    settle_add(&args, "K", id, "1:0:9::", "main", NULL);
    settle_expecting(&args, "a", 0);
    settle_add(&args, "B", id, NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_waiting(), 2);
    cr_expect_eq(n_listed(), 0);
    cr_expect_str_eq(waiting(id), "1:1:9::job");
}

Test(late, settles_what_is_parked)
{
    struct settle_args args = {.n = 0};
    char id[24], again[24];
    redisReply *reply;

    lose_a_job(id);
    open_consumer("b");
    claim_one("b", again);
    settle_add(&args, "K", id, "1:1:9::", "main", NULL);
    settle_expecting(&args, "b", 0);
    settle_add(&args, "D", id, DONE, NULL);
    settle_expecting(&args, "a", 0);
    freeReplyObject(unpark("main", "10"));
    reply = claim("b", 10);
    cr_expect_eq(n_claimed(reply), 0);
    freeReplyObject(reply);
    cr_expect_eq(n_results(), 1);
    cr_expect_eq(n_waiting(), 0);
}
