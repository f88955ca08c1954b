#include "tests/unit/lib/vectors.h"

static const char *const class_names[] = {
    [PUSHER_REPLY_DONE] = "done",       [PUSHER_REPLY_RETRY] = "retry",
    [PUSHER_REPLY_REFUSED] = "refused", [PUSHER_REPLY_FORBIDDEN] = "forbidden",
    [PUSHER_REPLY_CLOCK] = "clock",     [PUSHER_REPLY_NOT_FOUND] = "not_found",
};

static void expect_verdict(const json_t *row, size_t i)
{
    struct pusher_reply reply;
    struct pusher_string body = vector_text(row, "body");
    unsigned status = (unsigned)json_integer_value(json_object_get(row, "status"));
    memset(&reply, 0x5a, sizeof(reply));
    pusher_reply_read(status, body.ptr, body.len, &reply);
    const char *source = vector_text(row, "source").ptr;
    cr_assert_str_eq(class_names[reply.class_], vector_text(row, "class").ptr, "row %zu, %s: %s", i,
                     source, body.ptr);
    cr_assert_eq(reply.status, json_integer_value(json_object_get(row, "real_status")),
                 "row %zu, %s", i, source);
    cr_assert_str_eq(reply.text, vector_text(row, "text").ptr, "row %zu, %s", i, source);
}

Test(reply, answers_of_many_servers_are_judged)
{
    json_t *rows = load_vectors("replies.json"), *row;
    size_t i;
    json_array_foreach(rows, i, row) expect_verdict(row, i);
    json_decref(rows);
}

Test(reply, a_missing_body_is_an_empty_one)
{
    struct pusher_reply reply;
    pusher_reply_read(200, NULL, 0, &reply);
    cr_assert_eq(reply.class_, PUSHER_REPLY_DONE);
    pusher_reply_read(503, NULL, 0, &reply);
    cr_assert_eq(reply.class_, PUSHER_REPLY_RETRY);
    cr_assert_str_eq(reply.text, "");
}

Test(reply, long_texts_are_cut)
{
    struct pusher_reply reply;
    size_t len = 3000000;
    char *body = malloc(len);
    memset(body, 'x', len);
    pusher_reply_read(400, body, len, &reply);
    cr_assert_eq(strlen(reply.text), sizeof(reply.text) - 1);
    memcpy(body, "{\"error\":\"", 10);
    pusher_reply_read(200, body, len, &reply);
    cr_assert_eq(reply.class_, PUSHER_REPLY_DONE);
    free(body);
}

Test(reply, deep_json_is_survived)
{
    struct pusher_reply reply;
    char body[20000] = "{\"error\":";
    memset(body + strlen(body), '[', sizeof(body) - 10);
    pusher_reply_read(400, body, sizeof(body), &reply);
    cr_assert_eq(reply.class_, PUSHER_REPLY_REFUSED);
}

Test(reply, the_last_character_is_never_cut_in_two)
{
    struct pusher_reply reply;
    char body[400];
    for (size_t shift = 0; shift < 3; shift++) {
        memset(body, 'a', shift);
        for (size_t i = shift; i + 3 <= sizeof(body); i += 3)
            memcpy(body + i, "\xe2\x82\xac", 3);
        pusher_reply_read(400, body, sizeof(body) - 4, &reply);
        cr_assert_eq((strlen(reply.text) - shift) % 3, 0);
        cr_assert_gt(strlen(reply.text), 250);
    }
}

static int64_t wait_of(const char *value)
{
    return pusher_retry_after_ms(value, strlen(value), 784111777, 3600000);
}

Test(reply, retry_after_is_seconds_or_a_date)
{
    cr_assert_eq(wait_of("0"), 0);
    cr_assert_eq(wait_of("7"), 7000);
    cr_assert_eq(wait_of(" 120\r\n"), 120000);
    cr_assert_eq(wait_of("Sun, 06 Nov 1994 08:49:37 GMT"), 0);
    cr_assert_eq(wait_of("Sun, 06 Nov 1994 08:50:07 GMT"), 30000);
    cr_assert_eq(wait_of("Sunday, 06-Nov-94 08:50:07 GMT"), 30000);
    cr_assert_eq(wait_of("Sun Nov  6 08:50:07 1994"), 30000);
    cr_assert_eq(wait_of("Sat, 05 Nov 1994 08:49:37 GMT"), 0);
}

Test(reply, retry_after_is_capped)
{
    cr_assert_eq(wait_of("3601"), 3600000);
    cr_assert_eq(wait_of("99999999999999999999999999999"), 3600000);
    cr_assert_eq(wait_of("Sun, 06 Nov 2033 08:49:37 GMT"), 3600000);
}

Test(reply, retry_after_that_is_neither_is_not_understood)
{
    static const char *const bad[] = {
        "",    " ",    "-5",     "1.5",   "soon",
        "7 s", "0x10", "Sunday", "12:30", "Sun, 99 Nov 1994 99:49:37 GMT",
        "\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        cr_assert_eq(wait_of(bad[i]), -1, "%s", bad[i]);
    cr_assert_eq(pusher_retry_after_ms(NULL, 0, 1, 1), -1);
}

/* Takes the text, which may be NULL. */
static void expect_text(char *text, const char *want)
{
    if (want)
        cr_assert(text && strcmp(text, want) == 0, "%s", text ? text : "NULL");
    else
        cr_assert_null(text);
    free(text);
}

Test(reply, attributes_of_a_batch_are_found_by_index)
{
    const char body[] =
        "{\"batch\":[{\"user_count\":42,\"subscription_count\":51},{},{\"subscription_count\":1}]}";
    size_t len = strlen(body);
    expect_text(pusher_reply_batch_info(body, len, 0),
                "{\"user_count\":42,\"subscription_count\":51}");
    expect_text(pusher_reply_batch_info(body, len, 1), NULL);
    expect_text(pusher_reply_batch_info(body, len, 2), "{\"subscription_count\":1}");
    expect_text(pusher_reply_batch_info(body, len, 3), NULL);
}

Test(reply, an_answer_may_have_no_attributes)
{
    static const char *const bodies[] = {"{}",
                                         "{\"batch\":{}}",
                                         "{\"channels\":{}}",
                                         "ok",
                                         "[1]",
                                         "",
                                         "{\"batch\":7,\"channels\":7}"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_text(pusher_reply_batch_info(bodies[i], strlen(bodies[i]), 0), NULL);
        expect_text(pusher_reply_channels_info(bodies[i], strlen(bodies[i])), NULL);
    }
    expect_text(pusher_reply_batch_info(NULL, 0, 0), NULL);
    expect_text(pusher_reply_channels_info(NULL, 0), NULL);
}

Test(reply, attributes_of_a_trigger_are_its_channels)
{
    const char body[] =
        "{ \"channels\": { \"presence-b\": {\"user_count\": 2}, \"a\": {\"subscription_count\": 1} } }\n";
    expect_text(pusher_reply_channels_info(body, strlen(body)),
                "{\"presence-b\":{\"user_count\":2},\"a\":{\"subscription_count\":1}}");
}

/* An integer beyond 64 bits hides none of what is beside it. */
Test(reply, attributes_are_found_beside_a_number_of_any_size)
{
    const char body[] = "{\"channels\":{\"a\":{\"user_count\":2,\"x\":100000000000000000000}}}";
    expect_text(pusher_reply_channels_info(body, strlen(body)),
                "{\"a\":{\"user_count\":2,\"x\":1e20}}");
}

Test(reply, what_is_no_json_becomes_a_string)
{
    static const char cut[] = "{\"a\":29.\0 }"; /* which jansson takes for JSON */
    expect_text(pusher_reply_json(" {\"a\":1}\n", 9), "{\"a\":1}");
    expect_text(pusher_reply_json("no \xff", 4), "\"no ?\"");
    expect_text(pusher_reply_json(cut, sizeof(cut) - 1), "\"{\\\"a\\\":29.\\u0000 }\"");
}
