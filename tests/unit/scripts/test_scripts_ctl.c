/* The scripts of pusherctl: replay.lua, pause.lua, fsck.lua. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/unit/scripts/ctl_scripts.h"

TestSuite(replay, .init = scripts_open, .fini = scripts_close, .timeout = 120);
TestSuite(pause, .init = scripts_open, .fini = scripts_close, .timeout = 120);
TestSuite(fsck, .init = scripts_open, .fini = scripts_close, .timeout = 120);

Test(replay, puts_the_unaltered_bytes_at_the_end_and_removes_the_entry)
{
    static const char job[] = "\x81\xa1\0:5:6:7:ab:\r\n\xff";
    char id[FAILURE_ID_MAX];
    redisReply *reply;

    push("first");
    add_failure(job, sizeof(job), id);
    replay_expecting(0, id, "");
    cr_expect_eq(n_failures(), 0);
    reply = redis_cmd(&scripts_server, "LRANGE " LIST " 0 -1");
    cr_assert_eq(reply->elements, 2);
    cr_assert_eq(reply->element[1]->len, sizeof(job));
    cr_expect_arr_eq(reply->element[1]->str, job, sizeof(job));
    freeReplyObject(reply);
}

Test(replay, of_a_job_that_failed_in_part_is_a_retry_that_knows_what_was_delivered)
{
    char id[FAILURE_ID_MAX];
    redisReply *reply;

    add_failure("job", 3, id);
    replay_expecting(0, id, "0:0:0:50:");
    cr_expect_eq(n_failures(), 0);
    cr_expect_eq(n_listed(), 0);
    open_consumer("a");
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 1);
    cr_expect_str_eq(record_at(reply, 0), "0:0:0:50:job");
    cr_expect_str_eq(id_at(reply, 0), "7000000000000001");
    freeReplyObject(reply);
}

Test(replay, loses_no_job_to_a_counter_that_is_too_large)
{
    char id[2][FAILURE_ID_MAX];

    redis_do(&scripts_server, "SET %s 1000000000000000000", key_of(KEYS_SEQ));
    for (int i = 0; i < 2; i++) {
        add_failure("job", 3, id[i]);
        replay_expecting(0, id[i], "0:0:0:1:");
    }
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 2);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 2);
}

/* A job that killed daemons until reap.lua failed it; it was marked as seen when it was claimed. */
static void fail_by_reaping(void)
{
    struct settle_args args = {.n = 0};
    char id[24];

    open_consumer("a");
    push("job");
    claim_one("a", id);
    redis_do(&scripts_server, "SET %s:one %s", key_of(KEYS_SEEN), id);
    settle_add(&args, "P", id, "7:6:5::", NULL);
    settle_expecting(&args, "a", 0);
    cr_assert_eq(reap_all("a"), 1);
    cr_assert_eq(n_failures(), 1);
}

static void expect_no_duplicate(const char *claim_id)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    settle_add(&args, "60000", "one", claim_id, NULL);
    reply = dedupe(&args);
    cr_expect_eq(reply->elements, 0, "it is taken for its own duplicate");
    freeReplyObject(reply);
}

static void replay_newest(void)
{
    redisReply *reply = redis_cmd(&scripts_server, "XREVRANGE %s + -", key_of(KEYS_FAILURES));

    replay_expecting(0, reply->element[0]->element[0]->str, "");
    freeReplyObject(reply);
}

Test(replay, of_a_job_that_was_failed_by_reaping_is_not_its_own_duplicate)
{
    redisReply *reply;

    fail_by_reaping();
    replay_newest();
    open_consumer("b");
    reply = claim("b", 10);
    cr_assert_eq(n_claimed(reply), 1);
    cr_expect_str_eq(record_at(reply, 0), "0:0:0::job");
    expect_no_duplicate(id_at(reply, 0));
    freeReplyObject(reply);
}

/* A producer can call its job so. */
Test(replay, takes_no_record_from_a_job_that_waits_under_the_same_id)
{
    static const char *const ids[] = {"pd-42", "pd-9007199254740993", "pd-4.2", "pd-"};

    redis_do(&scripts_server, "HSET %s 0000000000000042 0:0:0::other", key_of(KEYS_RETRY_JOBS));
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        redis_do(&scripts_server, "XADD %s * id %s op %s app %s code crash_loop job mine",
                 key_of(KEYS_FAILURES), ids[i], "", "");
        replay_newest();
    }
    cr_expect_eq(n_listed(), 4);
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 1);
    cr_expect_eq(n_failures(), 0);
}

Test(replay, a_second_one_finds_nothing)
{
    char id[FAILURE_ID_MAX];

    add_failure("job", 3, id);
    replay_expecting(0, id, "");
    replay_expecting(1, id, "");
    replay_expecting(1, id, "0:0:0:50:");
    cr_expect_eq(n_listed(), 1);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 0);
}

/* The same entry twice in one call is one job, too. */
Test(replay, takes_an_entry_once)
{
    char id[FAILURE_ID_MAX];
    redisReply *reply;

    add_failure("job", 3, id);
    reply = replay(id, "", id, "", NULL);
    cr_expect_eq(reply->elements, 1);
    freeReplyObject(reply);
    cr_expect_eq(n_listed(), 1);
}

/* Two connections with every call under way: whoever comes first has the entry. */
Test(replay, of_two_at_once_delivers_each_once)
{
    enum { N = 200 };
    static char ids[N][FAILURE_ID_MAX];
    redisContext *other = redisConnectUnix(scripts_server.socket);
    size_t gone = 0;

    cr_assert(other && !other->err);
    for (int i = 0; i < N; i++)
        add_failure("job", 3, ids[i]);
    for (int i = 0; i < N; i++) {
        replay_append(i % 2 ? other : scripts_server.client, ids[i], "");
        replay_append(i % 2 ? scripts_server.client : other, ids[i], i % 3 ? "" : "0:0:0:1:");
    }
    for (int i = 0; i < 2 * N; i++) {
        void *reply = NULL;

        cr_assert_eq(redisGetReply(i < N ? scripts_server.client : other, &reply), REDIS_OK);
        gone += ((redisReply *)reply)->elements;
        freeReplyObject(reply);
    }
    redisFree(other);
    cr_expect_eq(gone, N);
    cr_expect_eq(n_listed() + n_in("ZCARD", key_of(KEYS_RETRY)), N);
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), n_in("ZCARD", key_of(KEYS_RETRY)));
    cr_expect_eq(n_failures(), 0);
}

Test(replay, and_a_drop_do_not_both_have_an_entry)
{
    char id[FAILURE_ID_MAX];

    add_failure("job", 3, id);
    cr_expect_eq(redis_int(&scripts_server, "XDEL %s %s", key_of(KEYS_FAILURES), id), 1);
    replay_expecting(1, id, "");
    cr_expect_eq(n_listed(), 0);
    add_failure("job", 3, id);
    replay_expecting(0, id, "");
    cr_expect_eq(redis_int(&scripts_server, "XDEL %s %s", key_of(KEYS_FAILURES), id), 0);
}

/* A list, a set or a stream that cannot be written to: the entry stays. */
Test(replay, loses_nothing_where_redis_refuses)
{
    char id[FAILURE_ID_MAX];
    redisReply *reply;

    add_failure("job", 3, id);
    redis_do(&scripts_server, "SET " LIST " x");
    reply = replay(id, "", NULL);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redis_do(&scripts_server, "SET %s x", key_of(KEYS_RETRY_JOBS));
    reply = replay(id, "0:0:0:1:", NULL);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    cr_expect_eq(n_failures(), 1);
}

Test(replay, does_nothing_by_halves_for_a_user_who_may_not_remove)
{
    char id[FAILURE_ID_MAX];
    redisReply *reply;

    add_failure("job", 3, id);
    redis_do(&scripts_server, "ACL SETUSER u on nopass ~* +@all -xdel");
    redis_do(&scripts_server, "AUTH u x");
    reply = replay(id, "", NULL);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    cr_expect_eq(n_listed(), 0);
    cr_expect_eq(n_failures(), 1);
}

/* docs/redis.md gives a daemon INCRBY, for claims, and its console XRANGE and XDEL for this. */
Test(replay, needs_no_right_to_count_that_a_claim_does_not)
{
    char id[FAILURE_ID_MAX];

    add_failure("job", 3, id);
    redis_do(&scripts_server, "ACL SETUSER u on nopass ~* +@all -incr");
    redis_do(&scripts_server, "AUTH u x");
    replay_expecting(0, id, "0:0:0:1:");
    redis_do(&scripts_server, "AUTH default x");
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 1);
}

Test(replay, is_refused_while_redis_is_full)
{
    char id[FAILURE_ID_MAX];
    redisReply *reply;

    add_failure("job", 3, id);
    redis_do(&scripts_server, "CONFIG SET maxmemory 1");
    reply = replay(id, "", NULL);
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    cr_expect(strstr(reply->str, "OOM"), "%s", reply->str);
    freeReplyObject(reply);
    cr_expect_eq(n_failures(), 1);
    cr_expect_eq(n_listed(), 0);
}

/* ---- pause */

static const char *paused(const char *app)
{
    static char value[256];
    redisReply *reply = redis_cmd(&scripts_server, "HGET %s %s", key_of(KEYS_PAUSED), app);
    bool is_there = reply->type == REDIS_REPLY_STRING;

    (void)snprintf(value, sizeof(value), "%s", is_there ? reply->str : "");
    freeReplyObject(reply);
    return is_there ? value : NULL;
}

Test(pause, says_since_when_and_why)
{
    unsigned long long since;
    int end = 0;

    cr_expect_eq(pause_it("*", "\"a \\\"reason\\\"\""), 1);
    cr_assert_eq(
        sscanf(paused("*"), "{\"since_ms\":%llu,\"reason\":\"a \\\"reason\\\"\"}%n", &since, &end),
        1);
    cr_expect_eq((size_t)end, strlen(paused("*")));
    cr_expect_gt(since, 1600000000000ULL);
    cr_expect_null(paused("main"));
}

Test(pause, again_keeps_the_time_and_takes_a_new_reason)
{
    redis_do(&scripts_server, "HSET %s main {\"since_ms\":77,\"reason\":\"old\"}",
             key_of(KEYS_PAUSED));
    cr_expect_eq(pause_it("main", ""), 0);
    cr_expect_str_eq(paused("main"), "{\"since_ms\":77,\"reason\":\"old\"}");
    cr_expect_eq(pause_it("main", "\"new\""), 0);
    cr_expect_str_eq(paused("main"), "{\"since_ms\":77,\"reason\":\"new\"}");
}

Test(pause, ends_for_one_and_leaves_the_others)
{
    pause_it("*", "");
    pause_it("main", "");
    cr_expect_eq(resume_it("*"), 1);
    cr_expect_eq(resume_it("*"), 0);
    cr_expect_null(paused("*"));
    cr_expect_not_null(paused("main"));
    cr_expect_eq(resume_it("main"), 1);
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_PAUSED)), 0);
}

Test(pause, works_while_redis_is_full)
{
    redis_do(&scripts_server, "CONFIG SET maxmemory 1");
    cr_expect_eq(pause_it("*", ""), 1);
    cr_expect_eq(resume_it("*"), 1);
}

/* ---- fsck */

static void put_record(const char *id)
{
    redis_do(&scripts_server, "HSET %s %s 0:0:0::job", key_of(KEYS_RETRY_JOBS), id);
}

static long long n_retry(void)
{
    return n_in("ZCARD", key_of(KEYS_RETRY));
}

Test(fsck, finds_records_that_are_in_no_set_and_makes_them_due)
{
    put_record("1");
    put_record("2");
    put_record("3");
    redis_do(&scripts_server, "ZADD %s 99 2", key_of(KEYS_RETRY));
    redis_do(&scripts_server, "ZADD %s 3 3", parked_key("main"));
    redis_do(&scripts_server, "SADD %s main", key_of(KEYS_PARKED));
    cr_expect_eq(fsck("records", false, NULL, "1 2 3 4"), 1);
    cr_expect_eq(n_retry(), 1);
    cr_expect_eq(fsck("records", true, NULL, "1 2 3 4"), 1);
    cr_expect_eq(redis_int(&scripts_server, "ZRANK %s 1", key_of(KEYS_RETRY)), 0);
    cr_expect_eq(n_retry(), 2);
    cr_expect_eq(fsck("records", true, NULL, "1 2 3 4"), 0);
}

Test(fsck, looks_into_parked_sets_that_are_not_listed_if_they_are_given)
{
    put_record("3");
    redis_do(&scripts_server, "ZADD %s 3 3", parked_key("main"));
    cr_expect_eq(fsck("records", true, parked_key("main"), "3"), 0);
    cr_expect_eq(fsck("records", false, NULL, "3"), 1);
}

Test(fsck, finds_members_without_a_record_and_removes_them)
{
    put_record("1");
    redis_do(&scripts_server, "ZADD %s 1 1 2 2", key_of(KEYS_RETRY));
    redis_do(&scripts_server, "ZADD %s 2 2", parked_key("main"));
    cr_expect_eq(fsck("members", false, key_of(KEYS_RETRY), "1 2 3"), 1);
    cr_expect_eq(n_retry(), 2);
    cr_expect_eq(fsck("members", true, key_of(KEYS_RETRY), "1 2 3"), 1);
    cr_expect_eq(n_retry(), 1);
    cr_expect_eq(n_in("ZCARD", parked_key("main")), 1);
    cr_expect_eq(fsck("members", true, parked_key("main"), "2"), 1);
    cr_expect_eq(n_in("EXISTS", parked_key("main")), 0);
}

Test(fsck, finds_apps_whose_parked_jobs_nobody_would_look_for)
{
    redis_do(&scripts_server, "ZADD %s 1 1", parked_key("lost"));
    redis_do(&scripts_server, "ZADD %s 1 1", parked_key("fine"));
    redis_do(&scripts_server, "SADD %s fine empty", key_of(KEYS_PARKED));
    cr_expect_eq(fsck("apps", false, NULL, "lost fine empty none"), 2);
    cr_expect_eq(fsck("apps", true, NULL, "lost fine empty none"), 2);
    cr_expect_eq(fsck("apps", true, NULL, "lost fine empty none"), 0);
    cr_expect_eq(redis_int(&scripts_server, "SISMEMBER %s lost", key_of(KEYS_PARKED)), 1);
    cr_expect_eq(n_in("SCARD", key_of(KEYS_PARKED)), 2);
}

Test(fsck, gives_claims_without_a_lease_one_that_ran_out)
{
    open_consumer("a");
    push("job1");
    freeReplyObject(claim("a", 1));
    redis_do(&scripts_server, "HSET %s 2 0:0:0::job2", key_of_consumer(KEYS_INFLIGHT, "b"));
    cr_expect_eq(fsck("consumers", true, NULL, "a c"), 0);
    redis_do(&scripts_server, "ZREM %s a", key_of(KEYS_LEASES));
    cr_expect_eq(fsck("consumers", false, NULL, "a b c"), 2);
    cr_expect_eq(n_in("EXISTS", key_of(KEYS_LEASES)), 0);
    cr_expect_eq(fsck("consumers", true, NULL, "a b c"), 2);
    redisReply *reply = reap("a", "0");
    cr_expect_eq(reply->integer, 1);
    freeReplyObject(reply);
    reply = reap("b", "0");
    cr_expect_eq(reply->integer, 1);
    freeReplyObject(reply);
    cr_expect_eq(n_retry(), 2);
}

/* Between the look and the reaping the consumer came back. */
Test(fsck, leaves_a_consumer_alone_that_has_come_back)
{
    redis_do(&scripts_server, "HSET %s 1 0:0:0::job", key_of_consumer(KEYS_INFLIGHT, "a"));
    cr_expect_eq(fsck("consumers", true, NULL, "a"), 1);
    open_consumer("a");
    redisReply *reply = reap("a", "0");
    cr_expect_eq(reply->integer, -1);
    freeReplyObject(reply);
    cr_expect_eq(n_inflight("a"), 1);
}

Test(ctl_scripts, are_not_loaded_by_the_daemon)
{
    for (size_t i = 0; i < N_SCRIPTS; i++)
        cr_expect(all_scripts[i] != &script_replay && all_scripts[i] != &script_pause &&
                  all_scripts[i] != &script_peek && all_scripts[i] != &script_fsck);
}
