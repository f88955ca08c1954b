/* Refusals: of an event among others, of the app, of the clock. */
#include <string.h>

#include "tests/unit/core/rig.h"

TestSuite(engine, .fini = rig_close);

/* Sends what there is, as a server would answer it; the number of requests. */
static unsigned serve(void)
{
    struct request *request;
    unsigned n = 0;

    for (; (request = rig_next()); n++)
        rig_answer(request, rig_has_bad(request) ? ANSWER_REFUSED : ANSWER_DONE);
    return n;
}

static void add_ten(unsigned bad, unsigned other_bad, bool one_lane)
{
    for (unsigned i = 0; i < 10; i++) {
        struct job *job = build_event(one_lane ? 1 : i);

        job->claim_id = i;
        if (i == bad || i == other_bad)
            job->parts[0].size = RIG_BAD;
        rig_add(job);
    }
}

static void expect_failed(unsigned bad, unsigned other_bad)
{
    for (unsigned i = 0; i < 10; i++) {
        const struct job *job = rig_settled();
        bool is_bad = job->claim_id == bad || job->claim_id == other_bad;

        cr_assert_eq(job->fate, is_bad ? JOB_FAILED : JOB_DONE);
        if (is_bad)
            cr_expect_str_eq(job->parts[0].code, "rejected");
    }
}

Test(engine, finds_one_bad_event_of_ten_in_eight_more_requests)
{
    for (unsigned bad = 0; bad < 10; bad++) {
        rig_open();
        add_ten(bad, bad, false);
        cr_expect_leq(serve(), 1 + 8);
        expect_failed(bad, bad);
        rig_close();
    }
}

Test(engine, finds_one_bad_event_of_ten_in_the_same_lane)
{
    for (unsigned bad = 0; bad < 10; bad++) {
        rig_open();
        add_ten(bad, bad, true);
        serve();
        expect_failed(bad, bad);
        rig_close();
    }
}

Test(engine, finds_two_bad_events)
{
    for (unsigned bad = 0; bad < 9; bad++) {
        for (unsigned other = bad + 1; other < 10; other++) {
            rig_open();
            add_ten(bad, other, false);
            cr_expect_leq(serve(), 1 + 16);
            expect_failed(bad, other);
            rig_close();
        }
    }
}

Test(engine, keeps_a_refused_lane_in_order)
{
    uint64_t next = 0;
    struct request *request;

    rig_open();
    add_ten(4, 4, true);
    while ((request = rig_next())) {
        bool bad = rig_has_bad(request);

        for (unsigned i = 0; i < request->n_parts; i++)
            cr_assert_eq(request->parts[i]->job->claim_id, next + i);
        next += !bad || request->n_parts == 1 ? request->n_parts : 0;
        rig_answer(request, bad ? ANSWER_REFUSED : ANSWER_DONE);
    }
    cr_expect_eq(next, 10);
}

Test(engine, sends_suspects_in_the_order_they_had)
{
    const struct request *request;

    rig_open();
    add_ten(7, 7, false);
    rig_exchange(ANSWER_REFUSED);
    request = rig_next();
    cr_assert_eq(request->n_parts, 5);
    for (unsigned i = 0; i < 5; i++)
        cr_expect_eq(request->parts[i]->job->claim_id, i);
}

Test(engine, lets_no_newcomer_join_suspects)
{
    const struct job *newcomer;

    rig_open();
    add_ten(0, 0, false);
    rig_exchange(ANSWER_REFUSED);
    rig_add_events(10, 100);
    newcomer = rig_add(build_event(0)); /* behind a suspect in its lane */
    for (int i = 0; i < 2; i++) {
        const struct request *request = rig_next();

        cr_expect_eq(request->n_parts, 5);
        for (unsigned k = 0; k < 5; k++)
            cr_expect_neq(request->parts[k]->job, newcomer);
    }
    cr_expect_eq(rig_next()->n_parts, 10);
}

Test(engine, fails_a_call_that_is_refused)
{
    const struct job *job;

    rig_open();
    job = rig_add(build_call(3, 1));
    rig_exchange(ANSWER_REFUSED);
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_FAILED);
    cr_expect_str_eq(job->parts[0].code, "rejected");
    cr_expect_str_eq(job->parts[0].error, "the answer");
}

Test(engine, fails_the_bad_event_of_a_job_and_delivers_the_others)
{
    struct job *job = build_raw(10, 0);

    rig_open();
    job->parts[3].size = RIG_BAD;
    job_init(job);
    rig_add(job);
    serve();
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_FAILED);
    for (unsigned i = 0; i < 10; i++)
        cr_expect_eq(job->parts[i].state, i == 3 ? PART_FAILED : PART_DELIVERED);
}

Test(engine, pauses_an_app_that_is_refused_and_no_other)
{
    const char *text;

    rig_open();
    rig_add_events(3, 1);
    rig_exchange(ANSWER_FORBIDDEN);
    rig_add_events(3, 10);
    cr_expect_null(rig_next());
    cr_expect_null(rig_settled(), "no job fails");
    cr_expect_eq(engine_gate(rig.engine, 0, &text)->cause, GATE_REFUSED);
    cr_expect_str_eq(text, "the answer");
    rig_add(build_event_of(1, 50));
    cr_expect_eq(rig_next()->app, 1);
}

Test(engine, fails_no_job_however_long_its_app_is_refused)
{
    rig_open();
    rig_add_events(3, 1);
    for (int i = 0; i < 200; i++) {
        rig_exchange(ANSWER_FORBIDDEN);
        cr_assert_null(rig_next());
        rig_sleep();
    }
    for (int i = 0; i < 3; i++) { /* probes were halved, down to one event */
        rig_exchange(ANSWER_DONE);
        cr_expect_eq(rig_settled()->fate, JOB_DONE);
    }
}

Test(engine, counts_neither_tries_nor_time_while_an_app_is_refused)
{
    const struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    rig_exchange(ANSWER_FORBIDDEN);
    cr_expect_eq(job->attempts, 0);
    rig.now_ms += 2 * RIG_FOR_MS;
    rig_exchange(ANSWER_RETRY);
    cr_expect_null(rig_settled());
    cr_expect_eq(job->attempts, 1);
    cr_expect_eq(job->first_attempt_ms, rig.now_ms);
}

Test(engine, forgives_the_pause_to_those_who_waited_for_another_try)
{
    struct request *waits;

    rig_open_limited(4, 1, 0);
    rig_add_events(2, 1);
    waits = rig_next();
    rig_answer(rig_next(), ANSWER_FORBIDDEN);
    rig_answer(waits, ANSWER_RETRY);
    rig.now_ms += 2 * RIG_FOR_MS;
    rig_answer(rig_next(), ANSWER_DONE);
    if (rig_settled()->parts[0].attempts == 2)
        return; /* the one that waited was the probe */
    rig_exchange(ANSWER_RETRY);
    cr_expect_null(rig_settled(), "it neither fails nor is parked");
}

Test(engine, sends_again_at_once_when_the_clock_was_corrected)
{
    struct request *request;
    const struct job *job;

    rig_open();
    rig_add_events(2, 1);
    request = rig_next();
    rig_answer(request, ANSWER_CLOCK);
    cr_expect_eq(rig_next(), request);
    rig_answer(request, ANSWER_DONE);
    job = rig_settled();
    cr_expect_eq(job->fate, JOB_DONE);
    cr_expect_eq(job->attempts, 1);
}

Test(engine, pauses_the_app_when_correcting_the_clock_did_not_help)
{
    const char *text;

    rig_open();
    rig_add_events(2, 1);
    rig_exchange(ANSWER_CLOCK);
    rig_exchange(ANSWER_CLOCK);
    cr_expect_null(rig_next());
    cr_expect_eq(engine_gate(rig.engine, 0, &text)->cause, GATE_REFUSED);
    cr_expect_null(rig_settled());
}

Test(engine, corrects_the_clock_for_a_probe_as_well)
{
    rig_open();
    rig_add_events(1, 1);
    rig_exchange(ANSWER_FORBIDDEN);
    rig_sleep();
    rig_exchange(ANSWER_CLOCK);
    rig_exchange(ANSWER_DONE);
    cr_expect_eq(rig_settled()->fate, JOB_DONE);
}

Test(engine, cuts_the_text_of_a_long_refusal)
{
    char long_text[5000];
    const char *text;

    memset(long_text, 'x', sizeof(long_text));
    long_text[sizeof(long_text) - 1] = '\0';
    rig_open();
    rig_add_events(1, 1);
    rig_answer_with(rig_next(), (struct answer){ANSWER_FORBIDDEN, 403, -1, long_text});
    engine_gate(rig.engine, 0, &text);
    cr_expect_gt(strlen(text), 100);
    cr_expect_lt(strlen(text), 1000);
}
