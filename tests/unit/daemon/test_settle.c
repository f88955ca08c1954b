/* What is settled when memory runs out: all of it, or the call fails. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/settle.h"
#include "tests/unit/lib/oom.h"

#define MAX_PARTS 3

static struct config config;
static struct settlement settlement;
static struct part parts[MAX_PARTS];
static uint32_t items[MAX_PARTS] = {0, 1, 2};
static struct pusher_string names[MAX_PARTS];
static uint8_t delivered[1];
static struct delivery delivery;
static const char *expected;

static void open_fixture(void)
{
    config = (struct config){.results_successes = true};
    settlement = (struct settlement){.config = &config, .now_ms = 1000, .server_now_ms = 900000};
    for (unsigned i = 0; i < MAX_PARTS; i++)
        names[i] = pusher_str(&"a\0b\0c"[2 * i]);
}

TestSuite(settle, .init = open_fixture);

/* A job of so many parts, each of an event, that are all delivered. */
static struct part *take(enum job_op op, uint32_t n_parts)
{
    memset(parts, 0, sizeof(parts));
    delivery = (struct delivery){
        .job = {.claim_id = 7, .parts = parts, .n_parts = n_parts, .fate = JOB_DONE, .attempts = 1},
        .op = op,
        .id = pusher_str("id"),
        .op_name = pusher_str("op"),
        .app_name = pusher_str("main"),
        .items = items,
        .n_items = n_parts,
        .delivered = delivered,
    };
    for (uint32_t i = 0; i < n_parts; i++)
        parts[i] = (struct part){
            .job = &delivery.job,
            .state = PART_DELIVERED,
            .first_item = i,
            .n_items = 1,
            .http = 200,
        };
    return parts;
}

static void fail(struct part *part)
{
    part->state = PART_FAILED;
    part->code = "rejected";
    part->http = 400;
    delivery.job.fate = JOB_FAILED;
}

static char *text(const char *literal)
{
    static char memory[4][64];
    static unsigned n;
    char *copy = memory[n++ % 4];

    snprintf(copy, sizeof(memory[0]), "%s", literal);
    return copy;
}

static void add_arg(const char *bytes, size_t len, void *data)
{
    char *all = data;

    strncat(strcat(all, " "), bytes, len);
}

static int settle_once(struct pusher_error *error)
{
    char all[1024] = "";
    struct script_call *call = script_call_new(&script_settle);
    bool is_whole = false;

    (void)error;
    if (call) {
        settle_add(call, &settlement, &delivery);
        is_whole = script_each_arg(call, 0, add_arg, all);
    }
    script_call_free(call);
    if (!is_whole)
        return PUSHER_ENOMEM;
    cr_assert_str_eq(all, expected);
    return 0;
}

/* Of the allocations one is the call's own. */
static void settles_as(const char *args, int n_others)
{
    expected = args;
    cr_expect_eq(oom_sweep(settle_once), 1 + n_others);
}

Test(settle, hands_over_the_result_of_a_call_as_it_is)
{
    take(JOB_OP_LIST_CHANNELS, 1)->result = text("{\"channels\":{}}");
    settles_as(" V 0000000000000007 id op main 200 1 0 {\"channels\":{}}", 0);
    config.results_successes = false;
    settles_as(" V 0000000000000007 id op main 200 1 0 {\"channels\":{}}", 0);
}

Test(settle, tells_all_info_of_channels)
{
    struct part *part = take(JOB_OP_TRIGGER_MULTIPLE_CHANNELS, 3);

    delivery.item_names = names;
    part[0].result = text("{\"n\":1}");
    part[2].result = text("{\"n\":3}");
    settles_as(" V 0000000000000007 id op main 200 1 0"
               " {\"channels\":{\"a\":{\"n\":1},\"c\":{\"n\":3}}}",
               1);
    config.results_successes = false;
    settles_as(" V 0000000000000007 id op main 200 1 0"
               " {\"channels\":{\"a\":{\"n\":1},\"c\":{\"n\":3}}}",
               1);
}

Test(settle, tells_all_info_of_a_request_of_several_channels)
{
    struct part *part = take(JOB_OP_TRIGGER_MULTIPLE_CHANNELS, 1);

    delivery.item_names = names;
    part->alone = true;
    part->result = text("{\"a\":{\"n\":1},\"b\":{\"n\":2}}");
    settles_as(" V 0000000000000007 id op main 200 1 0"
               " {\"channels\":{\"a\":{\"n\":1},\"b\":{\"n\":2}}}",
               1);
}

Test(settle, tells_all_info_of_a_batch)
{
    struct part *part = take(JOB_OP_TRIGGER_BATCH, 3);

    delivery.item_names = names;
    part[1].result = text("{\"n\":2}");
    settles_as(" V 0000000000000007 id op main 200 1 0 {\"batch\":[{},{\"n\":2},{}]}", 1);
}

Test(settle, tells_the_parts_of_a_failure)
{
    struct part *part = take(JOB_OP_TRIGGER_BATCH, 3);

    fail(&part[1]);
    part[1].error = text("why");
    settles_as(" F 0000000000000007 id op main rejected 400 why 1"
               " [{\"index\":1,\"code\":\"rejected\",\"error\":\"why\"}]",
               2);
}

Test(settle, tells_whoever_waits_for_a_reply)
{
    take(JOB_OP_TRIGGER_EVENT, 1);
    delivery.reply_to = pusher_str("list");
    config.results_successes = false;
    settles_as(
        " N 0000000000000007 L list {\"id\":\"id\",\"op\":\"op\",\"app\":\"main\",\"ok\":true,"
        "\"http\":200,\"attempts\":1,\"ms\":0}",
        1);
    fail(&parts[0]);
    settlement.dedupes = delivery.has_own_id = true;
    settles_as(" F 0000000000000007 id op main rejected 400 rejected 1  L list {\"id\":\"id\","
               "\"op\":\"op\",\"app\":\"main\",\"ok\":false,\"code\":\"rejected\",\"http\":400,"
               "\"error\":\"rejected\",\"attempts\":1,\"ms\":0} U id",
               1);
}

Test(settle, keeps_the_history_of_what_is_claimed_again)
{
    struct part *part = take(JOB_OP_TRIGGER_BATCH, 2);

    part[1].state = PART_PARKED;
    delivery.job.fate = JOB_LATER;
    delivery.job.first_attempt_ms = 1500;
    settles_as(" R 0000000000000007 0 1:0:900500:10:", 1);
}
