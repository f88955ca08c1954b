#include <criterion/criterion.h>
#include <signal.h>

#include "tests/unit/core/build.h"

static struct job *job_of_three(void)
{
    return build_events(3, (const uint64_t[]){1, 2, 3});
}

Test(job, is_open_and_waits_at_first)
{
    struct job *job = job_of_three();

    cr_expect_eq(job->n_unresolved, 3);
    cr_expect_eq(job->fate, JOB_OPEN);
    for (unsigned i = 0; i < 3; i++) {
        cr_expect_eq(job->parts[i].state, PART_WAITING);
        cr_expect_eq(job->parts[i].job, job);
        cr_expect_eq(job->parts[i].entries[0].part, &job->parts[i]);
    }
    build_free(job);
}

Test(job, carries_on_with_the_attempts_of_earlier_claims)
{
    struct job *job = build_raw(2, 1);

    job->attempts_before = 4;
    job_init(job);
    cr_expect_eq(job->attempts, 4);
    cr_expect_eq(job->parts[1].retries, 4);
    cr_expect_eq(job->parts[1].attempts, 0);
    build_free(job);
}

Test(job, stands_in_a_lane_once)
{
    static const uint64_t keys[] = {5, 3, 5, 5, 9, 3};
    struct job *job = build_raw(1, 6);

    for (unsigned i = 0; i < 6; i++)
        job->parts[0].entries[i].key = keys[i];
    job_init(job);
    cr_assert_eq(job->parts[0].n_entries, 3);
    cr_expect_eq(job->parts[0].entries[0].key, 3);
    cr_expect_eq(job->parts[0].entries[1].key, 5);
    cr_expect_eq(job->parts[0].entries[2].key, 9);
    build_free(job);
}

Test(job, is_done_when_every_part_was_delivered)
{
    struct job *job = job_of_three();

    for (unsigned i = 0; i < 3; i++) {
        cr_assert_eq(job->n_unresolved, 3 - i);
        part_deliver(&job->parts[i]);
    }
    cr_expect_eq(job_decide(job), JOB_DONE);
    build_free(job);
}

Test(job, has_failed_when_one_part_has)
{
    struct job *job = job_of_three();

    part_deliver(&job->parts[0]);
    part_fail(&job->parts[1], "rejected", "too large");
    part_deliver(&job->parts[2]);
    cr_expect_eq(job_decide(job), JOB_FAILED);
    cr_expect_str_eq(job->parts[1].code, "rejected");
    cr_expect_str_eq(job->parts[1].error, "too large");
    build_free(job);
}

Test(job, comes_later_while_one_part_is_to_be_tried_again)
{
    struct job *job = job_of_three();

    part_fail(&job->parts[0], "rejected", "");
    part_park(&job->parts[1], 70);
    part_deliver(&job->parts[2]);
    cr_expect_eq(job_decide(job), JOB_LATER);
    build_free(job);
}

Test(job, is_due_with_the_last_of_its_parked_parts)
{
    struct job *job = job_of_three();

    part_park(&job->parts[0], 70);
    part_park(&job->parts[1], 90);
    part_park(&job->parts[2], 80);
    cr_expect_eq(job->due_ms, 90);
    build_free(job);
}

Test(job, without_parts_is_done)
{
    struct job *job = build_raw(0, 0);

    job_init(job);
    cr_expect_eq(job->n_unresolved, 0);
    cr_expect_eq(job_decide(job), JOB_DONE);
    build_free(job);
}

Test(part, is_counted_while_it_is_taken)
{
    struct job *job = job_of_three();

    part_take(&job->parts[0]);
    part_take(&job->parts[1]);
    cr_expect_eq(job->n_taken, 2);
    part_untake(&job->parts[0]);
    cr_expect_eq(job->parts[0].state, PART_WAITING);
    part_deliver(&job->parts[1]);
    cr_expect_eq(job->n_taken, 0);
    cr_expect_eq(job->n_unresolved, 2);
    build_free(job);
}

Test(part, is_not_resolved_twice, .signal = SIGABRT)
{
    struct job *job = job_of_three();

    part_deliver(&job->parts[0]);
    part_fail(&job->parts[0], "expired", "");
}

Test(job, with_parts_that_are_open_has_no_fate, .signal = SIGABRT)
{
    (void)job_decide(job_of_three());
}
