/* What goes into a request, and whose turn it is. */
#include "tests/unit/core/rig.h"

TestSuite(engine, .fini = rig_close);

Test(engine, sends_a_single_event_at_once)
{
    const struct request *request;

    rig_open();
    rig_add_events(1, 1);
    request = rig_next();
    cr_assert(request);
    cr_expect_eq(request->n_parts, 1);
    cr_expect_null(rig_next());
}

Test(engine, gathers_what_comes_while_all_slots_are_taken)
{
    struct request *first, *second;

    rig_open_limited(1, 10, 0);
    rig_add_events(1, 1);
    first = rig_next();
    rig_add_events(7, 2);
    cr_expect_null(rig_next());
    rig_answer(first, ANSWER_DONE);
    second = rig_next();
    cr_assert(second);
    cr_expect_eq(second->n_parts, 7);
}

Test(engine, seals_a_batch_at_the_most_events)
{
    rig_open();
    rig_add_events(25, 1);
    cr_expect_eq(rig_next()->n_parts, 10);
    cr_expect_eq(rig_next()->n_parts, 10);
    cr_expect_eq(rig_next()->n_parts, 5);
    cr_expect_null(rig_next());
}

Test(engine, seals_a_batch_at_the_most_bytes)
{
    /* {"batch":[]}, three events of 100 bytes, two commas */
    rig_open_limited(4, 10, 12 + 3 * BUILD_PART_BYTES + 2);
    rig_add_events(4, 1);
    cr_expect_eq(rig_next()->n_parts, 3);
    cr_expect_eq(rig_next()->n_parts, 1);
}

Test(engine, fills_no_byte_beyond_the_most)
{
    rig_open_limited(4, 10, 12 + 3 * BUILD_PART_BYTES + 1);
    rig_add_events(4, 1);
    cr_expect_eq(rig_next()->n_parts, 2);
    cr_expect_eq(rig_next()->n_parts, 2);
}

Test(engine, sends_an_event_alone_that_is_over_the_most_bytes)
{
    rig_open_limited(4, 10, 20);
    rig_add_events(2, 1);
    cr_expect_eq(rig_next()->n_parts, 1);
    cr_expect_eq(rig_next()->n_parts, 1);
}

Test(engine, keeps_to_the_requests_in_flight_of_each_app)
{
    rig_open_limited(2, 1, 0);
    rig_add_events(5, 1);
    cr_assert(rig_next());
    cr_assert(rig_next());
    cr_expect_null(rig_next());
    rig_add(build_event_of(1, 50));
    cr_expect_eq(rig_next()->app, 1);
    cr_expect_eq(engine_n_in_flight(rig.engine), 3);
}

Test(engine, sends_the_events_of_a_lane_in_one_batch_in_their_order)
{
    const struct job *jobs[5];
    const struct request *request;

    rig_open();
    for (int i = 0; i < 5; i++)
        jobs[i] = rig_add(build_event(i == 3 ? 2 : 1));
    request = rig_next();
    cr_assert_eq(request->n_parts, 5);
    cr_expect_eq(request->parts[0]->job, jobs[0]);
    cr_expect_eq(request->parts[1]->job, jobs[1]);
    cr_expect_eq(request->parts[2]->job, jobs[2]);
    cr_expect_eq(request->parts[3]->job, jobs[4]);
}

Test(engine, has_one_request_of_a_lane_in_flight)
{
    struct request *first;

    rig_open_limited(4, 2, 0);
    for (int i = 0; i < 3; i++)
        rig_add(build_event(1));
    first = rig_next();
    cr_expect_null(rig_next());
    rig_add_events(1, 2);
    cr_expect(rig_next(), "another lane is free");
    rig_answer(first, ANSWER_DONE);
    cr_expect(rig_next());
}

Test(engine, sends_what_has_no_order_in_any_number_of_requests)
{
    rig_open_limited(4, 2, 0);
    for (int i = 0; i < 8; i++) {
        struct job *job = build_raw(1, 0);

        job_init(job);
        rig_add(job);
    }
    for (int i = 0; i < 4; i++)
        cr_assert_eq(rig_next()->n_parts, 2);
}

Test(engine, lets_no_call_follow_in_a_batch)
{
    rig_open();
    rig_add(build_event(1));
    rig_add(build_call(1, 1));
    cr_expect_eq(rig_next()->n_parts, 1);
    cr_expect_null(rig_next());
}

Test(engine, lets_no_part_of_another_app_follow_in_a_lane_they_share)
{
    struct request *request;

    rig_open();
    rig_add(build_event_of(0, 1));
    rig_add(build_event_of(1, 1));
    request = rig_next();
    cr_assert_eq(request->n_parts, 1);
    cr_expect_null(rig_next());
    rig_answer(request, ANSWER_DONE);
    cr_expect_eq(rig_next()->app, 1);
}

Test(engine, sends_a_call_of_many_channels_when_it_is_first_in_all)
{
    struct request *first, *second;

    rig_open_limited(4, 1, 0);
    rig_add(build_event(5));
    rig_add(build_event(77));
    rig_add(build_call(100, 0));
    first = rig_next();
    second = rig_next();
    cr_expect_null(rig_next());
    rig_answer(first, ANSWER_DONE);
    cr_expect_null(rig_next());
    rig_answer(second, ANSWER_DONE);
    cr_expect(rig_next()->parts[0]->alone);
}

Test(engine, holds_events_back_behind_a_call_of_their_channels)
{
    struct request *call;

    rig_open_limited(RIG_IN_FLIGHT, 100, 0);
    rig_add(build_call(100, 0));
    rig_add_events(100, 0);
    call = rig_next();
    cr_expect_null(rig_next());
    rig_answer(call, ANSWER_DONE);
    cr_expect_eq(rig_next()->n_parts, 100);
}

Test(engine, does_not_deadlock_calls_that_cross)
{
    rig_open_limited(32, RIG_EVENTS, 0);
    for (uint64_t i = 0; i < 20; i++)
        rig_add(build_call(10, i * 7 % 13));
    for (int i = 0; i < 20; i++)
        rig_exchange(ANSWER_DONE);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(rig_settled()->fate, JOB_DONE);
}

Test(engine, lets_calls_and_events_take_turns)
{
    unsigned n_calls = 0;

    rig_open_limited(1, 1, 0);
    for (uint64_t i = 0; i < 10; i++) {
        rig_add(build_call(1, 100 + i));
        rig_add(build_event(200 + i));
    }
    for (int i = 0; i < 10; i++) {
        struct request *request = rig_next();

        n_calls += request->parts[0]->alone;
        rig_answer(request, ANSWER_DONE);
        rig_release();
    }
    cr_expect_eq(n_calls, 5);
}

/* A crash would send again what was delivered and is not settled, as it would what is in flight. */
Test(engine, counts_what_is_not_settled_against_the_limit)
{
    struct job *first;

    rig_open_limited(2, 1, 0);
    rig_add_events(4, 1);
    rig_exchange(ANSWER_DONE);
    rig_exchange(ANSWER_DONE);
    cr_expect_null(rig_next());
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), UINT64_MAX);
    rig_release();
    first = rig.settled[0];
    cr_expect_eq(first->fate, JOB_DONE);
    cr_assert(rig_next());
    cr_assert(rig_next());
}

Test(engine, gives_slots_back_when_redis_is_slow)
{
    struct job *job;

    rig_open_limited(1, 1, 0);
    rig_add_events(2, 1);
    rig_exchange(ANSWER_DONE);
    cr_expect_null(rig_next());
    job = rig_settled();
    engine_free_slots(rig.engine, job);
    engine_free_slots(rig.engine, job);
    cr_assert(rig_next());
    cr_expect_null(rig_next());
}

Test(engine, counts_only_what_was_delivered)
{
    rig_open_limited(1, 1, 0);
    rig_add_events(2, 1);
    rig_exchange(ANSWER_REFUSED);
    cr_expect(rig_next());
}

Test(engine, lets_apps_take_turns)
{
    rig_open_limited(10, 1, 0);
    for (uint64_t i = 0; i < 6; i++)
        rig_add(build_event_of(i >= 3, i));
    for (unsigned i = 0; i < 6; i++)
        cr_assert_eq(rig_next()->app, i % 2);
}

Test(engine, sends_nothing_from_the_end_of_the_lease_on)
{
    rig_open();
    rig_add_events(1, 1);
    engine_set_send_until(rig.engine, rig.now_ms);
    cr_expect_null(rig_next());
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), UINT64_MAX);
    engine_set_send_until(rig.engine, rig.now_ms + 1);
    cr_expect(rig_next());
}

Test(engine, sleeps_until_something_happens)
{
    rig_open_limited(1, 1, 0);
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), UINT64_MAX);
    rig_add_events(2, 1);
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), rig.now_ms);
    rig_next();
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), UINT64_MAX, "all slots are taken");
}

Test(engine, counts_what_it_sends)
{
    rig_open();
    rig_add_events(13, 1);
    rig_exchange(ANSWER_DONE);
    rig_exchange(ANSWER_DONE);
    cr_expect_eq(engine_counters(rig.engine)->requests, 2);
    cr_expect_eq(engine_counters(rig.engine)->events, 13);
    cr_expect_eq(engine_counters(rig.engine)->done, 13);
}

Test(engine, counts_a_call_that_is_not_settled_as_a_request)
{
    struct request *request;
    unsigned n = 0;

    rig_open_limited(2, 10, 0);
    for (unsigned i = 0; i < 50; i++)
        rig_add(build_call(1, i));
    for (; n < 50 && (request = rig_next()); n++)
        rig_answer(request, ANSWER_DONE);
    cr_expect_eq(n, 2);
    rig_release();
    cr_expect(rig_next());
}
