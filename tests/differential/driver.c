/* libpusher behind JSON lines, for differential.mjs: thousands of cases in one process.
 *
 * The first line of stdin is {"app_id","key","secret","master_key"}, each further line one case,
 * {"op":"...", ...}; each case gives one line on stdout: {"code":"ok", ...} or the name of the
 * error and its text. Bad lines are mistakes of the script: they end the program with status 2. */
#include <err.h>
#include <jansson.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pusher/pusher.h"

#define ITEMS_MAX  200 /* params, headers, channels, events or tokens of a case */
#define TARGET_MAX 65536

struct driver {
    struct pusher_client *plain, *encrypting;
    const struct pusher_client *client; /* of this case */
    const json_t *args;
    struct pusher_error error;
};

static struct pusher_string text_of(const json_t *value)
{
    return (struct pusher_string){json_string_value(value), json_string_length(value)};
}

static struct pusher_string arg(const struct driver *d, const char *name)
{
    return text_of(json_object_get(d->args, name));
}

static const char *arg_c(const struct driver *d, const char *name)
{
    const char *text = json_string_value(json_object_get(d->args, name));
    if (!text)
        errx(2, "a case lacks \"%s\"", name);
    return text;
}

static int64_t arg_time(const struct driver *d)
{
    return json_integer_value(json_object_get(d->args, "t"));
}

static const json_t *arg_list(const struct driver *d, const char *name)
{
    const json_t *list = json_object_get(d->args, name);
    if (json_array_size(list) > ITEMS_MAX)
        errx(2, "\"%s\" has more than %d items", name, ITEMS_MAX);
    return list;
}

/* [["name","value"],...] */
static size_t read_pairs(const struct driver *d, const char *name,
                         struct pusher_param pairs[ITEMS_MAX])
{
    const json_t *list = arg_list(d, name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *pair = json_array_get(list, i);
        pairs[i].name = text_of(json_array_get(pair, 0));
        pairs[i].value = text_of(json_array_get(pair, 1));
    }
    return json_array_size(list);
}

static json_t *refusal(const struct driver *d, int rc)
{
    return json_pack("{s:s, s:s}", "code", pusher_error_name(rc), "text", d->error.text);
}

static json_t *accepted(const char *field, const char *text, size_t len)
{
    return json_pack("{s:s, s:s%}", "code", "ok", field, text, len);
}

/* Takes `json`. */
static json_t *accepted_json(char *json)
{
    json_t *result = accepted("json", json, strlen(json));
    free(json);
    return result;
}

static json_t *run_authorize(struct driver *d)
{
    char *json;
    int rc = pusher_authorize_channel(d->client, arg(d, "socket_id"), arg(d, "channel"),
                                      arg(d, "data"), &json, &d->error);
    return rc ? refusal(d, rc) : accepted_json(json);
}

static json_t *run_authenticate(struct driver *d)
{
    char *json;
    int rc =
        pusher_authenticate_user(d->client, arg(d, "socket_id"), arg(d, "data"), &json, &d->error);
    return rc ? refusal(d, rc) : accepted_json(json);
}

static json_t *run_query(struct driver *d)
{
    static char query[TARGET_MAX];
    struct pusher_param params[ITEMS_MAX];
    size_t n = read_pairs(d, "params", params);
    struct pusher_string body = arg(d, "body");
    int rc = pusher_request_query(d->client, arg_c(d, "method"), arg_c(d, "path"), params, n,
                                  body.ptr, body.len, arg_time(d), query, sizeof(query));
    return rc ? refusal(d, rc) : accepted("query", query, strlen(query));
}

static json_t *run_webhook(struct driver *d)
{
    struct pusher_param headers[ITEMS_MAX], pairs[ITEMS_MAX];
    struct pusher_token tokens[ITEMS_MAX];
    struct pusher_webhook webhook = {.headers = headers, .body = arg(d, "body"), .tokens = tokens};
    webhook.n_headers = read_pairs(d, "headers", headers);
    webhook.n_tokens = read_pairs(d, "tokens", pairs);
    for (size_t i = 0; i < webhook.n_tokens; i++)
        tokens[i] = (struct pusher_token){pairs[i].name, pairs[i].value};
    char *json;
    int rc = pusher_webhook_read(d->client, &webhook, &json, &d->error);
    return rc ? refusal(d, rc) : accepted_json(json);
}

static json_t *run_decrypt(struct driver *d)
{
    char *plaintext;
    size_t len;
    int rc = pusher_decrypt(d->client, arg(d, "channel"), arg(d, "data"), &plaintext, &len);
    if (rc != 0)
        return refusal(d, rc);
    json_t *result = accepted("plaintext", plaintext, len);
    free(plaintext);
    return result;
}

/* Signs a request, and gives it whole. */
static json_t *sign(const struct driver *d, const struct pusher_request *request)
{
    static char target[TARGET_MAX];
    struct pusher_string body = request->body;
    int rc = pusher_request_sign(d->client, request, arg_time(d), target, sizeof(target));
    if (rc != 0)
        return refusal(d, rc);
    return json_pack("{s:s, s:s, s:s, s:s%}", "code", "ok", "method", request->method, "target",
                     target, "body", body.ptr ? body.ptr : "", body.len);
}

static json_t *trigger(struct driver *d, const struct pusher_trigger *trigger)
{
    struct pusher_request request;
    size_t size;
    int rc = pusher_trigger_check(d->client, trigger, &size, &d->error);
    if (rc != 0)
        return refusal(d, rc);
    char *body = malloc(size);
    if (!body)
        err(2, "malloc");
    rc = pusher_trigger_encode(d->client, trigger, NULL, body, size);
    pusher_command_events(d->client, (struct pusher_string){body, size}, &request);
    json_t *result = rc ? refusal(d, rc) : sign(d, &request);
    free(body);
    return result;
}

static json_t *run_trigger(struct driver *d)
{
    struct pusher_string channels[ITEMS_MAX];
    const json_t *list = arg_list(d, "channels");
    for (size_t i = 0; i < json_array_size(list); i++)
        channels[i] = text_of(json_array_get(list, i));
    struct pusher_trigger t = {.channels = channels,
                               .n_channels = json_array_size(list),
                               .name = arg(d, "name"),
                               .data = arg(d, "data"),
                               .socket_id = arg(d, "socket_id"),
                               .info = arg(d, "info")};
    return trigger(d, &t);
}

/* As pusher_api_send_to_user() does before it sends. */
static json_t *run_send_to_user(struct driver *d)
{
    char buf[PUSHER_USER_CHANNEL_MAX];
    struct pusher_string user_id = arg(d, "user_id");
    int rc = pusher_user_id_check(user_id, &d->error);
    if (rc != 0)
        return refusal(d, rc);
    struct pusher_string channel = {buf, pusher_user_channel(user_id, buf)};
    struct pusher_trigger t = {
        .channels = &channel, .n_channels = 1, .name = arg(d, "name"), .data = arg(d, "data")};
    return trigger(d, &t);
}

/* The event as JSON, malloc'ed. */
static int encode_event(struct driver *d, const json_t *item, struct pusher_string *ret_text)
{
    struct pusher_event event = {.channel = text_of(json_object_get(item, "channel")),
                                 .name = text_of(json_object_get(item, "name")),
                                 .data = text_of(json_object_get(item, "data")),
                                 .socket_id = text_of(json_object_get(item, "socket_id")),
                                 .info = text_of(json_object_get(item, "info"))};
    size_t size;
    int rc = pusher_event_check(d->client, &event, &size, &d->error);
    if (rc != 0)
        return rc;
    char *buf = malloc(size);
    if (!buf)
        err(2, "malloc");
    rc = pusher_event_encode(d->client, &event, NULL, buf, size);
    if (rc == 0)
        *ret_text = (struct pusher_string){buf, size};
    else
        free(buf);
    return rc;
}

static json_t *join_batch(const struct driver *d, const struct pusher_string *events, size_t n)
{
    struct pusher_request request;
    char *body = malloc(pusher_batch_size(events, n));
    if (!body)
        err(2, "malloc");
    size_t len = pusher_batch_encode(events, n, body);
    pusher_command_batch_events(d->client, (struct pusher_string){body, len}, &request);
    json_t *result = sign(d, &request);
    free(body);
    return result;
}

/* The library leaves it to its caller to name the events that are wrong; a batch with one is
 * refused here. */
static json_t *run_batch(struct driver *d)
{
    struct pusher_string events[ITEMS_MAX];
    const json_t *list = arg_list(d, "events");
    size_t n = 0;
    int rc = 0;
    while (rc == 0 && n < json_array_size(list)) {
        rc = encode_event(d, json_array_get(list, n), &events[n]);
        n += rc == 0;
    }
    json_t *result = rc ? refusal(d, rc) : join_batch(d, events, n);
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)events[i].ptr);
    return result;
}

static json_t *run_channels(struct driver *d)
{
    struct pusher_request request;
    int rc = pusher_command_list_channels(d->client, arg(d, "prefix"), arg(d, "info"), &request,
                                          &d->error);
    return rc ? refusal(d, rc) : sign(d, &request);
}

static json_t *run_channel(struct driver *d)
{
    struct pusher_request request;
    int rc = pusher_command_get_channel(d->client, arg(d, "channel"), arg(d, "info"), &request,
                                        &d->error);
    return rc ? refusal(d, rc) : sign(d, &request);
}

static json_t *run_users(struct driver *d)
{
    struct pusher_request request;
    int rc = pusher_command_get_channel_users(d->client, arg(d, "channel"), &request, &d->error);
    return rc ? refusal(d, rc) : sign(d, &request);
}

static json_t *run_terminate(struct driver *d)
{
    struct pusher_request request;
    int rc = pusher_command_terminate_user_connections(d->client, arg(d, "user_id"), &request,
                                                       &d->error);
    return rc ? refusal(d, rc) : sign(d, &request);
}

static json_t *run_get(struct driver *d)
{
    struct pusher_request request;
    struct pusher_param params[ITEMS_MAX];
    size_t n = read_pairs(d, "params", params);
    int rc = pusher_command_get(d->client, arg(d, "path"), params, n, &request, &d->error);
    return rc ? refusal(d, rc) : sign(d, &request);
}

static json_t *run_post(struct driver *d)
{
    struct pusher_request request;
    struct pusher_param params[ITEMS_MAX];
    size_t n = read_pairs(d, "params", params);
    int rc = pusher_command_post(d->client, arg(d, "path"), params, n, arg(d, "body"), &request,
                                 &d->error);
    return rc ? refusal(d, rc) : sign(d, &request);
}

static const struct {
    const char *op;
    json_t *(*run)(struct driver *d);
} ops[] = {
    {"authorize", run_authorize},
    {"authenticate", run_authenticate},
    {"query", run_query},
    {"webhook", run_webhook},
    {"decrypt", run_decrypt},
    {"trigger", run_trigger},
    {"user", run_send_to_user},
    {"batch", run_batch},
    {"channels", run_channels},
    {"channel", run_channel},
    {"users", run_users},
    {"terminate", run_terminate},
    {"get", run_get},
    {"post", run_post},
};

static json_t *run_case(struct driver *d, const json_t *args)
{
    d->args = args;
    d->client = json_is_true(json_object_get(args, "encrypts")) ? d->encrypting : d->plain;
    d->error = (struct pusher_error){0};
    const char *op = arg_c(d, "op");
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        if (strcmp(ops[i].op, op) == 0)
            return ops[i].run(d);
    }
    errx(2, "there is no op \"%s\"", op);
}

/* NULL at the end of the input. */
static json_t *read_line(void)
{
    static char *line;
    static size_t size;
    json_error_t reason;
    ssize_t len = getline(&line, &size, stdin);
    if (len < 0) {
        free(line);
        return NULL;
    }
    json_t *value = json_loadb(line, (size_t)len, JSON_ALLOW_NUL, &reason);
    if (!value)
        errx(2, "a line is no JSON: %s", reason.text);
    return value;
}

static struct pusher_client *make_client(const json_t *app, bool encrypts)
{
    struct pusher_config config;
    struct pusher_client *client;
    struct pusher_error error;
    const char *master_key = json_string_value(json_object_get(app, "master_key"));
    pusher_config_init(&config);
    config.app_id = json_string_value(json_object_get(app, "app_id"));
    config.key = json_string_value(json_object_get(app, "key"));
    config.secret = json_string_value(json_object_get(app, "secret"));
    config.host = "127.0.0.1";
    config.encryption_master_key_base64 = encrypts ? master_key : NULL;
    if (pusher_client_new(&config, &client, &error) != 0)
        errx(2, "%s", error.text);
    return client;
}

int main(void)
{
    struct driver d = {0};
    json_t *app = pusher_init() == 0 ? read_line() : NULL;
    if (!app)
        errx(2, "libsodium is missing, or the app's line");
    d.plain = make_client(app, false);
    d.encrypting = make_client(app, true);
    json_decref(app);
    for (json_t *args; (args = read_line());) {
        json_t *result = run_case(&d, args);
        json_decref(args);
        if (!result || json_dumpf(result, stdout, JSON_COMPACT) != 0)
            errx(2, "a result is no JSON");
        putchar('\n');
        json_decref(result);
    }
    pusher_client_free(d.plain);
    pusher_client_free(d.encrypting);
    return fflush(stdout) == 0 ? 0 : 2;
}
