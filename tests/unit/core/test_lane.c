#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/core/lane.h"
#include "tests/unit/core/build.h"

#define MAX_JOBS 200

static struct lanes lanes;
static struct list ready;
static struct job *jobs[MAX_JOBS];
static unsigned n_jobs;

static void open_lanes(void)
{
    cr_assert_eq(lanes_init(&lanes, 10), 0);
    list_init(&ready);
}

static void close_lanes(void)
{
    for (unsigned i = 0; i < n_jobs; i++)
        build_free(jobs[i]);
    lanes_deinit(&lanes);
}

TestSuite(lanes, .init = open_lanes, .fini = close_lanes);

static struct part *part_of(struct job *job)
{
    jobs[n_jobs++] = job;
    return &job->parts[0];
}

static struct part *event(uint64_t key)
{
    return part_of(build_event(key));
}

static struct part *call(unsigned n_keys, uint64_t first_key)
{
    return part_of(build_call(n_keys, first_key));
}

static struct part *pop_ready(void)
{
    struct list *link = list_pop(&ready);

    return link ? LIST_ENTRY(link, struct part, ready_link) : NULL;
}

static int push(struct part *part)
{
    return lanes_push(&lanes, part);
}

Test(lanes, let_the_first_part_go)
{
    struct part *a = event(1), *b = event(1), *c = event(2);

    cr_expect_eq(push(a), 1);
    cr_expect_eq(push(b), 0);
    cr_expect_eq(push(c), 1);
    lanes_remove(&lanes, a, &ready);
    lanes_remove(&lanes, b, &ready);
    lanes_remove(&lanes, c, &ready);
}

Test(lanes, let_the_next_part_go_when_the_first_is_released)
{
    struct part *a = event(1), *b = event(1);

    (void)push(a);
    (void)push(b);
    lanes_take(a);
    cr_expect_null(pop_ready());
    lanes_release(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), b);
    lanes_remove(&lanes, b, &ready);
}

Test(lanes, hold_back_what_comes_while_one_is_taken)
{
    struct part *a = event(1), *b = event(1);

    (void)push(a);
    lanes_take(a);
    cr_expect_eq(push(b), 0);
    lanes_release(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), b);
    lanes_remove(&lanes, b, &ready);
}

Test(lanes, let_everything_go_that_has_no_order)
{
    struct part *a = call(0, 0), *b = call(0, 0);

    cr_expect_eq(push(a), 1);
    cr_expect_eq(push(b), 1);
    lanes_take(a);
    lanes_put_back(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), a);
    lanes_remove(&lanes, a, &ready);
}

Test(lanes, let_a_part_of_many_lanes_go_when_it_is_first_in_all)
{
    struct part *a = event(1), *b = event(99), *c = call(100, 0);

    (void)push(a);
    (void)push(b);
    cr_expect_eq(push(c), 0);
    lanes_take(a);
    lanes_take(b);
    lanes_release(&lanes, a, &ready);
    cr_expect_null(pop_ready());
    lanes_release(&lanes, b, &ready);
    cr_expect_eq(pop_ready(), c);
    lanes_remove(&lanes, c, &ready);
}

Test(lanes, do_not_deadlock_parts_that_cross)
{
    struct part *a = call(2, 1), *b = call(2, 2), *c = call(3, 1);

    cr_expect_eq(push(a), 1);
    cr_expect_eq(push(b), 0);
    cr_expect_eq(push(c), 0);
    lanes_take(a);
    lanes_release(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), b);
    cr_expect_null(pop_ready());
    lanes_take(b);
    lanes_release(&lanes, b, &ready);
    cr_expect_eq(pop_ready(), c);
    lanes_remove(&lanes, c, &ready);
}

Test(lanes, put_parts_back_in_their_old_order)
{
    struct part *a = event(1), *b = event(1), *c = event(1);

    (void)push(a);
    (void)push(b);
    (void)push(c);
    lanes_take(a);
    lanes_take(b);
    lanes_put_back(&lanes, b, &ready);
    cr_expect_null(pop_ready());
    lanes_put_back(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), a);
    lanes_take(a);
    cr_expect_eq(lanes_follower(a), b);
    lanes_take(b);
    cr_expect_eq(lanes_follower(b), c);
    lanes_release(&lanes, a, &ready);
    lanes_release(&lanes, b, &ready);
    cr_expect_eq(pop_ready(), c);
    lanes_remove(&lanes, c, &ready);
}

Test(lanes, let_only_parts_of_the_same_single_lane_follow)
{
    struct part *a = event(1), *b = call(2, 1);

    (void)push(a);
    lanes_take(a);
    cr_expect_null(lanes_follower(a));
    (void)push(b);
    cr_expect_null(lanes_follower(a));
    lanes_release(&lanes, a, &ready);
    lanes_remove(&lanes, b, &ready);
}

Test(lanes, let_the_next_part_go_when_the_first_leaves)
{
    struct part *a = event(1), *b = event(1);

    (void)push(a);
    (void)push(b);
    lanes_remove(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), b);
    lanes_remove(&lanes, b, &ready);
}

Test(lanes, are_not_moved_by_a_part_that_leaves_from_the_middle)
{
    struct part *a = event(1), *b = event(1), *c = event(1);

    (void)push(a);
    (void)push(b);
    (void)push(c);
    lanes_remove(&lanes, b, &ready);
    cr_expect_null(pop_ready());
    lanes_remove(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), c);
    lanes_remove(&lanes, c, &ready);
}

Test(lanes, stay_held_when_a_part_that_waits_leaves)
{
    struct part *a = event(1), *b = event(1), *c = event(1);

    (void)push(a);
    lanes_take(a);
    (void)push(b);
    (void)push(c);
    lanes_remove(&lanes, b, &ready);
    cr_expect_null(pop_ready());
    lanes_release(&lanes, a, &ready);
    cr_expect_eq(pop_ready(), c);
    lanes_remove(&lanes, c, &ready);
}

Test(lanes, let_many_go_when_a_part_of_many_lanes_leaves)
{
    struct part *all = call(50, 0);
    unsigned n = 0;

    cr_expect_eq(push(all), 1);
    for (unsigned i = 0; i < 50; i++)
        cr_assert_eq(push(event(i)), 0);
    lanes_remove(&lanes, all, &ready);
    for (struct part *part; (part = pop_ready()); n++)
        lanes_remove(&lanes, part, &ready);
    cr_expect_eq(n, 50);
}

Test(lanes, exist_only_while_they_are_used)
{
    struct part *a = call(100, 0);

    (void)push(a);
    cr_expect_eq(lanes.n_lanes, 100);
    lanes_take(a);
    cr_expect_eq(lanes.n_lanes, 100);
    lanes_release(&lanes, a, &ready);
    cr_expect_eq(lanes.n_lanes, 0);
}

Test(lane_key, differs_by_text_app_and_seed)
{
    uint64_t key = lane_key(1, 0, "my-channel", 10);

    cr_expect_eq(lane_key(1, 0, "my-channel", 10), key);
    cr_expect_neq(lane_key(1, 0, "my-channek", 10), key);
    cr_expect_neq(lane_key(1, 0, "my-channel", 9), key);
    cr_expect_neq(lane_key(1, 1, "my-channel", 10), key);
    cr_expect_neq(lane_key(2, 0, "my-channel", 10), key);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

Test(lane_key, does_not_collide_for_names_that_are_alike)
{
    static uint64_t keys[100000];
    char name[32];

    for (unsigned i = 0; i < 100000; i++) {
        int len = snprintf(name, sizeof(name), "private-room-%u", i);

        keys[i] = lane_key(42, i % 3, name, (size_t)len);
    }
    qsort(keys, 100000, sizeof(keys[0]), compare);
    for (unsigned i = 1; i < 100000; i++)
        cr_assert_neq(keys[i], keys[i - 1]);
}

Test(lanes, are_found_after_they_grew)
{
    struct part *parts[40], *again[40];

    for (uint64_t i = 0; i < 40; i++)
        parts[i] = event(i * 64); /* which share a bucket */
    for (unsigned i = 0; i < 40; i++)
        cr_assert_eq(lanes_push(&lanes, parts[i]), 1);
    lanes_grow(&lanes, 5000);
    cr_expect_geq(lanes.n_buckets, 5000);
    lanes_grow(&lanes, 10);
    cr_expect_geq(lanes.n_buckets, 5000, "they never shrink");
    for (uint64_t i = 0; i < 40; i++)
        again[i] = event(i * 64);
    for (unsigned i = 0; i < 40; i++)
        cr_expect_eq(lanes_push(&lanes, again[i]), 0, "lane %u was lost", i);
    cr_expect_eq(lanes.n_lanes, 40);
    for (unsigned i = 0; i < 40; i++) {
        lanes_remove(&lanes, again[i], &ready);
        lanes_remove(&lanes, parts[i], &ready);
    }
}
