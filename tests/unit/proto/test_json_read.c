#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "proto/reader.h"

/* Reads one value that must fill the text; the copy ends where the text ends. */
static int read_whole(const char *text, size_t len, struct value *ret_value, char **ret_copy)
{
    struct reader reader;
    int rc;

    *ret_copy = malloc(len + 1);
    *ret_copy = realloc(*ret_copy, len ? len : 1);
    memcpy(*ret_copy, text, len);
    reader_init(&reader, READER_JSON, *ret_copy, len);
    rc = reader_value(&reader, ret_value);
    if (rc == 0)
        rc = reader_finish(&reader);
    return rc;
}

static bool accepts_bytes(const char *text, size_t len)
{
    struct value value;
    char *copy;
    int rc = read_whole(text, len, &value, &copy);

    free(copy);
    return rc == 0;
}

static bool accepts(const char *text)
{
    return accepts_bytes(text, strlen(text));
}

/* RFC 8259, section by section. */
Test(json_read, accepts_every_form_of_value)
{
    static const char *const texts[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "7",
        "-12",
        "1234567890123456789012345678901234567890",
        "0.5",
        "-0.0",
        "10.25",
        "1e5",
        "1E5",
        "1e+5",
        "1e-5",
        "0e0",
        "1.5E-300",
        "1e999999",
        "\"\"",
        "\"a\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u0000\\uabCD\\uD83D\\ude00\"",
        "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"",
        "\"\x7f\"",
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[1]",
        "[1,2]",
        "[[],[[]]]",
        "[{},{\"a\":[]}]",
        "{\"a\":1}",
        "{\"a\":{\"b\":[1,{}]}}",
        "{\"\":0}",
        "{\"a\":1,\"a\":2}",
        " \t\r\n1 \t\r\n",
        "[ 1 , 2 ]",
        "{ \"a\" : 1 , \"b\" : 2 }",
        "[\"a\",true,null,1.5,{}]",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_assert(accepts(texts[i]), "%s", texts[i]);
}

Test(json_read, refuses_what_is_not_json)
{
    static const char *const texts[] = {
        "",
        " ",
        "nul",
        "nulL",
        "True",
        "truE",
        "tru",
        "NaN",
        "Infinity",
        "-Infinity",
        "undefined",
        "01",
        "-01",
        "00",
        "-",
        "+1",
        ".5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "- 1",
        "1 2",
        "--1",
        "1.2.3",
        "1ee5",
        "'a'",
        "a",
        "\"",
        "\"a",
        "\"\\\"",
        "\"\\",
        "\"\\x41\"",
        "\"\\u\"",
        "\"\\u12\"",
        "\"\\u12G4\"",
        "\"\\u 123\"",
        "\"\\a\"",
        "\"\n\"",
        "\"\t\"",
        "\"\x01\"",
        "\"\x1f\"",
        "\"abcdefgh\nabcdefgh\"",
        "[",
        "]",
        "[1",
        "[1,",
        "[1,]",
        "[,1]",
        "[,]",
        "[1 2]",
        "[1;2]",
        "[1]]",
        "[1}",
        "[[1]",
        "{",
        "}",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{1:2}",
        "{a:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1]",
        "{\"a\":1}}",
        "{null:1}",
        "{\"a\",\"b\"}",
        "[\"a\":1]",
        "{:1}",
        "1 //",
        "/**/1",
        "[1]x",
        "\xef\xbb\xbf"
        "1",
        "\v1",
        "\xc2\xa0"
        "1",
        "[\xc2\xa0]",
        "{\"a\"\xff:1}",
        "tr\xff",
        "\\u0031",
        "*",
        "1,",
        ",",
        ":",
        "[1,,2]",
        "{\"a\":1,,\"b\":2}",
        "{\"a\"::1}",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        cr_assert_not(accepts(texts[i]), "%s", texts[i]);
    cr_assert_not(accepts_bytes("\0", 1));
    cr_assert_not(accepts_bytes("1\0", 2));
    cr_assert_not(accepts_bytes("\"a\0b\"", 5));
    cr_assert_not(accepts_bytes("\"\\\0\"", 4));
    cr_assert_not(accepts_bytes("[\0]", 3));
}

static bool is_flawed(const char *text, const char *what, size_t at)
{
    struct value value;
    char *copy;
    bool flawed = read_whole(text, strlen(text), &value, &copy) == 0 && value.flaw.at &&
                  strcmp(value.flaw.what, what) == 0 && value.flaw.at == copy + at;

    free(copy);
    return flawed;
}

Test(json_read, notes_the_first_byte_that_is_not_utf8)
{
    static const char what[] = "is not UTF-8";

    cr_assert(is_flawed("\"\xff\"", what, 1));
    cr_assert(is_flawed("\"abcdefghijklm\xc0\x80\xff\"", what, 14));
    cr_assert(is_flawed("\"\xc3\"", what, 1));
    cr_assert(is_flawed("\"\xed\xa0\x80\"", what, 1));
    cr_assert(is_flawed("\"\xf5\x80\x80\x80\"", what, 1));
    cr_assert(is_flawed("\"\xc3\xa9\x80\"", what, 3));
    cr_assert(is_flawed("[1,{\"a\":[\"\xfe\",\"\xff\"]}]", what, 10));
    cr_assert(is_flawed("{\"k\xff\":1}", what, 3));
}

Test(json_read, notes_lone_surrogates)
{
    static const char what[] = "is half of a surrogate pair";

    cr_assert(is_flawed("\"\\ud800\"", what, 1));
    cr_assert(is_flawed("\"\\udc00\"", what, 1));
    cr_assert(is_flawed("\"\\ud800x\\udc00\"", what, 1));
    cr_assert(is_flawed("\"\\ud83d\\ud83d\\ude00\"", what, 1));
    cr_assert(is_flawed("\"\\ud83d\\ude00\\ude00\"", what, 13));
    cr_assert(is_flawed("\"\\ude00\\ud83d\"", what, 1));
    cr_assert(is_flawed("\"\\ud83d\\n\"", what, 1));
}

Test(json_read, gives_the_bytes_of_a_value_without_the_space_around)
{
    static const char text[] = " {\"a\" : [1.50, 2e0 ] ,\"b\":\"\\u0041\"} \n";
    struct value value;
    char *copy;

    cr_assert_eq(read_whole(text, strlen(text), &value, &copy), 0);
    cr_assert_eq(value.raw.ptr, copy + 1);
    cr_assert_eq(value.raw.len, strlen(text) - 3);
    cr_assert_eq(value.kind, VALUE_MAP);
    cr_assert_eq(value.n_items, 2);
    free(copy);
}

static size_t n_items(const char *text)
{
    struct value value;
    char *copy;
    int rc = read_whole(text, strlen(text), &value, &copy);

    free(copy);
    cr_assert_eq(rc, 0, "%s", text);
    return value.n_items;
}

Test(json_read, counts_the_members_of_a_container_and_not_those_inside)
{
    cr_assert_eq(n_items("[]"), 0);
    cr_assert_eq(n_items("[[1,2,3]]"), 1);
    cr_assert_eq(n_items("[[],[],[[]]]"), 3);
    cr_assert_eq(n_items("[1,[2,[3,4],5],{\"a\":[1,2]},7]"), 4);
    cr_assert_eq(n_items("{\"a\":{\"b\":1,\"c\":2},\"d\":[1,2,3]}"), 2);
}

static bool accepts_depth(unsigned depth, const char *open, const char *inner, const char *close)
{
    size_t n_open = strlen(open), n_close = strlen(close), at = 0;
    char *text = malloc(depth * (n_open + n_close) + strlen(inner) + 1);
    bool accepted;

    for (unsigned i = 0; i < depth; i++, at += n_open)
        memcpy(text + at, open, n_open);
    memcpy(text + at, inner, strlen(inner));
    at += strlen(inner);
    for (unsigned i = 0; i < depth; i++, at += n_close)
        memcpy(text + at, close, n_close);
    accepted = accepts_bytes(text, at);
    free(text);
    return accepted;
}

Test(json_read, takes_nesting_to_its_bound_and_no_deeper)
{
    cr_assert(accepts_depth(JOB_DEPTH_MAX, "[", "", "]"));
    cr_assert(accepts_depth(JOB_DEPTH_MAX, "{\"a\":", "1", "}"));
    cr_assert(accepts_depth(JOB_DEPTH_MAX / 2, "[{\"a\":", "1", "}]"));
    cr_assert_not(accepts_depth(JOB_DEPTH_MAX + 1, "[", "", "]"));
    cr_assert_not(accepts_depth(JOB_DEPTH_MAX + 1, "{\"a\":", "1", "}"));
    cr_assert_not(accepts_depth(JOB_DEPTH_MAX, "[", "{}", "]"));
    cr_assert_not(accepts_depth(1000000, "[", "", "]"));
}

Test(json_read, knows_each_level_of_nesting_by_its_kind)
{
    char text[2 * 64 + 2 * 64 * 5 + 8] = "";

    for (int i = 0; i < 64; i++)
        strcat(text, "[{\"\":");
    strcat(text, "0");
    for (int i = 0; i < 64; i++)
        strcat(text, "}]");
    cr_assert(accepts(text));
    for (size_t i = strlen(text) - 128; i < strlen(text); i++) {
        text[i] = text[i] == '}' ? ']' : '}';
        cr_assert_not(accepts(text), "at %zu", i);
        text[i] = text[i] == '}' ? ']' : '}';
    }
}

static bool jansson_accepts(const char *text, size_t len)
{
    json_t *json =
        json_loadb(text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

    json_decref(json);
    return json;
}

/* Jansson is a second opinion. It differs in what is a flaw here, and on numbers out of range. */
Test(json_read, agrees_with_jansson_on_random_text)
{
    static const char *const pieces[] = {"{",     "}",       "[",  "]",    ",",    ":",
                                         "\"a\"", "\"\\n\"", "1",  "-2.5", "true", "null",
                                         " ",     "\"b\":",  "[]", "{}"};
    unsigned seed = 7, n_accepted = 0;

    for (int round = 0; round < 300000; round++) {
        char text[128] = "";
        for (int n = rand_r(&seed) % 9; n >= 0; n--)
            strcat(text, pieces[rand_r(&seed) % 16]);
        cr_assert_eq(accepts(text), jansson_accepts(text, strlen(text)), "%s", text);
        n_accepted += accepts(text);
    }
    cr_assert_gt(n_accepted, 1000);
}

static void assert_text(const char *json, const char *expected, size_t len)
{
    struct pusher_string text;
    struct value_flaw flaw;
    struct arena arena;
    struct value value;
    char *copy;

    arena_init(&arena, 4096);
    cr_assert_eq(read_whole(json, strlen(json), &value, &copy), 0, "%s", json);
    cr_assert_eq(value_text(&value, &arena, &text, &flaw), 0, "%s", json);
    cr_assert_eq(text.len, len, "%s", json);
    cr_assert_arr_eq(text.ptr, expected, len, "%s", json);
    free(copy);
    arena_deinit(&arena);
}

Test(json_read, resolves_escapes)
{
    assert_text("\"plain\"", "plain", 5);
    assert_text("\"\"", "", 0);
    assert_text("\"a\\\"\\\\\\/\\b\\f\\n\\r\\tz\"", "a\"\\/\b\f\n\r\tz", 10);
    assert_text("\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
                10);
    assert_text("\"x\\u0000y\"", "x\0y", 3);
    assert_text("\"\\uDBFF\\uDFFF\\uD800\\uDC00\"", "\xf4\x8f\xbf\xbf\xf0\x90\x80\x80", 8);
    assert_text("\"\\\\u0041\"", "\\u0041", 6);
}
