/* What an operator does: the same scripts as pusherctl's failures and pause, one entry or one pause
 * a request. Bodies are JSON objects, of strings only:
 *
 *     POST /api/replay {"queue","id"}        POST /api/pause  {"queue","app"?,"reason"?}
 *     POST /api/drop   {"queue","id"}        POST /api/resume {"queue","app"?} */
#include <inttypes.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/clock.h"
#include "daemon/log.h"
#include "daemon/pusherd.h"
#include "daemon/status_private.h"
#include "daemon/view/entry.h"
#include "daemon/view/replay_header.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

#define MAX_REASON 500
#define WHOLE      "*" /* the queue, where an app is named */
#define ARENA_SPEC (64u << 20)

/* ---- the body */

static json_t *read_body(struct status_request *request)
{
    json_t *root = json_loadb(request->body, request->body_len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(root))
        return root;
    json_decref(root);
    status_answer_error(request, MHD_HTTP_BAD_REQUEST, "the body is no JSON object");
    return NULL;
}

static const char *member(const json_t *body, const char *name)
{
    return json_string_value(json_object_get(body, name));
}

/* The queue and the entry that the body names; NULL, and an answer, if it does not. */
static struct source *read_entry(struct status_request *request, const json_t *body,
                                 char ret_id[STREAM_ID_MAX])
{
    const char *id = member(body, "id");
    struct source *source = status_find_queue(request, member(body, "queue"));

    if (!source || (id && stream_id_read(id, ret_id)))
        return source;
    status_answer_error(request, MHD_HTTP_BAD_REQUEST, "id: not the id of an entry");
    return NULL;
}

static void answer_number(struct status_request *request, const char *name, long long n)
{
    char *text = NULL;
    int len = asprintf(&text, "{\"%s\":%lld}\n", name, n);

    status_answer(request, MHD_HTTP_OK, STATUS_TYPE_JSON, len < 0 ? NULL : text,
                  len < 0 ? 0 : (size_t)len);
}

static void answer_gone(struct status_request *request)
{
    status_answer_error(request, MHD_HTTP_NOT_FOUND,
                        "there is no such entry any more: it was replayed or dropped");
}

/* ---- replay */

static void on_replayed(struct status_request *request, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 0)
        answer_number(request, "replayed", 1);
    else
        answer_gone(request);
}

/* Of a job that failed in part, only those parts are sent again; '' where all of it is. */
static int make_header(struct status_request *request, const struct stream_entry *entry,
                       char **ret_header)
{
    struct pusher_string job = stream_field(entry, "job"), parts = stream_field(entry, "parts");
    char why[REPLAY_WHY_MAX] = "it has no job";
    struct arena arena;
    int status = job.ptr ? 0 : -1;

    *ret_header = NULL;
    arena_init(&arena, ARENA_SPEC);
    if (job.ptr && parts.ptr)
        status = replay_header(job, parts, &arena, ret_header, why);
    arena_deinit(&arena);
    if (status != 0)
        status_answer_error(request, MHD_HTTP_CONFLICT, "it stays a failure: %s", why);
    return status;
}

static void send_replay(struct status_request *request, struct source *source, const char *id,
                        const char *header)
{
    struct script_call *call = script_call_new(&script_replay);

    if (call) {
        script_key(call, source->list_key[KEYS_FAILURES]);
        script_key(call, source->queue->list);
        script_key(call, source->list_key[KEYS_RETRY]);
        script_key(call, source->list_key[KEYS_RETRY_JOBS]);
        script_key(call, source->list_key[KEYS_SEQ]);
        script_arg_text(call, id);
        script_arg_text(call, header);
    }
    status_ask_script(request, source, call, on_replayed);
}

static void on_entry(struct status_request *request, const redisReply *reply)
{
    struct stream_entry entry;
    struct source *source = NULL;
    char id[STREAM_ID_MAX], *header;
    json_t *body;

    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 1 ||
        !stream_entry_read(reply->element[0], &entry)) {
        answer_gone(request);
        return;
    }
    body = read_body(request);
    if (body)
        source = read_entry(request, body, id);
    if (source && make_header(request, &entry, &header) == 0) {
        send_replay(request, source, id, header ? header : "");
        free(header);
    }
    json_decref(body);
}

/* The whole entry is asked for first, to see what was delivered of it. */
void console_replay(struct status_request *request)
{
    json_t *body = read_body(request);
    char id[STREAM_ID_MAX];
    struct source *source = body ? read_entry(request, body, id) : NULL;

    if (source) {
        const char *argv[] = {"XRANGE", source->list_key[KEYS_FAILURES], id, id};

        log_event(LOG_NOTICE, "console", "an operator replays a failure",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("entry", id));
        status_ask(request, source, 4, argv, on_entry);
    }
    json_decref(body);
}

/* ---- drop */

static void on_dropped(struct status_request *request, const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER && reply->integer > 0)
        answer_number(request, "dropped", reply->integer);
    else
        answer_gone(request);
}

void console_drop(struct status_request *request)
{
    json_t *body = read_body(request);
    char id[STREAM_ID_MAX];
    struct source *source = body ? read_entry(request, body, id) : NULL;

    if (source) {
        const char *argv[] = {"XDEL", source->list_key[KEYS_FAILURES], id};

        log_event(LOG_NOTICE, "console", "an operator drops a failure",
                  LOG_TEXT("queue", source->queue->name), LOG_TEXT("entry", id));
        status_ask(request, source, 3, argv, on_dropped);
    }
    json_decref(body);
}

/* ---- pause and resume */

/* What is paused is heard of soon: sooner than the lease would have been renewed. */
static void on_paused(struct status_request *request, const redisReply *reply)
{
    struct pusherd *pusherd = request->status->pusherd;

    for (size_t i = 0; i < pusherd->config->n_queues; i++) {
        if (pusherd_has_queue(pusherd, i))
            pusherd->sources[i].next_beat_ms = clock_ms();
    }
    answer_number(request, "changed", reply->type == REDIS_REPLY_INTEGER ? reply->integer : 0);
}

/* WHOLE where none is named; NULL, and an answer, if there is none of this name. */
static const char *read_app(struct status_request *request, const json_t *body)
{
    const json_t *value = json_object_get(body, "app");
    const char *app = json_string_value(value);

    if (!value || json_is_null(value))
        return WHOLE;
    if (app && config_find_app(request->status->pusherd->config, app, strlen(app)) != SIZE_MAX)
        return app;
    status_answer_error(request, MHD_HTTP_NOT_FOUND, "app: there is none of this name");
    return NULL;
}

/* A reason that is no text would be lost without a word. */
static bool may_have_reason(struct status_request *request, const json_t *body)
{
    const json_t *reason = json_object_get(body, "reason");

    if (!reason || json_is_null(reason) || json_is_string(reason))
        return true;
    status_answer_error(request, MHD_HTTP_BAD_REQUEST, "reason: not a text");
    return false;
}

/* False when out of memory: a pause without the reason that was given would be another one. */
static bool add_reason(struct script_call *call, const char *reason)
{
    struct text_out text;
    char *json;
    size_t len;
    FILE *out;

    if (!reason || !*reason) {
        script_arg_text(call, "");
        return true;
    }
    out = text_out_open(&text);
    if (out)
        text_json(out, (struct pusher_string){reason, strnlen(reason, MAX_REASON)});
    json = text_out_close(&text, &len);
    if (json)
        script_arg(call, json, len);
    free(json);
    return json != NULL;
}

static void send_pause(struct status_request *request, struct source *source, const char *op,
                       const char *app, const char *reason)
{
    struct script_call *call = script_call_new(&script_pause);

    log_event(LOG_NOTICE, "console", "an operator changes a pause", LOG_TEXT("do", op),
              LOG_TEXT("queue", source->queue->name), LOG_TEXT("app", app));
    if (call) {
        script_key(call, source->list_key[KEYS_PAUSED]);
        script_arg_text(call, op);
        script_arg_text(call, app);
        if (!add_reason(call, reason)) {
            script_call_free(call);
            call = NULL;
        }
    }
    status_ask_script(request, source, call, on_paused);
}

static void change_pause(struct status_request *request, const char *op)
{
    json_t *body = read_body(request);
    struct source *source = body ? status_find_queue(request, member(body, "queue")) : NULL;
    const char *app = source ? read_app(request, body) : NULL;

    if (app && may_have_reason(request, body))
        send_pause(request, source, op, app, member(body, "reason"));
    json_decref(body);
}

void console_pause(struct status_request *request)
{
    change_pause(request, "pause");
}

void console_resume(struct status_request *request)
{
    change_pause(request, "resume");
}
