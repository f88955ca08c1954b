/* Ids and times have more than 32 bits, and so must what the scripts write them with. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/unit/scripts/ctl_scripts.h"
#include "tests/unit/scripts/key_guard.h"

static void open_short(void)
{
    scripts_open();
    key_guard_short_long(true);
    open_consumer("a");
}

TestSuite(numbers, .init = open_short, .fini = scripts_close, .timeout = 120);

/* The first of them is too large, and fails. */
static void push_with_an_oversize(void)
{
    static char big[MAX_JOB + 1];

    memset(big, 'B', sizeof(big));
    push_bytes(big, sizeof(big));
    push_jobs(1, 3);
}

Test(numbers, of_claims_are_whole)
{
    redisReply *reply;

    push_with_an_oversize();
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 3);
    cr_expect_str_eq(id_at(reply, 0), "7000000000000002");
    cr_expect_str_eq(id_at(reply, 2), "7000000000000004");
    cr_expect_str_eq(last_entry(key_of(KEYS_FAILURES), "id"), "pd-7000000000000001");
    cr_expect_eq(n_inflight("a"), 3);
    freeReplyObject(reply);
}

Test(numbers, of_a_counter_that_begins_anew_are_whole)
{
    redisReply *reply;

    key_guard_clock("{'1700000000','0'}");
    redis_do(&scripts_server, "DEL %s", key_of(KEYS_SEQ));
    push_jobs(1, 2);
    reply = claim("a", 10);
    cr_assert_eq(n_claimed(reply), 2);
    cr_expect_str_eq(id_at(reply, 1), "1700000000000002");
    freeReplyObject(reply);
    cr_expect_eq(redis_int(&scripts_server, "INCR %s", key_of(KEYS_SEQ)), 1700000000000003);
}

Test(numbers, of_replays_are_whole)
{
    char entry[FAILURE_ID_MAX];

    for (int i = 0; i < 2; i++) {
        add_failure("job", 3, entry);
        replay_expecting(0, entry, "0:0:0:1:");
    }
    cr_expect_eq(n_in("HLEN", key_of(KEYS_RETRY_JOBS)), 2);
    cr_expect_eq(redis_int(&scripts_server, "HEXISTS %s 7000000000000002", key_of(KEYS_RETRY_JOBS)),
                 1);
}

Test(numbers, of_what_killed_daemons_are_whole)
{
    struct settle_args args = {.n = 0};
    char id[24];

    push_jobs(1, 1);
    claim_one("a", id);
    settle_add(&args, "P", id, "7:6:0::", NULL);
    settle_expecting(&args, "a", 0);
    reap_all("a");
    cr_expect_str_eq(last_entry(key_of(KEYS_FAILURES), "id"), "pd-7000000000000001");
}

static const char *hash_value(const char *key, const char *field)
{
    static char value[256];
    redisReply *reply = redis_cmd(&scripts_server, "HGET %s %s", key, field);

    (void)snprintf(value, sizeof(value), "%s", reply->str ? reply->str : "");
    freeReplyObject(reply);
    return value;
}

Test(numbers, of_times_are_whole)
{
    key_guard_clock("{'1700000000','5000'}");
    pause_it("*", "");
    cr_expect_str_eq(hash_value(key_of(KEYS_PAUSED), "*"),
                     "{\"since_ms\":1700000000005,\"reason\":\"\"}");
    freeReplyObject(lease_of("open", "b", "1", "2"));
    cr_expect_str_eq(hash_value(key_of(KEYS_WAITING), "b"), "2:1700000060005");
}

/* True if a script formats with %d, with or without a width. */
static bool has_d(const char *script)
{
    while ((script = strstr(script, "string.format("))) {
        const char *end = strchr(script, '\n');

        while ((script = strchr(script, '%')) && script < end) {
            script += 1 + strspn(script + 1, "0123456789.");
            if (*script == 'd')
                return true;
        }
        script = end;
    }
    return false;
}

Test(numbers, are_written_with_d_by_claims_alone)
{
    const struct lua_script *others[] = {&script_replay, &script_pause, &script_peek, &script_fsck};

    cr_expect(has_d(script_claim.text), "it looks first whether that is enough");
    for (size_t i = 0; i < N_SCRIPTS; i++)
        cr_expect(all_scripts[i] == &script_claim || !has_d(all_scripts[i]->text), "%s",
                  all_scripts[i]->name);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        cr_expect_not(has_d(others[i]->text), "%s", others[i]->name);
}
