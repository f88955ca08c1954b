/* What came back of a request: what it means for the engine, what is kept of it, and what the log
 * says of it. */
#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/delivery.h"
#include "daemon/dispatch_private.h"
#include "daemon/log.h"
#include "lib/reply_info.h"
#include "proto/outcome.h"
#include "pusher/reply.h"

#define RETRY_AFTER_MAX_MS 60000 /* a server that asks for longer is asked again after this */

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

/* What is said of a clock that is not corrected: here, and what the server says behind it. */
#define CLOCK_TEXT_MAX (sizeof(((struct pusher_reply *)NULL)->text) + 160)

static void refuse_clock(const struct app_config *app, int64_t offset_s, struct answer *answer,
                         char text[CLOCK_TEXT_MAX])
{
    log_event(LOG_ERR, "http",
              "the clock differs from the server's by too much to be corrected: set this machine's",
              LOG_TEXT("app", app->name), LOG_NUMBER("offset_s", offset_s),
              LOG_NUMBER("max_s", PUSHER_CLOCK_OFFSET_MAX_S));
    (void)snprintf(text, CLOCK_TEXT_MAX,
                   "the server's clock differs by %" PRId64 " s, over the %d that are corrected: "
                   "set this machine's clock. It says: %s",
                   offset_s, PUSHER_CLOCK_OFFSET_MAX_S, answer->text);
    answer->kind = ANSWER_FORBIDDEN;
    answer->text = text;
}

/* A server that tells no time may mean a request of before the clock was corrected. One whose time
 * is too far away refuses the app, until one of the two clocks is set. */
static void correct_clock(struct dispatch_app *app, const char *date, struct answer *answer,
                          char text[CLOCK_TEXT_MAX])
{
    time_t server_s = curl_getdate(date, NULL);
    int64_t offset_s = (int64_t)server_s - clock_unix_s();

    if (server_s < 0)
        return;
    if (llabs(offset_s) > PUSHER_CLOCK_OFFSET_MAX_S) {
        refuse_clock(app->config, offset_s, answer, text);
        return;
    }
    app->clock_offset_s = offset_s;
    log_event(LOG_WARNING, "http",
              "the clock differs from the server's, requests are signed by its",
              LOG_TEXT("app", app->config->name), LOG_NUMBER("offset_s", offset_s));
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

static bool keep_info(struct part *part, const json_t *root, size_t index)
{
    free(part->result);
    return (part->alone ? pusher__reply_channels_info(root, &part->result)
                        : pusher__reply_batch_info(root, index, &part->result)) == 0;
}

/* What `info` asked for, to the parts that asked. False if there is no memory for it. */
static bool keep_all_info(const struct transfer *transfer)
{
    const struct http_call *call = &transfer->call;
    const struct request *request = transfer->request;
    bool is_kept = true;
    json_t *root;

    if (!dispatch_wants_info(request))
        return true;
    if (pusher__reply_load(call->reply, call->reply_len, &root) != 0)
        return false;
    for (unsigned i = 0; i < request->n_parts && is_kept; i++) {
        if (DELIVERY_OF(request->parts[i]->job)->item_names)
            is_kept = keep_info(request->parts[i], root, i);
    }
    json_decref(root);
    return is_kept;
}

static bool keep_results(const struct transfer *transfer)
{
    const struct request *request = transfer->request;

    return dispatch_is_trigger(request) ? keep_all_info(transfer)
                                        : keep_call_result(request->parts[0], &transfer->call);
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
    if (class_ == PUSHER_REPLY_NOT_FOUND && !dispatch_is_trigger(request))
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
    const struct dispatch_app *app = &transfer->dispatch->apps[transfer->request->app];
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
        answer.retry_after_ms =
            pusher_retry_after_ms(call->retry_after, strlen(call->retry_after),
                                  clock_unix_s() + app->clock_offset_s, RETRY_AFTER_MAX_MS);
    return answer;
}

/* Memory may be there the next time. What is of no use if it is cut is refused; events are
 * published all the same. */
static struct answer cannot_keep(const struct transfer *transfer)
{
    const struct http_call *call = &transfer->call;

    if (dispatch_is_trigger(transfer->request) || call->reply_len < RESULT_MAX_BYTES)
        return (struct answer){ANSWER_RETRY, call->status, -1, "no memory to keep the reply"};
    return (struct answer){ANSWER_REFUSED, call->status, -1, "the reply is too large to keep"};
}

void dispatch_on_done(struct http_call *call)
{
    struct transfer *transfer = call->data;
    struct dispatch *dispatch = transfer->dispatch;
    struct request *request = transfer->request;
    unsigned app = request->app;
    struct pusher_reply reply;
    struct answer answer = read_answer(transfer, &reply);
    char clock_text[CLOCK_TEXT_MAX];
    const char *text;
    enum gate_state before = engine_gate(dispatch->engine, app, &text)->state;

    if (is_outdated(transfer, answer.kind))
        answer.kind = ANSWER_OUTDATED;
    if (answer.kind == ANSWER_CLOCK)
        correct_clock(&dispatch->apps[app], call->date, &answer, clock_text);
    if (answer.kind == ANSWER_DONE && !keep_results(transfer))
        answer = cannot_keep(transfer);
    if (!call->cancelled)
        log_answer(transfer, &answer);
    metrics_answered(&dispatch->metrics->apps[app], request, call->status, &answer,
                     (uv_hrtime() - transfer->sent_ns) / 1000);
    engine_answer(dispatch->engine, request, &answer, clock_ms());
    log_gate(dispatch, app, before);
    dispatch_put_transfer(transfer);
}
