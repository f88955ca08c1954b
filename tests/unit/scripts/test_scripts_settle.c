/* settle.lua and reap.lua: how jobs leave a claim. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/scripts/scripts.h"

TestSuite(settle, .init = scripts_open, .fini = scripts_close, .timeout = 120);
TestSuite(reap, .init = scripts_open, .fini = scripts_close, .timeout = 120);

#define DONE(id)      "D", id, "job-id", "triggerEvent", "main", "200", "1", "12"
#define FAILED(id, p) "F", id, "job-id", "triggerEvent", "main", "rejected", "400", "bad", "3", p

/* Claims n jobs job1, job2, ... for consumer a: their ids are ID1, ID2, ... */
static void claim_jobs(int n)
{
    redisReply *reply;

    open_consumer("a");
    for (int i = 1; i <= n; i++) {
        char job[16];

        (void)snprintf(job, sizeof(job), "job%d", i);
        push(job);
    }
    reply = claim("a", (unsigned)n);
    cr_assert_eq(n_claimed(reply), (size_t)n);
    freeReplyObject(reply);
}

#define ID1 "7000000000000001"
#define ID2 "7000000000000002"
#define ID3 "7000000000000003"

static const char *header_of(const char *consumer, const char *id)
{
    static char record[256];
    redisReply *reply =
        redis_cmd(&scripts_server, "HGET %s %s", key_of_consumer(KEYS_INFLIGHT, consumer), id);

    (void)snprintf(record, sizeof(record), "%s", reply->str ? reply->str : "");
    freeReplyObject(reply);
    return record;
}

static const char *result(const char *field)
{
    return last_entry(key_of(KEYS_RESULTS), field);
}

static const char *failure(const char *field)
{
    return last_entry(key_of(KEYS_FAILURES), field);
}

Test(settle, writes_the_result_of_a_job_that_is_done)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    settle_add(&args, DONE(ID1), NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_inflight("a"), 0);
    cr_expect_eq(n_results(), 1);
    cr_expect_str_eq(result("id"), "job-id");
    cr_expect_str_eq(result("op"), "triggerEvent");
    cr_expect_str_eq(result("app"), "main");
    cr_expect_str_eq(result("http"), "200");
    cr_expect_str_eq(result("attempts"), "1");
    cr_expect_str_eq(result("ms"), "12");
    cr_expect_null(result("result"));
}

Test(settle, writes_what_an_operation_returned)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    settle_add(&args, "V", ID1, "x", "listChannels", "main", "200", "1", "9", "{\"channels\":{}}",
               NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_str_eq(result("result"), "{\"channels\":{}}");
}

Test(settle, writes_nothing_where_no_entry_is_wanted)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    settle_add(&args, "N", ID1, NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_inflight("a"), 0);
    cr_expect_eq(n_results() + n_failures(), 0);
}

Test(settle, writes_the_failure_of_a_job_with_its_bytes)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    settle_add(&args, FAILED(ID1, ""), NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_str_eq(failure("code"), "rejected");
    cr_expect_str_eq(failure("http"), "400");
    cr_expect_str_eq(failure("error"), "bad");
    cr_expect_str_eq(failure("attempts"), "3");
    cr_expect_str_eq(failure("job"), "job1");
    cr_expect_null(failure("parts"));
}

Test(settle, writes_the_parts_that_failed)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    settle_add(&args, FAILED(ID1, "[{\"index\":3}]"), NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_str_eq(failure("parts"), "[{\"index\":3}]");
}

Test(settle, keeps_the_bytes_of_a_failed_job_unaltered)
{
    static const char job[] = "5:6:7:ab:\0\r\n::\xff";
    struct settle_args args = {.n = 0};
    char id[24];
    redisReply *reply;
    const redisReply *fields;

    open_consumer("a");
    push_bytes(job, sizeof(job));
    claim_one("a", id);
    settle_add(&args, FAILED(id, ""), NULL);
    settle_expecting(&args, "a", 0);
    reply = redis_cmd(&scripts_server, "XRANGE %s - +", key_of(KEYS_FAILURES));
    fields = reply->element[0]->element[1];
    cr_assert_str_eq(fields->element[14]->str, "job");
    cr_assert_eq(fields->element[15]->len, sizeof(job));
    cr_expect_arr_eq(fields->element[15]->str, job, sizeof(job));
    freeReplyObject(reply);
}

Test(settle, puts_off_a_job_with_a_new_header)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    claim_jobs(1);
    settle_add(&args, "R", ID1, "0", "4:0:77:0f:", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_inflight("a"), 0);
    reply = claim("a", 1);
    cr_assert_eq(n_claimed(reply), 1);
    cr_expect_str_eq(id_at(reply, 0), ID1);
    cr_expect_str_eq(record_at(reply, 0), "4:0:77:0f:job1");
    freeReplyObject(reply);
}

Test(settle, keeps_a_job_back_until_it_is_due)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    claim_jobs(1);
    settle_add(&args, "R", ID1, "99999999999999", "1:0:0::", NULL);
    settle_expecting(&args, "a", 0);
    reply = claim("a", 1);
    cr_expect_eq(n_claimed(reply), 0);
    freeReplyObject(reply);
}

Test(settle, keeps_progress_in_the_claim)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    settle_add(&args, "P", ID1, "1:0:77:3:", NULL);
    settle_add(&args, "P", ID1, "2:0:77:f:", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_str_eq(header_of("a", ID1), "2:0:77:f:job1");
    cr_expect_eq(n_inflight("a"), 1);
}

Test(settle, hands_jobs_back_to_the_front_the_youngest_first)
{
    struct settle_args args = {.n = 0};

    claim_jobs(3);
    push("job4");
    settle_add(&args, "B", ID3, "B", ID2, "B", ID1, NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_listed(), 4);
    cr_expect_str_eq(listed_at(LIST, 0), "job1");
    cr_expect_str_eq(listed_at(LIST, 1), "job2");
    cr_expect_str_eq(listed_at(LIST, 2), "job3");
    cr_expect_str_eq(listed_at(LIST, 3), "job4");
}

Test(settle, reports_no_job_twice)
{
    struct settle_args args = {.n = 0};

    claim_jobs(2);
    settle_add(&args, DONE(ID1), FAILED(ID2, ""), NULL);
    settle_expecting(&args, "a", 0);
    settle_add(&args, DONE(ID1), FAILED(ID2, ""), NULL); /* its reply was lost */
    settle_expecting(&args, "a", 2);
    cr_expect_eq(n_results(), 1);
    cr_expect_eq(n_failures(), 1);
}

Test(settle, writes_nothing_for_what_is_gone_but_all_the_rest)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    claim_jobs(2);
    settle_add(&args, DONE("7000000000000099"), "L", "to", "{}", NULL);
    settle_add(&args, "R", "7000000000000098", "0", "1:0:0::", NULL);
    settle_add(&args, "P", "7000000000000097", "1:0:0::", "B", "7000000000000096", NULL);
    settle_add(&args, DONE(ID2), NULL);
    reply = settle(&args, "a");
    cr_assert_eq(reply->elements, 4);
    cr_expect_str_eq(reply->element[0]->str, "7000000000000099");
    cr_expect_str_eq(reply->element[3]->str, "7000000000000096");
    freeReplyObject(reply);
    cr_expect_eq(n_results(), 1);
    cr_expect_eq(n_in("EXISTS", "to"), 0);
    cr_expect_eq(n_listed(), 0);
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 0);
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 0);
    cr_expect_eq(n_inflight("a"), 1);
}

Test(settle, pushes_the_outcome_to_the_list_that_was_asked_for)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    settle_add(&args, DONE(ID1), "L", "answers", "{\"ok\":true}", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_str_eq(listed_at("answers", 0), "{\"ok\":true}");
    cr_expect_gt(n_in("TTL", "answers"), 50);
    cr_expect_leq(n_in("TTL", "answers"), 60);
}

Test(settle, lets_a_list_of_replies_live_as_long_as_the_last_one)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    redis_do(&scripts_server, "RPUSH answers x");
    redis_do(&scripts_server, "EXPIRE answers 5");
    settle_add(&args, DONE(ID1), "L", "answers", "{}", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_gt(n_in("TTL", "answers"), 50);
}

Test(settle, ends_no_list_that_was_there_for_ever)
{
    struct settle_args args = {.n = 0};

    claim_jobs(1);
    redis_do(&scripts_server, "RPUSH theirs x");
    settle_add(&args, DONE(ID1), "L", "theirs", "{}", NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_in("LLEN", "theirs"), 2);
    cr_expect_eq(n_in("TTL", "theirs"), -1);
}

Test(settle, keeps_the_outcome_when_the_reply_cannot_be_pushed)
{
    struct settle_args args = {.n = 0};

    claim_jobs(2);
    redis_do(&scripts_server, "SET text x");
    settle_add(&args, DONE(ID1), "L", "text", "{}", DONE(ID2), NULL);
    settle_expecting(&args, "a", 0);
    cr_expect_eq(n_results(), 2);
    cr_expect_eq(n_inflight("a"), 0);
    cr_expect_eq(n_in("TTL", "text"), -1, "somebody else's key does not expire");
}

Test(settle, loses_no_job_when_the_results_are_of_another_type)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    claim_jobs(3);
    redis_do(&scripts_server, "SET %s x", key_of(KEYS_RESULTS));
    settle_add(&args, "B", ID3, DONE(ID2), "B", ID1, NULL);
    reply = settle(&args, "a");
    cr_assert_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    cr_expect_eq(n_inflight("a"), 2);
    cr_expect_eq(n_listed(), 1);
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_RESULTS));
    settle_add(&args, "B", ID3, DONE(ID2), "B", ID1, NULL); /* sent again as it was */
    settle_expecting(&args, "a", 1);
    cr_expect_eq(n_results(), 1);
    cr_expect_str_eq(listed_at(LIST, 0), "job1");
}

Test(settle, loses_no_job_when_it_cannot_be_put_off_or_handed_back)
{
    struct settle_args args = {.n = 0};

    claim_jobs(2);
    redis_do(&scripts_server, "SET %s x", key_of(KEYS_RETRY));
    redis_do(&scripts_server, "SET " LIST " x");
    settle_add(&args, "R", ID1, "0", "1:0:0::", NULL);
    freeReplyObject(settle(&args, "a"));
    settle_add(&args, "B", ID2, NULL);
    freeReplyObject(settle(&args, "a"));
    cr_expect_eq(n_inflight("a"), 2);
}

Test(settle, bounds_the_streams)
{
    struct settle_args args = {.n = 0};

    claim_jobs(500);
    for (int i = 1; i <= 500; i++) {
        char id[24];

        (void)snprintf(id, sizeof(id), "7%015d", i);
        settle_add(&args, DONE(id), NULL);
        freeReplyObject(settle_bounded(&args, "a", "10"));
    }
    cr_expect_eq(n_inflight("a"), 0);
    cr_expect_geq(n_results(), 10);
    cr_expect_leq(n_results(), 250, "the bound is approximate");
}

Test(reap, puts_the_jobs_of_a_dead_consumer_before_the_queue_in_order)
{
    redisReply *reply;

    claim_jobs(30);
    push("new");
    cr_expect_eq(reap_all("a"), 30);
    cr_expect_eq(n_inflight("a"), 0);
    open_consumer("b");
    reply = claim("b", 100);
    cr_assert_eq(n_claimed(reply), 31);
    for (size_t i = 0; i < 30; i++) {
        char record[32];

        (void)snprintf(record, sizeof(record), "0:1:0::job%zu", i + 1);
        cr_assert_str_eq(record_at(reply, i), record);
    }
    cr_expect_str_eq(record_at(reply, 30), "0:0:0::new");
    freeReplyObject(reply);
}

Test(reap, keeps_what_is_known_of_a_job)
{
    struct settle_args args = {.n = 0};
    redisReply *reply;

    claim_jobs(1);
    settle_add(&args, "P", ID1, "3:2:123456789012:5a:", NULL);
    settle_expecting(&args, "a", 0);
    reap_all("a");
    open_consumer("b");
    reply = claim("b", 1);
    cr_expect_str_eq(record_at(reply, 0), "3:3:123456789012:5a:job1");
    freeReplyObject(reply);
}

Test(reap, leaves_a_consumer_alone_whose_lease_has_not_run_out)
{
    redisReply *reply;

    claim_jobs(1);
    reply = reap("a", "0");
    cr_expect_eq(reply->integer, -1);
    freeReplyObject(reply);
    cr_expect_eq(n_inflight("a"), 1);
}

Test(reap, waits_for_the_grace_time_as_well)
{
    redisReply *reply = redis_cmd(&scripts_server, "TIME");
    long long now_s = strtoll(reply->element[0]->str, NULL, 10);

    freeReplyObject(reply);
    claim_jobs(1);
    redis_do(&scripts_server, "ZADD %s %lld a", key_of(KEYS_LEASES), (now_s - 10) * 1000);
    reply = reap("a", "3600000");
    cr_expect_eq(reply->integer, -1);
    freeReplyObject(reply);
    reply = reap("a", "1000");
    cr_expect_eq(reply->integer, 1);
    freeReplyObject(reply);
}

Test(reap, takes_a_consumer_once)
{
    claim_jobs(2);
    cr_expect_eq(reap_all("a"), 2);
    cr_expect_eq(reap_all("a"), -1);
}

Test(reap, makes_late_settlements_of_the_dead_consumer_vain)
{
    struct settle_args args = {.n = 0};
    char id[24];

    claim_jobs(1);
    reap_all("a");
    open_consumer("b");
    claim_one("b", id);
    cr_assert_str_eq(id, ID1);
    settle_add(&args, DONE(ID1), "L", "to", "{}", NULL);
    settle_expecting(&args, "a", 1);
    cr_expect_eq(n_results(), 0);
    cr_expect_eq(n_in("EXISTS", "to"), 0);
    settle_add(&args, DONE(ID1), NULL);
    settle_expecting(&args, "b", 0);
    cr_expect_eq(n_results(), 1);
}

Test(reap, fails_a_job_that_kills_even_those_who_would_report_it)
{
    struct settle_args args = {.n = 0};

    claim_jobs(2);
    settle_add(&args, "P", ID1, "7:6:0::", "P", ID2, "7:5:0::", NULL);
    settle_expecting(&args, "a", 0);
    reap_all("a");
    cr_expect_eq(n_failures(), 1);
    cr_expect_str_eq(failure("code"), "crash_loop");
    cr_expect_str_eq(failure("id"), "pd-7000000000000001");
    cr_expect_str_eq(failure("job"), "job1");
    cr_expect_str_eq(failure("attempts"), "7");
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 1);
}

/* Something of another type in the way: nothing may be lost, and all come through later. */
static void expect_no_loss(const char *key)
{
    char broken[KEYS_KEY_MAX];
    redisReply *reply;

    (void)snprintf(broken, sizeof(broken), "%s", key);

    claim_jobs(3);
    redis_do(&scripts_server, "SET %s text", broken);
    reply = reap("a", "dead");
    cr_expect_eq(reply->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    redis_do(&scripts_server, "DEL %s", broken);
    reap_all("a");
    cr_expect_eq(n_in("ZCARD", key_of(KEYS_RETRY)), 3);
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 3);
}

Test(reap, loses_nothing_when_the_records_are_of_another_type)
{
    expect_no_loss(key_of(KEYS_RETRY_JOBS));
}

Test(reap, loses_nothing_when_the_retry_set_is_of_another_type)
{
    expect_no_loss(key_of(KEYS_RETRY));
}
