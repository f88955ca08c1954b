/* What the tests of the blocking transport share: requests to a server that answers by a script. */
#ifndef TESTS_UNIT_LIB_HTTP_FIXTURE_H
#define TESTS_UNIT_LIB_HTTP_FIXTURE_H

#include "tests/unit/lib/server.h"
#include "tests/unit/lib/vectors.h"

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

static const struct server_step ok_step[] = {{OK_ANSWER, SERVER_KEEP, 0}};

/* A configuration for the server, without TLS. */
static inline struct pusher_config config_for(const struct server *server)
{
    struct pusher_config config = some_config();
    config.host = "127.0.0.1";
    config.port = server->port;
    config.use_tls = false;
    config.timeout_ms = 10000;
    return config;
}

static inline struct pusher_http *open_http(const struct pusher_config *config)
{
    struct pusher_http *http = NULL;
    struct pusher_error error = {.code = 0};
    cr_assert_eq(pusher_http_new(make_client(config), &http, &error), 0, "%s", error.text);
    return http;
}

static inline void close_http(struct pusher_http *http)
{
    const struct pusher_client *client = pusher_http_client(http);
    pusher_http_free(http);
    pusher_client_free((struct pusher_client *)(uintptr_t)client);
}

static inline struct pusher_request get_request(void)
{
    return (struct pusher_request){.method = "GET", .path = "/apps/3/channels"};
}

static inline struct pusher_request post_request(const char *body)
{
    return (struct pusher_request){
        .method = "POST", .path = "/apps/3/events", .body = pusher_str(body)};
}

/* Sends a request that must be answered; gives the status. */
static inline unsigned perform(struct pusher_http *http, const struct pusher_request *request)
{
    struct pusher_answer answer;
    struct pusher_error error = {.code = 0};
    cr_assert_eq(pusher_http_perform(http, request, &answer, &error), 0, "%s", error.text);
    unsigned status = answer.status;
    pusher_answer_free(&answer);
    return status;
}

/* Sends a GET that must fail. */
static inline int fail(struct pusher_http *http, struct pusher_error *ret_error)
{
    struct pusher_answer answer = {.status = 777};
    struct pusher_request request = get_request();
    int rc = pusher_http_perform(http, &request, &answer, ret_error);
    cr_assert_neq(rc, 0);
    cr_assert_eq(ret_error->code, rc);
    cr_assert_eq(answer.status, 777, "written on failure");
    return rc;
}

static inline bool has(const char *request, const char *text)
{
    return strcasestr(request, text) != NULL;
}

#endif
