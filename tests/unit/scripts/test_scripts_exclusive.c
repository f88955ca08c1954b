/* lease.lua for lists that one consumer has at a time. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(exclusive, .init = scripts_open, .fini = scripts_close, .timeout = 120);

/* Gives the state, and checks what the owner is told of those that wait. */
static long long ask(const char *op, const char *consumer, const char *owned, long long least)
{
    redisReply *reply = lease_of(op, consumer, "1", owned);
    long long state;

    cr_assert_eq(reply->type, REDIS_REPLY_ARRAY, "%s", reply->str);
    state = reply->element[1]->integer;
    if (state == 1)
        cr_expect_eq(reply->element[6]->integer, least);
    freeReplyObject(reply);
    return state;
}

Test(exclusive, list_has_one_consumer_at_a_time)
{
    cr_expect_eq(ask("open", "a", "0", -1), 1);
    cr_expect_eq(ask("open", "b", "0", -1), 0);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_LEASES)), 1);
    cr_expect_eq(ask("close", "a", "0", -1), 1);
    cr_expect_eq(ask("open", "b", "0", -1), 1);
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_WAITING)), 0);
}

Test(exclusive, owner_hears_who_waits)
{
    ask("open", "a", "0", -1);
    ask("open", "b", "3", -1);
    ask("open", "c", "1", -1);
    cr_expect_eq(ask("beat", "a", "4", 1), 1);
}

Test(exclusive, lease_that_ran_out_is_not_passed_over)
{
    redis_do(&scripts_server, "ZADD %s 1 dead", key_of(KEYS_LEASES));
    cr_expect_eq(ask("open", "b", "0", -1), 0, "its jobs come first");
    reap_all("dead");
    cr_expect_eq(ask("open", "b", "0", -1), 1);
}

Test(exclusive, owner_forgets_those_that_stopped_waiting)
{
    ask("open", "a", "0", -1);
    redis_do(&scripts_server, "HSET %s gone 0:1000", key_of(KEYS_WAITING));
    redis_do(&scripts_server, "HSET %s odd x", key_of(KEYS_WAITING));
    cr_expect_eq(ask("beat", "a", "4", -1), 1);
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_WAITING)), 0);
}

Test(exclusive, owner_may_open_again)
{
    cr_expect_eq(ask("open", "a", "0", -1), 1);
    cr_expect_eq(ask("open", "a", "0", -1), 1);
}
