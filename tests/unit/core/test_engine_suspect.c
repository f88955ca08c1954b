/* Requests that are refused as if their app were, while the app is accepted: a firewall before the
 * server that dislikes the data of one event, a path that only some may ask for. */
#include "tests/unit/core/rig.h"

TestSuite(engine, .fini = rig_close);

static struct job *add(uint64_t key, bool is_bad)
{
    struct job *job = build_event(key);

    if (is_bad)
        job->parts[0].size = RIG_BAD;
    return rig_add(job);
}

/* Sends what is due, until n jobs have settled. */
static void serve_until(unsigned n)
{
    for (unsigned i = 0; i < 500; i++) {
        struct request *request = rig_next();

        if (request)
            rig_answer(request, rig_has_bad(request) ? ANSWER_FORBIDDEN : ANSWER_DONE);
        while (rig_settled())
            ;
        if (rig.n_settled >= n)
            return;
        if (!request)
            rig_sleep();
    }
    cr_assert_fail("%u of %u jobs have settled", rig.n_settled, n);
}

static enum gate_state gate_now(void)
{
    const char *text;

    return engine_gate(rig.engine, 0, &text)->state;
}

Test(engine, finds_the_event_that_is_refused_as_if_its_app_were)
{
    for (unsigned bad = 0; bad < 10; bad++) {
        struct job *jobs[10];

        rig_open();
        for (unsigned i = 0; i < 10; i++)
            jobs[i] = add(i, i == bad);
        serve_until(10);
        for (unsigned i = 0; i < 10; i++)
            cr_expect_eq(jobs[i]->fate, i == bad ? JOB_FAILED : JOB_DONE);
        cr_expect_str_eq(jobs[bad]->parts[0].code, "rejected");
        cr_expect_str_eq(jobs[bad]->parts[0].error, "the answer");
        cr_expect_eq(jobs[bad]->parts[0].n_strikes, 5);
        cr_expect_eq(gate_now(), GATE_OPEN);
        rig_close();
    }
}

/* It was refused, then another was accepted; now it is due again. */
static struct job *make_suspect(void)
{
    struct job *job;

    rig_open_limited(64, 1, 0);
    job = add(1, true);
    rig_exchange(ANSWER_FORBIDDEN);
    cr_assert_eq(gate_now(), GATE_CLOSED);
    add(2, false);
    serve_until(1);
    cr_assert_eq(gate_now(), GATE_OPEN);
    return job;
}

Test(engine, lets_an_app_send_while_it_doubts_a_request)
{
    struct job *bad = make_suspect();

    for (unsigned i = 0; i < 30; i++) {
        struct request *request;

        add(10 + i, false);
        while ((request = rig_next()))
            rig_answer(request, rig_has_bad(request) ? ANSWER_FORBIDDEN : ANSWER_DONE);
        cr_assert_eq(gate_now(), GATE_OPEN);
        rig.now_ms += RIG_BASE_MS;
    }
    cr_expect_eq(bad->parts[0].state, PART_FAILED);
    cr_expect_eq(bad->attempts, 5, "the refusal of the app is none");
}

Test(engine, doubts_no_request_while_others_are_refused_too)
{
    struct job *bad = make_suspect();

    rig_exchange(ANSWER_FORBIDDEN);
    cr_expect_eq(bad->parts[0].n_strikes, 1);
    add(3, false);
    rig_exchange(ANSWER_FORBIDDEN);
    cr_expect_eq(gate_now(), GATE_CLOSED);
    for (unsigned i = 0; i < 200; i++) {
        struct request *request = rig_next();

        if (request)
            rig_answer(request, ANSWER_FORBIDDEN);
        else
            rig_sleep();
    }
    cr_expect_eq(bad->parts[0].n_strikes, 1);
    cr_expect_eq(bad->n_unresolved, 1, "no job fails because its app is refused");
}

Test(engine, doubts_a_call_as_it_does_events)
{
    struct job *call;

    rig_open();
    call = build_call(1, 1);
    call->parts[0].size = RIG_BAD;
    rig_add(call);
    rig_exchange(ANSWER_FORBIDDEN);
    add(2, false);
    serve_until(2);
    cr_expect_eq(call->fate, JOB_FAILED);
    cr_expect_str_eq(call->parts[0].code, "rejected");
}

Test(engine, doubts_nobody_after_the_app_was_changed)
{
    struct job *bad = make_suspect();

    engine_try_app(rig.engine, 0, rig.now_ms);
    rig_exchange(ANSWER_FORBIDDEN);
    cr_expect_eq(bad->parts[0].n_strikes, 0);
    cr_expect_eq(gate_now(), GATE_CLOSED);
}

/* Sends what may go now. How often the gate was closed by an answer. */
static unsigned serve_now(void)
{
    struct request *request;
    struct job *job;
    unsigned n_closed = 0;

    while ((request = rig_next())) {
        bool was_open = gate_now() == GATE_OPEN;

        rig_answer(request, rig_has_bad(request) ? ANSWER_FORBIDDEN : ANSWER_DONE);
        n_closed += was_open && gate_now() != GATE_OPEN;
    }
    while ((job = rig_settled()))
        engine_free_slots(rig.engine, job);
    return n_closed;
}

/* While the gate is closed for one of them, another is refused once more as the probe. */
Test(engine, closes_the_gate_once_at_most_for_each_of_several_bad_events)
{
    struct job *bad[3];
    unsigned n_bad = 0, n_closed = 0;

    rig_open_limited(64, 1, 0);
    for (unsigned ms = 0; ms < 10000; ms += 10) {
        if (ms % 300 == 150 && n_bad < 3)
            bad[n_bad++] = add(1000 + ms, true);
        if (ms % 50 == 0)
            add(1000 + ms, false);
        n_closed += serve_now();
        rig.now_ms += 10;
    }
    cr_expect_leq(n_closed, 3, "%u times", n_closed);
    cr_expect_eq(gate_now(), GATE_OPEN);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(bad[i]->fate, JOB_FAILED);
        cr_expect_str_eq(bad[i]->parts[0].code, "rejected");
    }
}

static void forbid_for(unsigned n_steps)
{
    for (unsigned i = 0; i < n_steps; i++) {
        struct request *request = rig_next();
        const struct job *job;

        if (request)
            rig_answer(request, ANSWER_FORBIDDEN);
        else
            rig_sleep();
        while ((job = rig_settled()))
            cr_assert_eq(job->fate, JOB_DONE, "a job fails because its app is refused");
    }
}

/* All are refused while they are in flight. A probe is accepted, and nothing from then on, for
 * long. */
static void refuse_the_app_but_for_one(unsigned n_events, unsigned max_events, bool is_fresh)
{
    rig_open_limited(64, max_events, 0);
    rig_add_events(n_events, 1);
    while (rig_next())
        ;
    cr_assert_eq(rig.n_sent, n_events / max_events);
    while (rig.n_sent > 0)
        rig_answer(rig.sent[0], ANSWER_FORBIDDEN);
    rig_sleep();
    if (is_fresh) {
        rig_exchange(ANSWER_FORBIDDEN);
        rig_add_events(1, 1000);
        rig_sleep();
    }
    rig_exchange(ANSWER_DONE);
    cr_assert_eq(gate_now(), GATE_OPEN);
    forbid_for(1000);
}

static void expect_all_done(unsigned n_events)
{
    cr_expect_neq(gate_now(), GATE_OPEN);
    serve_until(n_events);
    for (unsigned i = 0; i < n_events; i++)
        cr_expect_eq(rig.settled[i]->fate, JOB_DONE);
    cr_expect_eq(gate_now(), GATE_OPEN);
}

Test(engine, doubts_no_crowd_when_its_app_was_accepted_for_a_moment)
{
    for (unsigned max_events = 1; max_events <= 10; max_events += 9) {
        for (unsigned is_fresh = 0; is_fresh < 2; is_fresh++) {
            refuse_the_app_but_for_one(20 * max_events, max_events, is_fresh);
            expect_all_done(20 * max_events + is_fresh);
            rig_close();
        }
    }
}

/* The one that was accepted had been refused: so it was the app, and not they. */
Test(engine, doubts_nobody_when_one_that_was_refused_is_accepted)
{
    refuse_the_app_but_for_one(3, 1, false);
    expect_all_done(3);
    for (unsigned i = 0; i < 3; i++)
        cr_expect_eq(rig.settled[i]->attempts, 1);
}

Test(engine, takes_back_what_it_held_against_a_request_when_it_was_the_app)
{
    struct job *job;
    struct request *one, *other;

    rig_open_limited(64, 1, 0);
    job = rig_add(build_event(1));
    rig_add(build_event(2));
    one = rig_next();
    other = rig_next();
    rig_answer(one, ANSWER_FORBIDDEN);
    rig_answer(other, ANSWER_FORBIDDEN);
    rig_sleep();
    rig_exchange(ANSWER_FORBIDDEN);
    rig_add(build_event(3));
    rig_sleep();
    rig_exchange(ANSWER_DONE);
    while (job->parts[0].n_strikes < 4) {
        while (!(one = rig_next()))
            rig_sleep();
        if (one->parts[0]->job == job)
            rig_answer(one, ANSWER_FORBIDDEN);
        else
            other = one; /* its answer takes long */
    }
    cr_expect_eq(job->attempts, 4);
    rig_answer(other, ANSWER_DONE);
    forbid_for(100);
    cr_expect_eq(job->parts[0].n_strikes, 0);
    cr_expect_eq(job->attempts, 0);
    rig_sleep();
    rig_exchange(ANSWER_DONE);
    cr_expect_eq(job->fate, JOB_DONE);
    cr_expect_eq(job->attempts, 1);
}

/* Behind a balancer one server of ten knows the app. */
Test(engine, fails_no_job_of_an_app_that_is_accepted_now_and_then)
{
    unsigned n_requests = 0, n_added = 100;

    rig_open_limited(64, 1, 0);
    rig_add_events(n_added, 1);
    while (rig.n_settled < n_added) {
        struct request *request = rig_next();
        struct job *job;

        if (request)
            rig_answer(request, n_requests++ % 10 == 9 ? ANSWER_DONE : ANSWER_FORBIDDEN);
        else
            rig_sleep();
        while ((job = rig_settled())) {
            engine_free_slots(rig.engine, job);
            cr_assert_eq(job->fate, JOB_DONE);
        }
    }
}

/* Nobody else is sent: there is nobody by whom to tell that the app is accepted still. */
Test(engine, fails_a_few_bad_events_of_an_app_that_is_idle_in_seconds)
{
    struct job *bad[4];
    uint64_t began_ms;

    rig_open_limited(64, 1, 0);
    for (unsigned i = 0; i < 4; i++) {
        bad[i] = add(i, true);
        rig_exchange(ANSWER_FORBIDDEN);
        add(1000 + i, false);
        serve_until(rig.n_settled + 1);
    }
    began_ms = rig.now_ms;
    serve_until(8);
    cr_expect_lt(rig.now_ms - began_ms, 5000);
    for (unsigned i = 0; i < 4; i++) {
        cr_expect_str_eq(bad[i]->parts[0].code, "rejected");
        cr_expect_eq(bad[i]->parts[0].n_strikes, 5);
    }
}
