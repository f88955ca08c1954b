/* Limits, apps and what was learned of their servers change while jobs are under way. */
#include "tests/unit/core/rig.h"

TestSuite(engine_settings, .fini = rig_close);

static const struct gate *gate_of(unsigned app)
{
    const char *text;

    return engine_gate(rig.engine, app, &text);
}

Test(engine_settings, hold_for_the_next_request)
{
    struct engine_app_limits limits = {1, 2, 0, true};

    rig_open();
    rig_add_events(5, 1);
    engine_set_app(rig.engine, 0, &limits);
    cr_expect_eq(rig_next()->n_parts, 2);
    cr_expect_null(rig_next(), "one is in flight");
    limits.max_in_flight = 2;
    engine_set_app(rig.engine, 0, &limits);
    cr_expect_eq(rig_next()->n_parts, 2);
}

Test(engine_settings, keep_what_waits_when_there_may_be_more_and_less)
{
    struct engine_limits limits = rig_limits();

    rig_open();
    rig_add_events(10, 1);
    limits.max_jobs = 5;
    engine_set_limits(rig.engine, &limits);
    limits.max_jobs = 5000;
    engine_set_limits(rig.engine, &limits);
    cr_expect_eq(rig_next()->n_parts, 10);
}

Test(engine_settings, keep_the_keys_of_lanes)
{
    struct engine_limits limits = rig_limits();
    uint64_t before;

    rig_open();
    before = engine_lane_key(rig.engine, 0, "a", 1);
    limits.seed = 8;
    engine_set_limits(rig.engine, &limits);
    cr_expect_eq(engine_lane_key(rig.engine, 0, "a", 1), before);
}

Test(engine_settings, add_an_app)
{
    struct engine_app_limits limits = {1, 3, 0, true};

    rig_open();
    engine_set_app(rig.engine, 2, &limits);
    rig_add(build_event_of(2, 1));
    cr_expect_eq(rig_next()->app, 2);
    cr_expect_eq(gate_of(2)->state, GATE_OPEN);
}

Test(engine_settings, let_a_closed_gate_be_tried_at_once)
{
    rig_open();
    rig_add_events(1, 1);
    for (int i = 0; i < 4; i++) {
        rig_exchange(ANSWER_FORBIDDEN);
        rig_sleep();
    }
    rig_exchange(ANSWER_FORBIDDEN);
    cr_assert_null(rig_next());
    engine_try_app(rig.engine, 0, rig.now_ms);
    rig_exchange(ANSWER_DONE);
    cr_expect_eq(gate_of(0)->state, GATE_OPEN);
}

Test(engine_settings, take_no_answer_of_before_for_that_of_the_new_server)
{
    struct request *probe;

    rig_open();
    rig_add_events(2, 1);
    rig_exchange(ANSWER_FORBIDDEN);
    rig_sleep();
    probe = rig_next();
    engine_try_app(rig.engine, 0, rig.now_ms);
    rig_answer(probe, ANSWER_OUTDATED);
    cr_expect_neq(gate_of(0)->state, GATE_OPEN);
    rig_exchange(ANSWER_DONE);
    cr_expect_eq(gate_of(0)->state, GATE_OPEN);
}

Test(engine_settings, send_again_what_the_old_server_refused)
{
    struct request *request;
    const struct job *job;

    rig_open();
    rig_add_events(1, 1);
    request = rig_next();
    rig_answer(request, ANSWER_OUTDATED);
    cr_expect_eq(gate_of(0)->state, GATE_OPEN);
    cr_expect_eq(rig_next(), request);
    rig_answer(request, ANSWER_DONE);
    job = rig_settled();
    cr_expect_eq(job->fate, JOB_DONE);
    cr_expect_eq(job->attempts, 1);
}

Test(engine_settings, park_what_the_old_server_refused_of_a_removed_app)
{
    struct request *request;
    uint64_t lowest;

    rig_open();
    rig_add_events(1, 1);
    request = rig_next();
    cr_expect_eq(engine_park(rig.engine, 0, 0, 0, &lowest), 1);
    rig_answer(request, ANSWER_OUTDATED);
    cr_expect_eq(rig_settled()->fate, JOB_PARKED);
    cr_expect_null(rig_next());
}

Test(engine_settings, forget_all_of_an_app_but_its_limits)
{
    rig_open_limited(1, 3, 0);
    rig_add_events(1, 1);
    rig_exchange(ANSWER_FORBIDDEN);
    engine_try_app(rig.engine, 0, rig.now_ms);
    rig_exchange(ANSWER_REFUSED);
    rig_release();
    rig_close();
    rig_open_limited(1, 3, 0);
    engine_forget_app(rig.engine, 0);
    cr_expect_eq(gate_of(0)->n_probes, 0);
    rig_add_events(5, 1);
    cr_expect_eq(rig_next()->n_parts, 3);
}
