/* How jobs end other than by an answer: expiry, the stop, a lost lease; and their progress. */
#include "tests/unit/core/rig.h"

TestSuite(engine, .fini = rig_close);

static struct job *expiring(struct job *job, uint64_t expires_at_ms)
{
    job->expires_at_ms = expires_at_ms;
    return job;
}

static struct job *of_queue(struct job *job, unsigned queue)
{
    job->queue = queue;
    return job;
}

static void expect_expired(const struct job *job)
{
    cr_assert(job);
    cr_expect_eq(job->fate, JOB_FAILED);
    cr_expect_str_eq(job->parts[0].code, "expired");
}

Test(engine, does_not_send_what_has_expired)
{
    rig_open();
    rig_add(expiring(build_event(1), rig.now_ms));
    rig_add(expiring(build_call(1, 2), rig.now_ms));
    cr_expect_null(rig_next());
    expect_expired(rig_settled());
    expect_expired(rig_settled());
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), UINT64_MAX);
}

Test(engine, sends_what_expires_in_a_moment)
{
    rig_open();
    rig_add(expiring(build_event(1), rig.now_ms + 1));
    cr_expect(rig_next());
}

Test(engine, lets_no_expired_part_follow)
{
    rig_open();
    rig_add(build_event(1));
    rig_add(expiring(build_event(1), rig.now_ms));
    rig_add(build_event(1));
    cr_expect_eq(rig_next()->n_parts, 1);
    rig_answer(rig.sent[0], ANSWER_DONE);
    cr_expect_eq(rig_next()->n_parts, 1);
    cr_expect_eq(rig_settled()->fate, JOB_DONE);
    expect_expired(rig_settled());
}

Test(engine, sends_at_once_what_stood_behind_an_expired_part)
{
    rig_open();
    rig_add(expiring(build_call(1, 1), rig.now_ms));
    rig_add(build_event(1));
    cr_expect(rig_next());
    rig_answer(rig.sent[0], ANSWER_DONE);
    rig_add(expiring(build_event(2), rig.now_ms));
    rig_add(build_call(1, 2));
    cr_expect(rig_next());
}

Test(engine, sends_at_once_what_of_another_app_stood_behind_an_expired_part)
{
    struct job *expired = expiring(build_event_of(1, 1), rig.now_ms);

    rig_open();
    rig_add(build_event_of(0, 50));
    rig_exchange(ANSWER_DONE);
    rig_add(expired);
    rig_add(build_event_of(0, 1)); /* by a key that collides */
    cr_expect_eq(rig_next()->app, 0);
}

Test(engine, drops_what_expires_while_it_waits_for_another_try)
{
    const struct request *request;

    rig_open();
    rig_add(expiring(build_event(1), rig.now_ms + 1));
    rig_add(build_event(2));
    rig_exchange(ANSWER_RETRY);
    rig.now_ms += RIG_BASE_MS;
    request = rig_next();
    cr_expect_eq(request->n_parts, 1);
    cr_expect_eq(request->bytes, BUILD_PART_BYTES);
    expect_expired(rig_settled());
}

Test(engine, drops_a_request_of_which_everything_expires)
{
    rig_open();
    rig_add(expiring(build_event(1), rig.now_ms + 1));
    rig_exchange(ANSWER_RETRY);
    rig_add(build_event(1));
    rig.now_ms += RIG_BASE_MS;
    cr_expect_eq(rig_next()->n_parts, 1);
    expect_expired(rig_settled());
    cr_expect_null(rig_next());
}

Test(engine, hands_back_at_the_stop_what_was_not_sent)
{
    rig_open_limited(1, 1, 0);
    rig_add_events(3, 1);
    rig_next();
    engine_stop(rig.engine);
    cr_expect_eq(rig_settled()->fate, JOB_HANDED_BACK);
    cr_expect_eq(rig_settled()->fate, JOB_HANDED_BACK);
    cr_expect_null(rig_settled(), "one is in flight");
    cr_expect_null(rig_next());
    rig_answer(rig.sent[0], ANSWER_DONE);
    cr_expect_eq(rig_settled()->fate, JOB_DONE);
}

Test(engine, settles_as_later_at_the_stop_what_waits_for_another_try)
{
    const struct job *job;

    rig_open();
    job = rig_add(build_event(1));
    rig_exchange(ANSWER_RETRY);
    engine_stop(rig.engine);
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_LATER);
    cr_expect_eq(job->due_ms, 0);
    cr_expect_eq(job->attempts, 1);
}

Test(engine, settles_as_later_what_would_be_tried_again_after_the_stop)
{
    rig_open();
    rig_add_events(1, 1);
    rig_next();
    engine_stop(rig.engine);
    rig_answer(rig.sent[0], ANSWER_RETRY);
    cr_expect_eq(rig_settled()->fate, JOB_LATER);
    cr_expect_null(rig_next());
}

Test(engine, does_not_seek_the_bad_event_of_a_batch_after_the_stop)
{
    rig_open();
    rig_add_events(4, 1);
    rig_next();
    engine_stop(rig.engine);
    rig_answer(rig.sent[0], ANSWER_REFUSED);
    cr_expect_null(rig_next());
    for (int i = 0; i < 4; i++)
        cr_expect_eq(rig_settled()->fate, JOB_HANDED_BACK);
}

Test(engine, hands_back_what_was_claimed_while_it_stopped)
{
    rig_open();
    engine_stop(rig.engine);
    rig_add_events(2, 1);
    cr_expect_null(rig_next());
    cr_expect_eq(rig_settled()->fate, JOB_HANDED_BACK);
    cr_expect_eq(rig_settled()->fate, JOB_HANDED_BACK);
}

Test(engine, hands_back_a_job_whose_parts_share_a_lane_whole)
{
    rig_open();
    rig_add(build_events(3, (const uint64_t[]){1, 1, 1}));
    engine_stop(rig.engine);
    cr_expect_eq(rig_settled()->fate, JOB_HANDED_BACK);
    cr_expect_null(rig_next());
    cr_expect_null(rig_settled());
}

Test(engine, keeps_what_was_delivered_of_a_job_that_comes_later)
{
    struct job *job;

    rig_open_limited(1, 1, 0);
    job = rig_add(build_events(2, (const uint64_t[]){1, 2}));
    rig_exchange(ANSWER_DONE);
    engine_stop(rig.engine);
    cr_assert_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_LATER);
    cr_expect_eq(job->parts[0].state, PART_DELIVERED);
    cr_expect_eq(job->parts[1].state, PART_PARKED);
}

Test(engine, lets_a_cancelled_request_leave_no_trace)
{
    rig_open();
    rig_add_events(1, 1);
    rig_next();
    engine_stop(rig.engine);
    rig_answer(rig.sent[0], ANSWER_CANCELLED);
    cr_expect_eq(rig_settled()->fate, JOB_HANDED_BACK);
}

Test(engine, drops_the_jobs_of_a_queue_whose_lease_is_lost)
{
    rig_open_limited(1, 1, 0);
    rig_add(of_queue(build_event(1), 0));
    rig_add(of_queue(build_event(2), 1));
    rig_add(of_queue(build_event(3), 0));
    engine_abandon(rig.engine, 0);
    cr_expect_eq(rig_settled()->fate, JOB_ABANDONED);
    cr_expect_eq(rig_settled()->fate, JOB_ABANDONED);
    cr_expect_null(rig_settled());
    cr_expect_eq(rig_next()->parts[0]->job->queue, 1);
}

Test(engine, drops_lost_jobs_that_waited_for_another_try)
{
    const struct job *lost;

    rig_open();
    lost = rig_add(of_queue(build_event(1), 0));
    rig_add(of_queue(build_event(2), 1));
    rig_exchange(ANSWER_RETRY);
    engine_abandon(rig.engine, 0);
    cr_expect_eq(rig_settled(), lost);
    cr_expect_eq(lost->fate, JOB_ABANDONED);
    rig_sleep();
    cr_expect_eq(rig_next()->parts[0]->job->queue, 1, "the others of the request are tried again");
}

Test(engine, lets_lost_jobs_in_flight_finish_but_not_be_tried_again)
{
    struct request *first, *second;

    rig_open_limited(2, 1, 0);
    rig_add_events(2, 1);
    first = rig_next();
    second = rig_next();
    engine_abandon(rig.engine, 0);
    cr_expect_null(rig_settled());
    rig_answer(first, ANSWER_DONE);
    cr_expect_eq(rig_settled()->fate, JOB_DONE);
    rig_answer(second, ANSWER_RETRY);
    cr_expect_eq(rig_settled()->fate, JOB_ABANDONED);
    cr_expect_null(rig_next());
}

Test(engine, seeks_the_bad_event_only_among_jobs_that_are_not_lost)
{
    rig_open();
    for (unsigned i = 0; i < 4; i++)
        rig_add(of_queue(build_event(1), i % 2));
    rig_next();
    engine_abandon(rig.engine, 0);
    rig_answer(rig.sent[0], ANSWER_REFUSED);
    cr_expect_eq(rig_settled()->fate, JOB_ABANDONED);
    cr_expect_eq(rig_settled()->fate, JOB_ABANDONED);
    cr_expect_eq(rig_next()->n_parts, 2);
}

Test(engine, tells_progress_of_a_job_once_for_what_was_delivered)
{
    struct job *job;

    rig_open_limited(3, 1, 0);
    job = rig_add(build_events(3, (const uint64_t[]){1, 2, 3}));
    cr_expect_null(engine_next_progress(rig.engine));
    rig_exchange(ANSWER_DONE);
    cr_expect_eq(engine_next_progress(rig.engine), job);
    cr_expect_null(engine_next_progress(rig.engine));
    rig_exchange(ANSWER_DONE);
    rig_exchange(ANSWER_DONE);
    cr_expect_null(engine_next_progress(rig.engine), "it is settled");
    cr_expect_eq(rig_settled()->fate, JOB_DONE);
}

Test(engine, settles_a_job_of_which_every_part_is_bad_at_once)
{
    struct job *job = build_events(2, (const uint64_t[]){1, 2});

    rig_open();
    part_fail(&job->parts[0], "invalid_channel", "");
    part_fail(&job->parts[1], "invalid_event", "");
    rig_add(job);
    cr_expect_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_FAILED);
    cr_expect_null(rig_next());
}

Test(engine, sends_the_good_parts_of_a_job_with_a_bad_one)
{
    struct job *job = build_events(3, (const uint64_t[]){1, 1, 1});

    rig_open();
    part_fail(&job->parts[1], "invalid_data", "");
    rig_add(job);
    cr_expect_eq(rig_next()->n_parts, 2);
    rig_answer(rig.sent[0], ANSWER_DONE);
    cr_expect_eq(rig_settled()->fate, JOB_FAILED);
}

Test(engine, settles_a_job_without_parts_at_once)
{
    struct job *job = build_raw(0, 0);

    rig_open();
    job_init(job);
    rig_add(job);
    cr_expect_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_DONE);
}

Test(engine, that_is_missing_may_be_freed)
{
    engine_free(NULL);
}
