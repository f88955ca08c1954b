/* Jobs of an app that may not send leave the engine, the youngest first. */
#include "tests/unit/core/rig.h"

TestSuite(engine_park, .fini = rig_close);

static size_t park(size_t keep)
{
    uint64_t lowest;

    return engine_park(rig.engine, 0, 0, keep, &lowest);
}

static struct job *numbered(struct job *job, uint64_t id)
{
    job->claim_id = id;
    return job;
}

Test(engine_park, keeps_the_jobs_that_were_added_first)
{
    struct job *jobs[5];
    uint64_t lowest;

    rig_open();
    for (unsigned i = 0; i < 5; i++)
        jobs[i] = rig_add(numbered(build_event(i), 10 + i));
    cr_expect_eq(engine_park(rig.engine, 0, 0, 2, &lowest), 3);
    cr_expect_eq(lowest, 12);
    for (unsigned i = 2; i < 5; i++) {
        cr_expect_eq(rig_settled(), jobs[i]);
        cr_expect_eq(jobs[i]->fate, JOB_PARKED);
    }
    cr_expect_null(rig_settled());
    cr_expect_eq(rig_next()->n_parts, 2);
}

Test(engine_park, leaves_other_apps_and_queues_alone)
{
    struct job *other_app = build_event(1), *other_queue = build_event(2);

    rig_open();
    other_app->app = 1;
    other_queue->queue = 1;
    rig_add(other_app);
    rig_add(other_queue);
    cr_expect_eq(park(0), 0);
    cr_expect_null(rig_settled());
}

Test(engine_park, lets_what_is_in_flight_finish)
{
    struct job *done, *failing;

    rig_open_limited(2, 1, 0);
    done = rig_add(build_event(1));
    failing = rig_add(build_event(2));
    rig_next();
    rig_next();
    cr_expect_eq(park(0), 2);
    cr_expect_null(rig_settled());
    rig_answer(rig.sent[0], ANSWER_DONE);
    rig_answer(rig.sent[0], ANSWER_RETRY);
    cr_expect_eq(rig_settled(), done);
    cr_expect_eq(done->fate, JOB_DONE);
    cr_expect_eq(rig_settled(), failing);
    cr_expect_eq(failing->fate, JOB_PARKED);
    cr_expect_eq(failing->attempts, 1, "the attempt is not forgotten");
}

/* A request that waits for another try keeps those of its jobs that stay. */
Test(engine_park, takes_jobs_out_of_requests_that_wait)
{
    struct job *stays, *parked;

    rig_open();
    stays = rig_add(build_event(1));
    parked = rig_add(build_event(2));
    rig_exchange(ANSWER_RETRY);
    cr_expect_eq(park(1), 1);
    cr_expect_eq(rig_settled(), parked);
    rig_sleep();
    cr_expect_eq(rig_next()->n_parts, 1);
    rig_answer(rig.sent[0], ANSWER_DONE);
    cr_expect_eq(rig_settled(), stays);
}

Test(engine_park, parks_a_job_that_is_marked_when_it_is_added)
{
    struct job *job = build_event(1);

    rig_open();
    job->parked = true;
    rig_add(job);
    cr_expect_null(rig_next());
    cr_expect_eq(rig_settled(), job);
    cr_expect_eq(job->fate, JOB_PARKED);
}

Test(engine_park, marks_nothing_twice)
{
    rig_open_limited(1, 1, 0);
    rig_add_events(3, 1);
    rig_next();
    cr_expect_eq(park(0), 3);
    cr_expect_eq(park(0), 0);
}

/* Requests that fail for reasons of their own must not keep the gate closed for the others. */
Test(engine_park, probes_with_fresh_jobs_as_well)
{
    const struct job *bad, *good;

    rig_open_limited(1, 1, 0);
    bad = rig_add(build_event(1));
    rig_exchange(ANSWER_FORBIDDEN);
    good = rig_add(build_event(2));
    rig_sleep();
    cr_expect_eq(rig_next()->parts[0]->job, bad);
    rig_answer(rig.sent[0], ANSWER_FORBIDDEN);
    rig_sleep();
    cr_expect_eq(rig_next()->parts[0]->job, good);
}
