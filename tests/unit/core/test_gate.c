#include <criterion/criterion.h>
#include <limits.h>

#include "daemon/core/gate.h"

static struct gate gate;
static uint64_t random_state = 1;

/* Lets the time of a closed gate come, and sends the probe. */
static unsigned probe(void)
{
    unsigned number;

    cr_assert_not(gate_may_send(&gate, gate.opens_ms - 1));
    cr_assert(gate_may_send(&gate, gate.opens_ms));
    number = gate_sent(&gate);
    cr_assert_neq(number, 0, "it is no probe");
    return number;
}

static void fail_often(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        gate_failed(&gate, 0, 1000, &random_state);
}

Test(gate, is_open_at_first)
{
    cr_expect(gate_may_send(&gate, 0));
    cr_expect_eq(gate_sent(&gate), 0);
    cr_expect(gate_may_send(&gate, 0));
}

Test(gate, closes_at_a_refusal_of_the_app)
{
    gate_refused(&gate, 0, 1000, &random_state);
    cr_expect_eq(gate.state, GATE_CLOSED);
    cr_expect_eq(gate.cause, GATE_REFUSED);
    cr_expect_geq(gate.opens_ms, 1000 + GATE_MIN_MS / 2);
    cr_expect_leq(gate.opens_ms, 1000 + GATE_MIN_MS);
}

Test(gate, lets_one_probe_through_when_its_time_has_come)
{
    gate_refused(&gate, 0, 1000, &random_state);
    probe();
    cr_expect_not(gate_may_send(&gate, gate.opens_ms));
    cr_expect_not(gate_may_send(&gate, gate.opens_ms + 1000000));
}

Test(gate, opens_when_the_probe_is_answered_well)
{
    gate_refused(&gate, 0, 1000, &random_state);
    gate_answered_well(&gate, probe());
    cr_expect_eq(gate.state, GATE_OPEN);
    cr_expect_eq(gate.cause, GATE_NO_CAUSE);
    cr_expect_eq(gate_sent(&gate), 0);
}

Test(gate, waits_longer_after_each_probe_that_is_refused_up_to_a_limit)
{
    uint64_t wait = 0;

    gate_refused(&gate, 0, 1000, &random_state);
    for (int i = 0; i < 12; i++) {
        uint64_t now = gate.opens_ms;

        gate_refused(&gate, probe(), now, &random_state);
        wait = gate.opens_ms - now;
        cr_assert_geq(wait, i < 6 ? (uint64_t)GATE_MIN_MS << i : GATE_REFUSED_MAX_MS / 2);
        cr_assert_leq(wait, GATE_REFUSED_MAX_MS);
    }
}

Test(gate, starts_from_the_first_wait_once_it_was_open)
{
    gate_refused(&gate, 0, 1000, &random_state);
    for (int i = 0; i < 5; i++)
        gate_refused(&gate, probe(), gate.opens_ms, &random_state);
    gate_answered_well(&gate, probe());
    gate_refused(&gate, 0, 500000, &random_state);
    cr_expect_leq(gate.opens_ms, 500000 + GATE_MIN_MS);
}

Test(gate, is_not_moved_by_answers_to_older_requests)
{
    uint64_t opens_ms;

    gate_refused(&gate, 0, 1000, &random_state);
    opens_ms = gate.opens_ms;
    gate_answered_well(&gate, 0);
    gate_refused(&gate, 0, 1400, &random_state);
    gate_failed(&gate, 0, 1400, &random_state);
    cr_expect_eq(gate.state, GATE_CLOSED);
    cr_expect_eq(gate.opens_ms, opens_ms);
    probe();
    gate_answered_well(&gate, 0);
    cr_expect_eq(gate.state, GATE_HALF_OPEN);
}

Test(gate, takes_no_old_probe_for_the_one_in_flight)
{
    unsigned old, young;

    gate_refused(&gate, 0, 1000, &random_state);
    old = probe();
    gate_hold(&gate, 9000);
    young = probe();
    cr_expect_neq(old, young);
    gate_answered_well(&gate, old);
    gate_failed(&gate, old, 9001, &random_state);
    gate_learned_nothing(&gate, old);
    cr_expect_eq(gate.state, GATE_HALF_OPEN);
    cr_expect_not(gate_may_send(&gate, 9001));
    gate_answered_well(&gate, young);
    cr_expect_eq(gate.state, GATE_OPEN);
}

Test(gate, sends_another_probe_when_one_has_told_nothing)
{
    gate_refused(&gate, 0, 1000, &random_state);
    gate_learned_nothing(&gate, probe());
    cr_expect(gate_may_send(&gate, gate.opens_ms));
    cr_expect_neq(gate_sent(&gate), 0);
}

Test(gate, closes_after_so_many_failures_in_a_row)
{
    fail_often(GATE_FAILURES_TO_CLOSE - 1);
    cr_expect_eq(gate.state, GATE_OPEN);
    fail_often(1);
    cr_expect_eq(gate.state, GATE_CLOSED);
    cr_expect_eq(gate.cause, GATE_DOWN);
}

/* Where few requests go out, it would take for ever to count so many. */
Test(gate, closes_after_few_failures_that_last)
{
    for (int i = 0; i < GATE_FEW_FAILURES; i++)
        gate_failed(&gate, 0, 1000 + (uint64_t)i, &random_state);
    cr_expect_eq(gate.state, GATE_OPEN);
    gate_failed(&gate, 0, 1000 + GATE_FEW_FAILURES_MS - 1, &random_state);
    cr_expect_eq(gate.state, GATE_OPEN);
    gate_failed(&gate, 0, 1000 + GATE_FEW_FAILURES_MS, &random_state);
    cr_expect_eq(gate.state, GATE_CLOSED);
}

Test(gate, forgets_failures_before_a_good_answer)
{
    for (int i = 0; i < GATE_FEW_FAILURES; i++)
        gate_failed(&gate, 0, 1000, &random_state);
    gate_answered_well(&gate, 0);
    gate_failed(&gate, 0, 9000, &random_state);
    gate_failed(&gate, 0, 9001, &random_state);
    cr_expect_eq(gate.state, GATE_OPEN);
}

Test(gate, stays_open_when_some_requests_are_answered_well)
{
    for (int i = 0; i < 10; i++) {
        fail_often(GATE_FAILURES_TO_CLOSE - 1);
        gate_answered_well(&gate, 0);
    }
    cr_expect_eq(gate.state, GATE_OPEN);
}

Test(gate, never_waits_long_for_a_server_that_is_down)
{
    fail_often(GATE_FAILURES_TO_CLOSE);
    for (int i = 0; i < 12; i++) {
        uint64_t now = gate.opens_ms;

        gate_failed(&gate, probe(), now, &random_state);
        cr_assert_leq(gate.opens_ms - now, GATE_DOWN_MAX_MS);
    }
    cr_expect_eq(gate.cause, GATE_DOWN);
}

Test(gate, keeps_the_cause_of_a_refusal_when_the_probe_fails_otherwise)
{
    gate_refused(&gate, 0, 1000, &random_state);
    gate_failed(&gate, probe(), gate.opens_ms, &random_state);
    cr_expect_eq(gate.state, GATE_CLOSED);
    cr_expect_eq(gate.cause, GATE_REFUSED);
}

Test(gate, is_held_for_as_long_as_the_server_asks)
{
    gate_hold(&gate, 61000);
    cr_expect_eq(gate.cause, GATE_HELD);
    cr_expect_not(gate_may_send(&gate, 60999));
    cr_expect(gate_may_send(&gate, 61000));
    cr_expect_neq(gate_sent(&gate), 0, "one request tries first");
}

Test(gate, is_held_for_the_longest_that_was_asked_for)
{
    gate_hold(&gate, 61000);
    gate_hold(&gate, 5000);
    cr_expect_eq(gate.opens_ms, 61000);
    gate_hold(&gate, 62000);
    cr_expect_eq(gate.opens_ms, 62000);
}

Test(gate, that_is_held_is_not_opened_sooner_by_a_refusal)
{
    gate_hold(&gate, 61000);
    gate_refused(&gate, 0, 1000, &random_state);
    cr_expect_eq(gate.cause, GATE_REFUSED);
    cr_expect_eq(gate.opens_ms, 61000);
}

Test(gate, that_is_refused_stays_so_when_it_is_held_as_well)
{
    gate_refused(&gate, 0, 1000, &random_state);
    gate_hold(&gate, 61000);
    cr_expect_eq(gate.cause, GATE_REFUSED);
    cr_expect_eq(gate.opens_ms, 61000);
}

/* Refused once, and then accepted. The number of the refusal. */
static unsigned refuse_and_accept(void)
{
    unsigned number = gate_refused(&gate, 0, 1000, &random_state);

    cr_assert_neq(number, 0, "it is no number");
    cr_assert_not(gate_is_past(&gate, number));
    gate_answered_well(&gate, probe());
    return number;
}

Test(gate, knows_the_refusals_that_are_over)
{
    unsigned first = refuse_and_accept();
    unsigned second = refuse_and_accept();

    cr_expect_neq(first, second);
    cr_expect(gate_is_past(&gate, first), "another one does not undo it");
    cr_expect(gate_is_past(&gate, second));
    cr_expect_not(gate_is_past(&gate, 0));
    gate_refused(&gate, 0, 1000, &random_state);
    cr_expect_not(gate_is_past(&gate, first));
}

Test(gate, forgets_the_refusals_of_other_credentials)
{
    unsigned before = refuse_and_accept(), after;

    gate_try(&gate, 1000);
    cr_expect_not(gate_is_past(&gate, before));
    after = refuse_and_accept();
    cr_expect(gate_is_past(&gate, after));
    cr_expect_not(gate_is_past(&gate, before));
}

Test(gate, tells_old_and_new_credentials_apart_while_it_is_refused)
{
    unsigned before = gate_refused(&gate, 0, 1000, &random_state), after;

    gate_try(&gate, 1000);
    after = gate_refused(&gate, 0, 1000, &random_state);
    cr_expect_neq(after, before);
    gate_answered_well(&gate, probe());
    cr_expect(gate_is_past(&gate, after));
    cr_expect_not(gate_is_past(&gate, before));
}

Test(gate, never_runs_out_of_numbers)
{
    gate.n_void = UINT_MAX - 1;
    gate.n_refusals = UINT_MAX - 1;
    for (int i = 0; i < 3; i++) {
        unsigned number = refuse_and_accept();

        cr_expect(gate_is_past(&gate, number), "%u", number);
    }
}
