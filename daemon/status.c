/* libmicrohttpd with its epoll descriptor in the loop: whenever that is readable, or a time has
 * come that MHD names, MHD_run() does what can be done without waiting. */
#include "daemon/status.h"

#include <microhttpd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"

#define IDLE_S       5          /* then a connection is closed, whatever it was about */
#define MAX_MEMORY   (16 << 10) /* of a connection: head of the request, and of the answer */
#define MAX_UNWANTED (1 << 20)  /* of a body that is refused, before the connection is cut */
#define MAX_RUNS     8          /* at once, before others on the loop have their turn */

static unsigned n_connections(const struct status *status)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(status->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);

    return info ? info->num_connections : 0;
}

/* ---- answers */

/* Of every answer, whatever it is: nothing is kept, guessed, framed or told to others. */
static const char *const headers[][2] = {
    {MHD_HTTP_HEADER_CACHE_CONTROL, "no-store"},
    {"X-Content-Type-Options", "nosniff"},
    {"X-Frame-Options", "DENY"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
};

/* The page may load nothing, ask only us, and run only what came with it. */
#define POLICY                                                                                     \
    "default-src 'none'; connect-src 'self'; script-src 'nonce-%s'; style-src 'nonce-%s'; "        \
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "                 \
    "require-trusted-types-for 'script'; trusted-types 'none'"

static void add_policy(struct MHD_Response *response, const char *nonce)
{
    char policy[sizeof(POLICY) + 80];

    (void)snprintf(policy, sizeof(policy), POLICY, nonce, nonce);
    (void)MHD_add_response_header(response, "Content-Security-Policy",
                                  nonce[0] ? policy : "default-src 'none'");
}

static void add_headers(struct MHD_Response *response, const struct status_request *request)
{
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        (void)MHD_add_response_header(response, headers[i][0], headers[i][1]);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, request->type);
    add_policy(response, request->nonce);
    if (request->http == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                      status_route_methods(request));
    if (request->http == MHD_HTTP_UNAUTHORIZED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
}

static enum MHD_Result send_answer(struct MHD_Connection *connection,
                                   struct status_request *request)
{
    struct status_text *text = request->text;
    struct MHD_Response *response;
    enum MHD_Result result;

    if (!text)
        return MHD_NO; /* out of memory */
    response = MHD_create_response_from_buffer_with_free_callback_cls(text->len, text->bytes,
                                                                      status_text_unref, text);
    if (!response)
        return MHD_NO;
    request->text = NULL;
    add_headers(response, request);
    if (n_connections(request->status) >= STATUS_CLIENTS_MAX) /* others wait for its place */
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    status_client_reads(connection);
    result = MHD_queue_response(connection, request->http, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- connections */

static void on_connection(void *cls, struct MHD_Connection *connection, void **client,
                          enum MHD_ConnectionNotificationCode what)
{
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *client = status_client_new(cls, connection);
    } else {
        status_client_free(*client);
        *client = NULL;
    }
}

/* ---- requests */

static void on_completed(void *cls, struct MHD_Connection *connection, void **request_cls,
                         enum MHD_RequestTerminationCode why)
{
    (void)cls;
    (void)why;
    status_client_asks(connection);
    status_request_free(*request_cls);
    *request_cls = NULL;
}

/* A body that nobody wants costs the connection. */
static enum MHD_Result take_body(struct status_request *request, const char *upload,
                                 size_t *upload_len)
{
    if (!status_route_takes_body(request))
        return MHD_NO;
    if (request->http > 0) { /* it is refused already */
        request->body_len += *upload_len;
        *upload_len = 0;
        return request->body_len <= MAX_UNWANTED ? MHD_YES : MHD_NO;
    }
    if (*upload_len > STATUS_BODY_MAX - request->body_len) {
        status_answer_error(request, MHD_HTTP_CONTENT_TOO_LARGE, "a request has at most %d bytes",
                            STATUS_BODY_MAX);
    } else {
        memcpy(request->body + request->body_len, upload, *upload_len);
        request->body_len += *upload_len;
    }
    *upload_len = 0;
    return MHD_YES;
}

/* With the whole request there; again when it was suspended and is answered. */
static enum MHD_Result go_on(struct MHD_Connection *connection, struct status_request *request)
{
    if (request->http == 0 && !request->is_started) {
        request->is_started = true;
        status_route_run(request);
        if (request->http == 0) {
            request->is_suspended = true;
            status_client_waits(connection);
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return request->http > 0 ? send_answer(connection, request) : MHD_NO;
}

/* Called first when the head of a request is there, then with its body, then at its end. An answer
 * at once costs the connection: it is for what is refused. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request_cls)
{
    struct status_request *request = *request_cls;

    (void)version;
    if (!request) {
        request = *request_cls = status_request_new(cls, connection);
        if (!request)
            return MHD_NO;
        status_route(request, method, path);
        return request->http == MHD_HTTP_METHOD_NOT_ALLOWED ? send_answer(connection, request)
                                                            : MHD_YES;
    }
    if (*upload_len > 0)
        return take_body(request, upload, upload_len);
    return go_on(connection, request);
}

/* ---- the loop */

static void on_timer(uv_timer_t *timer);

/* For whichever comes first: what MHD waits for, or the end of a connection's or a text's time. */
static void set_timer(struct status *status, uint64_t wait_ms)
{
    uint64_t left_ms = status_clients_left_ms(status), texts_ms = status_texts_left_ms(status);

    if (texts_ms < left_ms)
        left_ms = texts_ms;
    if (left_ms < wait_ms)
        wait_ms = left_ms;
    if (wait_ms == STATUS_NO_DEADLINE)
        uv_timer_stop(&status->timer);
    else
        uv_timer_start(&status->timer, on_timer, wait_ms > 0 ? wait_ms : 1, 0);
}

/* MHD does not listen while all places are taken, and looks whether it should again at the
 * beginning of a run only: one more after places have become free. */
static void serve(struct status *status)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    bool has_closed = false, has_timeout = true;

    status_clients_cut_off(status);
    status_texts_drop(status, clock_ms());
    for (int i = 0; i < MAX_RUNS && (has_closed || (has_timeout && wait_ms == 0)); i++) {
        unsigned before = n_connections(status);

        (void)MHD_run(status->daemon);
        has_closed = n_connections(status) < before;
        has_timeout = MHD_get_timeout(status->daemon, &wait_ms) == MHD_YES;
    }
    if (!has_timeout)
        wait_ms = STATUS_NO_DEADLINE;
    set_timer(status, has_closed ? 0 : wait_ms);
}

static void on_timer(uv_timer_t *timer)
{
    serve(timer->data);
}

void status_serve_soon(struct status *status)
{
    if (status->daemon)
        uv_timer_start(&status->timer, on_timer, 1, 0);
}

static void on_poll(uv_poll_t *poll, int error, int events)
{
    (void)error; /* MHD meets it as well */
    (void)events;
    serve(poll->data);
}

static int start_mhd(struct status *status)
{
    const union MHD_DaemonInfo *info;

    status->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, status,
        MHD_OPTION_LISTEN_SOCKET, status->listen_fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection,
        status, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)STATUS_CLIENTS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_MEMORY, MHD_OPTION_END);
    if (!status->daemon)
        return -1;
    info = MHD_get_daemon_info(status->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info && uv_poll_init(status->timer.loop, &status->poll, info->epoll_fd) == 0 ? 0 : -1;
}

static void take_token(struct status *status, const char *token)
{
    status->has_token = token != NULL;
    if (token)
        (void)crypto_generichash(status->token_hash, sizeof(status->token_hash),
                                 (const unsigned char *)token, strlen(token), NULL, 0);
}

int status_start(struct status *status, struct pusherd *pusherd)
{
    if (!status->is_listening)
        return 0;
    status->pusherd = pusherd;
    list_init(&status->waiting);
    take_token(status, pusherd->config->status_token);
    if (uv_loop_configure(&pusherd->loop, UV_METRICS_IDLE_TIME) != 0 ||
        uv_timer_init(&pusherd->loop, &status->timer) != 0 || start_mhd(status) != 0)
        return -1;
    status->timer.data = status->poll.data = status;
    if (uv_poll_start(&status->poll, UV_READABLE, on_poll) != 0)
        return -1;
    log_event(LOG_NOTICE, "status", "serving /metrics, /healthz, /readyz and a console",
              LOG_TEXT("listen", pusherd->config->status_listen),
              LOG_NUMBER("token", status->has_token));
    return 0;
}

void status_turn(struct status *status)
{
    if (status->daemon)
        metrics_turn(&status->pusherd->metrics, uv_hrtime(),
                     uv_metrics_idle_time(&status->pusherd->loop));
}

/* The descriptor is MHD's: it must be out of the loop before MHD closes it. */
void status_close(struct status *status)
{
    if (!status->daemon)
        return;
    uv_close((uv_handle_t *)&status->poll, NULL);
    uv_close((uv_handle_t *)&status->timer, NULL);
    status_unlink(status);
    LIST_FOREACH(link, &status->waiting)
    {
        struct status_request *request = LIST_ENTRY(link, struct status_request, link);

        request->is_suspended = false;
        MHD_resume_connection(request->connection); /* it is closed in the next moment */
    }
    MHD_stop_daemon(status->daemon);
    status->daemon = NULL;
    status_texts_drop(status, UINT64_MAX);
}
