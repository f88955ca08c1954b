/* What the blocking transport sends, and over how many connections. */
#include "tests/unit/lib/http_fixture.h"

Test(http, sends_a_post_as_it_should_be)
{
    struct server server;
    server_start(&server, ok_step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request request = post_request("{\"a\":1}");
    pusher_http_fix_clock(http, 1353088179);
    cr_assert_eq(perform(http, &request), 200);
    close_http(http);
    server_stop(&server);
    const char *got = server.requests[0];
    char target[PUSHER_TARGET_MAX], line[PUSHER_TARGET_MAX + 32];
    struct pusher_client *client = make_client(&config);
    cr_assert_eq(pusher_request_sign(client, &request, 1353088179, target, sizeof(target)), 0);
    snprintf(line, sizeof(line), "POST %s HTTP/1.1\r\n", target);
    cr_assert(strncmp(got, line, strlen(line)) == 0, "%s", got);
    cr_assert(has(got, "\r\nContent-Type: application/json\r\n"));
    cr_assert(has(got, "\r\nContent-Length: 7\r\n"));
    cr_assert(has(got, "\r\nX-Pusher-Library: pusher-http-c "));
    cr_assert_not(has(got, "Transfer-Encoding"));
    cr_assert_str_eq(strstr(got, "\r\n\r\n"), "\r\n\r\n{\"a\":1}");
    pusher_client_free(client);
    server_free(&server);
}

Test(http, a_get_has_no_body_and_an_empty_post_says_so)
{
    struct server server;
    server_start(&server, ok_step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request post = post_request(""), get = get_request();
    perform(http, &post);
    perform(http, &get);
    close_http(http);
    server_stop(&server);
    cr_assert(has(server.requests[0], "\r\nContent-Length: 0\r\n"));
    cr_assert_not(has(server.requests[0], "body_md5"));
    cr_assert(strncmp(server.requests[1], "GET /apps/3/channels?auth_key=", 30) == 0);
    cr_assert_not(has(server.requests[1], "Content-"));
    server_free(&server);
}

Test(http, a_large_body_waits_for_no_100_continue)
{
    struct server server;
    server_start(&server, ok_step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    size_t len = 3000000;
    char *body = malloc(len + 1);
    memset(body, 'b', len);
    body[len] = '\0';
    struct pusher_request request = post_request(body);
    cr_assert_eq(perform(http, &request), 200);
    close_http(http);
    server_stop(&server);
    cr_assert_not(has(server.requests[0], "\r\nExpect:"));
    cr_assert_eq(strlen(strstr(server.requests[0], "\r\n\r\n")), len + 4);
    free(body);
    server_free(&server);
}

/* Connections used for three requests. */
static size_t count_connections(bool keep_alive, const struct server_step *step)
{
    struct server server;
    server_start(&server, step, 1, NULL);
    struct pusher_config config = config_for(&server);
    config.keep_alive = keep_alive;
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    for (int i = 0; i < 3; i++)
        cr_assert_eq(perform(http, &get), 200);
    close_http(http);
    server_stop(&server);
    cr_assert_eq(server.n_requests, 3);
    cr_assert_eq(has(server.requests[0], "\r\nConnection: close\r\n"), !keep_alive);
    server_free(&server);
    return server.n_connections;
}

Test(http, keeps_the_connection_if_it_may)
{
    cr_assert_eq(count_connections(true, ok_step), 1);
    cr_assert_eq(count_connections(false, ok_step), 3);
}

Test(http, connects_again_where_the_server_closed)
{
    static const struct server_step closes = {OK_ANSWER, SERVER_CLOSE, 0};
    cr_assert_eq(count_connections(true, &closes), 3);
}

Test(http, the_path_goes_out_as_it_was_signed)
{
    struct server server;
    server_start(&server, ok_step, 1, NULL);
    struct pusher_config config = config_for(&server);
    config.path_prefix = "/pre";
    struct pusher_http *http = open_http(&config);
    struct pusher_request request = {.method = "GET", .path = "/apps/3/channels/a=@,.;-_/%20//x"};
    perform(http, &request);
    close_http(http);
    server_stop(&server);
    static const char line[] = "GET /pre/apps/3/channels/a=@,.;-_/%20//x?auth_key=";
    cr_assert(strncmp(server.requests[0], line, strlen(line)) == 0, "%s", server.requests[0]);
    server_free(&server);
}

Test(http, long_parameters_have_a_limit)
{
    struct server server;
    struct pusher_error error;
    struct pusher_answer answer;
    server_start(&server, ok_step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request request = get_request();
    char *value = malloc(100001);
    memset(value, 'v', 100000);
    request.n_params = 1;
    request.params[0] = (struct pusher_param){pusher_str("p"), {value, 20000}};
    cr_assert_eq(perform(http, &request), 200);
    request.params[0].value.len = 100000;
    cr_assert_eq(pusher_http_perform(http, &request, &answer, &error), PUSHER_EINVAL);
    free(value);
    close_http(http);
    server_stop(&server);
    server_free(&server);
}

Test(http, a_bad_request_is_not_sent)
{
    struct server server;
    struct pusher_error error;
    struct pusher_answer answer;
    server_start(&server, ok_step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request request = {.method = "GET", .path = "/a/../b"};
    cr_assert_eq(pusher_http_perform(http, &request, &answer, &error), PUSHER_EINVAL);
    cr_assert_str_eq(error.text, "the path may not hold \"/./\" or \"/../\"");
    close_http(http);
    server_stop(&server);
    cr_assert_eq(server.n_connections, 0);
    server_free(&server);
}

Test(http, a_time_before_1970_is_not_signed_for)
{
    struct server server;
    struct pusher_error error;
    server_start(&server, ok_step, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    pusher_http_fix_clock(http, -1);
    cr_assert_eq(fail(http, &error), PUSHER_EINVAL);
    cr_assert_str_eq(error.text, "the time to sign for is before 1970");
    close_http(http);
    server_stop(&server);
    cr_assert_eq(server.n_connections, 0);
    server_free(&server);
}

Test(http, nothing_to_free_is_no_error)
{
    struct pusher_answer answer = {.status = 0};
    pusher_answer_free(&answer);
    pusher_http_free(NULL);
}
