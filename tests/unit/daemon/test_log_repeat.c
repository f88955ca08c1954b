/* Of what is said again and again a few lines are written, and the rest is counted. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "daemon/log_repeat.h"

static struct log_kinds kinds;
static struct log_kind told[LOG_KINDS + 1];
static unsigned n_told;

static void on_more(const struct log_kind *kind)
{
    cr_assert_leq(n_told, LOG_KINDS);
    told[n_told++] = *kind;
}

static bool say(const char *message, const char *subject, uint64_t second)
{
    const struct log_field fields[] = {LOG_TEXT("app", subject), {0}};
    return log_kinds_take(&kinds, LOG_WARNING, "http", message, fields, second, on_more);
}

static unsigned say_often(unsigned n, const char *message, const char *subject, uint64_t second)
{
    unsigned n_written = 0;
    for (unsigned i = 0; i < n; i++)
        n_written += say(message, subject, second);
    return n_written;
}

Test(log_repeat, writes_a_few_of_a_second_and_counts_the_rest)
{
    cr_expect_eq(say_often(10000, "refused", "main", 1), LOG_SAME_PER_S);
    cr_expect(log_kinds_have_more(&kinds));
    cr_expect_eq(n_told, 0, "the second is not over");
    cr_expect(say("refused", "main", 2));
    cr_assert_eq(n_told, 1);
    cr_expect_eq(told[0].n_more, 10000 - LOG_SAME_PER_S);
    cr_expect_str_eq(told[0].subject, "main");
    cr_expect_not(log_kinds_have_more(&kinds));
}

Test(log_repeat, counts_each_decision_and_each_subject_by_itself)
{
    cr_expect_eq(say_often(50, "refused", "main", 1), LOG_SAME_PER_S);
    cr_expect_eq(say_often(50, "refused", "other", 1), LOG_SAME_PER_S);
    cr_expect_eq(say_often(50, "failed", "main", 1), LOG_SAME_PER_S);
    log_kinds_flush(&kinds, 1, on_more);
    cr_expect_eq(n_told, 0);
    log_kinds_flush(&kinds, 2, on_more);
    cr_expect_eq(n_told, 3);
    log_kinds_flush(&kinds, 3, on_more);
    cr_expect_eq(n_told, 3, "told twice");
}

Test(log_repeat, tells_of_a_kind_that_gives_way_to_another)
{
    char name[16];
    cr_expect_eq(say_often(11, "refused", "first", 1), LOG_SAME_PER_S);
    for (int i = 0; i < LOG_KINDS; i++) {
        snprintf(name, sizeof(name), "app %d", i);
        cr_expect(say("refused", name, 2));
    }
    cr_assert_eq(n_told, 1);
    cr_expect_str_eq(told[0].subject, "first");
    cr_expect_eq(told[0].n_more, 1);
}

Test(log_repeat, needs_no_subject)
{
    const struct log_field number[] = {LOG_NUMBER("n", 1), {0}}, none[] = {{0}};
    for (int i = 0; i < 20; i++) {
        log_kinds_take(&kinds, LOG_ERR, "a", "number", number, 1, on_more);
        log_kinds_take(&kinds, LOG_ERR, "a", "none", none, 1, on_more);
    }
    log_kinds_flush(&kinds, UINT64_MAX, on_more);
    cr_assert_eq(n_told, 2);
    cr_expect_null(told[0].subject_key);
    cr_expect_null(told[1].subject_key);
}
