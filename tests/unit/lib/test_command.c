#include "tests/unit/lib/vectors.h"

/* "METHOD path name=value&name=value body"; static storage. */
static const char *show(const struct pusher_request *request)
{
    static char text[4096];
    int n = snprintf(text, sizeof(text), "%s %s", request->method, request->path);
    for (size_t i = 0; i < request->n_params; i++) {
        const struct pusher_param *p = &request->params[i];
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%s%.*s=%.*s", i ? "&" : " ",
                      (int)p->name.len, p->name.ptr, (int)p->value.len, p->value.ptr);
    }
    if (request->body.len > 0)
        snprintf(text + n, sizeof(text) - (size_t)n, " %.*s", (int)request->body.len,
                 request->body.ptr);
    return text;
}

static const struct pusher_string absent = {NULL, 0};

Test(command, events_are_posted)
{
    struct pusher_client *client = some_client();
    struct pusher_request request;
    pusher_command_events(client, pusher_str("{}"), &request);
    cr_assert_str_eq(show(&request), "POST /apps/3/events {}");
    pusher_command_batch_events(client, pusher_str("{}"), &request);
    cr_assert_str_eq(show(&request), "POST /apps/3/batch_events {}");
    pusher_client_free(client);
}

static int list(const char *prefix, const char *info, struct pusher_request *request)
{
    struct pusher_client *client = some_client();
    struct pusher_error error = {.code = 0};
    int rc =
        pusher_command_list_channels(client, pusher_str(prefix), pusher_str(info), request, &error);
    cr_assert_eq(rc, error.code);
    pusher_client_free(client);
    return rc;
}

Test(command, channels_are_listed)
{
    struct pusher_request request;
    cr_assert_eq(list(NULL, NULL, &request), 0);
    cr_assert_str_eq(show(&request), "GET /apps/3/channels");
    cr_assert_eq(list("", "", &request), 0);
    cr_assert_str_eq(show(&request), "GET /apps/3/channels");
    cr_assert_eq(list("presence-", "user_count", &request), 0);
    cr_assert_str_eq(show(&request),
                     "GET /apps/3/channels filter_by_prefix=presence-&info=user_count");
    cr_assert_eq(list("a b", NULL, &request), PUSHER_ECHANNEL);
    cr_assert_eq(list("a", "cache", &request), PUSHER_EINFO);
}

static int get(const char *channel, const char *info, struct pusher_request *request)
{
    struct pusher_client *client = some_client();
    struct pusher_error error = {.code = 0};
    int rc =
        pusher_command_get_channel(client, pusher_str(channel), pusher_str(info), request, &error);
    cr_assert_eq(rc, error.code);
    pusher_client_free(client);
    return rc;
}

Test(command, a_channel_is_asked_for)
{
    struct pusher_request request;
    cr_assert_eq(get("cache-x=@,.;", "subscription_count,cache,user_count", &request), 0);
    cr_assert_str_eq(show(&request),
                     "GET /apps/3/channels/cache-x=@,.; info=subscription_count,cache,user_count");
    cr_assert_eq(get("x", NULL, &request), 0);
    cr_assert_str_eq(show(&request), "GET /apps/3/channels/x");
    cr_assert_eq(get("x", "nothing", &request), PUSHER_EINFO);
}

Test(command, a_channel_that_no_path_can_name_is_refused)
{
    static const char *const bad[] = {"", "..", ".", "a/b", "#server-to-user-1", "a?b"};
    struct pusher_request request;
    struct pusher_client *client = some_client();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_assert_eq(get(bad[i], NULL, &request), PUSHER_ECHANNEL, "%s", bad[i]);
        cr_assert_eq(pusher_command_get_channel_users(client, pusher_str(bad[i]), &request, NULL),
                     PUSHER_ECHANNEL);
    }
    pusher_client_free(client);
}

Test(command, users_are_listed_and_disconnected)
{
    struct pusher_client *client = some_client();
    struct pusher_request request;
    cr_assert_eq(pusher_command_get_channel_users(client, pusher_str("presence-x"), &request, NULL),
                 0);
    cr_assert_str_eq(show(&request), "GET /apps/3/channels/presence-x/users");
    cr_assert_eq(
        pusher_command_terminate_user_connections(client, pusher_str("12345"), &request, NULL), 0);
    cr_assert_str_eq(show(&request), "POST /apps/3/users/12345/terminate_connections {}");
    cr_assert_eq(
        pusher_command_terminate_user_connections(client, pusher_str(".."), &request, NULL),
        PUSHER_EUSERID);
    cr_assert_eq(pusher_command_terminate_user_connections(client, absent, &request, NULL),
                 PUSHER_EUSERID);
    pusher_client_free(client);
}

Test(command, custom_paths_are_below_the_app_unless_they_are_whole)
{
    struct pusher_client *client = some_client();
    struct pusher_param params[] = {{pusher_str("a"), pusher_str("1")},
                                    {pusher_str("b"), pusher_str("2")}};
    struct pusher_request request;
    cr_assert_eq(pusher_command_get(client, pusher_str("/channels"), params, 2, &request, NULL), 0);
    cr_assert_str_eq(show(&request), "GET /apps/3/channels a=1&b=2");
    cr_assert_eq(
        pusher_command_get(client, pusher_str("/apps/3/channels"), NULL, 0, &request, NULL), 0);
    cr_assert_str_eq(show(&request), "GET /apps/3/channels");
    cr_assert_eq(pusher_command_get(client, pusher_str("/apps/3"), NULL, 0, &request, NULL), 0);
    cr_assert_str_eq(show(&request), "GET /apps/3");
    cr_assert_eq(pusher_command_get(client, pusher_str("/apps"), NULL, 0, &request, NULL), 0);
    cr_assert_str_eq(show(&request), "GET /apps/3/apps");
    cr_assert_eq(pusher_command_post(client, pusher_str("/events"), params, 1, pusher_str("{}"),
                                     &request, NULL),
                 0);
    cr_assert_str_eq(show(&request), "POST /apps/3/events a=1 {}");
    cr_assert_eq(pusher_command_post(client, pusher_str("/x"), NULL, 0, absent, &request, NULL), 0);
    cr_assert_str_eq(show(&request), "POST /apps/3/x");
    pusher_client_free(client);
}

static void expect_refused(struct pusher_string path, const struct pusher_param *params, size_t n,
                           const char *text)
{
    struct pusher_client *client = some_client();
    struct pusher_request request;
    struct pusher_error error;
    cr_assert_eq(pusher_command_get(client, path, params, n, &request, &error), PUSHER_EINVAL);
    cr_assert_str_eq(error.text, text);
    pusher_client_free(client);
}

Test(command, an_error_says_what_is_wrong_with_a_custom_request)
{
    static char path[PUSHER_PATH_MAX];
    memset(path, '/', sizeof(path));
    struct pusher_param reserved = {pusher_str("AUTH_key"), pusher_str("1")};
    struct pusher_param twice[] = {{pusher_str("a"), pusher_str("1")},
                                   {pusher_str("A"), pusher_str("2")}};
    expect_refused(absent, NULL, 0, "the path is missing or empty");
    expect_refused(pusher_str("channels"), NULL, 0, "the path must begin with a slash");
    expect_refused(pusher_str("/a?b=c"), NULL, 0,
                   "the path may not hold \"?\": a query goes into the parameters");
    expect_refused(pusher_str("/a b"), NULL, 0, "byte 9 of the path must be percent-encoded");
    expect_refused(pusher_str("/../4/events"), NULL, 0,
                   "the path may not hold \"/./\" or \"/../\"");
    expect_refused((struct pusher_string){"/a\0b", 4}, NULL, 0,
                   "the path is too long or holds a NUL");
    expect_refused((struct pusher_string){path, sizeof(path) - 1}, NULL, 0,
                   "the path is too long or holds a NUL");
    expect_refused(pusher_str("/x"), &reserved, 1,
                   "parameter \"AUTH_key\": the name is reserved for the signature");
    expect_refused(pusher_str("/x"), twice, 2,
                   "parameter \"A\" is there twice (case does not matter)");
}

Test(command, a_custom_path_of_another_app_is_refused)
{
    static const char *const ids[] = {"other", "33", "", "%33"};
    char path[64], text[128];
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        snprintf(text, sizeof(text),
                 "the path names another app: \"/apps/%s\", this one is \"/apps/3\"", ids[i]);
        snprintf(path, sizeof(path), "/apps/%s/channels", ids[i]);
        expect_refused(pusher_str(path), NULL, 0, text);
        snprintf(path, sizeof(path), "/apps/%s", ids[i]);
        expect_refused(pusher_str(path), NULL, 0, text);
    }
    expect_refused(pusher_str("/apps/3?a=b"), NULL, 0,
                   "the path may not hold \"?\": a query goes into the parameters");
}

Test(command, a_prefix_has_the_limit_of_channels)
{
    static char prefix[202];
    struct pusher_request request;
    memset(prefix, 'p', 201);
    cr_assert_eq(list(prefix, NULL, &request), PUSHER_ECHANNEL);
    prefix[200] = '\0';
    cr_assert_eq(list(prefix, NULL, &request), 0);
}

Test(command, the_longest_names_fit)
{
    static char app_id[129], channel[1001];
    struct pusher_config config = some_config();
    memset(app_id, 'a', 128);
    memset(channel, 'c', 1000);
    config.app_id = app_id;
    config.max_channel_name = 1000;
    struct pusher_client *client = make_client(&config);
    struct pusher_request request;
    cr_assert_eq(pusher_command_get_channel_users(client, pusher_str(channel), &request, NULL), 0);
    cr_assert_str_eq(request.path + strlen(request.path) - 7, "c/users");
    pusher_client_free(client);
}
