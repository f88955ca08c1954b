/* Histograms, and the text that Prometheus reads. */
#include <criterion/criterion.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/metrics_text.h"

static struct metrics metrics;
static char *text;
static size_t len;
static FILE *out;

static void open_text(void)
{
    cr_assert_eq(metrics_init(&metrics, 2, 1), 0);
    out = open_memstream(&text, &len);
}

static void close_text(void)
{
    fclose(out);
    free(text);
    metrics_deinit(&metrics);
}

TestSuite(metrics, .init = open_text, .fini = close_text);

static const char *written(void)
{
    fflush(out);
    return text;
}

/* One event of a batch, of a job that was claimed at 1000 ms. */
static struct delivery delivery;
static struct part part;
static union {
    struct request request;
    char bytes[sizeof(struct request) + sizeof(struct part *)];
} one;

static const struct request *make_request(unsigned attempts)
{
    delivery = (struct delivery){.op = JOB_OP_TRIGGER_EVENT, .job.claimed_ms = 1000};
    part = (struct part){.job = &delivery.job, .attempts = attempts, .n_items = 1};
    one.request.n_parts = 1;
    one.request.parts[0] = &part;
    return &one.request;
}

Test(metrics, a_value_on_a_bound_belongs_below_it)
{
    struct metrics_histogram *histogram = &metrics.turns;
    metrics_observe(histogram, 500);
    metrics_observe(histogram, 501);
    metrics_observe(histogram, 60000001);
    cr_expect_eq(histogram->counts[0], 1);
    cr_expect_eq(histogram->counts[1], 1);
    cr_expect_eq(histogram->counts[histogram->scale->n], 1);
    cr_expect_eq(metrics_count(histogram), 3);
    cr_expect_eq(histogram->sum, 60001002);
}

Test(metrics, writes_a_head_and_samples)
{
    metrics_text_family(out, "a_total", "counter", "All of them.");
    metrics_text_sample(out, "a_total", NO_LABELS, 18446744073709551615u);
    metrics_text_sample(out, "a_total", LABELS({"q", "x"}, {"r", "y"}), 0);
    cr_expect_str_eq(written(), "# HELP a_total All of them.\n# TYPE a_total counter\n"
                                "a_total 18446744073709551615\na_total{q=\"x\",r=\"y\"} 0\n");
}

Test(metrics, escapes_the_values_of_labels)
{
    metrics_text_sample(out, "a", LABELS({"q", "b\\s\"q\"\nn\xc3\xa4"}), 1);
    cr_expect_str_eq(written(), "a{q=\"b\\\\s\\\"q\\\"\\nn\xc3\xa4\"} 1\n");
}

Test(metrics, writes_times_in_seconds)
{
    static const struct {
        uint64_t us;
        const char *line;
    } rows[] = {{0, "t 0\n"},       {1, "t 0.000001\n"},  {2500, "t 0.0025\n"},
                {1000000, "t 1\n"}, {60000000, "t 60\n"}, {1234567, "t 1.234567\n"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t from = (size_t)ftell(out);
        metrics_text_time(out, "t", NO_LABELS, rows[i].us);
        cr_expect_str_eq(written() + from, rows[i].line);
    }
}

Test(metrics, writes_buckets_that_add_up)
{
    static const struct metrics_scale scale = {2, false, {{1, "1"}, {10, "10"}}};
    struct metrics_histogram histogram = {.scale = &scale};
    metrics_observe(&histogram, 1);
    metrics_observe(&histogram, 7);
    metrics_observe(&histogram, 11);
    metrics_text_histogram(out, "h", LABELS({"a", "b"}), &histogram);
    cr_expect_str_eq(written(), "h_bucket{a=\"b\",le=\"1\"} 1\nh_bucket{a=\"b\",le=\"10\"} 2\n"
                                "h_bucket{a=\"b\",le=\"+Inf\"} 3\nh_sum{a=\"b\"} 19\n"
                                "h_count{a=\"b\"} 3\n");
}

Test(metrics, a_histogram_without_labels_has_only_bounds)
{
    static const struct metrics_scale scale = {1, true, {{2500, "0.0025"}}};
    struct metrics_histogram histogram = {.scale = &scale};
    metrics_observe(&histogram, 2500);
    metrics_text_histogram(out, "h", NO_LABELS, &histogram);
    cr_expect_str_eq(written(), "h_bucket{le=\"0.0025\"} 1\nh_bucket{le=\"+Inf\"} 1\n"
                                "h_sum 0.0025\nh_count 1\n");
}

Test(metrics, counts_each_sending_but_times_the_first)
{
    struct metrics_app *app = &metrics.apps[1];
    metrics_sent(app, make_request(1), 1007);
    metrics_sent(app, make_request(2), 1900);
    cr_expect_eq(app->events_sent, 2);
    cr_expect_eq(app->in_flight, 2);
    cr_expect_eq(metrics_count(&app->batches), 2);
    cr_expect_eq(metrics_count(&app->claim_to_send), 1);
    cr_expect_eq(app->claim_to_send.sum, 7000);
    cr_expect_eq(metrics.apps[0].events_sent, 0);
}

Test(metrics, counts_answers_by_status_and_cause)
{
    static const struct {
        struct answer answer;
        unsigned http;
        enum metrics_status status;
        enum metrics_cause cause; /* METRICS_N_CAUSES: none */
    } rows[] = {
        {{ANSWER_DONE, 200, -1, ""}, 200, METRICS_2XX, METRICS_N_CAUSES},
        {{ANSWER_REFUSED, 413, -1, ""}, 413, METRICS_4XX, METRICS_N_CAUSES},
        {{ANSWER_RETRY, 0, -1, ""}, 0, METRICS_NO_ANSWER, METRICS_NOT_ANSWERED},
        {{ANSWER_RETRY, 429, -1, ""}, 429, METRICS_4XX, METRICS_RATE_LIMITED},
        {{ANSWER_RETRY, 503, -1, ""}, 503, METRICS_5XX, METRICS_SERVER_ERROR},
        {{ANSWER_CLOCK, 401, -1, ""}, 401, METRICS_4XX, METRICS_WRONG_CLOCK},
        {{ANSWER_FORBIDDEN, 403, -1, ""}, 403, METRICS_4XX, METRICS_APP_REFUSED},
        {{ANSWER_RETRY, 999, -1, ""}, 999, METRICS_NO_ANSWER, METRICS_SERVER_ERROR},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct metrics_app app = {.in_flight = 1,
                                  .batches.scale = &metrics_batches,
                                  .round_trips.scale = &metrics_times,
                                  .claim_to_send.scale = &metrics_times};
        uint64_t n_retries = 0;
        metrics_answered(&app, make_request(1), rows[i].http, &rows[i].answer, 3000);
        for (int k = 0; k < METRICS_N_CAUSES; k++) {
            n_retries += app.retries[k];
        }
        cr_expect_eq(app.requests[rows[i].status], 1, "row %zu", i);
        cr_expect_eq(n_retries, rows[i].cause != METRICS_N_CAUSES, "row %zu", i);
        cr_expect(n_retries == 0 || app.retries[rows[i].cause] == 1, "row %zu", i);
        cr_expect_eq(app.events_delivered, rows[i].answer.kind == ANSWER_DONE, "row %zu", i);
        cr_expect_eq(app.in_flight, 0, "row %zu", i);
        cr_expect_eq(app.round_trips.sum, 3000, "row %zu", i);
    }
}

Test(metrics, a_request_that_was_given_up_is_no_answer)
{
    struct metrics_app *app = &metrics.apps[0];
    struct answer answer = {ANSWER_CANCELLED, 0, -1, ""};
    metrics_sent(app, make_request(1), 1000);
    metrics_answered(app, make_request(1), 0, &answer, 1);
    cr_expect_eq(app->in_flight, 0);
    cr_expect_eq(app->requests[METRICS_NO_ANSWER], 0);
    cr_expect_eq(metrics_count(&app->round_trips), 0);
}

static size_t code_index(const char *code)
{
    size_t i = 0;
    while (strcmp(metrics_code_name(i), code) != 0) {
        cr_assert_lt(++i, METRICS_N_CODES);
    }
    return i;
}

/* Settles one delivery that failed with this code, while Redis names `gone`. */
static void settle(const char *code, struct redisReply *gone)
{
    struct list deliveries;
    (void)make_request(1);
    part.state = PART_FAILED;
    part.code = code;
    delivery.job = (struct job){.fate = JOB_FAILED, .claim_id = 7, .parts = &part, .n_parts = 1};
    list_init(&deliveries);
    list_push(&deliveries, &delivery.link);
    metrics_settled(&metrics.queues[0], &deliveries, gone);
}

Test(metrics, counts_failures_by_code)
{
    struct redisReply none = {.type = REDIS_REPLY_ARRAY};
    settle("rejected", &none);
    settle("rejected", &none);
    settle("a_code_of_tomorrow", &none);
    cr_expect_eq(metrics.queues[0].settled[JOB_FAILED], 3);
    cr_expect_eq(metrics.queues[0].failed[code_index("rejected")], 2);
    cr_expect_eq(metrics.queues[0].failed[code_index("other")], 1);
}

Test(metrics, does_not_count_what_others_settled)
{
    char id[] = "0000000000000007";
    struct redisReply late = {.type = REDIS_REPLY_STRING, .str = id, .len = 16};
    struct redisReply *elements[] = {&late};
    struct redisReply gone = {.type = REDIS_REPLY_ARRAY, .elements = 1, .element = elements};
    settle("rejected", &gone);
    cr_expect_eq(metrics.queues[0].settled[JOB_FAILED], 0);
    cr_expect_eq(metrics.queues[0].failed[code_index("rejected")], 0);
}

Test(metrics, times_scripts_by_name)
{
    metrics_script(&metrics, &script_settle, 1500);
    for (size_t i = 0; i < N_SCRIPTS; i++) {
        cr_expect_eq(metrics_count(&metrics.scripts[i]), all_scripts[i] == &script_settle);
    }
}

Test(metrics, a_turn_is_what_was_not_waited)
{
    metrics_turn(&metrics, 1000000, 0);
    cr_expect_eq(metrics_count(&metrics.turns), 0);
    metrics_turn(&metrics, 9000000, 5000000);
    cr_expect_eq(metrics_count(&metrics.turns), 1);
    cr_expect_eq(metrics.turns.sum, 3000);
}

/* ---- percentiles */

Test(metrics, percentiles_are_spread_over_their_bucket)
{
    struct metrics_histogram histogram = {.scale = &metrics_times};

    cr_expect_eq(metrics_quantile(&histogram, 50), 0);
    for (int i = 0; i < 100; i++)
        metrics_observe(&histogram, 4000); /* between 2500 and 5000 */
    cr_expect_eq(metrics_quantile(&histogram, 50), 3750);
    cr_expect_eq(metrics_quantile(&histogram, 100), 5000);
    for (int i = 0; i < 100; i++)
        metrics_observe(&histogram, UINT64_MAX / 1000);
    cr_expect_eq(metrics_quantile(&histogram, 50), 5000);
    cr_expect_eq(metrics_quantile(&histogram, 99), 60000000);
}

Test(metrics, histograms_add_up)
{
    struct metrics_histogram a = {.scale = &metrics_times}, b = {.scale = &metrics_times};

    metrics_observe(&a, 400);
    metrics_observe(&b, 400);
    metrics_observe(&b, 700);
    metrics_add(&a, &b);
    cr_expect_eq(a.counts[0], 2);
    cr_expect_eq(a.counts[1], 1);
    cr_expect_eq(a.sum, 1500);
}
