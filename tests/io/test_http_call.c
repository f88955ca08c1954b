/* One request and its answer. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "daemon/io/http_private.h"

static struct run run;
static struct peer peer;
static struct client client;
static struct outcome outcome;

static void open_with(const struct peer_step *script)
{
    run_init(&run);
    peer_open(&peer, &run.loop, script);
    client_open(&client, &run, peer.port);
}

static void close_all(void)
{
    outcome_free(&outcome);
    client_close(&client);
    peer_close(&peer);
    run_end(&run);
}

static void get(const char *target)
{
    client_get(&client, &outcome, target);
    cr_assert(run_until(&run, outcome.n_done == 1));
}

static void post(const char *body, size_t body_len)
{
    client_post(&client, &outcome, "/", body, body_len);
    cr_assert(run_until(&run, outcome.n_done == 1));
}

/* Opens, asks once, and leaves the outcome to be looked at. */
static void ask_for(const char *answer)
{
    static struct peer_step script[] = {STEP(HTTP), STEP(SEND), STEP(HOLD)};
    script[1].bytes = answer;
    open_with(script);
    client_ask(&client, &outcome);
}

static bool request_has(const char *text)
{
    return strstr(peer.request, text) != NULL;
}

static const struct peer_step ok[] = {STEP(HTTP), SAY(OK_REPLY(2, "{}")), STEP(AGAIN)};

TestSuite(http_call, .timeout = 120);

Test(http_call, gives_status_and_body)
{
    ask_for("HTTP/1.1 202 Accepted\r\nContent-Length: 11\r\n\r\n{\"ok\":true}");
    cr_assert_eq(outcome.status, 202);
    cr_assert_str_eq(outcome.reply, "{\"ok\":true}");
    cr_assert_str_eq(outcome.error, "");
    cr_assert(!outcome.cancelled);
    close_all();
}

Test(http_call, an_error_status_is_a_result_like_any_other)
{
    ask_for("HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy");
    cr_assert_eq(outcome.status, 503);
    cr_assert_str_eq(outcome.reply, "busy");
    close_all();
}

Test(http_call, an_answer_without_a_body_is_empty_text)
{
    ask_for("HTTP/1.1 204 No Content\r\n\r\n");
    cr_assert_eq(outcome.status, 204);
    cr_assert_eq(outcome.reply_len, 0);
    close_all();
}

Test(http_call, reads_a_chunked_reply)
{
    ask_for(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    cr_assert_str_eq(outcome.reply, "abcde");
    close_all();
}

Test(http_call, reply_bytes_are_exact)
{
    static const char bytes[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\0a\0\xff\n";
    static const struct peer_step script[] = {STEP(HTTP), SAY_BYTES(bytes, sizeof(bytes) - 1),
                                              STEP(HOLD)};
    open_with(script);
    client_ask(&client, &outcome);
    cr_assert_eq(outcome.reply_len, 5);
    cr_assert_arr_eq(outcome.reply, "\0a\0\xff\n", 5);
    close_all();
}

Test(http_call, body_bytes_are_exact)
{
    open_with(ok);
    post("a\0b\r\n\xff\0", 7);
    cr_assert_eq(outcome.status, 200);
    cr_assert(request_has("\r\nContent-Length: 7\r\n"));
    cr_assert_arr_eq(peer.request + peer.request_len - 7, "a\0b\r\n\xff\0", 7);
    close_all();
}

Test(http_call, a_large_body_goes_out_at_once_and_not_in_chunks)
{
    size_t len = 3 << 20;
    char *body = malloc(len);
    memset(body, 'x', len);
    open_with(ok);
    post(body, len);
    cr_assert_eq(outcome.status, 200);
    cr_assert(!request_has("Expect:"));
    cr_assert(!request_has("Transfer-Encoding"));
    cr_assert(request_has("\r\nContent-Length: 3145728\r\n"));
    cr_assert_eq(memcmp(peer.request + peer.request_len - len, body, len), 0);
    free(body);
    close_all();
}

Test(http_call, a_post_without_a_body_says_so)
{
    open_with(ok);
    post(NULL, 0);
    cr_assert_eq(strncmp(peer.request, "POST / HTTP/1.1\r\n", 17), 0);
    cr_assert(request_has("\r\nContent-Length: 0\r\n"));
    close_all();
}

Test(http_call, get_and_post_share_a_handle_and_nothing_else)
{
    open_with(ok);
    post("secret", 6);
    cr_assert(request_has("\r\nContent-Type: application/json\r\n"));
    get("/b");
    cr_assert_eq(strncmp(peer.request, "GET /b HTTP/1.1\r\n", 17), 0);
    cr_assert(!request_has("secret"));
    cr_assert(!request_has("Content-"));
    post("more", 4);
    cr_assert_eq(strncmp(peer.request, "POST / HTTP/1.1\r\n", 17), 0);
    cr_assert(request_has("\r\n\r\nmore"));
    close_all();
}

Test(http_call, the_target_is_sent_as_it_is)
{
    static const char *const targets[] = {
        "/a/../b?x=%2F", "/./a//b/..?y={[|]}&z=%00", "/?", "/apps/1/events?a=b#c", "//host/x", "*"};
    open_with(ok);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        char line[128];
        snprintf(line, sizeof(line), "GET %s HTTP/1.1\r\n", targets[i]);
        get(targets[i]);
        cr_assert_eq(strncmp(peer.request, line, strlen(line)), 0, "%.60s", peer.request);
    }
    close_all();
}

Test(http_call, a_redirect_is_not_followed)
{
    ask_for("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(outcome.status, 302);
    cr_assert_eq(peer.n_requests, 1);
    close_all();
}

Test(http_call, a_demand_for_a_password_is_not_answered)
{
    ask_for("HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n");
    cr_assert_eq(outcome.status, 401);
    cr_assert_eq(peer.n_requests, 1);
    close_all();
}

Test(http_call, says_who_it_is)
{
    struct http_endpoint_options options = {
        .user_agent = "pusherd/1", .library = "pusherd 1", .keep_alive = true};
    run_init(&run);
    peer_open(&peer, &run.loop, ok);
    client_open_with(&client, &run, peer.port, options);
    client_ask(&client, &outcome);
    cr_assert(request_has("\r\nUser-Agent: pusherd/1\r\n"));
    cr_assert(request_has("\r\nX-Pusher-Library: pusherd 1\r\n"));
    cr_assert_not(request_has("\r\nAccept:"));
    close_all();
}

Test(http_call, keeps_the_two_headers_that_matter_however_they_are_written)
{
    ask_for("HTTP/1.1 429 Slow\r\nrETRY-aFTER:\t 120 \r\nX-Date: no\r\nDATE:Tue, 15 Nov 1994 "
            "08:12:31 GMT\r\nRetry-After-X: 3\r\nContent-Length: 0\r\n\r\n");
    cr_assert_str_eq(outcome.retry_after, "120");
    cr_assert_str_eq(outcome.date, "Tue, 15 Nov 1994 08:12:31 GMT");
    close_all();
}

Test(http_call, headers_that_are_absent_are_empty_text_even_on_a_used_handle)
{
    static const struct peer_step script[] = {
        STEP(HTTP),
        SAY("HTTP/1.1 429 X\r\nRetry-After: 1\r\nDate: d\r\n"
            "Content-Length: 1\r\n\r\nx"),
        STEP(HTTP), SAY("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), STEP(HOLD)};
    open_with(script);
    client_ask(&client, &outcome);
    cr_assert_str_eq(outcome.retry_after, "1");
    client_ask(&client, &outcome);
    cr_assert_str_eq(outcome.retry_after, "");
    cr_assert_str_eq(outcome.date, "");
    cr_assert_eq(outcome.reply_len, 0);
    close_all();
}

Test(http_call, an_overlong_header_is_left_out)
{
    ask_for("HTTP/1.1 200 OK\r\nRetry-After: 1234567890123456789012345678901234567890123456789012"
            "345678901234\r\nDate: 123456789012345678901234567890123456789012345678901234567890123"
            "\r\nContent-Length: 0\r\n\r\n");
    cr_assert_str_eq(outcome.retry_after, "");
    cr_assert_eq(strlen(outcome.date), HTTP_HEADER_MAX - 1);
    close_all();
}

Test(http_call, headers_of_an_interim_answer_are_not_those_of_the_answer)
{
    ask_for("HTTP/1.1 103 Early Hints\r\nRetry-After: 9\r\nDate: early\r\n\r\n"
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    cr_assert_eq(outcome.status, 200);
    cr_assert_str_eq(outcome.retry_after, "");
    cr_assert_str_eq(outcome.date, "");
    close_all();
}

static void ask_with_cap(size_t cap)
{
    open_with(ok);
    client_get(&client, &outcome, "/");
    outcome.call.max_reply_bytes = cap;
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.status, 200);
}

Test(http_call, what_comes_beyond_the_cap_is_dropped)
{
    ask_with_cap(1);
    cr_assert_str_eq(outcome.reply, "{");
    client_ask(&client, &outcome); /* the rest was read: the connection is good */
    cr_assert_str_eq(outcome.reply, "{}");
    cr_assert_eq(peer.n_connections, 1);
    close_all();
}

Test(http_call, a_cap_of_nothing_is_a_cap)
{
    ask_with_cap(0);
    cr_assert_eq(outcome.reply_len, 0);
    close_all();
}

Test(http_call, an_answer_of_just_the_cap_is_whole)
{
    ask_with_cap(2);
    cr_assert_str_eq(outcome.reply, "{}");
    close_all();
}

static char large[1 << 20];

Test(http_call, the_memory_of_a_large_reply_is_given_back)
{
    static struct peer_step script[] = {STEP(HTTP), SAY(large), STEP(AGAIN)};
    int head = snprintf(large, sizeof(large), "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    memset(large + head, 'x', 1000000);
    open_with(script);
    client_get(&client, &outcome, "/");
    outcome.call.max_reply_bytes = sizeof(large);
    cr_assert(run_until(&run, outcome.n_done == 1));
    cr_assert_eq(outcome.reply_len, 1000000);
    cr_expect_eq(client.endpoint->spare->reply_size, 0);
    close_all();
}
