#include <criterion/criterion.h>

#include "daemon/core/parking.h"

#define N_PROBE 10
#define N_BUSY  100

static struct parking_app app;

static void open_app(void)
{
    parking_init(&app);
}

TestSuite(parking, .init = open_app);

Test(parking, starts_with_nothing_parked)
{
    struct parking_app *apps = NULL;
    size_t n_apps = 0;

    cr_assert_eq(parking_grow(&apps, &n_apps, 3), 0);
    cr_assert_eq(n_apps, 3);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(parking_lowest(&apps[i]), PARKING_NONE);
        cr_expect_not(parking_takes(&apps[i], 1));
    }
    free(apps);
}

Test(parking, takes_what_is_claimed_behind_the_oldest_parked_job)
{
    for (unsigned id = 1; id <= 20; id++)
        parking_added(&app, id, false);
    parking_marked(&app, 5, 16);
    cr_expect_eq(app.n_active, 15);
    cr_expect(parking_takes(&app, 21));
    cr_expect(parking_takes(&app, 16));
    cr_expect_not(parking_takes(&app, 15), "it was before all of them");
}

Test(parking, takes_everything_of_an_app_that_is_paused)
{
    app.is_paused = true;
    cr_expect(parking_takes(&app, 1));
    cr_expect_eq(parking_keeps(&app, N_PROBE), 0);
    parking_added(&app, 1, true);
    parking_left(&app, 1, true, false);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), 0);
    app.is_paused = false;
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), N_BUSY);
}

Test(parking, asks_for_a_probe_only_while_the_gate_is_closed)
{
    parking_heard(&app, 7);
    cr_expect_eq(parking_wants(&app, false, N_BUSY, N_PROBE), N_PROBE);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), N_BUSY);
    parking_added(&app, 1, false);
    cr_expect_eq(parking_wants(&app, false, N_BUSY, N_PROBE), N_PROBE - 1);
}

/* Else they would be parked again, and asked for again. */
Test(parking, asks_for_no_more_probes_than_there_was_room_for)
{
    parking_heard(&app, 7);
    parking_fits(&app, 2);
    cr_expect_eq(parking_wants(&app, false, N_BUSY, N_PROBE), 2);
    parking_added(&app, 1, false);
    parking_added(&app, 2, false);
    cr_expect_eq(parking_wants(&app, false, N_BUSY, N_PROBE), 0);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), N_BUSY - 2);
}

Test(parking, does_not_ask_twice_for_what_is_on_its_way)
{
    parking_heard(&app, 7);
    parking_returned(&app, N_BUSY, 200);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), 0);
    parking_added(&app, 7, false);
    parking_left(&app, 7, false, true);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), 1);
    parking_claimed(&app);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), N_BUSY, "others have claimed them");
}

Test(parking, lets_newer_jobs_in_when_all_have_come_back)
{
    parking_heard(&app, 7);
    parking_returned(&app, 3, PARKING_NONE);
    cr_expect_not(parking_takes(&app, 1000));
}

/* What was marked and has not reached Redis is not in what Redis tells. */
Test(parking, remembers_what_is_still_on_its_way_to_redis)
{
    parking_added(&app, 5, false);
    parking_marked(&app, 1, 5);
    parking_returned(&app, 3, PARKING_NONE);
    cr_expect(parking_takes(&app, 6));
    parking_left(&app, 5, true, false);
    cr_expect(parking_takes(&app, 6), "it is in Redis now");
    parking_returned(&app, 1, PARKING_NONE);
    cr_expect_not(parking_takes(&app, 6));
}

Test(parking, believes_redis_about_older_jobs_only)
{
    parking_heard(&app, 7);
    parking_heard(&app, 9);
    cr_expect_eq(parking_lowest(&app), 7);
    parking_heard(&app, 3);
    cr_expect_eq(parking_lowest(&app), 3);
}

static void mark(uint64_t claim_id)
{
    parking_added(&app, claim_id, true);
}

/* As long as others are marked, a low that only sinks would park everything again. */
Test(parking, forgets_the_oldest_that_was_marked_when_it_has_left)
{
    mark(5);
    mark(9);
    parking_left(&app, 5, true, true);
    cr_expect(app.is_stale);
    parking_learned(&app, 9);
    mark(12);
    parking_left(&app, 9, true, true);
    cr_expect(app.is_stale);
    parking_learned(&app, 12);
    parking_returned(&app, 1, 7);
    cr_expect_eq(parking_lowest(&app), 7);
    parking_returned(&app, 1, 20);
    cr_expect_eq(parking_lowest(&app), 12);
}

Test(parking, needs_not_learn_which_is_the_oldest_while_that_is_known)
{
    mark(5);
    mark(9);
    parking_left(&app, 9, true, true);
    cr_expect_not(app.is_stale);
    parking_left(&app, 5, true, true);
    cr_expect_not(app.is_stale, "none is marked");
    cr_expect_eq(parking_lowest(&app), PARKING_NONE);
}

/* It would be parked at once, and asked for again. */
Test(parking, brings_nothing_back_while_an_older_job_is_marked)
{
    mark(5);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), 0, "nothing is in Redis");
    parking_heard(&app, 7);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), 0);
    cr_expect_eq(parking_wants(&app, false, N_BUSY, N_PROBE), 0);
    parking_heard(&app, 4);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), N_BUSY);
    parking_returned(&app, 1, 7);
    parking_claimed(&app);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), 0);
    parking_left(&app, 5, true, false);
    cr_expect_eq(parking_wants(&app, true, N_BUSY, N_PROBE), N_BUSY);
}

Test(parking, of_a_new_app_takes_all_until_redis_was_asked)
{
    parking_expect(&app);
    cr_expect(parking_takes(&app, 1));
    parking_added(&app, 7, true);
    parking_left(&app, 7, true, false);
    cr_expect_gt(parking_wants(&app, true, 20, 10), 0);
    parking_returned(&app, 1, PARKING_NONE);
    cr_expect_not(parking_takes(&app, 7));
}
