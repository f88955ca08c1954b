/* How a job's channels are cut into requests: by number and by size, each channel once and in
 * order. */
#include "daemon/plan.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 5000

static struct pusher_config settings;
static char app_name[] = "main", list[] = "q";
static struct app_config app = {.name = app_name};
static struct queue_config queue = {.name = list, .list = list, .operations = JOB_OPS_ALL};
static struct config config = {
    .apps = &app, .n_apps = 1, .queues = &queue, .n_queues = 1, .max_orphanings = 5};
static struct arena arena;
static struct admission admission = {.config = &config, .queue = &queue, .arena = &arena};
static struct plan plan;
static char *job; /* the plan borrows from it */

static void open_app(void)
{
    pusher_config_init(&settings);
    settings.app_id = "3";
    settings.key = "key";
    settings.secret = "secret";
    settings.cluster = "eu";
    settings.max_request_bytes = 1000;
    arena_init(&arena, 64 << 20);
}

static void close_app(void)
{
    pusher_client_free(app.client);
    arena_deinit(&arena);
    free(job);
}

TestSuite(plan, .init = open_app, .fini = close_app, .timeout = 60);

/* Plans the job, behind the header of a record or none. */
static void make(const char *header, const char *channels, size_t data_len)
{
    struct pusher_error error;
    char *data = malloc(data_len + 1);
    int len;

    memset(data, 'd', data_len);
    data[data_len] = '\0';
    cr_assert_eq(pusher_client_new(&settings, &app.client, &error), 0, "%s", error.text);
    len = asprintf(&job, "%s{\"event\":\"e\",\"data\":\"%s\",\"channels\":[%s]}", header, data,
                   channels);
    cr_assert(len > 0);
    cr_assert_eq(plan_make(&admission, job, (size_t)len, pusher_str("id"), &plan), 0);
    free(data);
}

/* Channels whose names are numbers of 28 digits. */
static void make_many(size_t n, size_t data_len)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s\"%028zu\"", i ? "," : "", i);
    }
    fclose(out);
    make("", text, data_len);
    free(text);
}

/* Every channel is in one part, in order; gives how many are in parts that fail. */
static size_t expect_each_once(size_t n)
{
    size_t item = 0, n_failed = 0;

    cr_assert_eq(plan.n_listed, n);
    for (size_t i = 0; i < plan.n_parts; i++) {
        const struct plan_part *part = &plan.parts[i];

        cr_assert_eq(part->first_item, item);
        cr_assert_gt(part->n_listed, 0);
        cr_assert(part->code || (part->trigger.n_channels == part->n_listed && part->size <= 1000));
        n_failed += part->code ? part->n_listed : 0;
        for (size_t k = 0; k < part->n_listed; k++, item++) {
            cr_assert_eq(plan.items[item], item);
        }
    }
    cr_assert_eq(item, n);
    return n_failed;
}

Test(plan, of_channels_that_fit_is_cut_by_their_number)
{
    settings.max_channels = 10;
    make_many(25, 1);
    cr_expect_eq(expect_each_once(25), 0);
    cr_expect_eq(plan.n_parts, 3);
}

Test(plan, of_channels_that_do_not_fit_is_halved)
{
    make_many(40, 1);
    cr_expect_eq(expect_each_once(40), 0);
    cr_expect_eq(plan.n_parts, 2);
}

Test(plan, of_very_many_channels_looks_at_each_a_few_times)
{
    settings.max_channels = 10000;
    make_many(N, 1);
    cr_expect_eq(expect_each_once(N), 0);
    cr_expect_leq(plan.n_parts, 2 * N / 31);
}

Test(plan, of_channels_that_each_want_a_request_shares_what_they_have_in_common)
{
    make_many(N, 930);
    cr_expect_eq(expect_each_once(N), 0);
    cr_expect_eq(plan.n_parts, N);
    cr_expect_eq(plan.parts[0].request, plan.parts[N - 1].request);
}

Test(plan, of_what_fits_no_request_fails_as_one_part)
{
    make_many(N, 1000);
    cr_expect_eq(expect_each_once(N), N);
    cr_expect_eq(plan.n_parts, 1);
    cr_expect_str_eq(plan.parts[0].code, "payload_too_large");
}

static void make_one_too_long(const char *header)
{
    char channels[256];

    snprintf(channels, sizeof(channels), "\"a\",\"%0150d\",\"b\",\"c\"", 0);
    make(header, channels, 850);
}

Test(plan, of_a_channel_that_does_not_fit_alone_fails_for_it_alone)
{
    make_one_too_long("");
    cr_expect_eq(expect_each_once(4), 1);
    cr_assert_eq(plan.n_parts, 3);
    cr_expect_str_eq(plan.parts[1].code, "payload_too_large");
    cr_expect_eq(plan.parts[2].n_listed, 2);
}

Test(plan, of_what_was_delivered_in_part_is_for_the_rest)
{
    make_one_too_long("1:0:0:4:");
    cr_assert_eq(plan.n_parts, 3);
    cr_expect_eq(plan.n_listed, 3);
    cr_expect_eq(plan.items[0], 0);
    cr_expect_eq(plan.items[1], 1);
    cr_expect_eq(plan.items[2], 3);
}

Test(plan, does_not_make_gigabytes_of_a_job)
{
    arena_deinit(&arena);
    arena_init(&arena, 4 << 20);
    make_many(N, 930);
    cr_assert_eq(plan.n_parts, 1);
    cr_expect_str_eq(plan.parts[0].code, "payload_too_large");
    cr_expect_str_eq(plan.parts[0].error,
                     "cut for max_request_bytes it would have over 4194304 bytes");
}
