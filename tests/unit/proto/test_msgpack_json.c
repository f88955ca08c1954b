/* msgpack-c packs, jansson reads the JSON back: neither shares code with what is tested. */
#include <criterion/criterion.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <msgpack.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_write.h"
#include "proto/reader.h"

struct text {
    struct arena arena;
    struct pusher_string json;
    struct value_flaw flaw;
    int rc;
};

static struct text to_json_in(const char *bytes, size_t len, size_t arena_bytes)
{
    struct text text = {.rc = READER_SYNTAX};
    struct reader reader;
    struct value value;

    arena_init(&text.arena, arena_bytes);
    reader_init(&reader, READER_MSGPACK, bytes, len);
    if (reader_value(&reader, &value) == 0 && reader_finish(&reader) == 0)
        text.rc = value_json(&value, &text.arena, &text.json, &text.flaw);
    return text;
}

static void assert_json(const char *bytes, size_t len, const char *expected)
{
    struct text text = to_json_in(bytes, len, 1 << 20);

    cr_assert_eq(text.rc, 0, "%s", expected);
    cr_assert_eq(text.json.len, strlen(expected), "%.*s is not %s", (int)text.json.len,
                 text.json.ptr, expected);
    cr_assert_arr_eq(text.json.ptr, expected, text.json.len, "%.*s is not %s", (int)text.json.len,
                     text.json.ptr, expected);
    arena_deinit(&text.arena);
}

#define JSON_IS(literal, expected) assert_json(literal, sizeof(literal) - 1, expected)

Test(msgpack_json, writes_scalars)
{
    JSON_IS("\xc0", "null");
    JSON_IS("\xc2", "false");
    JSON_IS("\xc3", "true");
    JSON_IS("\x00", "0");
    JSON_IS("\xff", "-1");
    JSON_IS("\xa0", "\"\"");
    JSON_IS("\xa2hi", "\"hi\"");
}

Test(msgpack_json, keeps_every_digit_of_integers)
{
    JSON_IS("\xcf\x00\x20\x00\x00\x00\x00\x00\x01", "9007199254740993");
    JSON_IS("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
    JSON_IS("\xd3\x80\x00\x00\x00\x00\x00\x00\x00", "-9223372036854775808");
    JSON_IS("\xd3\x7f\xff\xff\xff\xff\xff\xff\xff", "9223372036854775807");
    JSON_IS("\xcc\x05", "5");
    JSON_IS("\xd0\xfb", "-5");
}

Test(msgpack_json, writes_containers_without_space)
{
    JSON_IS("\x80", "{}");
    JSON_IS("\x90", "[]");
    JSON_IS("\x91\x90", "[[]]");
    JSON_IS("\x93\x90\x80\x91\x80", "[[],{},[{}]]");
    JSON_IS("\x82\xa1"
            "a\x81\xa1"
            "b\x80\xa1"
            "c\x92\x01\x02",
            "{\"a\":{\"b\":{}},\"c\":[1,2]}");
    JSON_IS("\x92\x92\x01\x91\x02\x03", "[[1,[2]],3]");
    JSON_IS("\x82\xa0\x01\xa0\x02", "{\"\":1,\"\":2}");
    JSON_IS("\xdc\x00\x02\xde\x00\x01\xa1z\xc0\xc3", "[{\"z\":null},true]");
}

Test(msgpack_json, escapes_in_the_fewest_bytes)
{
    JSON_IS("\xa7\"\\/\b\f\n\r", "\"\\\"\\\\/\\b\\f\\n\\r\"");
    JSON_IS("\xa4\t\0\x1f\x7f", "\"\\t\\u0000\\u001f\x7f\"");
    JSON_IS("\xad\xc3\xa9\xe2\x82\xac\xe2\x80\xa8\xf0\x9f\x98\x80z",
            "\"\xc3\xa9\xe2\x82\xac\xe2\x80\xa8\xf0\x9f\x98\x80z\"");
    JSON_IS("\x81\xa2\n\"\xc0", "{\"\\n\\\"\":null}");
}

static struct text pack_double(double number)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    struct text text;

    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    msgpack_pack_double(&packer, number);
    text = to_json_in(buffer.data, buffer.size, 4096);
    msgpack_sbuffer_destroy(&buffer);
    return text;
}

static void assert_double(double number, const char *expected)
{
    struct text text = pack_double(number);

    cr_assert_eq(text.rc, 0);
    cr_assert(text.json.len == strlen(expected) &&
                  memcmp(text.json.ptr, expected, text.json.len) == 0,
              "%.*s is not %s", (int)text.json.len, text.json.ptr, expected);
    arena_deinit(&text.arena);
}

Test(msgpack_json, writes_doubles_in_the_fewest_digits)
{
    assert_double(0.0, "0");
    assert_double(-0.0, "-0");
    assert_double(1.0, "1");
    assert_double(-3.0, "-3");
    assert_double(0.1, "0.1");
    assert_double(0.1 + 0.2, "0.30000000000000004");
    assert_double(1.0 / 3, "0.3333333333333333");
    assert_double(1e21, "1e21");
    assert_double(1e-7, "1e-7");
    assert_double(-2.5e-300, "-2.5e-300");
    assert_double(9007199254740991.0, "9007199254740991");
    assert_double(DBL_MAX, "1.7976931348623157e308");
    assert_double(-DBL_MIN, "-2.2250738585072014e-308");
    assert_double(5e-324, "5e-324");
    assert_double(1700000000.25, "1700000000.25");
}

Test(msgpack_json, writes_a_float_as_the_double_of_equal_value)
{
    JSON_IS("\xca\x3d\xcc\xcc\xcd", "0.10000000149011612");
    JSON_IS("\xca\x3f\xc0\x00\x00", "1.5");
    JSON_IS("\xca\xbf\x80\x00\x00", "-1");
}

static double random_double(unsigned *seed)
{
    uint64_t bits =
        (uint64_t)rand_r(seed) << 42 ^ (uint64_t)rand_r(seed) << 21 ^ (uint64_t)rand_r(seed);
    double number;

    memcpy(&number, &bits, sizeof(number));
    if (rand_r(seed) % 4 == 0)
        number = (rand_r(seed) - RAND_MAX / 2) / 1000.0;
    return isfinite(number) ? number : 1.5;
}

static bool is_json_number(struct pusher_string text)
{
    struct reader reader;
    struct value value;

    reader_init(&reader, READER_JSON, text.ptr, text.len);
    return reader_value(&reader, &value) == 0 && reader_finish(&reader) == 0 &&
           (value.kind == VALUE_INTEGER || value.kind == VALUE_DOUBLE);
}

static void assert_double_reads_back(double number)
{
    struct text text = pack_double(number);
    char copy[JSON_DOUBLE_MAX + 1] = "";

    cr_assert_eq(text.rc, 0);
    cr_assert_leq(text.json.len, JSON_DOUBLE_MAX);
    cr_assert(is_json_number(text.json), "%.17g", number);
    memcpy(copy, text.json.ptr, text.json.len);
    cr_assert_eq(strtod(copy, NULL), number, "%.17g as %s", number, copy);
    arena_deinit(&text.arena);
}

Test(msgpack_json, writes_random_doubles_so_that_they_read_back)
{
    unsigned seed = 11;

    for (int round = 0; round < 100000; round++)
        assert_double_reads_back(random_double(&seed));
}

static void assert_from_printf(const char *printed, const char *expected)
{
    char text[64];
    size_t len;

    strcpy(text, printed);
    len = json_write_from_printf(text);
    cr_assert_eq(len, strlen(expected), "%s", printed);
    cr_assert_arr_eq(text, expected, len, "%s", printed);
}

Test(msgpack_json, writes_a_dot_whatever_the_locale)
{
    assert_from_printf("0.5", "0.5");
    assert_from_printf("-0,5", "-0.5");
    assert_from_printf("1\xd9\xab"
                       "25e-07",
                       "1.25e-7"); /* ps_AF: U+066B */
    assert_from_printf("1,5e+300", "1.5e300");
    assert_from_printf("1e+20", "1e20");
    assert_from_printf("1e-10", "1e-10");
    assert_from_printf("1e+100", "1e100");
    assert_from_printf("-7", "-7");
}

static void assert_flaw(const char *bytes, size_t len, size_t at, const char *what)
{
    struct text text = to_json_in(bytes, len, 4096);

    cr_assert_eq(text.rc, VALUE_FLAWED, "%s", what);
    cr_assert_eq(text.flaw.at, bytes + at, "%s at %td", what, text.flaw.at - bytes);
    cr_assert_str_eq(text.flaw.what, what);
    arena_deinit(&text.arena);
}

#define FLAW_IS(literal, at, what) assert_flaw(literal, sizeof(literal) - 1, at, what)

Test(msgpack_json, refuses_what_json_cannot_say)
{
    FLAW_IS("\x92\x01\xd4\x01x", 2, "begins an extension type, which JSON does not have");
    FLAW_IS("\xc7\x00\x05", 0, "begins an extension type, which JSON does not have");
    FLAW_IS("\x81\xa1k\xc4\x01x", 3, "begins binary data, which JSON does not have");
    FLAW_IS("\x91\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00", 1, "begins a number that is not finite");
    FLAW_IS("\xcb\xff\xf0\x00\x00\x00\x00\x00\x00", 0, "begins a number that is not finite");
    FLAW_IS("\xca\x7f\x80\x00\x00", 0, "begins a number that is not finite");
    FLAW_IS("\x82\xa1k\x01\x02\x03", 4, "begins a map key that is not a string");
    FLAW_IS("\x81\x90\x01", 1, "begins a map key that is not a string");
    FLAW_IS("\x91\xa3"
            "a\xff"
            "b",
            3, "is not UTF-8");
    FLAW_IS("\x81\xa2\xc3(\x01", 2, "is not UTF-8");
}

/* The same value many times over: small values are written into memory for the worst of them, large
 * ones are measured first. */
static void assert_repeats(const char *item, size_t len, const char *json)
{
    for (size_t n = 1; n < 1200; n += n < 20 ? 1 : 61) {
        char *bytes = malloc(3 + n * len), *expected = malloc(3 + n * (strlen(json) + 1));
        char *at = stpcpy(expected, "[");
        memcpy(bytes, (char[]){'\xdc', (char)(n >> 8), (char)n}, 3);
        for (size_t i = 0; i < n; i++) {
            memcpy(bytes + 3 + i * len, item, len);
            at = stpcpy(stpcpy(at, i ? "," : ""), json);
        }
        stpcpy(at, "]");
        assert_json(bytes, 3 + n * len, expected);
        free(bytes);
        free(expected);
    }
}

#define REPEATS(literal, json) assert_repeats(literal, sizeof(literal) - 1, json)

Test(msgpack_json, writes_few_and_many_of_what_grows_most)
{
    REPEATS("\xc2", "false");
    REPEATS("\xc0", "null");
    REPEATS("\xe0", "-32");
    REPEATS("\xa3\1\1\1", "\"\\u0001\\u0001\\u0001\"");
    REPEATS("\xd2\x80\0\0\0", "-2147483648");
    REPEATS("\xca\xbd\xcc\xcc\xcd", "-0.10000000149011612");
    REPEATS("\xcb\x80\x10\0\0\0\0\0\0", "-2.2250738585072014e-308");
    REPEATS("\x90", "[]");
    REPEATS("\x81\xa0\x80", "{\"\":{}}");
}

Test(msgpack_json, uses_no_more_memory_than_its_arena_may)
{
    static const char bytes[] = "\xaa\0\0\0\0\0\0\0\0\0\0";
    struct text text = to_json_in(bytes, sizeof(bytes) - 1, 32);

    cr_assert_eq(text.rc, VALUE_NO_MEMORY);
    arena_deinit(&text.arena);
    text = to_json_in(bytes, sizeof(bytes) - 1, 64);
    cr_assert_eq(text.rc, 0);
    cr_assert_eq(text.json.len, 62);
    arena_deinit(&text.arena);
}

static void pack_random_text(msgpack_packer *packer, unsigned *seed)
{
    static const char *const pieces[] = {
        "a",        "\"",  "\\", "\n", "\x01", "\xc3\xa9", "/", "\xf0\x9f\x98\x80", "\xe2\x80\xa8",
        "zzzzzzzz", "\x7f"};
    char text[256] = "";

    for (int n = rand_r(seed) % 20; n > 0; n--)
        strcat(text, pieces[rand_r(seed) % 11]);
    msgpack_pack_str(packer, strlen(text));
    msgpack_pack_str_body(packer, text, strlen(text));
}

/* Packs a random value and builds jansson's of it beside. */
static json_t *pack_random(msgpack_packer *packer, unsigned *seed, int depth);

static json_t *text_packed_since(const msgpack_sbuffer *buffer, size_t from)
{
    const unsigned char *at = (const unsigned char *)buffer->data + from;
    size_t head = at[0] == 0xd9 ? 2 : at[0] == 0xda ? 3 : 1;

    return json_stringn((const char *)at + head, buffer->size - from - head);
}

static json_t *pack_random_container(msgpack_packer *packer, unsigned *seed, int depth, bool map)
{
    json_t *json = map ? json_object() : json_array();
    size_t n = (size_t)rand_r(seed) % (rand_r(seed) % 10 ? 5 : 40);

    map ? msgpack_pack_map(packer, n) : msgpack_pack_array(packer, n);
    for (size_t i = 0; i < n; i++) {
        char key[24];
        snprintf(key, sizeof(key), "k%zu", i);
        if (map) {
            msgpack_pack_str(packer, strlen(key));
            msgpack_pack_str_body(packer, key, strlen(key));
            json_object_set_new(json, key, pack_random(packer, seed, depth - 1));
        } else {
            json_array_append_new(json, pack_random(packer, seed, depth - 1));
        }
    }
    return json;
}

static json_t *pack_random_integer(msgpack_packer *packer, unsigned *seed)
{
    int64_t number =
        (int64_t)((uint64_t)rand_r(seed) << 33 ^ (uint64_t)rand_r(seed) << 16) >> rand_r(seed) % 64;

    msgpack_pack_int64(packer, number);
    return json_integer(number);
}

static json_t *pack_random_double(msgpack_packer *packer, unsigned *seed)
{
    double number = random_double(seed);

    msgpack_pack_double(packer, number);
    return json_real(number);
}

static json_t *pack_random(msgpack_packer *packer, unsigned *seed, int depth)
{
    size_t from = ((msgpack_sbuffer *)packer->data)->size;

    switch (rand_r(seed) % (depth > 0 ? 8 : 6)) {
    case 0:
        msgpack_pack_nil(packer);
        return json_null();
    case 1:
        msgpack_pack_true(packer);
        return json_true();
    case 2:
        msgpack_pack_false(packer);
        return json_false();
    case 3:
        return pack_random_integer(packer, seed);
    case 4:
        return pack_random_double(packer, seed);
    case 5:
        pack_random_text(packer, seed);
        return text_packed_since(packer->data, from);
    default:
        return pack_random_container(packer, seed, depth, rand_r(seed) % 2);
    }
}

/* Whole doubles are written as integers, so numbers are compared by value. */
static bool equal(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_real(b))
        return json_number_value(a) == json_number_value(b);
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        for (size_t i = 0; i < json_array_size(a); i++) {
            if (!equal(json_array_get(a, i), json_array_get(b, i)))
                return false;
        }
        return true;
    }
    if (json_is_object(a)) {
        void *at = json_object_iter((json_t *)(uintptr_t)a);
        if (json_object_size(a) != json_object_size(b))
            return false;
        for (; at; at = json_object_iter_next((json_t *)(uintptr_t)a, at)) {
            const json_t *other = json_object_get(b, json_object_iter_key(at));
            if (!other || !equal(json_object_iter_value(at), other))
                return false;
        }
        return true;
    }
    return json_equal(a, b);
}

static void assert_random_value_reads_back(unsigned *seed, int round)
{
    msgpack_sbuffer buffer;
    msgpack_packer packer;
    json_t *expected, *read;
    struct text text;

    msgpack_sbuffer_init(&buffer);
    msgpack_packer_init(&packer, &buffer, msgpack_sbuffer_write);
    expected = pack_random(&packer, seed, 5);
    text = to_json_in(buffer.data, buffer.size, 1 << 20);
    cr_assert_eq(text.rc, 0, "round %d", round);
    cr_assert_leq(text.json.len, 6 * buffer.size);
    read = json_loadb(text.json.ptr, text.json.len, JSON_DECODE_ANY, NULL);
    cr_assert(read && equal(read, expected), "round %d: %.*s", round, (int)text.json.len,
              text.json.ptr);
    json_decref(read);
    json_decref(expected);
    arena_deinit(&text.arena);
    msgpack_sbuffer_destroy(&buffer);
}

Test(msgpack_json, writes_random_values_so_that_a_parser_reads_them_back)
{
    unsigned seed = 5;

    for (int round = 0; round < 20000; round++)
        assert_random_value_reads_back(&seed, round);
}
