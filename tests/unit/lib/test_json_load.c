/* Texts are read as jansson reads them; it is the judge of what is JSON, too. */
#include "lib/json_load.h"

#include <locale.h>
#include <string.h>

#include "tests/unit/lib/vectors.h"

#define AS_JANSSON (JSON_DECODE_ANY | JSON_ALLOW_NUL)

static void expect_same_of(const char *text, size_t len, unsigned flags, size_t jansson_flags)
{
    struct pusher__json_flaw flaw = {NULL, 0};
    json_t *ours = NULL, *theirs = json_loadb(text, len, AS_JANSSON | jansson_flags, NULL);
    int rc = pusher__json_load(text, len, flags, &ours, &flaw);
    cr_assert_eq(rc, theirs ? 0 : PUSHER_EDATA, "%.*s: %d", (int)len, text, rc);
    cr_assert(theirs ? json_equal(ours, theirs) : flaw.what && flaw.at <= len, "%.*s", (int)len,
              text);
    json_decref(ours);
    json_decref(theirs);
}

/* From a copy that ends where the text does, so that a byte read behind it is seen. */
static void expect_same(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    expect_same_of(copy, len, 0, 0);
    expect_same_of(copy, len, PUSHER__JSON_UNIQUE_KEYS, JSON_REJECT_DUPLICATES);
    expect_same_of(copy, len, PUSHER__JSON_INT_AS_REAL, JSON_DECODE_INT_AS_REAL);
    free(copy);
}

/* Each text, and each beginning of it. */
static void expect_same_all(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            expect_same(texts[i], len);
        }
    }
}

#define ALL(texts) texts, sizeof(texts) / sizeof(texts[0])

Test(json_load, scalars)
{
    static const char *const texts[] = {
        "true",    "false",  "null", "truE", "nul",     "nulls", "True", "tru e", "true false", "",
        " \t\r\n", " true ", "\v1",  "\"\"", "\"abc\"", "'a'",   "abc",  "/**/1", "1//",
    };
    expect_same_all(ALL(texts));
}

Test(json_load, numbers)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "-",
        "+1",
        "01",
        "-01",
        "1234567890",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "1.5",
        "1.",
        ".5",
        "-.5",
        "1.5e",
        "1e+",
        "1e-3",
        "1E10",
        "-1.25E+2",
        "0e0",
        "0.0",
        "-0.0",
        "1e308",
        "1e309",
        "-1e309",
        "1e-400",
        "4.9e-324",
        "0x10",
        "1_0",
        "NaN",
        "Infinity",
        "-Infinity",
        "1e5.5",
        "0.1000000000000000055511151231257827021181583404541015625",
        "100000000000000000000000000000000000000000000000000000000000000000000000000000",
        "0.00000000000000000000000000000000000000000000000000000000000000000000000000000001",
    };
    expect_same_all(ALL(texts));
}

Test(json_load, strings)
{
    static const char *const texts[] = {
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\x\"",
        "\"\\",
        "\"\\\"",
        "\"\\u0041\\u00e9\\u20ac\"",
        "\"\\ud83d\\ude00x\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83d\\u0041\"",
        "\"\\ud83d\\ud83d\"",
        "\"\\ud83dxx\"",
        "\"\\u00\"",
        "\"\\uD83D\\uDE00\"",
        "\"\\u00g0\"",
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "\"\x1f\"",
        "\"\n\"",
        "\"\x7f\"",
        "\"\xc3\xa9\"",
        "\"\xf0\x9f\x98\x80\"",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xc3\"",
        "\"\xf4\x90\x80\x80\"",
        "\xc3\xa9",
        "\"\xe2\x80\xa8\"",
        "\"a string that is longer than what jansson begins with, with an \\u00e9 in it\"",
    };
    expect_same_all(ALL(texts));
    expect_same("\"a\0b\"", 5);
    expect_same("\0", 1);
}

Test(json_load, does_not_take_a_nul_for_the_end_as_jansson_does)
{
    json_t *value;
    cr_expect_eq(pusher__json_load("1\0", 2, 0, &value, NULL), PUSHER_EDATA);
    cr_expect_eq(pusher__json_load("{}\0{}", 5, 0, &value, NULL), PUSHER_EDATA);
}

Test(json_load, containers)
{
    static const char *const texts[] = {
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1,2,[3,{\"a\":[]}]]",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[1}",
        "{1:2}",
        "{\"a\":1,}",
        "{\"a\" : 1 , \"b\":[ {} ] }",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\" 1}",
        "{,}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}}",
        "[]]",
        "[] []",
        "{\"a\":1,\"a\":2}",
        "{\"\":1}",
        "{\"a\":{\"b\":1,\"\\u0062\":2}}",
        "{\"a\\u0000b\":1}",
        "{\"\\u0000\":1}",
        "{a:1}",
        "{\"\xff\":1}",
        "[\"\\u00e9\",-1.5e3,true,false,null,{\"x\":{\"y\":[]}}]",
        "{\"a\":[1},2]",
    };
    expect_same_all(ALL(texts));
}

static void expect_depth(size_t depth)
{
    char *text = malloc(2 * depth);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    expect_same(text, 2 * depth);
    free(text);
}

Test(json_load, takes_the_same_depth)
{
    expect_depth(2048);
    expect_depth(2049);
    expect_depth(100000);
}

Test(json_load, every_vector)
{
    static const char *const files[] = {"webhooks.json", "user_auth.json", "channel_auth.json",
                                        "encryption.json", "replies.json"};
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        json_t *rows = load_vectors(files[i]);
        char *text = json_dumps(rows, 0);
        expect_same(text, strlen(text));
        free(text);
        json_decref(rows);
    }
}

Test(json_load, says_what_is_wrong_and_where)
{
    struct pusher__json_flaw flaw;
    json_t *value;
    cr_assert_eq(
        pusher__json_load("{\"a\":1,\"a\":2}", 13, PUSHER__JSON_UNIQUE_KEYS, &value, &flaw),
        PUSHER_EDATA);
    cr_expect_str_eq(flaw.what, "a key stands there twice");
    cr_assert_eq(pusher__json_load("[1,x]", 5, 0, &value, &flaw), PUSHER_EDATA);
    cr_expect_str_eq(flaw.what, "invalid JSON");
    cr_expect_eq(flaw.at, 3);
}

Test(json_load, takes_large_integers_for_reals_and_no_others)
{
    static const char text[] = "[9223372036854775807,-9223372036854775809,1]";
    json_t *value = NULL;
    cr_assert_eq(pusher__json_load(text, strlen(text), PUSHER__JSON_BIG_AS_REAL, &value, NULL), 0);
    cr_expect_eq(json_integer_value(json_array_get(value, 0)), INT64_MAX);
    cr_expect(json_real_value(json_array_get(value, 1)) == -0x1p63);
    cr_expect(json_is_integer(json_array_get(value, 2)));
    json_decref(value);
    char digits[400];
    memset(digits, '9', sizeof(digits));
    cr_expect_eq(pusher__json_load(digits, sizeof(digits), PUSHER__JSON_BIG_AS_REAL, &value, NULL),
                 PUSHER_EDATA);
}

Test(json_load, reads_numbers_in_any_locale)
{
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8"};
    json_t *value = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && !setlocale(LC_NUMERIC, names[i]);)
        i++;
    cr_assert_eq(pusher__json_load("1.5", 3, 0, &value, NULL), 0);
    cr_expect(json_real_value(value) == 1.5);
    json_decref(value);
}
