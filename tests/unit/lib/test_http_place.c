/* Where it sends to, by which way, and whom it trusts there. */
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/lib/http_fixture.h"

Test(http_place, the_environment_cannot_redirect_it)
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

/* Performs a GET by a proxy that answers so; *ret_request is what it was asked, malloc'ed. */
static int get_by_proxy(struct pusher_config config, const char *raw, char **ret_request,
                        struct pusher_answer *ret_answer, struct pusher_error *ret_error)
{
    struct server server;
    struct server_step step = {raw, SERVER_CLOSE, 0};
    char proxy[64];
    server_start(&server, &step, 1, NULL);
    snprintf(proxy, sizeof(proxy), "http://us:pa@127.0.0.1:%u", server.port);
    config.proxy = proxy;
    config.timeout_ms = 10000;
    struct pusher_http *http = open_http(&config);
    struct pusher_request get = get_request();
    int rc = pusher_http_perform(http, &get, ret_answer, ret_error);
    close_http(http);
    server_stop(&server);
    cr_assert_eq(server.n_requests, 1);
    *ret_request = strdup(server.requests[0]);
    server_free(&server);
    return rc;
}

static void expect_beginning(const char *request, const char *line)
{
    cr_assert(strncmp(request, line, strlen(line)) == 0, "%s", request);
}

Test(http_place, goes_through_the_proxy_that_is_configured)
{
    struct pusher_config config = some_config();
    struct pusher_answer answer;
    struct pusher_error error;
    char *request;
    setenv("no_proxy", "*", 1);
    config.host = "api.example.test";
    config.port = 8080;
    config.use_tls = false;
    cr_assert_eq(get_by_proxy(config, OK_ANSWER, &request, &answer, &error), 0, "%s", error.text);
    cr_assert_eq(answer.status, 200);
    expect_beginning(request, "GET http://api.example.test:8080/apps/3/channels?");
    cr_assert(has(request, "\r\nProxy-Authorization: Basic dXM6cGE=\r\n"));
    pusher_answer_free(&answer);
    free(request);
}

/* That the proxy does not want us is the answer; that it cannot connect is a fault of the line. */
Test(http_place, a_proxy_may_refuse_to_connect)
{
    static const char *const refusals[] = {"401", "403", "407"};
    struct pusher_answer answer;
    struct pusher_reply reply;
    struct pusher_error error;
    char *request, raw[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(raw, sizeof(raw), "HTTP/1.1 %s No\r\nContent-Length: 2\r\n\r\nno", refusals[i]);
        cr_assert_eq(get_by_proxy(some_config(), raw, &request, &answer, &error), 0, "%s",
                     error.text);
        expect_beginning(request, "CONNECT api-eu.pusher.com:443 HTTP/1.1\r\n");
        cr_assert_eq(answer.status, strtoul(refusals[i], NULL, 10));
        pusher_reply_read(answer.status, answer.body, answer.len, &reply);
        cr_assert_eq(reply.class_, PUSHER_REPLY_FORBIDDEN);
        cr_assert_str_eq(reply.text, "the proxy refused to connect");
        pusher_answer_free(&answer);
        free(request);
    }
    cr_assert_eq(get_by_proxy(some_config(), "HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n",
                              &request, &answer, &error),
                 PUSHER_EUNREACHABLE);
    free(request);
}

Test(http_place, the_cluster_gives_the_host_and_the_scheme_the_port)
{
    struct pusher_config config = some_config();
    struct pusher_answer answer;
    struct pusher_error error;
    char *request;
    config.cluster = "ap1";
    config.use_tls = false;
    cr_assert_eq(get_by_proxy(config, OK_ANSWER, &request, &answer, &error), 0, "%s", error.text);
    cr_assert(has(request, "\r\nHost: api-ap1.pusher.com"), "%s", request);
    cr_assert_not(has(request, "443"));
    pusher_answer_free(&answer);
    free(request);
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

Test(http_place, tls_wants_a_certificate_of_the_host_by_a_known_ca)
{
    struct pusher_error error;
    cr_assert_eq(try_tls("127.0.0.1", true, &error), 0);
    cr_assert_eq(try_tls("127.0.0.1", false, &error), PUSHER_EUNREACHABLE);
    cr_assert(has(error.text, "certificate"), "%s", error.text);
    cr_assert_eq(try_tls("127.0.0.2", true, &error), PUSHER_EUNREACHABLE);
    cr_assert(has(error.text, "127.0.0.1"), "%s", error.text);
}

Test(http_place, a_ca_file_that_is_not_there_is_a_fault_of_the_configuration)
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

Test(http_place, a_ca_file_without_certificates_is_one_too)
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

Test(http_place, threads_may_share_a_client)
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
