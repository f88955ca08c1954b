/* What it makes of answers, of what is none, and of a server with another clock. */
#include "tests/unit/lib/http_fixture.h"

/* The answer to a GET. */
static struct pusher_answer answer_of(const char *raw, enum server_after after)
{
    struct server server;
    struct server_step step = {raw, after, 0};
    struct pusher_answer answer;
    struct pusher_error error = {.code = 0};
    server_start(&server, &step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    cr_assert_eq(pusher_http_perform(http, &get, &answer, &error), 0, "%s", error.text);
    close_http(http);
    server_stop(&server);
    server_free(&server);
    return answer;
}

static void expect_body(const char *raw, enum server_after after, unsigned status, const char *body)
{
    struct pusher_answer answer = answer_of(raw, after);
    cr_assert_eq(answer.status, status);
    cr_assert_str_eq(answer.body, body);
    cr_assert_eq(answer.len, strlen(body));
    pusher_answer_free(&answer);
    cr_assert_null(answer.body);
}

Test(http_answer, reads_bodies_of_every_form)
{
    expect_body("HTTP/1.1 204 No Content\r\n\r\n", SERVER_KEEP, 204, "");
    expect_body(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        SERVER_KEEP, 200, "abcde");
    expect_body("HTTP/1.1 413 Too Large\r\n\r\nPayload too large.", SERVER_CLOSE, 413,
                "Payload too large.");
    expect_body("HTTP/1.0 202 Accepted\r\n\r\n", SERVER_CLOSE, 202, "");
    expect_body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
                SERVER_KEEP, 200, "x");
}

Test(http_answer, follows_no_redirect)
{
    expect_body("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 1\r\n\r\nr",
                SERVER_KEEP, 302, "r");
}

Test(http_answer, tells_what_an_answer_asks_to_wait)
{
    struct pusher_answer answer =
        answer_of("HTTP/1.1 429 Slow\r\nretry-after: 7\r\nContent-Length: 0\r\n\r\n", SERVER_KEEP);
    cr_assert_eq(answer.retry_after_ms, 7000);
    pusher_answer_free(&answer);
    answer = answer_of(OK_ANSWER, SERVER_KEEP);
    cr_assert_eq(answer.retry_after_ms, -1);
    pusher_answer_free(&answer);
}

Test(http_answer, what_an_interim_answer_says_is_not_of_the_answer)
{
    struct pusher_answer answer =
        answer_of("HTTP/1.1 103 Early Hints\r\nRetry-After: 7\r\n\r\n" OK_ANSWER, SERVER_KEEP);
    cr_assert_eq(answer.status, 200);
    cr_assert_eq(answer.retry_after_ms, -1);
    pusher_answer_free(&answer);
}

/* The code when the server answers with this. */
static int failure_of(const struct server_step *step, unsigned timeout_ms)
{
    struct server server;
    struct pusher_error error;
    server_start(&server, step, 1, NULL);
    struct pusher_config config = config_for(&server);
    config.timeout_ms = timeout_ms;
    struct pusher_http *http = open_http(&config);
    int rc = fail(http, &error);
    cr_assert(strncmp(error.text, "http://127.0.0.1:", 17) == 0, "%s", error.text);
    close_http(http);
    server_stop(&server);
    server_free(&server);
    return rc;
}

Test(http_answer, gives_up_on_a_server_that_hangs)
{
    static const struct server_step silent = {"", SERVER_HANG, 0};
    static const struct server_step half = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                            SERVER_HANG, 0};
    cr_assert_eq(failure_of(&silent, 150), PUSHER_ETIMEOUT);
    cr_assert_eq(failure_of(&half, 150), PUSHER_ETIMEOUT);
}

Test(http_answer, an_answer_that_is_cut_short_is_none)
{
    static const struct server_step nothing = {"", SERVER_CLOSE, 0};
    static const struct server_step half = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                            SERVER_CLOSE, 0};
    cr_assert_eq(failure_of(&nothing, 10000), PUSHER_EUNREACHABLE);
    cr_assert_eq(failure_of(&half, 10000), PUSHER_EUNREACHABLE);
}

Test(http_answer, what_is_no_http_is_no_answer)
{
    static const struct server_step garbage = {"SSH-2.0-OpenSSH_9.2\r\n", SERVER_CLOSE, 0};
    cr_assert_eq(failure_of(&garbage, 10000), PUSHER_EREPLY);
}

Test(http_answer, an_answer_has_a_limit)
{
    static const struct server_step endless = {"HTTP/1.1 200 OK\r\n\r\n", SERVER_CLOSE,
                                               PUSHER_ANSWER_MAX + 1};
    cr_assert_eq(failure_of(&endless, 60000), PUSHER_EREPLY);
}

Test(http_answer, works_on_after_a_failure)
{
    static const struct server_step steps[] = {{"SSH-2.0\r\n", SERVER_CLOSE, 0},
                                               {OK_ANSWER, SERVER_KEEP, 0}};
    struct server server;
    struct pusher_error error;
    server_start(&server, steps, 2, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    fail(http, &error);
    cr_assert_eq(perform(http, &get), 200);
    close_http(http);
    server_stop(&server);
    server_free(&server);
}

Test(http_answer, a_closed_port_is_unreachable)
{
    struct server server;
    struct pusher_error error;
    server_start(&server, ok_step, 1, NULL);
    server_stop(&server);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    cr_assert_eq(fail(http, &error), PUSHER_EUNREACHABLE);
    cr_assert(has(error.text, "connect"), "%s", error.text);
    close_http(http);
    server_free(&server);
}

static int64_t timestamp_of(const char *request)
{
    const char *found = strstr(request, "auth_timestamp=");
    return found ? strtoll(found + 15, NULL, 10) : -1;
}

#define HOUR_S 3600

/* A server's refusal, whose clock is so far ahead. */
static const char *expired(int64_t ahead_s)
{
    static char answer[256];
    time_t server_s = time(NULL) + (time_t)ahead_s;
    struct tm utc;
    strftime(answer, sizeof(answer),
             "HTTP/1.1 401 Unauthorized\r\nDate: %a, %d %b %Y %H:%M:%S GMT\r\n"
             "Content-Length: 18\r\n\r\nTimestamp expired\n",
             gmtime_r(&server_s, &utc));
    return answer;
}

static void expect_signed_again(int64_t ahead_s)
{
    const struct server_step steps[] = {{expired(ahead_s), SERVER_KEEP, 0},
                                        {OK_ANSWER, SERVER_KEEP, 0},
                                        {OK_ANSWER, SERVER_KEEP, 0}};
    struct server server;
    server_start(&server, steps, 3, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request request = post_request("{}");
    cr_assert_eq(perform(http, &request), 200);
    cr_assert_eq(perform(http, &request), 200);
    cr_assert_lt(llabs(pusher_http_clock_offset_s(http) - ahead_s), 60);
    close_http(http);
    server_stop(&server);
    cr_assert_eq(server.n_requests, 3);
    for (int i = 0; i < 3; i++) {
        int64_t signed_s = timestamp_of(server.requests[i]) - time(NULL);
        cr_assert_lt(llabs(signed_s - (i > 0 ? ahead_s : 0)), 60, "%s", server.requests[i]);
    }
    server_free(&server);
}

Test(http_answer, signs_again_by_the_servers_clock)
{
    expect_signed_again(23 * HOUR_S);
    expect_signed_again(-23 * HOUR_S);
}

/* Asks to come back at this time of the server's, whose clock is so far ahead. */
static const char *asks_to_wait(int64_t ahead_s, int64_t wait_s)
{
    static char answer[256];
    time_t server_s = time(NULL) + (time_t)(ahead_s + wait_s);
    struct tm utc;
    strftime(answer, sizeof(answer),
             "HTTP/1.1 503 Later\r\nRetry-After: %a, %d %b %Y %H:%M:%S GMT\r\n"
             "Content-Length: 0\r\n\r\n",
             gmtime_r(&server_s, &utc));
    return answer;
}

static void expect_wait(int64_t ahead_s, int64_t wait_s)
{
    const struct server_step steps[] = {{expired(ahead_s), SERVER_KEEP, 0},
                                        {asks_to_wait(ahead_s, wait_s), SERVER_KEEP, 0}};
    struct server server;
    struct pusher_answer answer;
    struct pusher_error error;
    server_start(&server, steps, 2, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    cr_assert_eq(pusher_http_perform(http, &get, &answer, &error), 0, "%s", error.text);
    cr_assert_eq(answer.status, 503);
    cr_assert_lt(llabs(answer.retry_after_ms - wait_s * 1000), 60000);
    pusher_answer_free(&answer);
    close_http(http);
    server_stop(&server);
    server_free(&server);
}

Test(http_answer, a_date_to_wait_for_is_of_the_servers_clock)
{
    expect_wait(5 * HOUR_S, 1200);
    expect_wait(-5 * HOUR_S, 1200);
}

/* Requests that a GET makes when every answer is this. */
static size_t count_tries(const char *answer, int64_t fixed_unix_s)
{
    struct server server;
    struct server_step step = {answer, SERVER_KEEP, 0};
    server_start(&server, &step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    pusher_http_fix_clock(http, fixed_unix_s);
    cr_assert_eq(perform(http, &get), 401);
    close_http(http);
    server_stop(&server);
    server_free(&server);
    return server.n_requests;
}

Test(http_answer, corrects_the_clock_once_and_only_for_the_clock)
{
    cr_assert_eq(count_tries(expired(HOUR_S), 0), 2);
    cr_assert_eq(count_tries(expired(HOUR_S), 1000), 1);
    cr_assert_eq(count_tries("HTTP/1.1 401 U\r\nContent-Length: 18\r\n\r\nTimestamp expired\n", 0),
                 1);
    cr_assert_eq(
        count_tries(
            "HTTP/1.1 401 U\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Length: 3\r\n\r\nno\n",
            0),
        1);
}

/* Whoever can change answers could repeat then what is signed for another time. */
Test(http_answer, signs_for_no_time_that_is_further_away_than_a_day)
{
    static const int64_t far_s[] = {25 * HOUR_S, -25 * HOUR_S, 10000 * 24 * HOUR_S, 1 << 30};
    for (size_t i = 0; i < sizeof(far_s) / sizeof(far_s[0]); i++)
        cr_assert_eq(count_tries(expired(far_s[i]), 0), 1);
    cr_assert_eq(count_tries("HTTP/1.1 401 U\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
                             "Content-Length: 18\r\n\r\nTimestamp expired\n",
                             0),
                 1);
}

Test(http_answer, keeps_to_the_clock_it_has_when_another_is_too_far_away)
{
    char first[256], second[256];
    snprintf(first, sizeof(first), "%s", expired(HOUR_S));
    snprintf(second, sizeof(second), "%s", expired(48 * HOUR_S));
    const struct server_step steps[] = {
        {first, SERVER_KEEP, 0}, {OK_ANSWER, SERVER_KEEP, 0}, {second, SERVER_KEEP, 0}};
    struct server server;
    server_start(&server, steps, 3, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    cr_assert_eq(perform(http, &get), 200);
    cr_assert_eq(perform(http, &get), 401);
    cr_assert_lt(llabs(pusher_http_clock_offset_s(http) - HOUR_S), 60);
    close_http(http);
    server_stop(&server);
    cr_assert_eq(server.n_requests, 3);
    server_free(&server);
}
