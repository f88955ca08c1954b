/* libmicrohttpd with its epoll descriptor in the loop: whenever that is readable, or a time has
 * come that MHD names, MHD_run() does what can be done without waiting. */
#include "daemon/status.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/log.h"
#include "daemon/metrics_text.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"

#define MAX_CONNECTIONS 64         /* those beyond it wait in the backlog */
#define IDLE_S          5          /* then a connection is closed, whatever it was about */
#define MAX_MEMORY      (16 << 10) /* of a connection: head of the request, and of the answer */
#define MAX_RUNS        8          /* at once, before others on the loop have their turn */
#define MAX_WAIT_MS     1000
#define NOTHING_ALLOWED "GET and HEAD only\n"
#define NOTHING_FOUND   "/metrics, /healthz and /readyz are served\n"
#define HEALTHY         "{\"healthy\":true}\n"
#define JSON            "application/json"
#define TEXT            "text/plain; charset=utf-8"

struct page {
    const char *path, *type;
    unsigned (*make)(const struct pusherd *pusherd, char **ret_text, size_t *ret_len);
};

static unsigned make_healthy(const struct pusherd *pusherd, char **ret_text, size_t *ret_len)
{
    (void)pusherd; /* that it answers says it all */
    *ret_text = strdup(HEALTHY);
    *ret_len = strlen(HEALTHY);
    return *ret_text ? MHD_HTTP_OK : 0;
}

static const struct page pages[] = {
    {"/metrics", METRICS_TEXT_TYPE, status_metrics},
    {"/healthz", JSON, make_healthy},
    {"/readyz", JSON, status_ready},
};

/* ---- answers */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned http, const char *type,
                             struct MHD_Response *response)
{
    enum MHD_Result result;

    if (!response)
        return MHD_NO;
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    if (http == MHD_HTTP_METHOD_NOT_ALLOWED)
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(connection, http, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned http, const char *text)
{
    char *copy = strdup(text);

    if (!copy)
        return MHD_NO;
    return queue(connection, http, TEXT,
                 MHD_create_response_from_buffer(strlen(copy), copy, MHD_RESPMEM_MUST_FREE));
}

static enum MHD_Result show(struct MHD_Connection *connection, const struct page *page,
                            const struct pusherd *pusherd)
{
    struct MHD_Response *response;
    char *text;
    size_t len;
    unsigned http = page->make(pusherd, &text, &len);

    if (http == 0)
        return MHD_NO;
    response = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (!response)
        free(text);
    return queue(connection, http, page->type, response);
}

/* Called first when the head of a request is there, then with its body, then at its end. An answer
 * at once would cost the connection; and nothing that is served has a body. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_len, void **request_cls)
{
    static char seen;
    const struct status *status = cls;

    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, NOTHING_ALLOWED);
    if (*upload_len > 0)
        return MHD_NO;
    if (!*request_cls) {
        *request_cls = &seen;
        return MHD_YES;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strcmp(path, pages[i].path) == 0)
            return show(connection, &pages[i], status->pusherd);
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND, NOTHING_FOUND);
}

/* ---- the loop */

static void on_timer(uv_timer_t *timer);

/* While all places are taken MHD takes the listening socket out of its epoll, and it is put back at
 * the beginning of a run: after the one that has freed them another is needed, though MHD names no
 * time for it. */
static void serve(struct status *status)
{
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;

    for (int i = 0; i < MAX_RUNS && wait_ms == 0; i++) {
        (void)MHD_run(status->daemon);
        if (MHD_get_timeout(status->daemon, &wait_ms) != MHD_YES || wait_ms > MAX_WAIT_MS)
            wait_ms = MAX_WAIT_MS;
    }
    uv_timer_start(&status->timer, on_timer, wait_ms > 0 ? wait_ms : 1, 0);
}

static void on_timer(uv_timer_t *timer)
{
    serve(timer->data);
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

    status->daemon =
        MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, on_request, status, MHD_OPTION_LISTEN_SOCKET,
                         status->listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                         MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_MEMORY, MHD_OPTION_END);
    if (!status->daemon)
        return -1;
    info = MHD_get_daemon_info(status->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info && uv_poll_init(status->timer.loop, &status->poll, info->epoll_fd) == 0 ? 0 : -1;
}

int status_start(struct status *status, struct pusherd *pusherd)
{
    if (!status->is_listening)
        return 0;
    status->pusherd = pusherd;
    if (uv_loop_configure(&pusherd->loop, UV_METRICS_IDLE_TIME) != 0 ||
        uv_timer_init(&pusherd->loop, &status->timer) != 0 || start_mhd(status) != 0)
        return -1;
    status->timer.data = status->poll.data = status;
    if (uv_poll_start(&status->poll, UV_READABLE, on_poll) != 0)
        return -1;
    log_event(LOG_NOTICE, "status", "serving /metrics, /healthz and /readyz",
              LOG_TEXT("listen", pusherd->config->status_listen));
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
    MHD_stop_daemon(status->daemon);
    status->daemon = NULL;
}
