/* What an answer of Redis must be before it is read. */
#include <criterion/criterion.h>

#include "daemon/view/reply.h"

static redisReply text = {.type = REDIS_REPLY_STRING, .str = (char[]){"a"}, .len = 1};
static redisReply number = {.type = REDIS_REPLY_INTEGER, .integer = 1};
static redisReply nil = {.type = REDIS_REPLY_NIL};
static redisReply *elements[8];
static redisReply array = {.type = REDIS_REPLY_ARRAY, .element = elements};

static bool fits(const char *head, const char *rest, size_t n)
{
    array.elements = n;
    return reply_fits(&array, head, rest);
}

Test(redis_reply, fits_by_the_types_of_its_elements)
{
    elements[0] = elements[2] = &text;
    elements[1] = elements[3] = &number;
    cr_expect(fits("", "si", 4));
    cr_expect(fits("si", "si", 4));
    cr_expect(fits("sisi", "", 4));
    cr_expect(fits("", "", 0));
    cr_expect(fits("", "s", 0));
    elements[3] = &nil;
    cr_expect_not(fits("", "si", 4));
    elements[3] = &text;
    cr_expect_not(fits("", "si", 4));
}

Test(redis_reply, does_not_fit_with_too_few_or_too_many)
{
    elements[0] = elements[1] = elements[2] = &text;
    cr_expect_not(fits("ss", "", 3));
    cr_expect_not(fits("ssss", "", 3));
    cr_expect_not(fits("", "ss", 3));
    cr_expect(fits("s", "ss", 3));
}

Test(redis_reply, may_have_arrays_in_it)
{
    redisReply *inner[] = {&text, &nil};
    redisReply texts = {.type = REDIS_REPLY_ARRAY, .element = inner, .elements = 2};
    elements[0] = &texts;
    cr_expect(fits("a", "", 1));
    cr_expect_not(fits("S", "", 1));
    texts.elements = 1;
    cr_expect(fits("S", "", 1));
    elements[0] = &nil;
    cr_expect_not(fits("a", "", 1));
    cr_expect_not(fits("S", "", 1));
}

Test(redis_reply, that_is_no_array_does_not_fit)
{
    cr_expect_not(reply_fits(&text, "", ""));
    cr_expect_not(reply_fits(&nil, "", "s"));
    cr_expect_not(reply_fits(NULL, "", ""));
}

static int64_t score(char *digits)
{
    const redisReply reply = {.type = REDIS_REPLY_STRING, .str = digits};
    return reply_score_ms(&reply);
}

Test(redis_reply, scores_are_times_that_can_be_counted_with)
{
    cr_expect_eq(score((char[]){"1700000000123"}), 1700000000123);
    cr_expect_eq(score((char[]){"inf"}), INT64_C(1) << 53);
    cr_expect_eq(score((char[]){"-inf"}), -(INT64_C(1) << 53));
    cr_expect_eq(score((char[]){"1e300"}), INT64_C(1) << 53);
    cr_expect_eq(score((char[]){"nan"}), -(INT64_C(1) << 53));
}
