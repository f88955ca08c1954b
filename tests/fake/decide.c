/* From a whole request to its answer: which rule applies, what the API says to it, what of both is
 * answered, and what counts as published. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake.h"

int64_t clock_unix_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static unsigned client_port(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return ntohs(((const struct sockaddr_in *)(const void *)info->client_addr)->sin_port);
}

/* True if its connection has had a request before; counts it. */
static bool count_on_connection(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    unsigned *n_requests = info->socket_context;
    return (*n_requests)++ > 0;
}

static const char *app_id(const struct request *request)
{
    const struct app *app = api_app(&request->fake->options.api, request->path);
    return app ? app->id : "";
}

/* Takes a number and the rule for it. */
static uint64_t take_number(struct request *request)
{
    struct fake *fake = request->fake;
    pthread_mutex_lock(&fake->lock);
    uint64_t number = ++fake->n_requests;
    struct rule_input input = {.path = request->path,
                               .app = app_id(request),
                               .body = request->body,
                               .body_len = request->body_len,
                               .number = number,
                               .reused = count_on_connection(request->connection),
                               .random = &fake->random};
    request->action = rules_apply(&fake->rules, &input);
    pthread_mutex_unlock(&fake->lock);
    return number;
}

static json_t *copy_channels(struct request *request)
{
    if (strcmp(request->method, "GET") != 0) {
        return NULL;
    }
    pthread_mutex_lock(&request->fake->lock);
    json_t *channels = json_copy(request->fake->recorder.channels);
    pthread_mutex_unlock(&request->fake->lock);
    return channels;
}

static int64_t signed_s(const struct request *request)
{
    const char *text = request->query_ok ? query_get(&request->query, "auth_timestamp") : NULL;
    return text ? strtoll(text, NULL, 10) : 0;
}

static void ask_api(struct request *request, int64_t now_s, struct api_reply *ret_reply)
{
    struct api_call call = {.method = request->method,
                            .path = request->path,
                            .query = &request->query,
                            .body = request->body,
                            .body_len = request->body_len,
                            .now_s = now_s,
                            .channels = copy_channels(request)};
    const struct flavor *flavor = request->fake->options.api.flavor;
    if (request->body_too_large) {
        *ret_reply = (struct api_reply){0};
        answer_refuse(&ret_reply->answer, flavor, REFUSE_REQUEST_SIZE, "Request entity too large");
    } else if (!request->query_ok) {
        *ret_reply = (struct api_reply){0};
        answer_refuse(&ret_reply->answer, flavor, REFUSE_BODY, "The query cannot be read");
    } else {
        api_handle(&request->fake->options.api, &call, ret_reply);
    }
    json_decref(call.channels);
}

static void override_answer(const struct action *action, struct answer *answer)
{
    if (action->status == 0 && !action->body) {
        return;
    }
    unsigned status = action->status ? action->status : answer->status;
    answer_json_text(answer, status, strdup(action->body ? action->body : ""));
    answer->json = action->body && (action->body[0] == '{' || action->body[0] == '[');
}

/* How many of the events count as published. */
static size_t n_published(const struct action *action, const struct api_reply *reply, bool refused)
{
    size_t n = reply->publication.n_events;
    bool is_cut = action->close || action->hang || (action->reset && action->truncate < 0);
    bool answered_ok = reply->answer.status < 300 && !is_cut;
    if (refused) {
        return 0;
    }
    switch (action->publish) {
    case PUBLISH_ALL:
        return n;
    case PUBLISH_PREFIX:
        return action->prefix < n ? action->prefix : n;
    case PUBLISH_USUAL:
        return answered_ok ? n : 0;
    case PUBLISH_NONE:
        break;
    }
    return 0;
}

static enum outcome outcome_of(const struct action *action)
{
    if (action->hang) {
        return OUTCOME_HUNG;
    }
    if (action->close) {
        return OUTCOME_CLOSED;
    }
    if (action->stall >= 0) {
        return OUTCOME_STALLED;
    }
    if (action->reset) {
        return OUTCOME_RESET;
    }
    return action->truncate >= 0 ? OUTCOME_TRUNCATED : OUTCOME_ANSWERED;
}

static void record(struct request *request, const struct request_note *note,
                   const struct publication *publication, size_t published)
{
    struct fake *fake = request->fake;
    pthread_mutex_lock(&fake->lock);
    request->seq = recorder_add_request(&fake->recorder, note);
    for (size_t i = 0; i < published; i++) {
        recorder_add_event(&fake->recorder, note->number, note->received_us,
                           &publication->events[i]);
    }
    pthread_mutex_unlock(&fake->lock);
}

void request_decide(struct request *request)
{
    struct api_reply reply;
    struct request_note note = {.received_us = clock_unix_us(), .number = take_number(request)};
    ask_api(request, note.received_us / 1000000 + request->action.skew_s, &reply);

    bool refused = reply.answer.refused;
    note.bad_signature = reply.answer.bad_signature;
    override_answer(&request->action, &reply.answer);
    note.status = reply.answer.status;
    note.outcome = outcome_of(&request->action);
    note.signed_s = signed_s(request);
    note.method = request->method;
    note.path = request->path;
    note.app = app_id(request);
    note.is_batch = reply.is_batch;
    note.n_events = reply.publication.n_events;
    note.body_len = request->body_len;
    note.client_port = client_port(request->connection);
    record(request, &note, &reply.publication, n_published(&request->action, &reply, refused));

    request->answer = reply.answer;
    reply.answer = (struct answer){0};
    api_reply_deinit(&reply);
}
