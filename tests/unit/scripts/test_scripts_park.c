/* Parking: settle.lua puts jobs of an app aside, unpark.lua brings them back; claim.lua and
 * lease.lua tell of them. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(park, .init = scripts_open, .fini = scripts_close, .timeout = 120);

#define PARKED_OF_A "{" LIST "}:parked:app-a"

static void push_numbers(unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        char job[16];

        (void)snprintf(job, sizeof(job), "job%u", i);
        push(job);
    }
}

/* Claims n jobs for c, and parks them for an app, the youngest first. */
static void park_jobs(unsigned n, const char *app)
{
    struct settle_args args = {.n = 0};
    redisReply *reply = claim("c", n);

    cr_assert_eq(n_claimed(reply), n);
    for (unsigned i = n; i-- > 0;)
        settle_add(&args, "K", id_at(reply, i), "2:0:77:01:", app, NULL);
    settle_expecting(&args, "c", 0);
    freeReplyObject(reply);
}

static void open_with(unsigned n)
{
    open_consumer("c");
    push_numbers(1, n);
}

static void expect_returned(const char *n, long long n_moved, const char *oldest)
{
    redisReply *reply = unpark("app-a", n);

    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    cr_expect_eq(reply->element[0]->integer, n_moved);
    cr_expect_str_eq(reply->element[1]->str, oldest);
    freeReplyObject(reply);
}

Test(park, keeps_records_until_they_are_brought_back_in_order)
{
    redisReply *reply;

    open_with(3);
    park_jobs(3, "app-a");
    push_numbers(4, 1);
    cr_expect_eq(n_inflight("c"), 0);
    cr_expect_eq(n_in("ZCARD", PARKED_OF_A), 3);
    expect_returned("2", 2, "7000000000000003");
    expect_returned("2", 1, "");
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_PARKED)), 0);

    reply = claim("c", 10);
    cr_assert_eq(n_claimed(reply), 4);
    cr_expect_str_eq(record_at(reply, 0), "2:0:77:01:job1");
    cr_expect_str_eq(id_at(reply, 0), "7000000000000001");
    cr_expect_str_eq(record_at(reply, 2), "2:0:77:01:job3");
    cr_expect_str_eq(record_at(reply, 3), "0:0:0::job4", "what is newer comes after");
    freeReplyObject(reply);
}

Test(park, does_not_claim_what_is_parked)
{
    redisReply *reply;

    open_with(2);
    park_jobs(2, "app-a");
    reply = claim("c", 10);
    cr_expect_eq(n_claimed(reply), 0);
    freeReplyObject(reply);
}

Test(park, parks_nothing_that_is_not_claimed)
{
    struct settle_args args = {.n = 0};

    open_with(1);
    settle_add(&args, "K", "0000000000000042", "0:0:0::", "app-a", NULL);
    settle_expecting(&args, "c", 1);
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_PARKED)), 0);
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_RETRY_JOBS)), 0);
}

Test(park, brings_back_nothing_of_an_app_without_parked_jobs)
{
    open_with(1);
    park_jobs(1, "app-b");
    expect_returned("10", 0, "");
    cr_expect_eq(n_in("SCARD", key_of(KEYS_PARKED)), 1);
}

Test(park, is_told_with_the_lease)
{
    redisReply *reply;

    open_with(2);
    park_jobs(2, "app-a");
    reply = lease("beat", "c");
    cr_assert_eq(reply->element[5]->elements, 2);
    cr_expect_str_eq(reply->element[5]->element[0]->str, "app-a");
    cr_expect_str_eq(reply->element[5]->element[1]->str, "7000000000000001");
    freeReplyObject(reply);
}

/* An app that has nothing parked after all must not hide those that have. */
Test(park, of_others_is_told_beside_an_app_whose_set_is_gone)
{
    redisReply *reply;

    open_with(3);
    park_jobs(1, "app-a");
    park_jobs(1, "app-b");
    park_jobs(1, "app-c");
    redis_do(&scripts_server, "DEL " PARKED_OF_A);
    redis_do(&scripts_server, "DEL {" LIST "}:parked:app-c");
    reply = lease("beat", "c");
    cr_assert_eq(reply->element[5]->elements, 2);
    cr_expect_str_eq(reply->element[5]->element[0]->str, "app-b");
    cr_expect_str_eq(reply->element[5]->element[1]->str, "7000000000000002");
    freeReplyObject(reply);
}

Test(park, of_paused_apps_is_told_with_claims_and_the_lease)
{
    redisReply *reply;

    open_with(1);
    redis_do(&scripts_server, "HSET %s app-a {}", key_of(KEYS_PAUSED));
    reply = claim("c", 10);
    cr_expect_eq(n_claimed(reply), 1, "the daemon parks it");
    cr_assert_eq(reply->element[4]->elements, 1);
    cr_expect_str_eq(reply->element[4]->element[0]->str, "app-a");
    freeReplyObject(reply);
    reply = lease("beat", "c");
    cr_expect_str_eq(reply->element[4]->element[0]->str, "app-a");
    freeReplyObject(reply);
}
