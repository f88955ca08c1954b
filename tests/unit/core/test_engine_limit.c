/* What the engine tells the limiter of an app, and that it heeds it. */
#include "tests/unit/core/rig.h"

#define MAX 40

static void open_adaptive(void)
{
    struct engine_limits limits = rig_limits();
    struct engine_app_limits app = {MAX, 1, 0, false};

    limits.max_jobs = RIG_MAX;
    rig_open_with(&limits, (struct engine_app_limits[]){app, app}, 2);
}

TestSuite(engine_limit, .init = open_adaptive, .fini = rig_close);

static unsigned limit(void)
{
    return engine_limiter(rig.engine, 0)->limit;
}

/* As many as may go. */
static unsigned send_all(void)
{
    unsigned n = 0;

    while (rig_next())
        n++;
    return n;
}

static void answer_all(enum answer_kind kind)
{
    while (rig.n_sent > 0)
        rig_answer(rig.sent[0], kind);
}

Test(engine_limit, sends_no_more_than_the_limit)
{
    rig_add_events(100, 0);
    cr_expect_eq(send_all(), LIMITER_START);
    cr_expect_eq(engine_wake_at(rig.engine, rig.now_ms), UINT64_MAX, "there is nothing to do");
}

Test(engine_limit, sends_more_when_that_was_answered_well)
{
    rig_add_events(100, 0);
    send_all();
    rig.now_ms += 20;
    answer_all(ANSWER_DONE);
    rig_release();
    cr_expect_eq(send_all(), 2 * LIMITER_START);
}

static void fail_with(unsigned http)
{
    rig_answer_with(rig.sent[rig.n_sent - 1], (struct answer){ANSWER_RETRY, http, -1, "no"});
}

Test(engine_limit, falls_when_the_server_has_too_much_to_do)
{
    static const struct {
        unsigned http;
        enum limiter_cause cause;
    } rows[] = {{0, LIMITER_NO_ANSWER},      {429, LIMITER_RATE_LIMITED},
                {503, LIMITER_SERVER_ERROR}, {502, LIMITER_SERVER_ERROR},
                {504, LIMITER_SERVER_ERROR}, {408, LIMITER_SERVER_ERROR}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        open_adaptive();
        rig_add_events(20, 0);
        send_all();
        fail_with(rows[i].http);
        cr_expect_eq(limit(), LIMITER_START * 7 / 10, "%u", rows[i].http);
        cr_expect_eq(engine_limiter(rig.engine, 0)->n_decreases[rows[i].cause], 1, "%u",
                     rows[i].http);
        if (i + 1 < sizeof(rows) / sizeof(rows[0]))
            rig_close();
    }
}

Test(engine_limit, stays_for_what_says_nothing_of_load)
{
    rig_add_events(20, 0);
    send_all();
    fail_with(500);
    rig_answer(rig.sent[0], ANSWER_REFUSED);
    rig_answer(rig.sent[0], ANSWER_CLOCK);
    rig_answer(rig.sent[0], ANSWER_CANCELLED);
    cr_expect_eq(limit(), LIMITER_START);
}

/* Each attempt by itself: that a request has waited to be sent again is no round trip. */
Test(engine_limit, counts_attempts_and_not_what_a_request_has_been_through)
{
    rig_add_events(1, 0);
    for (int i = 0; i < 3; i++) {
        rig_exchange(ANSWER_RETRY);
        rig_sleep();
    }
    cr_assert(rig_next());
    rig.now_ms += 3;
    rig_answer(rig.sent[0], ANSWER_DONE);
    cr_expect_eq(engine_limiter(rig.engine, 0)->window_min_ms, 3);
}

Test(engine_limit, is_one_for_each_app)
{
    rig_add_events(20, 0);
    send_all();
    fail_with(503);
    cr_expect_lt(limit(), LIMITER_START);
    cr_expect_eq(engine_limiter(rig.engine, 1)->limit, LIMITER_START);
}

Test(engine_limit, begins_at_the_floor_when_the_server_is_back)
{
    rig_add_events(60, 0);
    send_all();
    rig_answer_with(rig.sent[0], (struct answer){ANSWER_RETRY, 429, 1000, "wait"});
    answer_all(ANSWER_DONE);
    rig_release();
    rig.now_ms += 1000;
    cr_expect_eq(send_all(), 1, "the probe");
    rig.now_ms += 20;
    answer_all(ANSWER_DONE);
    cr_expect_eq(send_all(), LIMITER_FLOOR);
}

Test(engine_limit, keeps_it_when_the_app_was_refused)
{
    rig_add_events(60, 0);
    send_all();
    answer_all(ANSWER_FORBIDDEN);
    rig_sleep();
    cr_expect_eq(send_all(), 1, "the probe");
    answer_all(ANSWER_DONE);
    cr_expect_eq(send_all(), LIMITER_START);
}
