/* claim.lua and replay.lua: the ids that they give. Whatever becomes of counter and clock, an id is
 * not given twice, and those of a queue ascend. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/scripts/ctl_scripts.h"
#include "tests/unit/scripts/key_guard.h"

#define EARLIER     "{'1700000000','0'}" /* seconds, and microseconds in them */
#define LATER       "{'1900000000','0'}"
#define LATER_STILL "{'1900000000','1500'}"
#define IN_2300     "{'10413792000','0'}"
#define ID_MAX      24

static void open_queue(void)
{
    scripts_open();
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_SEQ));
    open_consumer("a");
}

TestSuite(ids, .init = open_queue, .fini = scripts_close, .timeout = 120);

static void set_counter(const char *value)
{
    redis_do(&scripts_server, "SET %s %s", key_of(KEYS_SEQ), value);
}

/* The clock stands still, so many milliseconds after EARLIER. */
static void set_clock(unsigned ms)
{
    static char reply[48];

    (void)snprintf(reply, sizeof(reply), "{'1700000000','%u'}", ms * 1000);
    key_guard_clock(reply);
}

/* The counter as it is now, which may come back. */
static const char *counter(void)
{
    static char value[ID_MAX];
    redisReply *reply = redis_cmd(&scripts_server, "GET %s", key_of(KEYS_SEQ));

    (void)snprintf(value, sizeof(value), "%s", reply->str);
    freeReplyObject(reply);
    return value;
}

/* Claims n new jobs: their ids ascend, and all are above `last`, which becomes the last of them. */
static void claim_above(unsigned n, char last[ID_MAX])
{
    redisReply *reply;

    for (unsigned i = 0; i < n; i++)
        push("job");
    reply = claim("a", n);
    cr_assert_eq(n_claimed(reply), n);
    for (unsigned i = 0; i < n; i++) {
        cr_assert_eq(strlen(id_at(reply, i)), 16, "%s", id_at(reply, i));
        cr_assert_gt(strcmp(id_at(reply, i), last), 0, "%s is not above %s", id_at(reply, i), last);
        (void)snprintf(last, ID_MAX, "%s", id_at(reply, i));
    }
    freeReplyObject(reply);
}

/* Replays a job that failed in part, and gives the id under which it waits. */
static void replay_as(char ret_id[ID_MAX])
{
    char entry[FAILURE_ID_MAX];
    redisReply *reply;

    add_failure("job", 3, entry);
    replay_expecting(0, entry, "0:0:0:1:");
    reply = redis_cmd(&scripts_server, "ZRANGE %s -1 -1", key_of(KEYS_RETRY));
    (void)snprintf(ret_id, ID_MAX, "%s", reply->element[0]->str);
    freeReplyObject(reply);
}

Test(ids, begin_at_the_clock_in_microseconds)
{
    char last[ID_MAX] = "";

    key_guard_clock(EARLIER);
    claim_above(1, last);
    cr_expect_str_eq(last, "1700000000000001");
    claim_above(2, last);
    cr_expect_str_eq(last, "1700000000000003");
}

Test(ids, go_on_at_the_clock_when_it_is_ahead)
{
    char last[ID_MAX] = "";

    set_counter("5");
    key_guard_clock(EARLIER);
    claim_above(1, last);
    cr_expect_str_eq(last, "1700000000000001");
    key_guard_clock(LATER);
    claim_above(2, last);
    cr_expect_str_eq(last, "1900000000000002");
    key_guard_clock(LATER_STILL);
    replay_as(last);
    cr_expect_str_eq(last, "1900000000001001");
}

/* What a failover, or an older snapshot, does. */
Test(ids, are_not_given_again_by_a_counter_that_lost_its_last_writes)
{
    char last[ID_MAX] = "";
    const char *was;

    set_clock(0);
    claim_above(3, last);
    was = counter();
    for (unsigned i = 1; i <= 20; i++) {
        set_clock(i);
        claim_above(5, last);
        set_counter(was);
    }
    cr_expect_eq(n_inflight("a"), 3 + 20 * 5);
}

Test(ids, of_replays_are_not_given_again_either)
{
    char id[ID_MAX], last[ID_MAX] = "";
    const char *was;

    set_clock(0);
    claim_above(3, last);
    was = counter();
    for (unsigned i = 1; i <= 20; i++) {
        set_clock(i);
        replay_as(id);
        cr_assert_gt(strcmp(id, last), 0, "%s is not above %s", id, last);
        memcpy(last, id, sizeof(last));
        set_counter(was);
    }
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 20);
}

Test(ids, ascend_when_the_clock_is_put_back)
{
    char id[ID_MAX], last[ID_MAX] = "";

    key_guard_clock(LATER);
    claim_above(3, last);
    key_guard_clock(EARLIER);
    claim_above(3, last);
    replay_as(id);
    cr_expect_gt(strcmp(id, last), 0, "%s is not above %s", id, last);
    cr_expect_str_eq(id, "1900000000000007");
}

/* More than a thousand: they run ahead of the clock, which stands still here. */
Test(ids, of_ten_thousand_jobs_in_a_millisecond_ascend)
{
    char last[ID_MAX] = "";

    key_guard_clock(EARLIER);
    for (int i = 0; i < 20; i++)
        claim_above(500, last);
    cr_expect_str_eq(last, "1700000000010000");
    cr_expect_eq(n_inflight("a"), 10000);
}

/* In microseconds that year is beyond 2^53. */
Test(ids, are_exact_however_far_ahead_the_clock_is)
{
    char id[ID_MAX], last[ID_MAX] = "";

    claim_above(1, last);
    key_guard_clock(IN_2300);
    for (int i = 0; i < 5; i++)
        claim_above(3, last);
    key_guard_clock(NULL);
    claim_above(3, last);
    cr_expect_eq(n_inflight("a"), 19);
    cr_expect_lt(strtoull(last, NULL, 10), 9000000000000000u);
    replay_as(id);
    cr_expect_gt(strcmp(id, last), 0);
}
