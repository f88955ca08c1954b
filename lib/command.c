#include "pusher/command.h"

#include <stdio.h>
#include <string.h>

#include "lib/name.h"
#include "lib/report.h"
#include "pusher/event.h"

static void begin(struct pusher_request *request, const char *method, struct pusher_string body)
{
    request->method = method;
    request->path[0] = '\0';
    request->n_params = 0;
    request->body = body;
}

static const struct pusher_string no_body = {NULL, 0};

/* The path below the app; all of its parts have limits that keep it within PUSHER_PATH_MAX. */
static void set_path(struct pusher_request *request, const struct pusher_client *client,
                     const char *before, struct pusher_string name, const char *after)
{
    snprintf(request->path, sizeof(request->path), "/apps/%s%s%.*s%s", pusher_client_app_id(client),
             before, (int)name.len, name.ptr ? name.ptr : "", after);
}

static void add_param(struct pusher_request *request, const char *name, struct pusher_string value)
{
    if (value.len > 0)
        request->params[request->n_params++] = (struct pusher_param){pusher_str(name), value};
}

void pusher_command_events(const struct pusher_client *client, struct pusher_string body,
                           struct pusher_request *ret_request)
{
    begin(ret_request, "POST", body);
    set_path(ret_request, client, "/events", no_body, "");
}

void pusher_command_batch_events(const struct pusher_client *client, struct pusher_string body,
                                 struct pusher_request *ret_request)
{
    begin(ret_request, "POST", body);
    set_path(ret_request, client, "/batch_events", no_body, "");
}

static int check_prefix(const struct pusher_client *client, struct pusher_string prefix,
                        struct pusher_error *error)
{
    size_t max = pusher_client_max_channel_name(client);
    if (prefix.len > max)
        return pusher__fail(error, PUSHER_ECHANNEL,
                            "filter_by_prefix: %zu bytes, at most %zu are allowed", prefix.len,
                            max);
    if (pusher__channel_span(prefix) < prefix.len)
        return pusher__fail(error, PUSHER_ECHANNEL,
                            "filter_by_prefix: byte %zu cannot be in a channel's name",
                            pusher__channel_span(prefix));
    return 0;
}

int pusher_command_list_channels(const struct pusher_client *client,
                                 struct pusher_string filter_by_prefix, struct pusher_string info,
                                 struct pusher_request *ret_request, struct pusher_error *ret_error)
{
    static const char *const attributes[] = {"user_count", "subscription_count", NULL};
    int rc = check_prefix(client, filter_by_prefix, ret_error);
    if (rc == 0 && info.len > 0)
        rc = pusher__info_check(info, attributes, ret_error);
    if (rc != 0)
        return rc;
    begin(ret_request, "GET", no_body);
    set_path(ret_request, client, "/channels", no_body, "");
    add_param(ret_request, "filter_by_prefix", filter_by_prefix);
    add_param(ret_request, "info", info);
    return 0;
}

/* A user's channel cannot be asked for: its "#" would begin a fragment. */
static int check_path_channel(const struct pusher_client *client, struct pusher_string channel,
                              struct pusher_error *error)
{
    if (channel.len > 0 && channel.ptr[0] == '#')
        return pusher__fail(error, PUSHER_ECHANNEL, "a user's own channel cannot be asked for");
    return pusher_channel_check(client, channel, error);
}

int pusher_command_get_channel(const struct pusher_client *client, struct pusher_string channel,
                               struct pusher_string info, struct pusher_request *ret_request,
                               struct pusher_error *ret_error)
{
    static const char *const attributes[] = {"user_count", "subscription_count", "cache", NULL};
    int rc = check_path_channel(client, channel, ret_error);
    if (rc == 0 && info.len > 0)
        rc = pusher__info_check(info, attributes, ret_error);
    if (rc != 0)
        return rc;
    begin(ret_request, "GET", no_body);
    set_path(ret_request, client, "/channels/", channel, "");
    add_param(ret_request, "info", info);
    return 0;
}

int pusher_command_get_channel_users(const struct pusher_client *client,
                                     struct pusher_string channel,
                                     struct pusher_request *ret_request,
                                     struct pusher_error *ret_error)
{
    int rc = check_path_channel(client, channel, ret_error);
    if (rc != 0)
        return rc;
    begin(ret_request, "GET", no_body);
    set_path(ret_request, client, "/channels/", channel, "/users");
    return 0;
}

int pusher_command_terminate_user_connections(const struct pusher_client *client,
                                              struct pusher_string user_id,
                                              struct pusher_request *ret_request,
                                              struct pusher_error *ret_error)
{
    int rc = pusher_user_id_check(user_id, ret_error);
    if (rc != 0)
        return rc;
    begin(ret_request, "POST", pusher_str("{}")); /* servers refuse an empty body's signature */
    set_path(ret_request, client, "/users/", user_id, "/terminate_connections");
    return 0;
}

static int set_custom_path(struct pusher_request *request, const struct pusher_client *client,
                           struct pusher_string path, struct pusher_error *error)
{
    bool is_whole = pusher__begins_with(path, "/apps/");
    size_t app_len = is_whole ? 0 : strlen("/apps/") + strlen(pusher_client_app_id(client));
    if (!path.ptr || path.len == 0)
        return pusher__fail(error, PUSHER_EINVAL, "the path is missing or empty");
    if (path.ptr[0] != '/')
        return pusher__fail(error, PUSHER_EINVAL, "the path must begin with a slash");
    if (memchr(path.ptr, '\0', path.len) || path.len + app_len >= sizeof(request->path))
        return pusher__fail(error, PUSHER_EINVAL, "the path is too long or holds a NUL");
    if (is_whole)
        snprintf(request->path, sizeof(request->path), "%.*s", (int)path.len, path.ptr);
    else
        set_path(request, client, "", path, "");
    return 0;
}

/* A path of another app would be refused by the server as if this app were. */
static int check_app(const struct pusher_client *client, const char *path,
                     struct pusher_error *error)
{
    const char *own = pusher_client_app_id(client), *id = path + strlen("/apps/");
    size_t own_len = strlen(own), len = strcspn(id, "/");
    char shown[PUSHER__SHOWN_MAX];
    if (len == own_len && memcmp(id, own, len) == 0)
        return 0;
    pusher__shown((struct pusher_string){path, (size_t)(id - path) + len}, shown);
    return pusher__fail(error, PUSHER_EINVAL,
                        "the path names another app: \"%s\", this one is \"/apps/%s\"", shown, own);
}

static int make_custom(const struct pusher_client *client, struct pusher_string path,
                       const struct pusher_param *params, size_t n_params,
                       struct pusher_request *request, struct pusher_error *error)
{
    int rc = set_custom_path(request, client, path, error);
    if (rc == 0)
        rc = pusher_request_check(request->method, request->path, params, n_params, error);
    if (rc == 0)
        rc = check_app(client, request->path, error);
    if (rc != 0)
        return rc;
    if (n_params > 0)
        memcpy(request->params, params, n_params * sizeof(*params));
    request->n_params = n_params;
    return 0;
}

int pusher_command_get(const struct pusher_client *client, struct pusher_string path,
                       const struct pusher_param *params, size_t n_params,
                       struct pusher_request *ret_request, struct pusher_error *ret_error)
{
    begin(ret_request, "GET", no_body);
    return make_custom(client, path, params, n_params, ret_request, ret_error);
}

int pusher_command_post(const struct pusher_client *client, struct pusher_string path,
                        const struct pusher_param *params, size_t n_params,
                        struct pusher_string body, struct pusher_request *ret_request,
                        struct pusher_error *ret_error)
{
    begin(ret_request, "POST", body);
    return make_custom(client, path, params, n_params, ret_request, ret_error);
}
