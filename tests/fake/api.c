#include "api.h"

#include <stdlib.h>
#include <string.h>

#define APPS_PREFIX "/apps/"

const struct app *api_app(const struct api *api, const char *path)
{
    if (strncmp(path, APPS_PREFIX, strlen(APPS_PREFIX)) != 0) {
        return NULL;
    }
    const char *id = path + strlen(APPS_PREFIX);
    size_t len = strcspn(id, "/");
    for (size_t i = 0; i < api->n_apps; i++) {
        if (strlen(api->apps[i].id) == len && memcmp(api->apps[i].id, id, len) == 0) {
            return &api->apps[i];
        }
    }
    return NULL;
}

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void list_channels(const struct flavor *flavor, const struct api_call *call,
                          struct answer *answer)
{
    const char *prefix = query_get(call->query, "filter_by_prefix");
    const char *info = query_get(call->query, "info");
    if (info && strstr(info, "user_count") && !(prefix && starts_with(prefix, "presence-"))) {
        answer_refuse(answer, flavor, REFUSE_BODY,
                      "user_count may only be requested for presence channels - please supply "
                      "filter_by_prefix begining with presence-");
        return;
    }
    json_t *list = json_object();
    const char *name;
    json_t *value;
    json_object_foreach(call->channels, name, value)
    {
        if (!prefix || starts_with(name, prefix)) {
            json_object_set_new(list, name, channel_facts(flavor, name, info ? info : "", answer));
        }
    }
    json_t *body = json_pack("{s:o}", "channels", list);
    answer_json(answer, 200, body);
    json_decref(body);
}

static void show_channel(const struct flavor *flavor, const struct api_call *call,
                         const char *channel, struct answer *answer)
{
    const char *info = query_get(call->query, "info");
    json_t *facts = channel_facts(flavor, channel, info ? info : "", answer);
    if (!facts) {
        return;
    }
    json_object_set_new(facts, "occupied",
                        json_boolean(json_object_get(call->channels, channel) != NULL));
    if (info && strstr(info, "cache")) {
        json_object_set_new(facts, "cache", json_null());
    }
    answer_json(answer, 200, facts);
    json_decref(facts);
}

static void show_users(const struct flavor *flavor, const char *channel, struct answer *answer)
{
    if (!starts_with(channel, "presence-")) {
        answer_refuse(answer, flavor, REFUSE_BODY,
                      "Users can only be retrieved for presence channels");
        return;
    }
    answer_json_text(answer, 200, strdup("{\"users\":[{\"id\":\"1\"},{\"id\":\"2\"}]}"));
}

/* "/channels/NAME" or "/channels/NAME/users" */
static void query_channel(const struct flavor *flavor, const struct api_call *call,
                          const char *rest, struct answer *answer)
{
    size_t len = strcspn(rest, "/");
    char *channel = strndup(rest, len);
    if (len > 0 && rest[len] == '\0') {
        show_channel(flavor, call, channel, answer);
    } else if (len > 0 && strcmp(rest + len, "/users") == 0) {
        show_users(flavor, channel, answer);
    } else {
        answer_refuse(answer, flavor, REFUSE_NO_ROUTE, "404 NOT FOUND");
    }
    free(channel);
}

static bool is_terminate(const char *route)
{
    if (!starts_with(route, "/users/")) {
        return false;
    }
    const char *user = route + strlen("/users/");
    size_t len = strcspn(user, "/");
    return len > 0 && strcmp(user + len, "/terminate_connections") == 0;
}

static void handle_get(const struct flavor *flavor, const struct api_call *call, const char *route,
                       struct answer *answer)
{
    if (strcmp(route, "/channels") == 0) {
        list_channels(flavor, call, answer);
    } else if (starts_with(route, "/channels/")) {
        query_channel(flavor, call, route + strlen("/channels/"), answer);
    } else {
        answer_refuse(answer, flavor, REFUSE_NO_ROUTE, "404 NOT FOUND");
    }
}

static void handle_post(const struct flavor *flavor, const struct api_call *call, const char *route,
                        struct api_reply *reply)
{
    if (strcmp(route, "/batch_events") == 0) {
        reply->is_batch = true;
        publish_batch(flavor, call->body, call->body_len, &reply->publication, &reply->answer);
    } else if (strcmp(route, "/events") == 0) {
        publish_trigger(flavor, call->body, call->body_len, &reply->publication, &reply->answer);
    } else if (is_terminate(route)) {
        answer_ok(&reply->answer, flavor);
    } else {
        answer_refuse(&reply->answer, flavor, REFUSE_NO_ROUTE, "404 NOT FOUND");
    }
}

static void handle_verified(const struct flavor *flavor, const struct api_call *call,
                            const char *route, struct api_reply *reply)
{
    if (strcmp(call->method, "GET") == 0) {
        handle_get(flavor, call, route, &reply->answer);
    } else if (strcmp(call->method, "POST") == 0) {
        handle_post(flavor, call, route, reply);
    } else {
        answer_refuse(&reply->answer, flavor, REFUSE_NO_ROUTE, "404 NOT FOUND");
    }
}

void api_handle(const struct api *api, const struct api_call *call, struct api_reply *ret_reply)
{
    *ret_reply = (struct api_reply){0};
    const struct app *app = api_app(api, call->path);
    if (!app) {
        answer_refuse(&ret_reply->answer, api->flavor, REFUSE_NO_APP, "404 NOT FOUND");
        return;
    }
    struct verify_input input = {.method = call->method,
                                 .path = call->path,
                                 .query = call->query,
                                 .body = call->body,
                                 .body_len = call->body_len,
                                 .now_s = call->now_s,
                                 .checks_time = api->flavor->checks_time};
    char *error = verify_request(app, &input);
    if (error) {
        answer_refuse(&ret_reply->answer, api->flavor, REFUSE_AUTH, "%s", error);
        free(error);
        return;
    }
    const char *route = call->path + strlen(APPS_PREFIX) + strlen(app->id);
    handle_verified(api->flavor, call, route, ret_reply);
}

void api_reply_deinit(struct api_reply *reply)
{
    answer_deinit(&reply->answer);
    publication_deinit(&reply->publication);
}
