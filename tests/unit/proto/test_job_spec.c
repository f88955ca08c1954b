#include <criterion/criterion.h>

#include "job_fixture.h"

#define EVENT "\"channel\":\"c\",\"event\":\"e\",\"data\":\"d\""

static void assert_error(const struct job *job, enum job_code code, const char *text)
{
    cr_assert_eq(job->code, code, "%s: %d", text, job->code);
    cr_assert_eq(job->error.code, code);
    cr_assert_str_eq(job->error.text, text);
}

static void assert_fails(const char *element, enum job_code code, const char *text)
{
    struct job job = job_decode_text(element);

    assert_error(&job, code, text);
    job_free(&job);
}

static void assert_both_fail(const char *element, enum job_code code, const char *text)
{
    struct job job = job_decode_msgpack_of(element);

    assert_error(&job, code, text);
    job_free(&job);
    assert_fails(element, code, text);
}

Test(job_spec, names_operations_and_codes)
{
    cr_assert_str_eq(job_op_name(JOB_OP_NONE), "");
    cr_assert_str_eq(job_op_name(JOB_OP_TRIGGER_EVENT), "triggerEvent");
    cr_assert_str_eq(job_op_name(JOB_OP_CUSTOM_POST), "customPost");
    cr_assert_str_eq(job_code_name(JOB_INVALID), "invalid_job");
    cr_assert_str_eq(job_code_name(JOB_UNKNOWN_OP), "unknown_op");
    cr_assert_str_eq(job_code_name(JOB_INVALID_DATA), "invalid_data");
}

Test(job_spec, reads_what_all_operations_share)
{
    static const char element[] =
        "{\"op\":\"triggerEvent\",\"id\":\"a-1\",\"app\":\"main\",\"replyTo\":\"r\","
        "\"expiresAt\":1700000000000,\"deliverAt\":1600000000000,\"orderKey\":\"k\"," EVENT "}";
    struct job jobs[] = {job_decode_text(element), job_decode_msgpack_of(element)};

    for (int i = 0; i < 2; i++) {
        const struct job_spec *spec = &jobs[i].spec;
        cr_assert_eq(jobs[i].code, JOB_OK, "%s", jobs[i].error.text);
        cr_assert_eq(spec->op, JOB_OP_TRIGGER_EVENT);
        cr_assert(text_is(spec->op_name, "triggerEvent"));
        cr_assert(text_is(spec->id, "a-1"));
        cr_assert(text_is(spec->app, "main"));
        cr_assert(text_is(spec->reply_to, "r"));
        cr_assert(text_is(spec->order_key, "k"));
        cr_assert_eq(spec->expires_at_ms, 1700000000000);
        cr_assert_eq(spec->deliver_at_ms, 1600000000000);
        cr_assert_str_empty(jobs[i].error.text);
        job_free(&jobs[i]);
    }
}

Test(job_spec, leaves_what_is_absent_or_null_absent)
{
    static const char *const elements[] = {
        "{" EVENT "}",
        "{\"op\":null,\"id\":null,\"app\":null,\"replyTo\":null,\"orderKey\":null,"
        "\"expiresAt\":null,\"deliverAt\":null,\"socketId\":null,\"info\":null," EVENT "}",
    };

    for (size_t i = 0; i < 4; i++) {
        struct job job =
            i % 2 ? job_decode_text(elements[i / 2]) : job_decode_msgpack_of(elements[i / 2]);
        cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
        cr_assert(!job.spec.op_name.ptr && !job.spec.id.ptr && !job.spec.app.ptr);
        cr_assert(!job.spec.reply_to.ptr && !job.spec.order_key.ptr);
        cr_assert(!job.spec.socket_id.ptr && !job.spec.info.ptr);
        cr_assert(job.spec.expires_at_ms == 0 && job.spec.deliver_at_ms == 0);
        job_free(&job);
    }
}

Test(job_spec, tells_formats_by_the_first_byte)
{
    static const char neither[] = "neither a msgpack map nor a JSON object";
    struct job job;

    assert_fails("", JOB_INVALID, "an empty element");
    assert_fails("  ", JOB_INVALID, neither);
    assert_fails("[]", JOB_INVALID, neither);
    assert_fails("\"{}\"", JOB_INVALID, neither);
    assert_fails("7", JOB_INVALID, neither);
    assert_fails("x", JOB_INVALID, neither);
    assert_fails("\x90", JOB_INVALID, neither);
    assert_fails(" \x80", JOB_INVALID, neither);
    assert_fails("\xef\xbb\xbf{}", JOB_INVALID,
                 "begins with a byte order mark, which JSON must not");
    job = JOB_DECODE_BYTES("\0{}");
    assert_error(&job, JOB_INVALID, neither);
    job_free(&job);
    job = job_decode_text(" \t\r\n{" EVENT "} \n");
    cr_assert_eq(job.code, JOB_OK);
    job_free(&job);
}

Test(job_spec, reads_maps_with_every_length_of_head)
{
    static const char fields[] = "\xa7"
                                 "channel\xa1"
                                 "c\xa5"
                                 "event\xa1"
                                 "e\xa4"
                                 "data\xa1"
                                 "d";
    static const char heads[3][5] = {"\x83", "\xde\x00\x03", "\xdf\x00\x00\x00\x03"};
    static const size_t lens[3] = {1, 3, 5};

    for (int i = 0; i < 3; i++) {
        char element[64];
        struct job job;
        memcpy(element, heads[i], lens[i]);
        memcpy(element + lens[i], fields, sizeof(fields) - 1);
        job = job_decode(element, lens[i] + sizeof(fields) - 1);
        cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
        cr_assert(text_is(job.spec.data, "d"));
        job_free(&job);
    }
}

static enum job_op op_of(const char *element)
{
    struct job job = job_decode_text(element), other = job_decode_msgpack_of(element);
    enum job_op op = job.spec.op;

    cr_assert_eq(other.spec.op, op);
    job_free(&job);
    job_free(&other);
    return op;
}

Test(job_spec, infers_the_operation_from_its_fields)
{
    cr_assert_eq(op_of("{" EVENT "}"), JOB_OP_TRIGGER_EVENT);
    cr_assert_eq(op_of("{\"channels\":[\"a\"]," EVENT "}"), JOB_OP_TRIGGER_MULTIPLE_CHANNELS);
    cr_assert_eq(op_of("{\"events\":[1],\"channels\":[\"a\"]," EVENT "}"), JOB_OP_TRIGGER_BATCH);
    cr_assert_eq(op_of("{\"events\":null,\"channels\":null," EVENT "}"), JOB_OP_TRIGGER_EVENT);
    cr_assert_eq(op_of("{\"op\":\"triggerEvent\",\"events\":[1]," EVENT "}"), JOB_OP_TRIGGER_EVENT);
    assert_both_fail("{\"event\":\"e\"}", JOB_INVALID,
                     "op is missing, and so are events, channels and channel");
    assert_both_fail("{}", JOB_INVALID, "op is missing, and so are events, channels and channel");
}

Test(job_spec, names_an_unknown_operation_without_trusting_it)
{
    assert_both_fail("{\"op\":\"trigger\"}", JOB_UNKNOWN_OP,
                     "op: no operation is named \"trigger\"");
    assert_both_fail("{\"op\":\"\"}", JOB_UNKNOWN_OP, "op: no operation is named \"\"");
    assert_both_fail("{\"op\":\"TriggerEvent\"}", JOB_UNKNOWN_OP,
                     "op: no operation is named \"TriggerEvent\"");
    assert_both_fail("{\"op\":\"a\\n\\u001b[0m\\u00e9\\u007f\"}", JOB_UNKNOWN_OP,
                     "op: no operation is named \"a??[0m???\"");
    assert_both_fail("{\"op\":\"triggerEvent\\u0000\"}", JOB_UNKNOWN_OP,
                     "op: no operation is named \"triggerEvent?\"");
    assert_both_fail("{\"op\":\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeee\"}", JOB_UNKNOWN_OP,
                     "op: no operation is named \"aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd...\"");
    assert_both_fail("{\"op\":5}", JOB_INVALID, "op: expected a string, got a number");
}

static void assert_id(const char *element, const char *id)
{
    struct job jobs[] = {job_decode_text(element), job_decode_msgpack_of(element)};

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(jobs[i].code, JOB_OK, "%s", jobs[i].error.text);
        cr_assert(text_is(jobs[i].spec.id, id), "%s", element);
        job_free(&jobs[i]);
    }
}

Test(job_spec, takes_ids_that_are_strings_or_integers)
{
    assert_id("{\"id\":\"7\"," EVENT "}", "7");
    assert_id("{\"id\":7," EVENT "}", "7");
    assert_id("{\"id\":-12," EVENT "}", "-12");
    assert_id("{\"id\":0," EVENT "}", "0");
    assert_id("{\"id\":9223372036854775807," EVENT "}", "9223372036854775807");
    assert_id("{\"id\":-9223372036854775808," EVENT "}", "-9223372036854775808");
    assert_id("{\"id\":\"\\u00e9 \\\"x\\\"\"," EVENT "}", "\xc3\xa9 \"x\"");
}

Test(job_spec, takes_ids_of_all_64_bits)
{
    struct job job = job_decode_text("{\"id\":18446744073709551615," EVENT "}");

    cr_assert(text_is(job.spec.id, "18446744073709551615"));
    job_free(&job);
    job = job_decode_text("{\"id\":-0," EVENT "}");
    cr_assert(text_is(job.spec.id, "0"));
    job_free(&job);
    job = JOB_DECODE_BYTES("\x84\xa2id\xcf\xff\xff\xff\xff\xff\xff\xff\xff\xa7"
                           "channel\xa1"
                           "c"
                           "\xa5"
                           "event\xa1"
                           "e\xa4"
                           "data\xa1"
                           "d");
    cr_assert(text_is(job.spec.id, "18446744073709551615"), "%s", job.error.text);
    job_free(&job);
}

Test(job_spec, refuses_ids_that_are_neither)
{
    assert_both_fail("{\"id\":1.5," EVENT "}", JOB_INVALID,
                     "id: expected a string or an integer, got a number");
    assert_fails("{\"id\":1e3," EVENT "}", JOB_INVALID,
                 "id: expected a string or an integer, got a number");
    assert_both_fail("{\"id\":true," EVENT "}", JOB_INVALID,
                     "id: expected a string or an integer, got a boolean");
    assert_both_fail("{\"id\":\"\"," EVENT "}", JOB_INVALID, "id: empty");
    assert_both_fail("{\"id\":\"a\\nb\"," EVENT "}", JOB_INVALID, "id: has a control character");
    assert_both_fail("{\"id\":\"a\\u007f\"," EVENT "}", JOB_INVALID, "id: has a control character");
    assert_both_fail("{\"id\":\"a\\u0000\"," EVENT "}", JOB_INVALID, "id: has a control character");
    assert_fails("{\"id\":18446744073709551616," EVENT "}", JOB_INVALID,
                 "id: an integer of more than 64 bits");
    assert_fails("{\"id\":-9223372036854775809," EVENT "}", JOB_INVALID,
                 "id: an integer of more than 64 bits");
}

static struct job job_with_text(const char *field, size_t len)
{
    char element[2048];
    int n = snprintf(element, sizeof(element), "{" EVENT ",\"%s\":\"", field);

    memset(element + n, 'x', len);
    strcpy(element + n + len, "\"}");
    return job_decode_text(element);
}

static void assert_longest(const char *field, size_t max, const char *text)
{
    struct job job = job_with_text(field, max);

    cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
    job_free(&job);
    job = job_with_text(field, max + 1);
    assert_error(&job, JOB_INVALID, text);
    cr_assert(!job.spec.id.ptr && !job.spec.reply_to.ptr && !job.spec.order_key.ptr);
    job_free(&job);
}

Test(job_spec, bounds_ids_and_names)
{
    assert_longest("id", 128, "id: 129 bytes long, at most 128 are allowed");
    assert_longest("replyTo", 256, "replyTo: 257 bytes long, at most 256 are allowed");
    assert_longest("orderKey", 256, "orderKey: 257 bytes long, at most 256 are allowed");
    assert_both_fail("{\"replyTo\":\"\"," EVENT "}", JOB_INVALID, "replyTo: empty");
    assert_both_fail("{\"orderKey\":\"\"," EVENT "}", JOB_INVALID, "orderKey: empty");
}

static int64_t time_of(const char *number)
{
    char element[256];
    struct job job;
    int64_t ms;

    snprintf(element, sizeof(element), "{\"expiresAt\":%s," EVENT "}", number);
    job = job_decode_text(element);
    ms = job.code == JOB_OK ? job.spec.expires_at_ms : -1;
    if (job.code != JOB_OK)
        cr_assert_str_eq(job.error.text,
                         "expiresAt: not a whole number of milliseconds from 0 to 2^63-1");
    job_free(&job);
    return ms;
}

Test(job_spec, takes_times_that_are_whole_however_written)
{
    cr_assert_eq(time_of("0"), 0);
    cr_assert_eq(time_of("-0"), 0);
    cr_assert_eq(time_of("1700000000000"), 1700000000000);
    cr_assert_eq(time_of("9223372036854775807"), INT64_MAX);
    cr_assert_eq(time_of("1.7e12"), 1700000000000);
    cr_assert_eq(time_of("1700000000000.0"), 1700000000000);
    cr_assert_eq(time_of("1700000000000.000e0"), 1700000000000);
    cr_assert_eq(time_of("17000000000000000e-4"), 1700000000000);
    cr_assert_eq(time_of("0.0017E+15"), 1700000000000);
    cr_assert_eq(time_of("1000000.5e1"), 10000005);
    cr_assert_eq(time_of("0e999999999999999999"), 0);
    cr_assert_eq(time_of("0.000"), 0);
    cr_assert_eq(time_of("9007199254740991.0"), 9007199254740991);
    cr_assert_eq(time_of("100000000000000000000000000000000e-30"), 100);
}

/* As a msgpack writer rounds it: the two formats hold the same job. */
Test(job_spec, reads_a_decimal_as_the_nearest_double)
{
    cr_assert_eq(time_of("-0.0"), 0);
    cr_assert_eq(time_of("1.0000000000000000000000001"), 1);
    cr_assert_eq(time_of("1e-999999999999999999"), 0);
}

Test(job_spec, refuses_times_that_are_negative_broken_or_too_late)
{
    static const char *const numbers[] = {"-1",
                                          "1.5",
                                          "-1.7e12",
                                          "9223372036854775808",
                                          "1e300",
                                          "1e-1",
                                          "18446744073709551616",
                                          "9007199254740992.0",
                                          "9007199254740993.0",
                                          "1e999999999999999999",
                                          "9007199254740992e1"};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        cr_assert_eq(time_of(numbers[i]), -1, "%s", numbers[i]);
}

static int64_t msgpack_time(double number)
{
    msgpack_sbuffer buffer = msgpack_of("{" EVENT ",\"deliverAt\":0.5}");
    uint64_t bits;
    struct job job;
    int64_t ms;

    memcpy(&bits, &number, sizeof(bits));
    for (int i = 0; i < 8; i++)
        buffer.data[buffer.size - 1 - i] = (char)(bits >> 8 * i);
    job = job_decode(buffer.data, buffer.size);
    ms = job.code == JOB_OK ? job.spec.deliver_at_ms : -1;
    job_free(&job);
    msgpack_sbuffer_destroy(&buffer);
    return ms;
}

Test(job_spec, takes_times_that_are_whole_doubles)
{
    cr_assert_eq(msgpack_time(1.7e12), 1700000000000);
    cr_assert_eq(msgpack_time(0.0), 0);
    cr_assert_eq(msgpack_time(-0.0), 0);
    cr_assert_eq(msgpack_time(9007199254740991.0), 9007199254740991);
    cr_assert_eq(msgpack_time(9007199254740992.0), -1);
    cr_assert_eq(msgpack_time(0.5), -1);
    cr_assert_eq(msgpack_time(-1.0), -1);
    cr_assert_eq(msgpack_time(1e300), -1);
    cr_assert_eq(msgpack_time(__builtin_nan("")), -1);
    cr_assert_eq(msgpack_time(__builtin_inf()), -1);
}

Test(job_spec, ignores_fields_that_no_job_has)
{
    static const char element[] = "{\"x\":[1,{\"op\":\"y\"}],\"\":0,\"OP\":3,\"channe\":1,"
                                  "\"channelss\":2,\"a field with a long name\":null," EVENT "}";
    struct job jobs[] = {job_decode_text(element), job_decode_msgpack_of(element)};

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(jobs[i].code, JOB_OK, "%s", jobs[i].error.text);
        job_free(&jobs[i]);
    }
}

Test(job_spec, ignores_fields_of_other_operations)
{
    static const char element[] = "{\"events\":3,\"userId\":[],\"op\":\"triggerEvent\"," EVENT "}";
    struct job jobs[] = {job_decode_text(element), job_decode_msgpack_of(element)};

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(jobs[i].code, JOB_OK, "%s", jobs[i].error.text);
        cr_assert_null(jobs[i].spec.events);
        cr_assert_null(jobs[i].spec.user_id.ptr);
        job_free(&jobs[i]);
    }
}

Test(job_spec, knows_a_field_whose_name_is_escaped)
{
    struct job job = job_decode_text(
        "{\"\\u0063hannel\":\"c\",\"event\":\"e\",\"\\u0064\\u0061\\u0074\\u0061\":\"d\"}");

    cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
    cr_assert(text_is(job.spec.channel, "c"));
    cr_assert(text_is(job.spec.data, "d"));
    job_free(&job);
    assert_fails("{\"id\":1,\"\\u0069d\":2," EVENT "}", JOB_INVALID, "id is there twice");
}

Test(job_spec, refuses_a_field_that_is_there_twice)
{
    struct job job;

    assert_fails("{\"data\":1," EVENT "}", JOB_INVALID, "data is there twice");
    assert_fails("{\"id\":null,\"id\":\"x\"," EVENT "}", JOB_INVALID, "id is there twice");
    job = JOB_DECODE_BYTES("\x83\xa2id\x01\xa2id\x02\xa2op\xa1x");
    assert_error(&job, JOB_INVALID, "id is there twice");
    cr_assert(text_is(job.spec.id, "1"));
    job_free(&job);
}

Test(job_spec, refuses_keys_that_are_not_strings)
{
    struct job job = JOB_DECODE_BYTES("\x83\x01\xa1x\xa2id\xa1z\xc4\x02op\x00");

    assert_error(&job, JOB_INVALID, "the key at byte 1 is not a string");
    cr_assert(text_is(job.spec.id, "z"));
    job_free(&job);
    job = JOB_DECODE_BYTES("\x81\xc4\x02op\x00");
    assert_error(&job, JOB_INVALID, "the key at byte 1 is not a string");
    job_free(&job);
}

Test(job_spec, names_the_byte_of_a_syntax_error)
{
    assert_fails("{\"id\":1 \"op\":2}", JOB_INVALID, "syntax error at byte 8: expected ',' or '}'");
    assert_fails("{\"id\"=1}", JOB_INVALID, "syntax error at byte 5: expected ':'");
    assert_fails("{" EVENT "}}", JOB_INVALID,
                 "syntax error at byte 38: bytes after the end of the job");
    assert_fails("{\"data\":nil}", JOB_INVALID, "syntax error at byte 9: not a value of JSON");
    assert_fails("{\"id\":1", JOB_INVALID, "syntax error at byte 7: the JSON text ends too early");
    assert_fails("{\"a\":\"\x01\"}", JOB_INVALID,
                 "syntax error at byte 6: a control character in a string");
    assert_fails("\x82\xa2id\x01", JOB_INVALID,
                 "syntax error at byte 5: the msgpack element ends too early");
    assert_fails("\x81\xa2id\xc1", JOB_INVALID,
                 "syntax error at byte 4: 0xc1, which no msgpack value begins with");
    assert_fails("\x81\xa2id\xda\x01\x01x", JOB_INVALID,
                 "syntax error at byte 4: declares more bytes than follow");
    assert_fails("\x81\xa2id\xdc\x01\x01x", JOB_INVALID,
                 "syntax error at byte 4: declares more items than can follow");
}

Test(job_spec, keeps_what_a_failure_is_reported_under)
{
    static const char *const elements[] = {
        "{\"id\":\"i\",\"op\":\"o\",\"app\":\"a\",\"replyTo\":\"r\",\"data\":tru}",
        "{\"id\":\"i\",\"op\":\"o\",\"app\":\"a\",\"replyTo\":\"r\"",
        "{\"expiresAt\":-1,\"id\":\"i\",\"op\":\"o\",\"app\":\"a\",\"replyTo\":\"r\"}",
        "{\"x\":\"\xff\",\"orderKey\":0,\"id\":\"i\",\"op\":\"o\",\"app\":\"a\",\"replyTo\":\"r\"}",
        "{\"id\":\"i\",\"op\":\"o\",\"app\":\"a\",\"replyTo\":\"r\"}]",
        "\x85\xa2id\xa1i\xa2op\xa1o\xa3"
        "app\xa1"
        "a\xa7replyTo\xa1r\xa4"
        "data",
        "\x84\xa2id\xa1i\xa2op\xa1o\xa3"
        "app\xa1"
        "a\xa7replyTo\xa1r\xa4"
        "data",
    };

    for (size_t i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        struct job job = job_decode_text(elements[i]);
        cr_assert_neq(job.code, JOB_OK);
        cr_assert(text_is(job.spec.id, "i"), "%zu", i);
        cr_assert(text_is(job.spec.op_name, "o"), "%zu", i);
        cr_assert(text_is(job.spec.app, "a"), "%zu", i);
        cr_assert(text_is(job.spec.reply_to, "r"), "%zu", i);
        job_free(&job);
    }
}

Test(job_spec, keeps_the_others_when_one_of_them_is_wrong)
{
    struct job job = job_decode_text("{\"id\":[],\"op\":1,\"app\":\"a\",\"replyTo\":\"r\"}");

    assert_error(&job, JOB_INVALID, "op: expected a string, got a number");
    cr_assert_null(job.spec.id.ptr);
    cr_assert_null(job.spec.op_name.ptr);
    cr_assert(text_is(job.spec.app, "a"));
    cr_assert(text_is(job.spec.reply_to, "r"));
    job_free(&job);
}

Test(job_spec, refuses_json_that_is_not_utf8_even_where_nobody_reads_it)
{
    assert_fails("{\"x\":\"\xff\"," EVENT "}", JOB_INVALID, "byte 6 is not UTF-8");
    assert_fails("{\"\xff\":0," EVENT "}", JOB_INVALID, "byte 2 is not UTF-8");
    assert_fails("{\"x\":[\"\\ud800\"]," EVENT "}", JOB_INVALID,
                 "byte 7 is half of a surrogate pair");
    assert_fails("{\"userId\":\"\xff\"," EVENT "}", JOB_INVALID, "userId: byte 11 is not UTF-8");
    assert_fails("{\"channel\":\"\xff\",\"event\":\"e\",\"data\":1}", JOB_INVALID,
                 "channel: byte 12 is not UTF-8");
}
