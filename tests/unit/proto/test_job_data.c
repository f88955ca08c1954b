#include <criterion/criterion.h>

#include "job_fixture.h"

/* Decodes a triggerEvent whose data is `data`, as JSON text. */
static struct job job_with_data(const char *data, bool msgpack)
{
    char element[1024];

    snprintf(element, sizeof(element), "{\"channel\":\"c\",\"data\":%s,\"event\":\"e\"}", data);
    return msgpack ? job_decode_msgpack_of(element) : job_decode_text(element);
}

static void assert_data(const char *data, bool msgpack, const char *expected)
{
    struct job job = job_with_data(data, msgpack);

    cr_assert_eq(job.code, JOB_OK, "%s: %s", data, job.error.text);
    cr_assert(text_is(job.spec.data, expected), "%s: %.*s", data, (int)job.spec.data.len,
              job.spec.data.ptr);
    job_free(&job);
}

Test(job_data, that_is_a_string_is_sent_as_it_is)
{
    for (int msgpack = 0; msgpack < 2; msgpack++) {
        assert_data("\"hello\"", msgpack, "hello");
        assert_data("\"\"", msgpack, "");
        assert_data("\"{\\\"a\\\": 1}\"", msgpack, "{\"a\": 1}");
        assert_data("\"\\u00e9\\ud83d\\ude00\\n\"", msgpack, "\xc3\xa9\xf0\x9f\x98\x80\n");
        assert_data("\"null\"", msgpack, "null");
    }
}

Test(job_data, that_is_another_value_is_sent_as_its_json)
{
    for (int msgpack = 0; msgpack < 2; msgpack++) {
        assert_data("null", msgpack, "null");
        assert_data("true", msgpack, "true");
        assert_data("false", msgpack, "false");
        assert_data("12", msgpack, "12");
        assert_data("-0.5", msgpack, "-0.5");
        assert_data("{}", msgpack, "{}");
        assert_data("[]", msgpack, "[]");
        assert_data("{\"a\":[1,{\"b\":\"c\"}],\"d\":null}", msgpack,
                    "{\"a\":[1,{\"b\":\"c\"}],\"d\":null}");
        assert_data("9007199254740993", msgpack, "9007199254740993");
    }
}

Test(job_data, that_arrives_as_json_keeps_its_bytes)
{
    static const char *const values[] = {
        "1.50",
        "1e2",
        "100000000000000000000000000000000000000001",
        "-0",
        "0.1000",
        "1E+400",
        "{\"z\": 1, \"a\" :2,\n\t\"z\":3 }",
        "[ 1 ,2 ]",
        "[\"\\u0041\\/\"]",
        "{\"\\u006b\":\"\xc3\xa9\\u00e9\"}",
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        assert_data(values[i], false, values[i]);
}

Test(job_data, that_arrives_as_json_is_a_slice_of_the_element)
{
    static const char *const values[] = {"{\"a\":1}", "\"text\"", "17"};

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct job job = job_with_data(values[i], false);
        cr_assert_geq(job.spec.data.ptr, job.bytes);
        cr_assert_leq(job.spec.data.ptr + job.spec.data.len, job.bytes + job.len);
        cr_assert_eq(job.arena.used, 0);
        job_free(&job);
    }
}

static void assert_refused(struct job job, const char *text)
{
    cr_assert_eq(job.code, JOB_INVALID_DATA, "%s: %d %s", text, job.code, job.error.text);
    cr_assert_str_eq(job.error.text, text);
    job_free(&job);
}

Test(job_data, of_json_that_is_not_utf8_is_refused)
{
    assert_refused(job_with_data("\"a\xff\"", false), "data: byte 24 is not UTF-8");
    assert_refused(job_with_data("[1,\"\xed\xa0\x80\"]", false), "data: byte 26 is not UTF-8");
    assert_refused(job_with_data("{\"\xc3\":1}", false), "data: byte 24 is not UTF-8");
    assert_refused(job_with_data("\"\\ud800\"", false),
                   "data: byte 23 is half of a surrogate pair");
    assert_refused(job_with_data("{\"a\":\"\\udc00\"}", false),
                   "data: byte 28 is half of a surrogate pair");
}

/* A msgpack job of three fields, `data` last. */
#define WITH_DATA(literal)                                                                         \
    JOB_DECODE_BYTES("\x83\xa7"                                                                    \
                     "channel\xa1"                                                                 \
                     "c\xa5"                                                                       \
                     "event\xa1"                                                                   \
                     "e\xa4"                                                                       \
                     "data" literal)

Test(job_data, of_msgpack_that_json_cannot_say_is_refused)
{
    assert_refused(WITH_DATA("\xa2"
                             "a\xff"),
                   "data: byte 26 is not UTF-8");
    assert_refused(WITH_DATA("\x91\xa1\xff"), "data: byte 26 is not UTF-8");
    assert_refused(WITH_DATA("\xc4\x01z"),
                   "data: byte 24 begins binary data, which JSON does not have");
    assert_refused(WITH_DATA("\xd6\xff\x00\x00\x00\x00"),
                   "data: byte 24 begins an extension type, which JSON does not have");
    assert_refused(WITH_DATA("\x91\xd6\xff\x00\x00\x00\x00"),
                   "data: byte 25 begins an extension type, which JSON does not have");
    assert_refused(WITH_DATA("\xca\x7f\xc0\x00\x00"),
                   "data: byte 24 begins a number that is not finite");
    assert_refused(WITH_DATA("\x91\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"),
                   "data: byte 25 begins a number that is not finite");
    assert_refused(WITH_DATA("\x81\x01\x02"),
                   "data: byte 25 begins a map key that is not a string");
}

Test(job_data, that_is_too_large_for_the_arena_is_refused)
{
    msgpack_sbuffer buffer = msgpack_of("{\"channel\":\"c\",\"event\":\"e\",\"id\":\"i\","
                                        "\"data\":[\"0123456789012345678901234567890123456789\"]}");
    struct job job = job_decode_in(buffer.data, buffer.size, 32);

    cr_assert_eq(job.code, JOB_INVALID);
    cr_assert_str_eq(job.error.text, "data: too large");
    cr_assert(text_is(job.spec.id, "i"));
    job_free(&job);
    job = job_decode_in(buffer.data, buffer.size, 48);
    cr_assert_eq(job.code, JOB_OK);
    job_free(&job);
    msgpack_sbuffer_destroy(&buffer);
}
