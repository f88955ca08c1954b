/* Trying again, giving up, parking, and the gate. */
#include "tests/unit/core/rig.h"

TestSuite(engine, .fini = rig_close);

static const struct gate *gate_of(unsigned app)
{
    const char *text;

    return engine_gate(rig.engine, app, &text);
}

static struct answer busy(int64_t retry_after_ms)
{
    return (struct answer){ANSWER_RETRY, 429, retry_after_ms, "slow down"};
}

Test(engine, sends_the_same_request_again_after_a_wait)
{
    struct request *request, *again;

    rig_open();
    rig_add_events(3, 1);
    request = rig_next();
    rig_answer(request, ANSWER_RETRY);
    rig_sleep();
    cr_expect_leq(rig.now_ms, 1000 + RIG_BASE_MS);
    rig.now_ms--;
    cr_expect_null(rig_next());
    rig.now_ms++;
    again = rig_next();
    cr_expect_eq(again, request);
    cr_expect_eq(again->n_parts, 3);
    cr_expect_eq(again->parts[0]->attempts, 2);
    cr_expect_eq(again->parts[0]->job->attempts, 2);
}

Test(engine, adds_no_newcomer_to_a_request_that_is_sent_again)
{
    rig_open();
    rig_add_events(1, 1);
    rig_exchange(ANSWER_RETRY);
    rig_add_events(5, 10);
    cr_expect_eq(rig_next()->n_parts, 5);
    rig_sleep();
    cr_expect_eq(rig_next()->n_parts, 1);
}

Test(engine, keeps_the_lane_while_a_request_waits)
{
    rig_open();
    rig_add(build_event(1));
    rig_exchange(ANSWER_RETRY);
    rig_add(build_event(1));
    cr_expect_null(rig_next());
    rig_sleep();
    rig_exchange(ANSWER_DONE);
    cr_expect(rig_next());
}

Test(engine, gives_up_after_so_many_tries)
{
    const struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    for (int i = 1; i < RIG_ATTEMPTS; i++) {
        rig_exchange(ANSWER_RETRY);
        cr_assert_null(rig_settled());
        rig_sleep();
    }
    rig_exchange(ANSWER_RETRY);
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_FAILED);
    cr_expect_str_eq(job->parts[0].code, "retries_exhausted");
    cr_expect_str_eq(job->parts[0].error, "the answer");
    cr_expect_eq(job->parts[0].http, 503);
    cr_expect_eq(job->attempts, RIG_ATTEMPTS);
}

Test(engine, counts_the_tries_of_earlier_claims)
{
    struct job *job = build_raw(1, 0);

    rig_open();
    job->attempts_before = RIG_ATTEMPTS - 1;
    job_init(job);
    rig_add(job);
    rig_exchange(ANSWER_RETRY);
    cr_expect_eq(rig_settled()->fate, JOB_FAILED);
}

Test(engine, gives_up_so_long_after_the_first_try)
{
    struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    job->first_attempt_ms = 1000;
    rig.now_ms = 1000 + RIG_FOR_MS - 1;
    rig_exchange(ANSWER_RETRY);
    cr_expect_null(rig_settled());
    rig_sleep();
    rig_exchange(ANSWER_RETRY);
    cr_expect_eq(rig_settled()->fate, JOB_FAILED);
}

Test(engine, does_not_give_up_for_a_first_try_that_is_still_to_come)
{
    struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    job->first_attempt_ms = rig.now_ms + 60000; /* by another machine's clock */
    rig_exchange(ANSWER_RETRY);
    cr_expect_null(rig_settled());
}

Test(engine, gives_up_a_part_and_sends_the_others_of_its_request_again)
{
    struct job *old = build_raw(1, 0);
    const struct request *request;

    rig_open();
    old->attempts_before = RIG_ATTEMPTS - 1;
    job_init(old);
    rig_add(old);
    rig_add_events(2, 1);
    rig_exchange(ANSWER_RETRY);
    cr_expect_eq(rig_settled(), old);
    rig_sleep();
    request = rig_next();
    cr_expect_eq(request->n_parts, 2);
    cr_expect_eq(request->bytes, 2 * BUILD_PART_BYTES);
}

Test(engine, parks_what_would_hold_its_lane_for_too_long)
{
    struct engine_limits limits = rig_limits();
    struct engine_app_limits app = {4, 10, 0, true};
    const struct job *job;

    limits.lane_hold_ms = 0;
    rig_open_with(&limits, &app, 1);
    job = rig_add(build_event(1));
    rig_exchange(ANSWER_RETRY);
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_LATER);
    cr_expect_gt(job->due_ms, rig.now_ms);
    cr_expect_eq(job->attempts, 1);
    cr_expect_eq(job->first_attempt_ms, 1000);
    rig_add(build_event(1));
    cr_expect(rig_next(), "the lane is free");
}

Test(engine, holds_a_lane_no_longer_than_it_may)
{
    for (uint64_t beyond = 0; beyond < 2; beyond++) {
        rig_open();
        rig_add_events(1, 1);
        rig_next();
        rig.now_ms += RIG_HOLD_MS + beyond;
        rig_answer(rig.sent[0], ANSWER_CLOCK); /* which is sent again at once */
        cr_expect_eq(rig_settled() != NULL, beyond == 1);
        rig_close();
    }
}

Test(engine, waits_as_long_as_the_server_asks)
{
    rig_open();
    rig_add_events(1, 1);
    rig_answer_with(rig_next(), busy(7000));
    rig_sleep();
    cr_expect_geq(rig.now_ms, 8000);
    cr_expect(rig_next());
}

Test(engine, holds_the_whole_app_when_the_server_asks_and_no_other)
{
    struct request *request;

    rig_open();
    rig_add_events(1, 1);
    request = rig_next();
    rig_answer_with(request, busy(7000));
    rig_add_events(5, 10);
    cr_expect_null(rig_next());
    cr_expect_eq(gate_of(0)->cause, GATE_HELD);
    rig_add(build_event_of(1, 99));
    cr_expect_eq(rig_next()->app, 1);
    rig.now_ms = 7999;
    cr_expect_null(rig_next());
    rig.now_ms = 8000;
    cr_expect_eq(rig_next()->app, 0);
}

Test(engine, parks_nothing_while_the_app_may_not_send)
{
    rig_open();
    rig_add_events(1, 1);
    rig_answer_with(rig_next(), busy(RIG_HOLD_MS * 2));
    cr_expect_null(rig_settled());
    rig_sleep();
    cr_expect(rig_next());
}

/* ---- requests that there is no memory to send */

Test(engine, counts_no_attempt_that_did_not_go_out)
{
    struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    rig_add_events(2, 1);
    for (int i = 0; i < 4 * RIG_ATTEMPTS; i++) {
        rig_exchange(ANSWER_NOT_SENT);
        cr_expect_null(rig_next(), "its lane is held");
        cr_assert_null(rig_settled());
        cr_expect_eq(job->first_attempt_ms, 0);
        rig_sleep();
    }
    cr_expect_eq(engine_counters(rig.engine)->requests, 0);
    rig_exchange(ANSWER_DONE);
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_DONE);
    cr_expect_eq(job->attempts, 1);
    cr_expect_eq(engine_counters(rig.engine)->requests, 1);
    cr_expect_eq(engine_counters(rig.engine)->events, 3);
}

Test(engine, blames_no_app_for_what_did_not_go_out)
{
    rig_open_limited(GATE_FAILURES_TO_CLOSE, 1, 0);
    rig_add_events(2 * GATE_FAILURES_TO_CLOSE, 1);
    for (int i = 0; i < 2 * GATE_FAILURES_TO_CLOSE; i++)
        rig_exchange(ANSWER_NOT_SENT);
    cr_expect_null(rig_next());
    cr_expect_eq(gate_of(0)->state, GATE_OPEN);
    cr_expect_eq(gate_of(0)->n_failures, 0);
    cr_expect_eq(engine_limiter(rig.engine, 0)->n_in_flight, 0);
    rig_sleep();
    for (int i = 0; i < GATE_FAILURES_TO_CLOSE; i++)
        cr_assert(rig_next());
}

Test(engine, gives_up_so_long_after_the_first_try_that_went_out)
{
    const struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    rig_exchange(ANSWER_RETRY);
    rig_sleep();
    rig_exchange(ANSWER_NOT_SENT);
    cr_expect_eq(job->first_attempt_ms, 1000);
    cr_expect_eq(job->attempts, 1);
    cr_expect_eq(job->parts[0].retries, 1);
}

Test(engine, hands_back_as_it_was_what_did_not_go_out)
{
    const struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    rig_exchange(ANSWER_NOT_SENT);
    engine_stop(rig.engine);
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_HANDED_BACK);
}

/* ---- the gate of a server that is down */

/* Twenty requests that fail. */
static void break_down(void)
{
    rig_open_limited(GATE_FAILURES_TO_CLOSE, 1, 0);
    rig_add_events(2 * GATE_FAILURES_TO_CLOSE, 1);
    for (int i = 0; i < GATE_FAILURES_TO_CLOSE; i++)
        rig_next();
    while (rig.n_sent > 0)
        rig_answer(rig.sent[0], ANSWER_RETRY);
}

Test(engine, sends_nothing_more_after_so_many_failures_in_a_row)
{
    break_down();
    cr_expect_eq(gate_of(0)->state, GATE_CLOSED);
    cr_expect_eq(gate_of(0)->cause, GATE_DOWN);
    cr_expect_null(rig_next());
}

Test(engine, sends_a_single_probe_when_the_wait_is_over)
{
    break_down();
    rig_sleep();
    cr_assert(rig_next());
    cr_expect_null(rig_next());
    rig.now_ms += 100000;
    cr_expect_null(rig_next());
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), UINT64_MAX);
}

Test(engine, goes_on_when_the_probe_is_answered_well)
{
    break_down();
    rig_sleep();
    rig_exchange(ANSWER_DONE);
    rig_release();
    for (int i = 0; i < GATE_FAILURES_TO_CLOSE; i++)
        cr_assert(rig_next());
}

Test(engine, waits_again_when_the_probe_fails)
{
    break_down();
    rig_sleep();
    rig_exchange(ANSWER_RETRY);
    cr_expect_null(rig_next());
    cr_expect_eq(gate_of(0)->n_closed, 2);
    rig_sleep();
    cr_expect(rig_next());
}

Test(engine, sends_another_probe_when_one_does_not_go_out)
{
    break_down();
    rig_sleep();
    rig_exchange(ANSWER_NOT_SENT);
    cr_expect_eq(gate_of(0)->state, GATE_HALF_OPEN);
    cr_expect_eq(gate_of(0)->n_closed, 1);
    rig_exchange(ANSWER_DONE);
    cr_expect_eq(gate_of(0)->state, GATE_OPEN);
}

Test(engine, takes_no_old_answer_for_that_of_the_probe)
{
    struct request *old, *other;

    rig_open_limited(3, 1, 0);
    rig_add_events(4, 1);
    old = rig_next();
    other = rig_next();
    rig_answer(other, ANSWER_FORBIDDEN);
    rig_sleep();
    cr_assert(rig_next());
    rig_answer(old, ANSWER_DONE);
    cr_expect_eq(gate_of(0)->state, GATE_HALF_OPEN);
    cr_expect_null(rig_next());
}
