#include "daemon/dispatch.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/delivery.h"
#include "daemon/log.h"
#include "proto/outcome.h"
#include "pusher/event.h"
#include "pusher/reply.h"
#include "pusher/request.h"

#define REPLY_MAX_BYTES    (64u << 10)  /* of an answer to a trigger; the rest is not looked at */
#define RESULT_MAX_BYTES   (4u << 20)   /* of the answer to a call, which is its result */
#define BODY_KEEP_BYTES    (256u << 10) /* larger buffers are not kept between requests */
#define RETRY_AFTER_MAX_MS 60000 /* a server that asks for longer is asked again after this */
#define USER_AGENT         "pusherd/" PUSHERD_VERSION

struct transfer {
    struct dispatch *dispatch;
    struct request *request; /* the engine's */
    struct http_call call;
    uint64_t sent_ns;
    unsigned version; /* of its app, when it was signed */
    char *target;     /* owned; kept between requests, as are body and events */
    size_t target_size;
    char *body; /* owned */
    size_t body_size;
    struct pusher_string *events; /* owned */
    size_t n_events;
    struct transfer *next; /* among the spare */
};

/* ---- set-up */

/* Where libcrypto has no MD5, as in FIPS mode, no request can be signed, now or later. */
static bool can_sign(const struct pusher_client *client)
{
    char target[PUSHER_TARGET_MAX];

    return pusher_request_target(client, "POST", pusher_path_events(client), NULL, 0, "{}", 2, 0,
                                 target, sizeof(target)) == 0;
}

static int new_endpoint(struct dispatch *dispatch, const struct pusher_client *client,
                        struct http_endpoint **ret_endpoint)
{
    struct http_endpoint_options options = {
        .base_url = pusher_client_base_url(client),
        .proxy = pusher_client_proxy(client),
        .ca_file = pusher_client_ca_file(client),
        .user_agent = USER_AGENT,
        .library = USER_AGENT,
        .timeout_ms = pusher_client_timeout_ms(client),
        .keep_alive = pusher_client_keep_alive(client),
    };

    if (!can_sign(client)) {
        log_event(LOG_ERR, "start", "libcrypto has no MD5, without which no request can be signed",
                  LOG_TEXT("app", pusher_client_app_id(client)));
        return UV_ENOTSUP;
    }
    return http_endpoint_new(&dispatch->http, &options, ret_endpoint);
}

static unsigned n_connections(const struct config *config)
{
    unsigned n = 0;

    for (size_t i = 0; i < config->n_apps; i++)
        n += config->apps[i].removed ? 0 : config->apps[i].max_in_flight;
    return n;
}

int dispatch_init(struct dispatch *dispatch, uv_loop_t *loop, const struct config *config,
                  struct engine *engine)
{
    int status;

    memset(dispatch, 0, sizeof(*dispatch));
    dispatch->config = config;
    dispatch->engine = engine;
    dispatch->apps = calloc(config->n_apps + 1, sizeof(*dispatch->apps));
    dispatch->n_apps = config->n_apps;
    if (!dispatch->apps)
        return UV_ENOMEM;
    status = http_init(&dispatch->http, loop, n_connections(config));
    for (size_t i = 0; i < config->n_apps && status == 0; i++) {
        dispatch->apps[i].config = &config->apps[i];
        status = new_endpoint(dispatch, config->apps[i].client, &dispatch->apps[i].endpoint);
    }
    return status;
}

/* ---- another configuration */

static int make_room_for_apps(struct dispatch *dispatch, size_t n_apps)
{
    struct dispatch_app *apps;

    if (n_apps <= dispatch->n_apps)
        return 0;
    apps = reallocarray(dispatch->apps, n_apps, sizeof(*apps));
    if (!apps)
        return UV_ENOMEM;
    memset(apps + dispatch->n_apps, 0, (n_apps - dispatch->n_apps) * sizeof(*apps));
    dispatch->apps = apps;
    dispatch->n_apps = n_apps;
    return 0;
}

int dispatch_prepare(struct dispatch *dispatch, const struct config *new_config,
                     const struct config_diff *diff)
{
    int status = make_room_for_apps(dispatch, diff->n_apps);

    for (size_t i = 0; i < diff->n_apps && status == 0; i++) {
        const struct config_slot *slot = &diff->apps[i];

        if (slot->changes & (CONFIG_ADDED | CONFIG_SERVER_CHANGED))
            status = new_endpoint(dispatch, new_config->apps[slot->from].client,
                                  &dispatch->apps[i].next);
    }
    if (status != 0)
        dispatch_give_up(dispatch);
    return status;
}

void dispatch_give_up(struct dispatch *dispatch)
{
    for (size_t i = 0; i < dispatch->n_apps; i++) {
        http_endpoint_give_up(dispatch->apps[i].next);
        dispatch->apps[i].next = NULL;
    }
}

/* What an app sends from now on is signed anew. What it sent before ends at the server where it
 * went. */
static void change_app(struct dispatch_app *app, unsigned changes)
{
    if (changes & (CONFIG_ADDED | CONFIG_SERVER_CHANGED | CONFIG_SIGNATURE_CHANGED))
        app->version++;
    if (!app->next)
        return;
    http_endpoint_give_up(app->endpoint);
    app->endpoint = app->next;
    app->next = NULL;
    app->clock_offset_s = 0;
}

void dispatch_change(struct dispatch *dispatch, const struct config *config,
                     const struct config_diff *diff)
{
    dispatch->config = config;
    for (size_t i = 0; i < diff->n_apps; i++) {
        dispatch->apps[i].config = &config->apps[i];
        change_app(&dispatch->apps[i], diff->apps[i].changes);
    }
    http_set_max_connections(&dispatch->http, n_connections(config));
}

/* ---- sending */

static void put_transfer(struct transfer *transfer)
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
    if (request->n_parts > transfer->n_events) {
        free(transfer->events);
        transfer->events = calloc(request->n_parts, sizeof(*transfer->events));
        transfer->n_events = transfer->events ? request->n_parts : 0;
    }
    return request->n_parts <= transfer->n_events;
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
    put_transfer(transfer);
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

static void tell_not_sent(struct dispatch *dispatch, struct request *request, const char *why)
{
    struct answer answer = {.kind = ANSWER_RETRY, .retry_after_ms = -1, .text = why};

    log_event(LOG_ERR, "http", "a request could not be sent",
              LOG_TEXT("app", dispatch->config->apps[request->app].name), LOG_TEXT("error", why));
    engine_answer(dispatch->engine, request, &answer, clock_ms());
}

static bool is_trigger(const struct request *request)
{
    return delivery_is_trigger(DELIVERY_OF(request->parts[0]->job)->op);
}

static void on_done(struct http_call *call);

static void send_request(struct dispatch *dispatch, struct request *request)
{
    struct transfer *transfer = get_transfer(dispatch, request);

    if (!transfer) {
        tell_not_sent(dispatch, request, "out of memory");
        return;
    }
    request->transfer = transfer;
    memset(&transfer->call, 0, sizeof(transfer->call));
    write_body(transfer);
    transfer->call.target = transfer->target;
    transfer->call.max_reply_bytes = is_trigger(request) ? REPLY_MAX_BYTES : RESULT_MAX_BYTES;
    transfer->call.done_cb = on_done;
    transfer->call.data = transfer;
    if (sign(transfer) != 0) {
        put_transfer(transfer);
        tell_not_sent(dispatch, request, "the request could not be signed");
        return;
    }
    if (http_start(dispatch->apps[request->app].endpoint, &transfer->call) != 0) {
        put_transfer(transfer);
        tell_not_sent(dispatch, request, "out of memory");
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

/* ---- answers */

static enum answer_kind kind_of(enum pusher_reply_class class_)
{
    switch (class_) {
    case PUSHER_REPLY_DONE:
        return ANSWER_DONE;
    case PUSHER_REPLY_RETRY:
        return ANSWER_RETRY;
    case PUSHER_REPLY_REFUSED:
        return ANSWER_REFUSED;
    case PUSHER_REPLY_CLOCK:
        return ANSWER_CLOCK;
    case PUSHER_REPLY_FORBIDDEN:
    case PUSHER_REPLY_NOT_FOUND: /* every server has the two paths used here: host or prefix is
                                    wrong */
        break;
    }
    return ANSWER_FORBIDDEN;
}

static void correct_clock(struct dispatch_app *app, const char *date)
{
    time_t server_s = curl_getdate(date, NULL);

    if (server_s < 0)
        return;
    app->clock_offset_s = (int64_t)server_s - clock_unix_s();
    log_event(LOG_WARNING, "http",
              "the clock differs from the server's, requests are signed by its",
              LOG_TEXT("app", app->config->name), LOG_NUMBER("offset_s", app->clock_offset_s));
}

/* The answer to a call is its result: its JSON as it is, any other text as a JSON string. */
static bool keep_call_result(struct part *part, const struct http_call *call)
{
    free(part->result);
    part->result = NULL;
    if (call->reply_len < RESULT_MAX_BYTES)
        part->result = outcome_result_json(call->reply, call->reply_len);
    return part->result != NULL;
}

/* What `info` asked for, to the parts that asked. */
static void keep_results(const struct transfer *transfer)
{
    const struct http_call *call = &transfer->call;
    const struct request *request = transfer->request;

    for (unsigned i = 0; i < request->n_parts; i++) {
        struct part *part = request->parts[i];

        if (!DELIVERY_OF(part->job)->item_names)
            continue;
        free(part->result);
        part->result = part->alone ? pusher_reply_channels_info(call->reply, call->reply_len)
                                   : pusher_reply_batch_info(call->reply, call->reply_len, i);
    }
}

static void log_answer(const struct transfer *transfer, const struct answer *answer)
{
    static const char *const messages[] = {
        [ANSWER_RETRY] = "Pusher did not take a request, will retry",
        [ANSWER_REFUSED] = "Pusher refused a request",
        [ANSWER_FORBIDDEN] = "Pusher refuses the app",
        [ANSWER_CLOCK] = "Pusher refused the timestamp",
        [ANSWER_CANCELLED] = "a request was given up",
        [ANSWER_OUTDATED] = "Pusher did not take a request of before the app was changed",
    };
    const struct request *request = transfer->request;

    if (answer->kind == ANSWER_DONE)
        return;
    log_event(LOG_WARNING, "http", messages[answer->kind],
              LOG_TEXT("app", transfer->dispatch->config->apps[request->app].name),
              LOG_NUMBER("events", request->n_parts), LOG_NUMBER("status", answer->http),
              LOG_NUMBER("attempt", request->parts[0]->job->attempts),
              LOG_TEXT("text", answer->text));
}

const char *dispatch_cause_name(enum gate_cause cause)
{
    static const char *const causes[] = {[GATE_NO_CAUSE] = "",
                                         [GATE_REFUSED] = "refused",
                                         [GATE_HELD] = "retry-after",
                                         [GATE_DOWN] = "down"};

    return causes[cause];
}

static void log_gate(const struct dispatch *dispatch, unsigned app, enum gate_state before)
{
    const char *name = dispatch->config->apps[app].name, *text;
    const struct gate *gate = engine_gate(dispatch->engine, app, &text);

    if (gate->state == GATE_CLOSED && before == GATE_OPEN)
        log_event(LOG_ERR, "gate", "the app is paused, its jobs wait", LOG_TEXT("app", name),
                  LOG_TEXT("cause", dispatch_cause_name(gate->cause)), LOG_TEXT("text", text));
    else if (gate->state == GATE_OPEN && before != GATE_OPEN)
        log_event(LOG_NOTICE, "gate", "the app goes on", LOG_TEXT("app", name));
}

/* Only the paths of triggers are sure to exist: that another does not is the job's own fault. */
static enum answer_kind kind_for(const struct request *request, enum pusher_reply_class class_)
{
    if (class_ == PUSHER_REPLY_NOT_FOUND && !is_trigger(request))
        return ANSWER_REFUSED;
    return kind_of(class_);
}

/* A server that the app does not have any more, or that refuses what is not used any more, says
 * nothing of the one that is asked now. */
static bool is_outdated(const struct transfer *transfer, enum answer_kind kind)
{
    return transfer->version != transfer->dispatch->apps[transfer->request->app].version &&
           (kind == ANSWER_RETRY || kind == ANSWER_FORBIDDEN || kind == ANSWER_CLOCK);
}

static struct answer read_answer(struct transfer *transfer, struct pusher_reply *reply)
{
    const struct http_call *call = &transfer->call;
    struct answer answer = {.kind = ANSWER_RETRY, .retry_after_ms = -1, .text = call->error};

    if (call->cancelled)
        answer.kind = ANSWER_CANCELLED;
    if (call->status == 0)
        return answer;
    pusher_reply_read(call->status, call->reply, call->reply_len, reply);
    answer.kind = kind_for(transfer->request, reply->class_);
    answer.http = reply->status;
    answer.text = reply->text[0] != '\0' ? reply->text : call->error;
    if (answer.kind == ANSWER_RETRY && call->retry_after[0] != '\0')
        answer.retry_after_ms = pusher_retry_after_ms(call->retry_after, strlen(call->retry_after),
                                                      clock_unix_s(), RETRY_AFTER_MAX_MS);
    return answer;
}

/* Memory may be there the next time. */
static struct answer cannot_keep(const struct http_call *call)
{
    if (call->reply_len < RESULT_MAX_BYTES)
        return (struct answer){ANSWER_RETRY, call->status, -1, "no memory to keep the reply"};
    return (struct answer){ANSWER_REFUSED, call->status, -1, "the reply is too large to keep"};
}

static void on_done(struct http_call *call)
{
    struct transfer *transfer = call->data;
    struct dispatch *dispatch = transfer->dispatch;
    struct request *request = transfer->request;
    unsigned app = request->app;
    struct pusher_reply reply;
    struct answer answer = read_answer(transfer, &reply);
    const char *text;
    enum gate_state before = engine_gate(dispatch->engine, app, &text)->state;

    if (is_outdated(transfer, answer.kind))
        answer.kind = ANSWER_OUTDATED;
    if (answer.kind == ANSWER_CLOCK)
        correct_clock(&dispatch->apps[app], call->date);
    if (answer.kind == ANSWER_DONE && is_trigger(request))
        keep_results(transfer);
    else if (answer.kind == ANSWER_DONE && !keep_call_result(request->parts[0], call))
        answer = cannot_keep(call);
    if (!call->cancelled)
        log_answer(transfer, &answer);
    metrics_answered(&dispatch->metrics->apps[app], request, call->status, &answer,
                     (uv_hrtime() - transfer->sent_ns) / 1000);
    engine_answer(dispatch->engine, request, &answer, clock_ms());
    log_gate(dispatch, app, before);
    put_transfer(transfer);
}

/* ---- the end */

void dispatch_close(struct dispatch *dispatch, http_close_cb cb, void *data)
{
    dispatch->http.data = data;
    http_close(&dispatch->http, cb);
}

void dispatch_deinit(struct dispatch *dispatch)
{
    while (dispatch->spare) {
        struct transfer *transfer = dispatch->spare;

        dispatch->spare = transfer->next;
        free(transfer->target);
        free(transfer->body);
        free(transfer->events);
        free(transfer);
    }
    free(dispatch->apps);
    dispatch->apps = NULL;
}
