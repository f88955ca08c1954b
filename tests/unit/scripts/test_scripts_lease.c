/* lease.lua: who is there. recover.lua: the jobs of a claim whose reply was lost. */
#include <criterion/criterion.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(lease, .init = scripts_open, .fini = scripts_close, .timeout = 120);
TestSuite(recover, .init = scripts_open, .fini = scripts_close, .timeout = 120);

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
    cr_assert_eq(reply->elements, 12);
    cr_expect_str_eq(reply->element[8]->str, "c");
    cr_expect_lt(reply->element[9]->integer, -1000000);
    cr_expect_str_eq(reply->element[10]->str, "b");
    cr_expect_gt(reply->element[11]->integer, 50000);
    cr_expect_leq(reply->element[11]->integer, 60000);
    freeReplyObject(reply);
}

Test(lease, tells_how_many_jobs_are_in_the_claim)
{
    redisReply *reply;

    open_consumer("a");
    open_consumer("b");
    push_jobs(1, 5);
    freeReplyObject(claim("a", 3));
    freeReplyObject(claim("b", 1));
    reply = lease("beat", "a");
    cr_expect_eq(reply->element[7]->integer, 3);
    freeReplyObject(reply);
}

Test(lease, stays_when_jobs_are_left_so_that_they_are_taken_over)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 1);
    freeReplyObject(claim("a", 1));
    reply = lease("close", "a");
    cr_expect_eq(reply->element[1]->integer, 0);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_LEASES)), 1);
    freeReplyObject(reply);
}

Test(lease, is_closed_without_an_error_where_the_list_is_of_another_type)
{
    redisReply *reply;

    open_consumer("a");
    redis_do(&scripts_server, "SET " LIST " x");
    reply = lease("close", "a");
    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY);
    cr_expect_eq(reply->element[1]->integer, 1);
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_LEASES)), 0);
    freeReplyObject(reply);
}

Test(recover, gives_the_claims_that_are_not_known)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 100);
    freeReplyObject(claim("a", 100));
    reply = recover("a", "1000000", "7000000000000001 7000000000000050");
    cr_assert_eq(reply->elements, 2 + 2 * 98);
    cr_expect_eq(reply->element[1]->integer, 0);
    cr_expect_str_eq(reply->element[2]->str, "7000000000000002");
    cr_expect_str_eq(reply->element[3]->str, "0:0:0::job2");
    freeReplyObject(reply);
}

Test(recover, sorts_what_the_claim_has_in_any_order)
{
    redisReply *reply;

    redis_do(&scripts_server, "HSET %s 0000000000000030 c 0000000000000010 a 0000000000000020 b",
             key_of_consumer(KEYS_INFLIGHT, "a"));
    reply = recover("a", "1000000", "");
    cr_assert_eq(reply->elements, 8);
    cr_expect_str_eq(reply->element[3]->str, "a");
    cr_expect_str_eq(reply->element[5]->str, "b");
    cr_expect_str_eq(reply->element[7]->str, "c");
    freeReplyObject(reply);
}

Test(recover, gives_nothing_when_all_is_known)
{
    redisReply *reply;

    open_consumer("a");
    push_jobs(1, 1);
    freeReplyObject(claim("a", 1));
    reply = recover("a", "1000000", "7000000000000001");
    cr_expect_eq(reply->elements, 2);
    cr_expect_eq(reply->element[1]->integer, 0);
    freeReplyObject(reply);
}

/* An id and a record are 27 bytes here. */
static void expect_recovered(const char *limit, const char *known, size_t n, const char *first,
                             bool has_more)
{
    redisReply *reply = recover("a", limit, known);

    cr_assert_eq(reply->elements, 2 + 2 * n, "%zu, not %zu", (reply->elements - 2) / 2, n);
    cr_expect_str_eq(reply->element[2]->str, first);
    cr_expect_eq(reply->element[1]->integer, has_more);
    freeReplyObject(reply);
}

Test(recover, gives_the_first_and_then_what_fits_and_says_whether_there_is_more)
{
    open_consumer("a");
    push_jobs(1, 3);
    freeReplyObject(claim("a", 3));
    expect_recovered("1", "", 1, "7000000000000001", true);
    expect_recovered("53", "", 1, "7000000000000001", true);
    expect_recovered("54", "", 2, "7000000000000001", true);
    expect_recovered("54", "7000000000000001", 2, "7000000000000002", false);
    expect_recovered("1", "7000000000000001 7000000000000002", 1, "7000000000000003", false);
}
