#include <criterion/criterion.h>

#include "job_fixture.h"

static struct job job_of(const char *format, bool msgpack, const char *list)
{
    char element[1024];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(element, sizeof(element), format, list);
#pragma GCC diagnostic pop
    return msgpack ? job_decode_msgpack_of(element) : job_decode_text(element);
}

#define CHANNELS "{\"id\":1,\"channels\":%s,\"event\":\"e\",\"data\":\"d\"}"
#define EVENTS   "{\"id\":1,\"events\":%s}"

static void assert_fails(const char *format, const char *list, const char *text)
{
    for (int msgpack = 0; msgpack < 2; msgpack++) {
        struct job job = job_of(format, msgpack, list);
        cr_assert_eq(job.code, JOB_INVALID, "%s", list);
        cr_assert_str_eq(job.error.text, text);
        cr_assert(text_is(job.spec.id, "1"));
        cr_assert_eq(job.spec.n_channels, 0);
        cr_assert_eq(job.spec.n_events, 0);
        job_free(&job);
    }
}

Test(job_lists, channels_are_strings_in_their_order)
{
    for (int msgpack = 0; msgpack < 2; msgpack++) {
        struct job job = job_of(CHANNELS, msgpack, "[\"a\",\"\",\"b\\u00e9\"]");
        cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
        cr_assert_eq(job.spec.n_channels, 3);
        cr_assert(text_is(job.spec.channels[0], "a"));
        cr_assert(text_is(job.spec.channels[1], ""));
        cr_assert(text_is(job.spec.channels[2], "b\xc3\xa9"));
        job_free(&job);
    }
}

Test(job_lists, a_channel_that_is_no_string_fails_the_job)
{
    assert_fails(CHANNELS, "[]", "channels: empty");
    assert_fails(CHANNELS, "\"a,b\"", "channels: expected an array, got a string");
    assert_fails(CHANNELS, "{\"a\":1}", "channels: expected an array, got an object");
    assert_fails(CHANNELS, "[\"a\",3]", "channels[1]: expected a string, got a number");
    assert_fails(CHANNELS, "[null]", "channels[0]: expected a string, got null");
    assert_fails(CHANNELS, "[[\"a\"]]", "channels[0]: expected a string, got an array");
}

Test(job_lists, a_channel_that_is_not_utf8_fails_the_job)
{
    struct job job = job_of(CHANNELS, false, "[\"a\",\"\xff\"]");

    cr_assert_eq(job.code, JOB_INVALID);
    cr_assert_str_eq(job.error.text, "channels[1]: byte 25 is not UTF-8");
    job_free(&job);
    job = JOB_DECODE_BYTES("\x83\xa8"
                           "channels\x91\xa1\xff\xa5"
                           "event\xa1"
                           "e\xa4"
                           "data\xc0");
    cr_assert_eq(job.code, JOB_INVALID);
    cr_assert_str_eq(job.error.text, "channels[0]: byte 12 is not UTF-8");
    job_free(&job);
}

Test(job_lists, events_keep_their_order_and_their_fields)
{
    static const char list[] = "[{\"channel\":\"a\",\"event\":\"x\",\"data\":\"1\"},"
                               "{\"data\":[2],\"info\":\"i\",\"socketId\":\"1.2\",\"event\":\"y\","
                               "\"channel\":\"b\",\"id\":[],\"other\":{}},"
                               "{\"channel\":\"c\",\"event\":\"z\",\"data\":null,\"info\":null}]";

    for (int msgpack = 0; msgpack < 2; msgpack++) {
        struct job job = job_of(EVENTS, msgpack, list);
        const struct job_spec_event *events = job.spec.events;
        cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
        cr_assert_eq(job.spec.op, JOB_OP_TRIGGER_BATCH);
        cr_assert_eq(job.spec.n_events, 3);
        for (int i = 0; i < 3; i++)
            cr_assert_null(events[i].error);
        cr_assert(text_is(events[0].channel, "a") && text_is(events[0].data, "1"));
        cr_assert(text_is(events[1].name, "y") && text_is(events[1].data, "[2]"));
        cr_assert(text_is(events[1].socket_id, "1.2") && text_is(events[1].info, "i"));
        cr_assert(text_is(events[2].data, "null") && !events[2].info.ptr);
        cr_assert(!events[0].socket_id.ptr && !events[0].info.ptr);
        job_free(&job);
    }
}

Test(job_lists, events_that_are_no_list_fail_the_job)
{
    assert_fails(EVENTS, "[]", "events: empty");
    assert_fails(EVENTS, "{}", "events: expected an array, got an object");
    assert_fails(EVENTS, "\"[]\"", "events: expected an array, got a string");
    assert_fails(EVENTS, "7", "events: expected an array, got a number");
}

/* The second of three events is wrong; the others are not touched by it. */
static void assert_part_fails(const char *event, bool msgpack, enum job_code code, const char *text)
{
    static const char good[] = "{\"channel\":\"a\",\"event\":\"x\",\"data\":1}";
    char list[512];
    struct job job;

    snprintf(list, sizeof(list), "[%s,%s,%s]", good, event, good);
    job = job_of(EVENTS, msgpack, list);
    cr_assert_eq(job.code, JOB_OK, "%s: %s", event, job.error.text);
    cr_assert_eq(job.spec.n_events, 3);
    cr_assert_null(job.spec.events[0].error);
    cr_assert_null(job.spec.events[2].error);
    cr_assert(text_is(job.spec.events[2].channel, "a"));
    cr_assert_not_null(job.spec.events[1].error, "%s", event);
    cr_assert_eq(job.spec.events[1].error->code, code);
    cr_assert_str_eq(job.spec.events[1].error->text, text);
    job_free(&job);
}

Test(job_lists, an_event_that_is_wrong_fails_alone)
{
    for (int msgpack = 0; msgpack < 2; msgpack++) {
        assert_part_fails("3", msgpack, JOB_INVALID, "events[1]: expected an object, got a number");
        assert_part_fails("null", msgpack, JOB_INVALID, "events[1]: expected an object, got null");
        assert_part_fails("[]", msgpack, JOB_INVALID,
                          "events[1]: expected an object, got an array");
        assert_part_fails("{}", msgpack, JOB_INVALID, "events[1]: channel is missing");
        assert_part_fails("{\"channel\":\"a\",\"event\":\"x\"}", msgpack, JOB_INVALID,
                          "events[1]: data is missing");
        assert_part_fails("{\"channel\":\"a\",\"data\":1,\"event\":null}", msgpack, JOB_INVALID,
                          "events[1]: event is missing");
        assert_part_fails("{\"channel\":[\"a\"],\"event\":\"x\",\"data\":1}", msgpack, JOB_INVALID,
                          "events[1].channel: expected a string, got an array");
        assert_part_fails("{\"channel\":\"a\",\"event\":\"x\",\"data\":1,\"socketId\":7}", msgpack,
                          JOB_INVALID, "events[1].socketId: expected a string, got a number");
        assert_part_fails("{\"channel\":\"a\",\"event\":\"x\",\"data\":1,\"info\":{}}", msgpack,
                          JOB_INVALID, "events[1].info: expected a string, got an object");
    }
}

Test(job_lists, an_event_of_json_that_is_not_utf8_fails_alone)
{
    assert_part_fails("{\"channel\":\"a\",\"event\":\"x\",\"data\":\"\xff\"}", false,
                      JOB_INVALID_DATA, "events[1].data: byte 90 is not UTF-8");
    assert_part_fails("{\"channel\":\"a\",\"event\":\"x\",\"data\":[\"\\ud800\"]}", false,
                      JOB_INVALID_DATA, "events[1].data: byte 91 is half of a surrogate pair");
    assert_part_fails("{\"channel\":\"a\",\"event\":\"\xff\",\"data\":1}", false, JOB_INVALID,
                      "events[1].event: byte 79 is not UTF-8");
    assert_part_fails("{\"channel\":\"a\",\"event\":\"x\",\"data\":1,\"y\":\"\xff\"}", false,
                      JOB_INVALID, "events[1]: byte 96 is not UTF-8");
    assert_part_fails("{\"channel\":\"a\",\"event\":\"x\",\"data\":1,\"id\":\"\xff\"}", false,
                      JOB_INVALID, "events[1].id: byte 97 is not UTF-8");
    assert_part_fails("{\"channel\":\"a\",\"event\":\"x\",\"data\":1,\"channel\":\"b\"}", false,
                      JOB_INVALID, "events[1]: channel is there twice");
    assert_part_fails("\"\xff\"", false, JOB_INVALID,
                      "events[1]: expected an object, got a string");
}

Test(job_lists, an_event_of_msgpack_that_json_cannot_say_fails_alone)
{
    struct job job = JOB_DECODE_BYTES("\x81\xa6"
                                      "events\x93"
                                      "\x83\xa7"
                                      "channel\xa1"
                                      "a\xa5"
                                      "event\xa1"
                                      "x\xa4"
                                      "data\xc4\x01z"
                                      "\x83\xa7"
                                      "channel\xa1"
                                      "a\xa5"
                                      "event\xa1"
                                      "x\xa4"
                                      "data\xa1z"
                                      "\x81\x01\x02");

    cr_assert_eq(job.code, JOB_OK, "%s", job.error.text);
    cr_assert_eq(job.spec.events[0].error->code, JOB_INVALID_DATA);
    cr_assert_str_eq(job.spec.events[0].error->text,
                     "events[0].data: byte 33 begins binary data, which JSON does not have");
    cr_assert_null(job.spec.events[1].error);
    cr_assert_str_eq(job.spec.events[2].error->text,
                     "events[2]: the key at byte 63 is not a string");
    job_free(&job);
}

static char *many(const char *head, const char *item, size_t n, const char *tail)
{
    char *text = malloc(strlen(head) + n * (strlen(item) + 1) + strlen(tail) + 1), *at = text;

    at = stpcpy(at, head);
    for (size_t i = 0; i < n; i++)
        at = stpcpy(stpcpy(at, i ? "," : ""), item);
    stpcpy(at, tail);
    return text;
}

Test(job_lists, of_thousands_of_items_are_read_whole)
{
    char *text =
        many("{\"events\":[", "{\"channel\":\"a\",\"event\":\"x\",\"data\":{\"n\":1}}", 5000, "]}");
    struct job jobs[] = {job_decode_text(text), job_decode_msgpack_of(text)};

    for (int i = 0; i < 2; i++) {
        cr_assert_eq(jobs[i].code, JOB_OK, "%s", jobs[i].error.text);
        cr_assert_eq(jobs[i].spec.n_events, 5000);
        cr_assert_null(jobs[i].spec.events[4999].error);
        cr_assert(text_is(jobs[i].spec.events[4999].data, "{\"n\":1}"));
        job_free(&jobs[i]);
    }
    free(text);
}

Test(job_lists, that_need_more_memory_than_the_arena_may_use_fail_the_job)
{
    static const char *const items[][2] = {{"{\"channels\":[", "],\"event\":\"e\",\"data\":1}"},
                                           {"{\"events\":[", "]}"}};

    for (int i = 0; i < 4; i++) {
        char *text = many(items[i / 2][0], "\"\"", 100000, items[i / 2][1]);
        struct job job = i % 2 ? job_decode_text(text) : job_decode_msgpack_of(text);
        cr_assert_eq(job.code, JOB_INVALID);
        cr_assert_str_eq(job.error.text, i / 2 ? "events: too large" : "channels: too large");
        cr_assert_leq(job.arena.used, JOB_ARENA_BYTES);
        job_free(&job);
        free(text);
    }
}

Test(job_lists, whose_errors_need_too_much_memory_fail_the_job)
{
    char *text = many("{\"events\":[", "{}", 1000, "]}");
    struct job job = job_decode_in(text, strlen(text), 1000 * sizeof(struct job_spec_event) + 4096);

    cr_assert_eq(job.code, JOB_INVALID);
    cr_assert_str_eq(job.error.text, "events: too large");
    cr_assert_eq(job.spec.n_events, 0);
    job_free(&job);
    free(text);
}
