#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/outcome.h"

static const struct outcome success = {
    .id = {"7", 1},
    .op = {"triggerEvent", 12},
    .app = {"main", 4},
    .http = 200,
    .attempts = 1,
    .ms = 12,
};

static void assert_reply(const struct outcome *outcome, const char *expected)
{
    size_t len = 0;
    char *text = outcome_reply_json(outcome, &len);

    cr_assert_not_null(text);
    cr_assert_str_eq(text, expected);
    cr_assert_eq(len, strlen(expected));
    free(text);
}

Test(outcome, of_a_success_is_one_json_object)
{
    assert_reply(&success, "{\"id\":\"7\",\"op\":\"triggerEvent\",\"app\":\"main\",\"ok\":true,"
                           "\"http\":200,\"attempts\":1,\"ms\":12}");
}

Test(outcome, embeds_a_result_as_it_is)
{
    struct outcome outcome = success;

    outcome.result = pusher_str("{\"channels\": {\"a\":{\"user_count\":12345678901234567890}}}");
    assert_reply(&outcome,
                 "{\"id\":\"7\",\"op\":\"triggerEvent\",\"app\":\"main\",\"ok\":true,"
                 "\"http\":200,\"attempts\":1,\"ms\":12,"
                 "\"result\":{\"channels\": {\"a\":{\"user_count\":12345678901234567890}}}}");
}

Test(outcome, of_a_failure_names_code_error_and_parts)
{
    static const struct outcome_part parts[] = {{3, "rejected", {"no", 2}},
                                                {12, "invalid_data", {"", 0}}};
    struct outcome outcome = success;

    outcome.code = "rejected";
    outcome.http = 400;
    outcome.error = pusher_str("2 of 20");
    outcome.parts = parts;
    outcome.n_parts = 2;
    assert_reply(&outcome,
                 "{\"id\":\"7\",\"op\":\"triggerEvent\",\"app\":\"main\",\"ok\":false,"
                 "\"code\":\"rejected\",\"http\":400,\"error\":\"2 of 20\",\"attempts\":1,"
                 "\"ms\":12,\"parts\":[{\"index\":3,\"code\":\"rejected\",\"error\":\"no\"},"
                 "{\"index\":12,\"code\":\"invalid_data\",\"error\":\"\"}]}");
}

Test(outcome, says_absent_names_as_empty_ones)
{
    struct outcome outcome = {.code = "invalid_job", .error = {NULL, 0}};

    assert_reply(&outcome, "{\"id\":\"\",\"op\":\"\",\"app\":\"\",\"ok\":false,"
                           "\"code\":\"invalid_job\",\"http\":0,\"error\":\"\",\"attempts\":0,"
                           "\"ms\":0}");
}

Test(outcome, mends_text_that_is_not_utf8)
{
    struct outcome outcome = success;

    outcome.id = pusher_str("a\xff\xc3\xa9\xed\xa0\x80z\xf0\x9f");
    assert_reply(&outcome,
                 "{\"id\":\"a\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\xef\xbf\xbd"
                 "\xef\xbf\xbd\",\"op\":\"triggerEvent\",\"app\":\"main\",\"ok\":true,"
                 "\"http\":200,\"attempts\":1,\"ms\":12}");
}

/* A server's JSON whose texts are not UTF-8 is no JSON. */
Test(outcome, keeps_a_result_only_if_it_is_sound)
{
    static const struct {
        const char *answer, *result;
    } rows[] = {
        {" {\"a\":1}\n", "{\"a\":1}"},
        {"[1,", "\"[1,\""},
        {"", "null"},
        {"{\"a\":\"\xb3\"}", "\"{\\\"a\\\":\\\"\xef\xbf\xbd\\\"}\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *result = outcome_result_json(rows[i].answer, strlen(rows[i].answer));
        cr_expect_str_eq(result, rows[i].result);
        free(result);
    }
}

static json_t *reply_of_error(struct pusher_string error)
{
    struct outcome outcome = success;
    size_t len = 0;
    char *text;
    json_t *json;

    outcome.code = "rejected";
    outcome.error = error;
    text = outcome_reply_json(&outcome, &len);
    json = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    free(text);
    cr_assert_not_null(json);
    return json;
}

Test(outcome, escapes_every_byte_so_that_a_parser_reads_it_back)
{
    for (int byte = 0; byte < 0x80; byte++) {
        char error[3] = {'<', (char)byte, '>'};
        json_t *json = reply_of_error((struct pusher_string){error, 3});
        const json_t *text = json_object_get(json, "error");
        cr_assert_eq(json_string_length(text), 3);
        cr_assert_arr_eq(json_string_value(text), error, 3);
        json_decref(json);
    }
}

Test(outcome, cuts_a_long_error_between_characters)
{
    char error[3 * OUTCOME_TEXT_MAX];
    json_t *json;
    const json_t *text;

    memset(error, 'a', sizeof(error));
    memcpy(error + OUTCOME_TEXT_MAX - 1, "\xc3\xa9", 2);
    json = reply_of_error((struct pusher_string){error, sizeof(error)});
    text = json_object_get(json, "error");
    cr_assert_eq(json_string_length(text), OUTCOME_TEXT_MAX - 1);
    json_decref(json);
}

Test(outcome, parts_are_an_array_even_of_none)
{
    size_t len = 0;
    char *text = outcome_parts_json(NULL, 0, &len);

    cr_assert_str_eq(text, "[]");
    cr_assert_eq(len, 2);
    free(text);
}

Test(outcome, parts_of_any_number_are_all_there)
{
    struct outcome_part parts[1000];
    size_t len = 0;
    char *text;
    json_t *json;

    for (size_t i = 0; i < 1000; i++)
        parts[i] = (struct outcome_part){i * 3, "rejected", pusher_str("say \"no\"\n")};
    text = outcome_parts_json(parts, 1000, &len);
    json = json_loadb(text, len, 0, NULL);
    cr_assert_eq(json_array_size(json), 1000);
    for (size_t i = 0; i < 1000; i++) {
        const json_t *part = json_array_get(json, i);
        cr_assert_eq(json_integer_value(json_object_get(part, "index")), (json_int_t)(i * 3));
        cr_assert_str_eq(json_string_value(json_object_get(part, "error")), "say \"no\"\n");
    }
    json_decref(json);
    free(text);
}
