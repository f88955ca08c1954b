#include "proto/compute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/args.h"
#include "proto/json_write.h"
#include "pusher/auth.h"
#include "pusher/webhook.h"

static int fail_with(struct pusher_error *error, int code, const char *text)
{
    error->code = code;
    snprintf(error->text, sizeof error->text, "%s", text);
    return code;
}

static int fail(struct pusher_error *error, int code)
{
    return fail_with(error, code, pusher_error_text(code));
}

/* {"valid":true,"time_ms":..,"events":[..]} */
static int validate_webhook(const struct pusher_client *client, const struct job_spec *spec,
                            struct arena *arena, char **ret_json, struct pusher_error *error)
{
    struct pusher_param headers[ARGS_MAX];
    struct pusher_token tokens[ARGS_MAX];
    struct pusher_webhook webhook = {.headers = headers, .body = spec->raw_body, .tokens = tokens};
    char *read, *json;
    int rc = args_pairs(spec->headers, "headers", arena, headers, &webhook.n_headers, error);
    if (rc == 0)
        rc = args_tokens(spec->additional_tokens, arena, tokens, &webhook.n_tokens, error);
    if (rc == 0)
        rc = pusher_webhook_read(client, &webhook, &read, error);
    if (rc != 0)
        return rc;
    rc = asprintf(&json, "{\"valid\":true,%s", read + 1) < 0 ? PUSHER_ENOMEM : 0;
    free(read);
    if (rc != 0)
        return fail(error, rc);
    *ret_json = json;
    return 0;
}

static int quote(const char *text, char **ret_json, struct pusher_error *error)
{
    struct json_sink sink = JSON_SINK_COUNTS;
    json_write_string(&sink, pusher_str(text));
    char *json = malloc(sink.len + 1);
    if (!json)
        return fail(error, PUSHER_ENOMEM);
    sink = json_sink_into(json, sink.len);
    json_write_string(&sink, pusher_str(text));
    json[sink.len] = '\0';
    *ret_json = json;
    return 0;
}

/* NULL for a text that is too long or holds a NUL. */
static const char *c_string(struct pusher_string text, char *buf, size_t size)
{
    if (text.len >= size || memchr(text.ptr, '\0', text.len))
        return NULL;
    memcpy(buf, text.ptr, text.len);
    buf[text.len] = '\0';
    return buf;
}

/* A JSON string: the query, as the SDKs return it. */
static int sign_query(const struct pusher_client *client, const struct job_spec *spec,
                      struct arena *arena, int64_t unix_s, char **ret_json,
                      struct pusher_error *error)
{
    struct pusher_param params[ARGS_MAX];
    char method_buf[32], path_buf[PUSHER_PATH_MAX];
    const char *method = c_string(spec->method, method_buf, sizeof method_buf);
    const char *path = c_string(spec->path, path_buf, sizeof path_buf);
    size_t n_params, size = PUSHER_TARGET_MAX + 3 * spec->params.len;
    int rc = args_pairs(spec->params, "params", arena, params, &n_params, error);
    if (rc == 0 && !path)
        rc = fail_with(error, PUSHER_EINVAL, "the path is too long or holds a NUL");
    if (rc == 0) /* no method has no letters */
        rc = pusher_request_check(method ? method : "", path, params, n_params, error);
    char *query = rc == 0 ? malloc(size) : NULL;
    if (rc != 0 || !query)
        return rc != 0 ? rc : fail(error, PUSHER_ENOMEM);
    rc = pusher_request_query(client, method, path, params, n_params, spec->body.ptr,
                              spec->body.len, unix_s, query, size);
    rc = rc == 0 ? quote(query, ret_json, error) : fail(error, rc);
    free(query);
    return rc;
}

bool compute_can(enum job_op op)
{
    return op == JOB_OP_AUTHENTICATE_USER || op == JOB_OP_AUTHORIZE_CHANNEL ||
           op == JOB_OP_VALIDATE_WEBHOOK || op == JOB_OP_CREATE_SIGNED_QUERY_STRING;
}

int compute_op(const struct pusher_client *client, const struct job_spec *spec, struct arena *arena,
               int64_t unix_s, char **ret_json, struct pusher_error *ret_error)
{
    switch (spec->op) {
    case JOB_OP_AUTHENTICATE_USER:
        return pusher_authenticate_user(client, spec->socket_id, spec->user_data, ret_json,
                                        ret_error);
    case JOB_OP_AUTHORIZE_CHANNEL:
        return pusher_authorize_channel(client, spec->socket_id, spec->channel, spec->channel_data,
                                        ret_json, ret_error);
    case JOB_OP_VALIDATE_WEBHOOK:
        return validate_webhook(client, spec, arena, ret_json, ret_error);
    case JOB_OP_CREATE_SIGNED_QUERY_STRING:
        return sign_query(client, spec, arena, unix_s, ret_json, ret_error);
    default:
        return fail(ret_error, PUSHER_EINVAL);
    }
}
