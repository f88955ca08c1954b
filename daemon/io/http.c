/* curl on the loop: when it is called, and what became of its transfers.
 *
 * curl says when it wants to be called (on_timer_wish), and which events it wants of its sockets
 * (http_socket.c). Both wishes are noted and carried out in http_flush(), before the loop waits.
 *
 * curl is never called from its own callbacks. */
#include "daemon/io/http.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/io/http_private.h"
#include "lib/require.h"

#define MAX_KICKS 16 /* calls of curl in one flush before it has to wait for the timer */

void http_maybe_closed(struct http *http)
{
    http_close_cb cb = http->close_cb;

    if (!http->closing || http->open_handles > 0)
        return;
    free(http->sockets);
    http->sockets = NULL;
    http->close_cb = NULL;
    if (cb)
        cb(http);
}

/* Finished transfers; their callbacks may start others. */
static void drain(struct http *http)
{
    struct CURLMsg *message;
    int n_left;

    while ((message = curl_multi_info_read(http->multi, &n_left))) {
        struct http_transfer *transfer;
        CURLcode code = message->data.result;
        CURL *easy = message->easy_handle;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&transfer);
        curl_multi_remove_handle(http->multi, easy);
        http_transfer_finish(transfer, code, false);
    }
}

/* Where curl had no memory it has forgotten sockets and timers, without which a transfer never
 * ends: it has to look after all of them again. */
void http_run_curl(struct http *http, curl_socket_t fd, int flags)
{
    int running;

    if (curl_multi_socket_action(http->multi, fd, flags, &running) == CURLM_OUT_OF_MEMORY) {
        http->some_stalled = true;
        for (struct http_transfer *each = http->active; each; each = each->next)
            each->is_stalled = true;
    }
    drain(http);
}

/* Also after each call of curl in a flush: a connect may be given up before its socket has a
 * handle, and then nothing else keeps the loop from waiting. */
static void go_on(struct http *http)
{
    if (!http->some_stalled)
        return;
    http->some_stalled = false;
    for (struct http_transfer *each = http->active; each; each = each->next) {
        if (!each->is_stalled)
            continue;
        each->is_stalled = false;
        curl_easy_pause(each->easy, CURLPAUSE_ALL);
        curl_easy_pause(each->easy, CURLPAUSE_CONT); /* makes curl look after it soon */
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct http *http = timer->data;
    http_run_curl(http, CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer_wish(CURLM *multi, long timeout_ms, void *data)
{
    struct http *http = data;

    (void)multi;
    if (http->closing)
        return 0;
    http->kick = timeout_ms == 0;
    if (timeout_ms > 0)
        uv_timer_start(&http->timer, on_timer, (uint64_t)timeout_ms, 0);
    else
        uv_timer_stop(&http->timer);
    return 0;
}

void http_flush(struct http *http)
{
    if (http->closing)
        return;
    go_on(http);
    for (int i = 0; http->kick && i < MAX_KICKS; i++) {
        http->kick = false;
        on_timer(&http->timer);
        go_on(http);
    }
    if (http->kick) {
        http->kick = false;
        uv_timer_start(&http->timer, on_timer, 1, 0);
    }
    http_arm_changed(http);
}

static void on_prepare(uv_prepare_t *prepare)
{
    http_flush(prepare->data);
}

void http_set_max_connections(struct http *http, unsigned max_connections)
{
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
}

int http_init(struct http *http, uv_loop_t *loop, unsigned max_connections)
{
    memset(http, 0, sizeof(*http));
    http->loop = loop;
    http->multi = curl_multi_init();
    if (!http->multi)
        return UV_ENOMEM;
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, http_on_socket_wish);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    http_set_max_connections(http, max_connections);
    uv_timer_init(loop, &http->timer);
    uv_prepare_init(loop, &http->prepare);
    http->timer.data = http->prepare.data = http;
    uv_prepare_start(&http->prepare, on_prepare);
    http->open_handles = 2;
    return 0;
}

int http_start(struct http_endpoint *endpoint, struct http_call *call)
{
    struct http *http = endpoint->http;
    struct http_transfer *transfer;

    if (http->closing)
        return UV_ECANCELED;
    transfer = http_transfer_get(endpoint, call);
    if (!transfer)
        return UV_ENOMEM;
    if (curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK) {
        http_transfer_free(transfer);
        return UV_ENOMEM;
    }
    transfer->prev = NULL;
    transfer->next = http->active;
    if (http->active)
        http->active->prev = transfer;
    http->active = transfer;
    http->n_active++;
    endpoint->n_active++;
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct http *http = handle->data;

    handle->data = NULL;
    http->open_handles--;
    http_maybe_closed(http);
}

void http_close(struct http *http, http_close_cb cb)
{
    REQUIRE(!http->closing);
    http->closing = true;
    http->close_cb = cb;
    while (http->active) {
        struct http_transfer *transfer = http->active;

        curl_multi_remove_handle(http->multi, transfer->easy);
        http_transfer_finish(transfer, CURLE_ABORTED_BY_CALLBACK, true);
    }
    while (http->endpoints) {
        struct http_endpoint *endpoint = http->endpoints;

        http->endpoints = endpoint->next;
        http_endpoint_free(endpoint);
    }
    curl_multi_cleanup(http->multi);
    http->multi = NULL;
    http_close_sockets(http);
    uv_close((uv_handle_t *)&http->timer, on_handle_closed);
    uv_close((uv_handle_t *)&http->prepare, on_handle_closed);
}
