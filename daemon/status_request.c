/* A request that waits for Redis is suspended: libmicrohttpd leaves it alone until it is resumed.
 * What was asked is a call of its own, which may outlive the request. */
#include <errno.h>
#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/pusherd.h"
#include "daemon/source_private.h"
#include "daemon/status_private.h"
#include "daemon/view/text.h"
#include "proto/text_out.h"

#define MAX_WAITING 8 /* that wait for Redis at a time */

struct status_call {
    struct status_request *request; /* NULL: it is gone */
    status_reply_cb reply_cb;
};

struct status_request *status_request_new(struct status *status, struct MHD_Connection *connection)
{
    struct status_request *request = calloc(1, sizeof(*request));

    if (!request)
        return NULL;
    request->status = status;
    request->connection = connection;
    list_init(&request->link);
    return request;
}

static void stop_waiting(struct status_request *request)
{
    if (!request->call)
        return;
    request->call->request = NULL;
    request->call = NULL;
    list_remove(&request->link);
    request->status->n_waiting--;
}

void status_request_free(struct status_request *request)
{
    if (!request)
        return;
    stop_waiting(request);
    status_text_unref(request->text);
    free(request);
}

/* ---- the answer */

void status_answer(struct status_request *request, unsigned http, const char *type, char *text,
                   size_t len)
{
    status_answer_with(request, type, status_text_new(http, text, len));
}

void status_answer_with(struct status_request *request, const char *type, struct status_text *text)
{
    request->http = text ? text->http : MHD_HTTP_INTERNAL_SERVER_ERROR;
    request->type = type;
    request->text = text;
    if (!request->is_suspended)
        return;
    request->is_suspended = false;
    MHD_resume_connection(request->connection);
    status_serve_soon(request->status);
}

void status_answer_error(struct status_request *request, unsigned http, const char *format, ...)
{
    char why[512], *json;
    struct text_out text;
    size_t len = 0;
    va_list args;
    FILE *out = text_out_open(&text);

    va_start(args, format);
    (void)vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    if (out) {
        fputs("{\"error\":", out);
        text_json(out, pusher_str(why));
        fputs("}\n", out);
    }
    json = text_out_close(&text, &len);
    status_answer(request, http, STATUS_TYPE_JSON, json, len);
}

/* ---- asking Redis */

static void on_reply(const redisReply *reply, void *data)
{
    struct status_call *call = data;
    struct status_request *request = call->request;

    if (request) {
        stop_waiting(request);
        if (!reply)
            status_answer_error(
                request, MHD_HTTP_SERVICE_UNAVAILABLE,
                "the connection to Redis was lost: nobody knows whether it is done");
        else if (reply->type == REDIS_REPLY_ERROR)
            status_answer_error(request, MHD_HTTP_BAD_GATEWAY, "Redis: %s", reply->str);
        else
            call->reply_cb(request, reply);
    }
    free(call);
}

static void on_command_reply(struct redis *redis, const redisReply *reply, void *data)
{
    (void)redis;
    on_reply(reply, data);
}

static struct status_call *new_call(struct status_request *request, const struct source *source,
                                    status_reply_cb reply_cb)
{
    struct status_call *call;

    if (source->commands.state != REDIS_UP) {
        status_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "no connection to Redis: %s",
                            source->commands.errmsg);
        return NULL;
    }
    if (request->status->n_waiting >= MAX_WAITING) {
        status_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
                            "too many requests wait for Redis, try again");
        return NULL;
    }
    call = calloc(1, sizeof(*call));
    if (!call) {
        status_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
        return NULL;
    }
    *call = (struct status_call){request, reply_cb};
    return call;
}

static void sent(struct status_request *request, struct status_call *call, int status)
{
    if (status != 0) {
        free(call);
        status_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "Redis cannot be asked");
        return;
    }
    request->call = call;
    list_push(&request->status->waiting, &request->link);
    request->status->n_waiting++;
}

void status_ask_script(struct status_request *request, struct source *source,
                       struct script_call *script, status_reply_cb reply_cb)
{
    struct status_call *call = script ? new_call(request, source, reply_cb) : NULL;

    if (call)
        sent(request, call,
             script_send(script, &source->commands, SOURCE_TIMEOUT_MS, on_reply, call));
    else
        script_call_free(script);
    if (!script)
        status_answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
}

void status_ask(struct status_request *request, struct source *source, int argc,
                const char *const *argv, status_reply_cb reply_cb)
{
    struct status_call *call = new_call(request, source, reply_cb);
    size_t lengths[8];

    if (!call)
        return;
    for (int i = 0; i < argc; i++)
        lengths[i] = strlen(argv[i]);
    sent(request, call,
         redis_command(&source->commands, argc, argv, lengths, SOURCE_TIMEOUT_MS, on_command_reply,
                       call));
}

/* ---- what it names */

struct source *status_find_queue(struct status_request *request, const char *name)
{
    struct pusherd *pusherd = request->status->pusherd;

    for (size_t i = 0; name && i < pusherd->config->n_queues; i++) {
        if (pusherd_has_queue(pusherd, i) && strcmp(pusherd->config->queues[i].name, name) == 0)
            return &pusherd->sources[i];
    }
    status_answer_error(request, name ? MHD_HTTP_NOT_FOUND : MHD_HTTP_BAD_REQUEST,
                        name ? "queue: there is none of this name" : "queue is missing");
    return NULL;
}

const char *status_parameter(const struct status_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}
