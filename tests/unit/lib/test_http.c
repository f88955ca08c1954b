#include <pthread.h>
#include <unistd.h>

#include "tests/unit/lib/server.h"
#include "tests/unit/lib/vectors.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

static const struct server_step ok_step[] = {{OK_ANSWER, SERVER_KEEP, 0}};

/* A configuration for the server, without TLS. */
static struct pusher_config config_for(const struct server *server)
{
    struct pusher_config config = some_config();
    config.host = "127.0.0.1";
    config.port = server->port;
    config.use_tls = false;
    config.timeout_ms = 10000;
    return config;
}

static struct pusher_http *open_http(const struct pusher_config *config)
{
    struct pusher_http *http = NULL;
    struct pusher_error error = {.code = 0};
    cr_assert_eq(pusher_http_new(make_client(config), &http, &error), 0, "%s", error.text);
    return http;
}

static void close_http(struct pusher_http *http)
{
    const struct pusher_client *client = pusher_http_client(http);
    pusher_http_free(http);
    pusher_client_free((struct pusher_client *)(uintptr_t)client);
}

static struct pusher_request get_request(void)
{
    return (struct pusher_request){.method = "GET", .path = "/apps/3/channels"};
}

static struct pusher_request post_request(const char *body)
{
    return (struct pusher_request){
        .method = "POST", .path = "/apps/3/events", .body = pusher_str(body)};
}

/* Sends a request that must be answered; gives the status. */
static unsigned perform(struct pusher_http *http, const struct pusher_request *request)
{
    struct pusher_answer answer;
    struct pusher_error error = {.code = 0};
    cr_assert_eq(pusher_http_perform(http, request, &answer, &error), 0, "%s", error.text);
    unsigned status = answer.status;
    pusher_answer_free(&answer);
    return status;
}

/* Sends a GET that must fail. */
static int fail(struct pusher_http *http, struct pusher_error *ret_error)
{
    struct pusher_answer answer = {.status = 777};
    struct pusher_request request = get_request();
    int rc = pusher_http_perform(http, &request, &answer, ret_error);
    cr_assert_neq(rc, 0);
    cr_assert_eq(ret_error->code, rc);
    cr_assert_eq(answer.status, 777, "written on failure");
    return rc;
}

static bool has(const char *request, const char *text)
{
    return strcasestr(request, text) != NULL;
}

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

Test(http, reads_bodies_of_every_form)
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

Test(http, follows_no_redirect)
{
    expect_body("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 1\r\n\r\nr",
                SERVER_KEEP, 302, "r");
}

Test(http, tells_what_an_answer_asks_to_wait)
{
    struct pusher_answer answer =
        answer_of("HTTP/1.1 429 Slow\r\nretry-after: 7\r\nContent-Length: 0\r\n\r\n", SERVER_KEEP);
    cr_assert_eq(answer.retry_after_ms, 7000);
    pusher_answer_free(&answer);
    answer = answer_of(OK_ANSWER, SERVER_KEEP);
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

Test(http, gives_up_on_a_server_that_hangs)
{
    static const struct server_step silent = {"", SERVER_HANG, 0};
    static const struct server_step half = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                            SERVER_HANG, 0};
    cr_assert_eq(failure_of(&silent, 150), PUSHER_ETIMEOUT);
    cr_assert_eq(failure_of(&half, 150), PUSHER_ETIMEOUT);
}

Test(http, an_answer_that_is_cut_short_is_none)
{
    static const struct server_step nothing = {"", SERVER_CLOSE, 0};
    static const struct server_step half = {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
                                            SERVER_CLOSE, 0};
    cr_assert_eq(failure_of(&nothing, 10000), PUSHER_EUNREACHABLE);
    cr_assert_eq(failure_of(&half, 10000), PUSHER_EUNREACHABLE);
}

Test(http, what_is_no_http_is_no_answer)
{
    static const struct server_step garbage = {"SSH-2.0-OpenSSH_9.2\r\n", SERVER_CLOSE, 0};
    cr_assert_eq(failure_of(&garbage, 10000), PUSHER_EREPLY);
}

Test(http, an_answer_has_a_limit)
{
    static const struct server_step endless = {"HTTP/1.1 200 OK\r\n\r\n", SERVER_CLOSE,
                                               PUSHER_ANSWER_MAX + 1};
    cr_assert_eq(failure_of(&endless, 60000), PUSHER_EREPLY);
}

Test(http, works_on_after_a_failure)
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

Test(http, a_closed_port_is_unreachable)
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

#define EXPIRED                                                                                    \
    "HTTP/1.1 401 Unauthorized\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\n"                         \
    "Content-Length: 18\r\n\r\nTimestamp expired\n"
#define Y2030 1893456000

Test(http, signs_again_by_the_servers_clock)
{
    static const struct server_step steps[] = {
        {EXPIRED, SERVER_KEEP, 0}, {OK_ANSWER, SERVER_KEEP, 0}, {OK_ANSWER, SERVER_KEEP, 0}};
    struct server server;
    server_start(&server, steps, 3, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request request = post_request("{}");
    cr_assert_eq(perform(http, &request), 200);
    cr_assert_eq(perform(http, &request), 200);
    cr_assert_gt(pusher_http_clock_offset_s(http), 0);
    close_http(http);
    server_stop(&server);
    cr_assert_eq(server.n_requests, 3);
    cr_assert_lt(timestamp_of(server.requests[0]), Y2030);
    for (int i = 1; i < 3; i++)
        cr_assert(llabs(timestamp_of(server.requests[i]) - Y2030) < 60, "%s", server.requests[i]);
    server_free(&server);
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

Test(http, corrects_the_clock_once_and_only_for_the_clock)
{
    cr_assert_eq(count_tries(EXPIRED, 0), 2);
    cr_assert_eq(count_tries(EXPIRED, 1000), 1);
    cr_assert_eq(count_tries("HTTP/1.1 401 U\r\nContent-Length: 18\r\n\r\nTimestamp expired\n", 0),
                 1);
    cr_assert_eq(
        count_tries(
            "HTTP/1.1 401 U\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nContent-Length: 3\r\n\r\nno\n",
            0),
        1);
}

Test(http, the_environment_cannot_redirect_it)
{
    struct server server;
    server_start(&server, ok_step, 1, NULL);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("all_proxy", "http://127.0.0.1:1", 1);
    struct pusher_config config = config_for(&server);
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    cr_assert_eq(perform(http, &get), 200);
    close_http(http);
    server_stop(&server);
    server_free(&server);
}

Test(http, goes_through_the_proxy_that_is_configured)
{
    struct server server;
    char proxy[64];
    server_start(&server, ok_step, 1, NULL);
    setenv("no_proxy", "*", 1);
    snprintf(proxy, sizeof(proxy), "http://us:pa@127.0.0.1:%u", server.port);
    struct pusher_config config = some_config();
    config.host = "api.example.test";
    config.use_tls = false;
    config.proxy = proxy;
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    cr_assert_eq(perform(http, &get), 200);
    close_http(http);
    server_stop(&server);
    cr_assert(
        strncmp(server.requests[0], "GET http://api.example.test:80/apps/3/channels?", 47) == 0 ||
            strncmp(server.requests[0], "GET http://api.example.test/apps/3/channels?", 44) == 0,
        "%s", server.requests[0]);
    cr_assert(has(server.requests[0], "\r\nProxy-Authorization: Basic dXM6cGE=\r\n"));
    server_free(&server);
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

/* A file name for the certificate of this process. */
static const char *pem_file(void)
{
    static char name[64];
    snprintf(name, sizeof(name), "/tmp/pusher-test-%ld.pem", (long)getpid());
    return name;
}

/* The code of a GET over TLS from a server whose certificate is for `name`. */
static int try_tls(const char *name, bool trust, struct pusher_error *ret_error)
{
    struct server server;
    struct pusher_answer answer = {.status = 0};
    server_start(&server, ok_step, 1, server_tls(name, pem_file()));
    struct pusher_config config = config_for(&server);
    config.use_tls = true;
    config.ca_file = trust ? pem_file() : NULL;
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    int rc = pusher_http_perform(http, &get, &answer, ret_error);
    pusher_answer_free(&answer);
    close_http(http);
    server_stop(&server);
    server_free(&server);
    unlink(pem_file());
    return rc;
}

Test(http, tls_wants_a_certificate_of_the_host_by_a_known_ca)
{
    struct pusher_error error;
    cr_assert_eq(try_tls("127.0.0.1", true, &error), 0);
    cr_assert_eq(try_tls("127.0.0.1", false, &error), PUSHER_EUNREACHABLE);
    cr_assert(has(error.text, "certificate"), "%s", error.text);
    cr_assert_eq(try_tls("127.0.0.2", true, &error), PUSHER_EUNREACHABLE);
    cr_assert(has(error.text, "127.0.0.1"), "%s", error.text);
}

Test(http, a_ca_file_that_is_not_there_is_a_fault_of_the_configuration)
{
    struct pusher_error error;
    struct pusher_http *http = NULL;
    struct pusher_config config = some_config();
    config.ca_file = "/nonexistent/ca.pem";
    struct pusher_client *client = make_client(&config);
    cr_assert_eq(pusher_http_new(client, &http, &error), PUSHER_ECONFIG);
    cr_assert(has(error.text, "ca_file"), "%s", error.text);
    cr_assert_null(http);
    pusher_client_free(client);
}

Test(http, a_ca_file_without_certificates_is_one_too)
{
    struct server server;
    struct pusher_error error;
    server_start(&server, ok_step, 1, server_tls("127.0.0.1", pem_file()));
    struct pusher_config config = config_for(&server);
    config.use_tls = true;
    config.ca_file = "/etc/passwd";
    struct pusher_http *http = open_http(&config);
    cr_assert_eq(fail(http, &error), PUSHER_ECONFIG, "%s", error.text);
    close_http(http);
    server_stop(&server);
    server_free(&server);
    unlink(pem_file());
}

static void *perform_some(void *arg)
{
    struct pusher_http *http;
    struct pusher_request request = post_request("{}");
    cr_assert_eq(pusher_http_new(arg, &http, NULL), 0);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(perform(http, &request), 200);
    pusher_http_free(http);
    return NULL;
}

Test(http, threads_may_share_a_client)
{
    static const struct server_step closes = {OK_ANSWER, SERVER_CLOSE, 0};
    struct server server;
    pthread_t threads[4];
    server_start(&server, &closes, 1, NULL);
    struct pusher_config config = config_for(&server);
    struct pusher_client *client = make_client(&config);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(pthread_create(&threads[i], NULL, perform_some, client), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    server_stop(&server);
    cr_assert_eq(server.n_requests, 20);
    server_free(&server);
    pusher_client_free(client);
}

Test(http, nothing_to_free_is_no_error)
{
    struct pusher_answer answer = {.status = 0};
    pusher_answer_free(&answer);
    pusher_http_free(NULL);
}
