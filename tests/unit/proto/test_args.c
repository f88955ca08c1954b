/* What args.c refuses, and how it says so; what it takes, the operations' tests use. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "proto/args.h"

static struct arena arena;
static struct pusher_error error;

static void init(void)
{
    arena_init(&arena, 1 << 20);
}

static void deinit(void)
{
    arena_deinit(&arena);
}

TestSuite(args, .init = init, .fini = deinit);

static int read_pairs(const char *json)
{
    struct pusher_param pairs[ARGS_MAX];
    size_t n = 0;
    return args_pairs(pusher_str(json), "params", &arena, pairs, &n, &error);
}

static int read_tokens(const char *json)
{
    struct pusher_token tokens[ARGS_MAX];
    size_t n = 0;
    return args_tokens(pusher_str(json), &arena, tokens, &n, &error);
}

/* "[", `item` n times, "]": of an object if it is a map. */
static void write_many(char *out, size_t size, const char *item, int n, bool is_map)
{
    int len = snprintf(out, size, "%c", is_map ? '{' : '[');
    for (int i = 0; i < n; i++) {
        len += snprintf(out + len, size - (size_t)len, "%s", i > 0 ? "," : "");
        len += is_map ? snprintf(out + len, size - (size_t)len, "\"k%d\":%s", i, item)
                      : snprintf(out + len, size - (size_t)len, "%s", item);
    }
    snprintf(out + len, size - (size_t)len, "%c", is_map ? '}' : ']');
}

Test(args, refuses_what_is_not_the_kind_of_json)
{
    cr_assert_eq(read_pairs("[1]"), PUSHER_EINVAL);
    cr_assert_str_eq(error.text, "params: not an object of JSON");
    cr_assert_eq(read_tokens("{}"), PUSHER_EINVAL);
    cr_assert_str_eq(error.text, "additionalTokens: not an array of JSON");
}

Test(args, refuses_values_that_are_no_text)
{
    static const char *const values[] = {"{\"a\":null}", "{\"a\":[]}", "{\"a\":{}}"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        cr_assert_eq(read_pairs(values[i]), PUSHER_EINVAL, "%s", values[i]);
        cr_assert(strstr(error.text, "strings, numbers and booleans can be"), "%s", error.text);
    }
    cr_assert_eq(read_tokens("[{\"key\":\"k\",\"secret\":null}]"), PUSHER_EINVAL);
}

Test(args, refuses_text_with_half_a_surrogate)
{
    cr_assert_eq(read_pairs("{\"a\":\"\\ud800\"}"), PUSHER_EDATA);
    cr_assert(strstr(error.text, "params: a text "), "%s", error.text);
}

Test(args, refuses_tokens_that_lack_a_part)
{
    static const char *const tokens[] = {"[1]", "[{}]", "[{\"key\":\"k\"}]",
                                         "[{\"secret\":\"s\"}]"};
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        cr_assert_eq(read_tokens(tokens[i]), PUSHER_EINVAL, "%s", tokens[i]);
        cr_assert_str_eq(error.text, "additionalTokens: each must be {\"key\":..,\"secret\":..}");
    }
}

Test(args, takes_as_many_as_there_is_room_for_and_no_more)
{
    static char json[8192];
    write_many(json, sizeof json, "1", ARGS_MAX, true);
    cr_assert_eq(read_pairs(json), 0);
    write_many(json, sizeof json, "1", ARGS_MAX + 1, true);
    cr_assert_eq(read_pairs(json), PUSHER_EINVAL);
    cr_assert_str_eq(error.text, "params: more than 64");
    write_many(json, sizeof json, "{\"key\":\"k\",\"secret\":\"s\"}", ARGS_MAX, false);
    cr_assert_eq(read_tokens(json), 0);
    write_many(json, sizeof json, "{\"key\":\"k\",\"secret\":\"s\"}", ARGS_MAX + 1, false);
    cr_assert_eq(read_tokens(json), PUSHER_EINVAL);
    cr_assert_str_eq(error.text, "additionalTokens: more than 64");
}
