/* A request of the engine: its body is put together, signed and sent. Buffers are kept between
 * requests. */
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/delivery.h"
#include "daemon/dispatch_private.h"
#include "daemon/log.h"
#include "pusher/event.h"
#include "pusher/request.h"

#define REPLY_MAX_BYTES (64u << 10)  /* of an answer that is no result; the rest is dropped */
#define BODY_KEEP_BYTES (256u << 10) /* larger buffers are not kept between requests */

void dispatch_put_transfer(struct transfer *transfer)
{
    struct dispatch *dispatch = transfer->dispatch;

    transfer->request = NULL;
    if (transfer->body_size > BODY_KEEP_BYTES) {
        free(transfer->body);
        transfer->body = NULL;
        transfer->body_size = 0;
    }
    transfer->next = dispatch->spare;
    dispatch->spare = transfer;
}

static size_t body_size_of(const struct request *request)
{
    if (request->parts[0]->alone)
        return 0; /* the part is the body */
    return PUSHER_BATCH_OVERHEAD + request->bytes + request->n_parts - 1;
}

static size_t target_size_of(const struct request *request)
{
    const struct delivery_call *own = request->parts[0]->call;

    return own ? own->target_size : PUSHER_TARGET_MAX;
}

static bool enlarge(char **buffer, size_t *size, size_t wanted)
{
    if (wanted <= *size)
        return true;
    free(*buffer);
    *buffer = malloc(wanted);
    *size = *buffer ? wanted : 0;
    return *buffer != NULL;
}

static bool make_room(struct transfer *transfer, const struct request *request)
{
    if (!enlarge(&transfer->body, &transfer->body_size, body_size_of(request)) ||
        !enlarge(&transfer->target, &transfer->target_size, target_size_of(request)))
        return false;
    if (!transfer->events || request->n_parts > transfer->n_events) {
        free(transfer->events);
        transfer->events = calloc(request->n_parts, sizeof(*transfer->events));
        transfer->n_events = transfer->events ? request->n_parts : 0;
    }
    return transfer->events != NULL;
}

static struct transfer *get_transfer(struct dispatch *dispatch, struct request *request)
{
    struct transfer *transfer = dispatch->spare;

    if (transfer)
        dispatch->spare = transfer->next;
    else if (!(transfer = calloc(1, sizeof(*transfer))))
        return NULL;
    transfer->dispatch = dispatch;
    transfer->request = request;
    if (make_room(transfer, request))
        return transfer;
    dispatch_put_transfer(transfer);
    return NULL;
}

static void write_body(struct transfer *transfer)
{
    const struct request *request = transfer->request;
    struct http_call *call = &transfer->call;

    if (request->parts[0]->alone) {
        call->body = request->parts[0]->bytes;
        call->body_len = request->parts[0]->size;
        return;
    }
    for (unsigned i = 0; i < request->n_parts; i++)
        transfer->events[i] =
            (struct pusher_string){request->parts[i]->bytes, request->parts[i]->size};
    call->body = transfer->body;
    call->body_len = pusher_batch_encode(transfer->events, request->n_parts, transfer->body);
}

static int sign(struct transfer *transfer)
{
    const struct request *request = transfer->request;
    struct dispatch_app *app = &transfer->dispatch->apps[request->app];
    const struct pusher_client *client = app->config->client;
    const struct delivery_call *own = request->parts[0]->call;
    const char *path = own ? own->path : pusher_path_batch_events(client);

    transfer->call.method = own ? own->method : "POST";
    return pusher_request_target(client, transfer->call.method, path, own ? own->params : NULL,
                                 own ? own->n_params : 0, transfer->call.body,
                                 transfer->call.body_len, clock_unix_s() + app->clock_offset_s,
                                 transfer->target, transfer->target_size);
}

static void tell_not_sent(struct dispatch *dispatch, struct request *request, enum answer_kind kind,
                          const char *why)
{
    struct answer answer = {.kind = kind, .retry_after_ms = -1, .text = why};

    log_event(LOG_ERR, "http", "a request could not be sent",
              LOG_TEXT("app", dispatch->config->apps[request->app].name), LOG_TEXT("error", why));
    engine_answer(dispatch->engine, request, &answer, clock_ms());
}

bool dispatch_is_trigger(const struct request *request)
{
    return delivery_is_trigger(DELIVERY_OF(request->parts[0]->job)->op);
}

bool dispatch_wants_info(const struct request *request)
{
    for (unsigned i = 0; i < request->n_parts; i++) {
        if (DELIVERY_OF(request->parts[i]->job)->item_names)
            return true;
    }
    return false;
}

static size_t max_reply_of(const struct request *request)
{
    return dispatch_is_trigger(request) && !dispatch_wants_info(request) ? REPLY_MAX_BYTES
                                                                         : RESULT_MAX_BYTES;
}

static void send_request(struct dispatch *dispatch, struct request *request)
{
    struct transfer *transfer = get_transfer(dispatch, request);
    int rc;

    if (!transfer) {
        tell_not_sent(dispatch, request, ANSWER_NOT_SENT, "out of memory");
        return;
    }
    request->transfer = transfer;
    memset(&transfer->call, 0, sizeof(transfer->call));
    write_body(transfer);
    transfer->call.target = transfer->target;
    transfer->call.max_reply_bytes = max_reply_of(request);
    transfer->call.done_cb = dispatch_on_done;
    transfer->call.data = transfer;
    rc = sign(transfer);
    if (rc != 0) {
        dispatch_put_transfer(transfer);
        tell_not_sent(dispatch, request, rc == PUSHER_ENOMEM ? ANSWER_NOT_SENT : ANSWER_RETRY,
                      "the request could not be signed");
        return;
    }
    if (http_start(dispatch->apps[request->app].endpoint, &transfer->call) != 0) {
        dispatch_put_transfer(transfer);
        tell_not_sent(dispatch, request, ANSWER_NOT_SENT, "out of memory");
        return;
    }
    transfer->sent_ns = uv_hrtime();
    transfer->version = dispatch->apps[request->app].version;
    metrics_sent(&dispatch->metrics->apps[request->app], request, clock_ms());
}

void dispatch_run(struct dispatch *dispatch, uint64_t now_ms)
{
    struct request *request;

    while ((request = engine_next_request(dispatch->engine, now_ms)))
        send_request(dispatch, request);
}
