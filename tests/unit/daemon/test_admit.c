/* Admission by the operations of a queue: what it is not for fails, and nothing of it is made. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/admit.h"
#include "daemon/delivery_pool.h"
#include "tests/unit/daemon/config_fixture.h"

#define NOW_MS    UINT64_C(100000)
#define SERVER_MS UINT64_C(1700000000000)

static struct config *config;
static struct engine *engine;
static struct arena arena;
static struct delivery *delivery;

static void close_all(void)
{
    delivery_free(delivery);
    delivery_pool_clear();
    engine_free(engine);
    arena_deinit(&arena);
    config_free(config);
    fixture_remove();
}

TestSuite(admit, .fini = close_all);

/* A record on the one queue, which is for these operations. */
static void take(const char *operations, const char *record)
{
    const struct engine_limits limits = {.max_jobs = 10, .max_attempts = 2};
    const struct engine_app_limits app = {.max_in_flight = 4, .max_events = 10};
    char ini[512];

    snprintf(ini, sizeof(ini), ONE_APP "[queue q]\noperations = %s\n", operations);
    config = fixture_load(ini, NULL, NULL);
    engine = engine_new(&limits, &app, 1);
    arena_init(&arena, 1 << 20);
    const struct admission admission = {
        .config = config,
        .engine = engine,
        .queue = &config->queues[0],
        .arena = &arena,
        .max_bytes = SIZE_MAX,
        .now_ms = NOW_MS,
        .server_now_ms = SERVER_MS,
    };
    delivery = admit(&admission, 7, record, strlen(record));
    cr_assert(delivery);
}

static void expect_failed(size_t i, const char *code, const char *error)
{
    const struct part *part = &delivery->job.parts[i];

    cr_assert_lt(i, delivery->job.n_parts);
    cr_assert_eq(part->state, PART_FAILED);
    cr_expect_str_eq(part->code, code);
    cr_expect_str_eq(part->error, error);
    cr_expect_null(part->result);
}

static void expect_refused(const char *error)
{
    cr_assert_eq(delivery->job.n_parts, 1);
    expect_failed(0, "unknown_op", error);
}

Test(admit, refuses_an_operation_that_the_queue_is_not_for)
{
    take("triggerEvent", "{\"op\":\"customPost\",\"path\":\"/x\"}");
    expect_refused("customPost is not among the operations of this queue");
    cr_expect_eq(delivery->op_name.len, strlen("customPost"));
}

Test(admit, computes_nothing_that_the_queue_is_not_for)
{
    take("triggerEvent",
         "{\"op\":\"authorizeChannel\",\"socketId\":\"1.2\",\"channel\":\"private-a\"}");
    expect_refused("authorizeChannel is not among the operations of this queue");
}

Test(admit, computes_what_the_queue_is_for)
{
    take("authorizeChannel",
         "{\"op\":\"authorizeChannel\",\"socketId\":\"1.2\",\"channel\":\"private-a\"}");
    cr_assert_eq(delivery->job.parts[0].state, PART_DELIVERED);
    cr_expect(strstr(delivery->job.parts[0].result, "\"auth\""));
}

Test(admit, looks_at_an_operation_that_a_job_does_not_name)
{
    take("triggerBatch,sendToUser", "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\"}");
    expect_refused("triggerEvent is not among the operations of this queue");
}

Test(admit, takes_an_operation_that_the_queue_is_for)
{
    take("triggerBatch,triggerEvent", "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\"}");
    cr_assert_eq(delivery->job.n_parts, 1);
    cr_expect_eq(delivery->job.parts[0].state, PART_WAITING);
}

/* Not when it is due: it would hold its place until then for nothing. */
Test(admit, refuses_an_operation_at_once_that_is_to_be_carried_out_later)
{
    take("triggerEvent", "{\"op\":\"customGet\",\"path\":\"/x\",\"deliverAt\":1700000009000}");
    expect_refused("customGet is not among the operations of this queue");
}

/* Who sends it again must know what was delivered while the queue was for it. */
Test(admit, refuses_only_what_was_not_delivered_before)
{
    take("triggerEvent", "1:0:0:5:{\"events\":["
                         "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"0\"},"
                         "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"1\"},"
                         "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"2\"}]}");
    cr_assert_eq(delivery->job.n_parts, 1);
    expect_failed(0, "unknown_op", "triggerBatch is not among the operations of this queue");
    cr_expect_eq(delivery->items[delivery->job.parts[0].first_item], 1);
}

/* Two daemons knew of one event each, and what they knew was put together. */
static void expect_done(const char *operations, const char *header, const char *more)
{
    char record[256];

    (void)snprintf(record, sizeof(record),
                   "%s{%s\"events\":[{\"channel\":\"a\",\"event\":\"e\",\"data\":\"0\"},"
                   "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"1\"}]}",
                   header, more);
    take(operations, record);
    cr_expect_eq(delivery->job.n_parts, 0, "%s", record);
    engine_add(engine, &delivery->job, NOW_MS);
    cr_assert_eq(engine_next_settled(engine), &delivery->job);
    cr_expect_eq(delivery->job.fate, JOB_DONE);
    engine_release(engine, &delivery->job);
}

Test(admit, takes_for_done_what_was_delivered_whole_before_it_expired)
{
    expect_done("all", "1:0:0:3:", "\"expiresAt\":1000,");
}

Test(admit, takes_for_done_what_was_delivered_whole_and_orphaned_too_often)
{
    expect_done("all", "1:99:0:3:", "");
}

Test(admit, takes_for_done_what_was_delivered_whole_while_the_queue_was_for_it)
{
    expect_done("customGet", "1:0:0:3:", "");
}

Test(admit, takes_for_done_what_was_delivered_whole_while_its_app_was_known)
{
    expect_done("all", "1:0:0:3:", "\"app\":\"gone\",");
}

Test(admit, tells_of_an_operation_before_an_app_that_is_not_known)
{
    take("triggerEvent", "{\"op\":\"listChannels\",\"app\":\"nobody\"}");
    expect_refused("listChannels is not among the operations of this queue");
}

Test(admit, tells_what_cannot_be_read_as_ever)
{
    take("triggerEvent", "{\"op\":\"customGet\"}");
    cr_assert_eq(delivery->job.n_parts, 1);
    expect_failed(0, "invalid_job", "path is missing");
}
