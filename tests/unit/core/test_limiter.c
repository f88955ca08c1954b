#include <criterion/criterion.h>

#include "daemon/core/limiter.h"

#define MAX 64

static struct limiter limiter;
static uint64_t now_ms;
static struct limiter_attempt attempts[MAX]; /* in flight; n_attempts, oldest first */
static unsigned n_attempts;

static void open_limiter(void)
{
    limiter_init(&limiter, MAX, false);
    now_ms = 1000;
    n_attempts = 0;
}

TestSuite(limiter, .init = open_limiter);

static void send(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        limiter_sent(&limiter, &attempts[n_attempts++], now_ms);
}

/* As many as there is room for. */
static void fill(void)
{
    while (limiter_has_room(&limiter))
        send(1);
}

static struct limiter_attempt oldest(void)
{
    struct limiter_attempt attempt = attempts[0];

    cr_assert_gt(n_attempts, 0);
    n_attempts--;
    for (unsigned i = 0; i < n_attempts; i++)
        attempts[i] = attempts[i + 1];
    return attempt;
}

static void succeed(unsigned n)
{
    while (n-- > 0) {
        struct limiter_attempt attempt = oldest();

        limiter_succeeded(&limiter, &attempt, true, now_ms);
    }
}

/* The last that were sent: there was no room for them. */
static void overload(unsigned n, enum limiter_cause cause)
{
    cr_assert_leq(n, n_attempts);
    while (n-- > 0)
        limiter_overloaded(&limiter, &attempts[--n_attempts], cause, now_ms);
}

/* All that may be in flight is, and comes back well after so long. */
static void exchange(uint64_t took_ms)
{
    fill();
    now_ms += took_ms;
    succeed(n_attempts);
}

static void exchange_for(uint64_t for_ms, uint64_t took_ms)
{
    uint64_t until_ms = now_ms + for_ms;

    while (now_ms < until_ms)
        exchange(took_ms);
}

static uint64_t n_decreases(void)
{
    uint64_t n = 0;

    for (int i = 0; i < LIMITER_N_CAUSES; i++)
        n += limiter.n_decreases[i];
    return n;
}

Test(limiter, begins_with_few)
{
    cr_expect_eq(limiter.limit, LIMITER_START);
    limiter_init(&limiter, 3, false);
    cr_expect_eq(limiter.limit, 3);
}

Test(limiter, doubles_with_each_round_trip_at_first)
{
    exchange(20);
    cr_expect_eq(limiter.limit, 20);
    exchange(20);
    cr_expect_eq(limiter.limit, 40);
    exchange(20);
    cr_expect_eq(limiter.limit, MAX);
    exchange(20);
    cr_expect_eq(limiter.limit, MAX, "never more");
}

Test(limiter, learns_nothing_of_more_while_less_is_sent)
{
    for (int i = 0; i < 100; i++) {
        send(LIMITER_START - 1);
        now_ms += 20;
        succeed(LIMITER_START - 1);
    }
    cr_expect_eq(limiter.limit, LIMITER_START);
}

Test(limiter, grows_by_one_a_round_trip_after_a_decrease)
{
    exchange(20);
    fill();
    overload(1, LIMITER_RATE_LIMITED);
    succeed(n_attempts);
    cr_expect_eq(limiter.limit, 14);
    exchange(20);
    cr_expect_eq(limiter.limit, 15);
    exchange(20);
    cr_expect_eq(limiter.limit, 16);
}

Test(limiter, shrinks_once_for_all_that_was_in_flight)
{
    fill();
    overload(3, LIMITER_SERVER_ERROR);
    now_ms += 5000;
    overload(n_attempts, LIMITER_NO_ANSWER);
    cr_expect_eq(limiter.limit, 7);
    cr_expect_eq(limiter.n_decreases[LIMITER_SERVER_ERROR], 1);
    cr_expect_eq(n_decreases(), 1);
}

Test(limiter, shrinks_again_by_what_is_sent_after_that)
{
    fill();
    overload(1, LIMITER_RATE_LIMITED);
    succeed(n_attempts);
    fill();
    overload(1, LIMITER_RATE_LIMITED);
    cr_expect_eq(limiter.limit, 4);
    cr_expect_eq(limiter.n_decreases[LIMITER_RATE_LIMITED], 2);
}

Test(limiter, never_goes_below_the_floor)
{
    for (int i = 0; i < 20; i++) {
        fill();
        overload(n_attempts, LIMITER_NO_ANSWER);
        cr_assert_geq(limiter.limit, LIMITER_FLOOR);
    }
    cr_expect_eq(limiter.limit, LIMITER_FLOOR);
    limiter_init(&limiter, 1, false);
    fill();
    overload(1, LIMITER_NO_ANSWER);
    cr_expect_eq(limiter.limit, 1, "or the maximum");
}

/* A timeout comes late: what counts is how many were in flight when the attempt was sent. */
Test(limiter, shrinks_to_where_the_attempt_was_sent)
{
    struct limiter_attempt stuck;

    fill();
    stuck = attempts[--n_attempts];
    for (int i = 0; i < 3; i++)
        exchange(2);
    cr_assert_eq(limiter.limit, MAX, "%u", limiter.limit);
    limiter_overloaded(&limiter, &stuck, LIMITER_NO_ANSWER, now_ms);
    cr_expect_eq(limiter.limit, MAX / 2, "but to no less than a half: one may fail for itself");
}

/* The server holds half of what is in flight, and answers the others: that is no reason for more.
 */
Test(limiter, does_not_grow_while_many_are_stuck)
{
    unsigned limit;

    exchange(20);
    fill();
    overload(1, LIMITER_RATE_LIMITED);
    succeed(n_attempts);
    fill();
    limit = limiter.limit;
    for (int i = 0; i < 200; i++) { /* the youngest come back */
        now_ms += 20;
        for (unsigned k = 0; k < limit / 2; k++)
            limiter_succeeded(&limiter, &attempts[--n_attempts], true, now_ms);
        fill();
    }
    cr_expect_leq(limiter.limit, limit + limit / 2);
}

Test(limiter, minds_no_noise)
{
    static const uint64_t took_ms[] = {0, 9, 3, 60, 1, 10, 0, 2, 25, 7};

    for (int i = 0; i < 1000; i++)
        exchange(took_ms[i % 10]);
    cr_expect_eq(limiter.limit, MAX);
    cr_expect_eq(n_decreases(), 0);
}

Test(limiter, shrinks_when_all_round_trips_have_grown)
{
    exchange_for(500, 20);
    cr_assert_eq(limiter.limit, MAX);
    exchange_for(300, 40);
    cr_expect_eq(limiter.n_decreases[LIMITER_SLOW], 1);
    cr_expect_eq(limiter.limit, MAX * 30 / 40);
}

Test(limiter, tolerates_what_grows_little)
{
    exchange_for(500, 1);
    exchange_for(5000, 11);
    cr_expect_eq(n_decreases(), 0, "ten milliseconds");
    open_limiter();
    exchange_for(5000, 100);
    exchange_for(10000, 150);
    cr_expect_eq(n_decreases(), 0, "or a half");
}

Test(limiter, minds_no_pause_that_all_have_to_sit_out)
{
    exchange_for(500, 20);
    exchange(900);
    exchange_for(500, 20);
    cr_expect_eq(n_decreases(), 0);
    cr_expect_eq(limiter.limit, MAX);
}

/* Who sends little is slowed down by no round trips. */
Test(limiter, judges_round_trips_only_where_the_limit_is_reached)
{
    exchange_for(500, 20);
    for (int i = 0; i < 100; i++) {
        send(10);
        now_ms += 200;
        succeed(10);
    }
    cr_expect_eq(n_decreases(), 0);
}

Test(limiter, finds_back_when_the_way_has_become_longer)
{
    exchange_for(500, 20);
    exchange_for(2500, 80);
    cr_expect_gt(limiter.n_decreases[LIMITER_SLOW], 0);
    cr_expect_eq(limiter.base_ms, 80);
    cr_expect_eq(limiter.limit, MAX);
}

Test(limiter, learns_the_base_anew_while_little_is_sent)
{
    exchange_for(500, 20);
    for (int i = 0; i < 20; i++) {
        send(1);
        now_ms += 60;
        succeed(1);
    }
    cr_expect_eq(limiter.base_ms, 60);
    exchange_for(3000, 80);
    cr_expect_eq(n_decreases(), 0);
}

Test(limiter, compares_no_round_trips_of_other_kinds)
{
    exchange_for(500, 20);
    for (int i = 0; i < 100; i++) {
        fill();
        now_ms += 100;
        while (n_attempts > 0) {
            struct limiter_attempt attempt = oldest();

            limiter_succeeded(&limiter, &attempt, false, now_ms);
        }
    }
    cr_expect_eq(n_decreases(), 0);
}

Test(limiter, approaches_a_server_that_was_away_anew)
{
    exchange_for(500, 20);
    limiter_restart(&limiter, now_ms);
    cr_expect_eq(limiter.limit, LIMITER_FLOOR);
    exchange(20);
    exchange(20);
    cr_expect_eq(limiter.limit, 4 * LIMITER_FLOOR);
    exchange_for(60, 20);
    cr_expect_eq(limiter.limit, MAX);
}

Test(limiter, only_counts_where_it_is_fixed)
{
    limiter_init(&limiter, MAX, true);
    fill();
    cr_expect_eq(limiter.n_in_flight, MAX);
    overload(MAX / 2, LIMITER_NO_ANSWER);
    now_ms += 5000;
    succeed(MAX / 2);
    limiter_restart(&limiter, now_ms);
    cr_expect_eq(limiter.limit, MAX);
    cr_expect_eq(limiter.n_in_flight, 0);
}

Test(limiter, counts_what_ends_without_telling_anything)
{
    struct limiter_attempt attempt;

    send(2);
    attempt = oldest();
    limiter_ended(&limiter, &attempt);
    cr_expect_eq(limiter.n_in_flight, 1);
    cr_expect_eq(limiter.limit, LIMITER_START);
}

Test(limiter, settings_change_and_what_was_learnt_stays)
{
    exchange_for(500, 20);
    cr_assert_eq(limiter.limit, MAX);
    limiter_configure(&limiter, 20, false);
    cr_expect_eq(limiter.limit, 20);
    limiter_configure(&limiter, MAX, false);
    cr_expect_eq(limiter.limit, 20, "more has to be found out");
    exchange_for(100, 20);
    cr_expect_eq(limiter.limit, MAX, "in slow start, since nothing was ever too much");
}

Test(limiter, settings_change_while_more_is_in_flight_than_they_allow)
{
    exchange_for(500, 20);
    fill();
    limiter_configure(&limiter, 1, false);
    cr_expect_eq(limiter.limit, 1);
    cr_expect_not(limiter_has_room(&limiter));
    succeed(MAX);
    fill();
    cr_expect_eq(limiter.n_in_flight, 1);
}

Test(limiter, is_fixed_and_let_loose_by_settings)
{
    exchange_for(500, 20);
    fill();
    overload(1, LIMITER_RATE_LIMITED);
    limiter_configure(&limiter, MAX, true);
    cr_expect_eq(limiter.limit, MAX);
    limiter_configure(&limiter, MAX, false);
    cr_expect_eq(limiter.limit, LIMITER_START, "nothing is known");
}
