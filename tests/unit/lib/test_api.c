#include "tests/unit/lib/server.h"
#include "tests/unit/lib/vectors.h"

#define ANSWER(status_, body_) "HTTP/1.1 " status_ "\r\nConnection: close\r\n\r\n" body_
#define OK(body_)                                                                                  \
    {                                                                                              \
        ANSWER("200 OK", body_), SERVER_CLOSE, 0                                                   \
    }

static const struct pusher_string absent = {NULL, 0};

struct scene {
    struct server server;
    struct pusher_client *client;
    struct pusher_http *http;
    struct pusher_result result;
    struct pusher_error error;
};

static void open_scene_as(struct scene *scene, const struct server_step *steps, size_t n,
                          struct pusher_config config)
{
    server_start(&scene->server, steps, n, NULL);
    config.host = "127.0.0.1";
    config.port = scene->server.port;
    config.use_tls = false;
    scene->client = make_client(&config);
    cr_assert_eq(pusher_http_new(scene->client, &scene->http, NULL), 0);
    scene->error = (struct pusher_error){.code = 0};
}

static void open_scene(struct scene *scene, const struct server_step *steps, size_t n)
{
    open_scene_as(scene, steps, n, some_config());
}

static void stop_server(struct scene *scene)
{
    pusher_http_free(scene->http);
    server_stop(&scene->server);
}

static void close_scene(struct scene *scene)
{
    pusher_result_free(&scene->result);
    pusher_client_free(scene->client);
    server_free(&scene->server);
}

/* The body of a request as JSON; the caller drops it. */
static json_t *body_of(const struct scene *scene, size_t i)
{
    cr_assert_lt(i, scene->server.n_requests);
    const char *head_end = strstr(scene->server.requests[i], "\r\n\r\n");
    json_t *body = json_loads(head_end + 4, 0, NULL);
    cr_assert_not_null(body);
    return body;
}

static bool begins(const struct scene *scene, size_t i, const char *line)
{
    return strncmp(scene->server.requests[i], line, strlen(line)) == 0;
}

static size_t count(const struct scene *scene, size_t i, const char *member)
{
    json_t *body = body_of(scene, i);
    size_t n = json_array_size(json_object_get(body, member));
    json_decref(body);
    return n;
}

static void fill_channels(struct pusher_string *channels, char names[][32], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof(names[i]), "c%zu", i);
        channels[i] = pusher_str(names[i]);
    }
}

static struct pusher_trigger some_trigger(const struct pusher_string *channels, size_t n)
{
    return (struct pusher_trigger){
        .channels = channels, .n_channels = n, .name = pusher_str("e"), .data = pusher_str("d")};
}

Test(api, a_trigger_is_one_request)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_string channel = pusher_str("my-channel");
    struct pusher_trigger trigger = some_trigger(&channel, 1);
    open_scene(&s, steps, 1);
    cr_assert_eq(pusher_api_trigger(s.http, &trigger, &s.result, &s.error), 0, "%s", s.error.text);
    stop_server(&s);
    cr_assert_str_eq(s.result.json, "{}");
    cr_assert_eq(s.result.n_done, 1);
    cr_assert_eq(s.result.reply.status, 200);
    cr_assert(begins(&s, 0, "POST /apps/3/events?"));
    cr_assert_str_eq(strstr(s.server.requests[0], "\r\n\r\n"),
                     "\r\n\r\n{\"name\":\"e\",\"channels\":[\"my-channel\"],\"data\":\"d\"}");
    close_scene(&s);
}

Test(api, many_channels_are_split_and_their_attributes_joined)
{
    static const struct server_step steps[] = {OK("{\"channels\":{\"c0\":{\"user_count\":1}}}"),
                                               OK("{}"),
                                               OK("{\"channels\":{\"c200\":{\"user_count\":2}}}")};
    struct scene s;
    struct pusher_string channels[250];
    char names[250][32];
    fill_channels(channels, names, 250);
    struct pusher_trigger trigger = some_trigger(channels, 250);
    trigger.info = pusher_str("user_count");
    open_scene(&s, steps, 3);
    cr_assert_eq(pusher_api_trigger(s.http, &trigger, &s.result, &s.error), 0, "%s", s.error.text);
    stop_server(&s);
    cr_assert_eq(count(&s, 0, "channels"), 100);
    cr_assert_eq(count(&s, 1, "channels"), 100);
    cr_assert_eq(count(&s, 2, "channels"), 50);
    cr_assert_str_eq(s.result.json,
                     "{\"channels\":{\"c0\":{\"user_count\":1},\"c200\":{\"user_count\":2}}}");
    cr_assert_eq(s.result.n_done, 250);
    close_scene(&s);
}

Test(api, attributes_are_joined_whatever_they_are_and_what_is_no_json_is_none)
{
    static const struct server_step steps[] = {
        OK("{\"channels\":{\"c0\":{\"a\":\"x\\u0000y\",\"b\":18446744073709551616,\"c\":7}}}"),
        OK("no JSON")};
    struct scene s;
    struct pusher_string channels[150];
    char names[150][32];
    fill_channels(channels, names, 150);
    struct pusher_trigger trigger = some_trigger(channels, 150);
    trigger.info = pusher_str("user_count");
    open_scene(&s, steps, 2);
    cr_assert_eq(pusher_api_trigger(s.http, &trigger, &s.result, &s.error), 0, "%s", s.error.text);
    stop_server(&s);
    cr_assert_str_eq(s.result.json, "{\"channels\":{\"c0\":{\"a\":\"x\\u0000y\","
                                    "\"b\":1.8446744073709552e19,\"c\":7}}}");
    close_scene(&s);
}

Test(api, channels_are_split_where_a_request_would_be_too_large)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_string channels[40];
    char names[40][32];
    size_t total = 0;
    struct pusher_config config = some_config();
    config.max_request_bytes = 120;
    fill_channels(channels, names, 40);
    struct pusher_trigger trigger = some_trigger(channels, 40);
    open_scene_as(&s, steps, 1, config);
    cr_assert_eq(pusher_api_trigger(s.http, &trigger, &s.result, &s.error), 0, "%s", s.error.text);
    stop_server(&s);
    for (size_t i = 0; i < s.server.n_requests; i++) {
        cr_assert_leq(strlen(strstr(s.server.requests[i], "\r\n\r\n") + 4), 120);
        total += count(&s, i, "channels");
    }
    cr_assert_eq(total, 40);
    cr_assert_lt(s.server.n_requests, 10);
    cr_assert_eq(s.error.code, 0);
    close_scene(&s);
}

Test(api, a_trigger_stops_at_the_first_refusal)
{
    static const struct server_step steps[] = {
        OK("{}"), {ANSWER("400 Bad Request", "no good\n"), SERVER_CLOSE, 0}, OK("{}")};
    struct scene s;
    struct pusher_string channels[250];
    char names[250][32];
    fill_channels(channels, names, 250);
    struct pusher_trigger trigger = some_trigger(channels, 250);
    open_scene(&s, steps, 3);
    cr_assert_eq(pusher_api_trigger(s.http, &trigger, &s.result, &s.error), PUSHER_EREFUSED);
    stop_server(&s);
    cr_assert_eq(s.server.n_requests, 2);
    cr_assert_eq(s.result.n_done, 100);
    cr_assert_null(s.result.json);
    cr_assert_eq(s.result.reply.class_, PUSHER_REPLY_REFUSED);
    cr_assert_str_eq(s.error.text, "the server answered 400: no good");
    close_scene(&s);
}

static void expect_not_sent(struct pusher_trigger trigger, int code)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_config config = some_config();
    config.encryption_master_key_base64 = SOME_MASTER_KEY;
    config.max_request_bytes = 200;
    open_scene_as(&s, steps, 1, config);
    cr_assert_eq(pusher_api_trigger(s.http, &trigger, &s.result, &s.error), code);
    cr_assert_eq(s.error.code, code);
    stop_server(&s);
    cr_assert_eq(s.server.n_connections, 0);
    cr_assert_eq(s.result.n_done, 0);
    cr_assert_eq(s.result.reply.status, 0);
    close_scene(&s);
}

Test(api, nothing_is_sent_before_all_channels_are_checked)
{
    struct pusher_string channels[250];
    char names[250][32], longest[199];
    memset(longest, 'l', sizeof(longest));
    fill_channels(channels, names, 250);
    channels[249] = pusher_str("a b");
    expect_not_sent(some_trigger(channels, 250), PUSHER_ECHANNEL);
    channels[249] = (struct pusher_string){longest, sizeof(longest)};
    expect_not_sent(some_trigger(channels, 250), PUSHER_ETOOLARGE);
    channels[249] = pusher_str("private-encrypted-x");
    expect_not_sent(some_trigger(channels, 250), PUSHER_ENOTENCRYPTABLE);
    expect_not_sent(some_trigger(channels, 0), PUSHER_ECHANNEL);
}

static void fill_events(struct pusher_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        events[i] = (struct pusher_event){
            .channel = pusher_str("c"), .name = pusher_str("e"), .data = pusher_str("d")};
}

Test(api, many_events_are_split_by_ten)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_event events[25];
    fill_events(events, 25);
    open_scene(&s, steps, 1);
    cr_assert_eq(pusher_api_trigger_batch(s.http, events, 25, &s.result, &s.error), 0, "%s",
                 s.error.text);
    stop_server(&s);
    cr_assert(begins(&s, 0, "POST /apps/3/batch_events?"));
    cr_assert_eq(count(&s, 0, "batch"), 10);
    cr_assert_eq(count(&s, 1, "batch"), 10);
    cr_assert_eq(count(&s, 2, "batch"), 5);
    cr_assert_str_eq(s.result.json, "{}");
    cr_assert_eq(s.result.n_done, 25);
    close_scene(&s);
}

Test(api, attributes_of_a_batch_keep_the_indexes_of_the_events)
{
    static const struct server_step steps[] = {OK("{\"batch\":[{\"user_count\":1},{}]}"),
                                               OK("{\"batch\":{}}"),
                                               OK("{\"batch\":[{\"user_count\":5}]}")};
    struct scene s;
    struct pusher_event events[5];
    struct pusher_config config = some_config();
    config.max_events_per_batch = 2;
    fill_events(events, 5);
    events[0].info = events[4].info = pusher_str("user_count");
    open_scene_as(&s, steps, 3, config);
    cr_assert_eq(pusher_api_trigger_batch(s.http, events, 5, &s.result, &s.error), 0);
    stop_server(&s);
    cr_assert_str_eq(s.result.json, "{\"batch\":[{\"user_count\":1},{},{},{},{\"user_count\":5}]}");
    close_scene(&s);
}

Test(api, attributes_of_a_batch_are_joined_whatever_they_are)
{
    static const struct server_step steps[] = {
        OK("{\"batch\":[{\"a\":\"x\\u0000y\"},{\"b\":18446744073709551616,\"c\":7}]}")};
    struct scene s;
    struct pusher_event events[2];
    fill_events(events, 2);
    events[0].info = events[1].info = pusher_str("user_count");
    open_scene(&s, steps, 1);
    cr_assert_eq(pusher_api_trigger_batch(s.http, events, 2, &s.result, &s.error), 0);
    stop_server(&s);
    cr_assert_str_eq(s.result.json,
                     "{\"batch\":[{\"a\":\"x\\u0000y\"},{\"b\":1.8446744073709552e19,\"c\":7}]}");
    close_scene(&s);
}

Test(api, events_are_split_where_a_request_would_be_too_large)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_event events[7];
    struct pusher_config config = some_config();
    config.max_request_bytes = 110; /* an event has 37 bytes: two of them and the batch are 87 */
    fill_events(events, 7);
    open_scene_as(&s, steps, 1, config);
    cr_assert_eq(pusher_api_trigger_batch(s.http, events, 7, &s.result, &s.error), 0, "%s",
                 s.error.text);
    stop_server(&s);
    cr_assert_eq(s.server.n_requests, 4);
    cr_assert_eq(count(&s, 0, "batch"), 2);
    cr_assert_eq(count(&s, 3, "batch"), 1);
    close_scene(&s);
}

Test(api, one_bad_event_is_named_before_anything_is_sent)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_event events[25];
    fill_events(events, 25);
    events[17].socket_id = pusher_str("1");
    open_scene(&s, steps, 1);
    cr_assert_eq(pusher_api_trigger_batch(s.http, events, 25, &s.result, &s.error),
                 PUSHER_ESOCKETID);
    cr_assert_eq(pusher_api_trigger_batch(s.http, events, 0, &s.result, NULL), PUSHER_EINVAL);
    stop_server(&s);
    cr_assert_eq(s.server.n_connections, 0);
    cr_assert_str_eq(s.error.text, "event 17: socket id \"1\" is not digits, a dot, digits");
    close_scene(&s);
}

Test(api, encrypted_events_may_ride_in_a_batch)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_event events[2];
    struct pusher_config config = some_config();
    config.encryption_master_key_base64 = SOME_MASTER_KEY;
    fill_events(events, 2);
    events[1].channel = pusher_str("private-encrypted-x");
    events[1].data = pusher_str("do not show");
    open_scene_as(&s, steps, 1, config);
    cr_assert_eq(pusher_api_trigger_batch(s.http, events, 2, &s.result, &s.error), 0, "%s",
                 s.error.text);
    stop_server(&s);
    cr_assert_null(strstr(s.server.requests[0], "do not show"));
    json_t *body = body_of(&s, 0);
    const json_t *event = json_array_get(json_object_get(body, "batch"), 1);
    char *plaintext;
    size_t len;
    cr_assert_eq(
        pusher_decrypt(s.client, events[1].channel, vector_text(event, "data"), &plaintext, &len),
        0);
    cr_assert_str_eq(plaintext, "do not show");
    free(plaintext);
    json_decref(body);
    close_scene(&s);
}

Test(api, an_event_goes_to_a_user)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    open_scene(&s, steps, 1);
    cr_assert_eq(pusher_api_send_to_user(s.http, pusher_str("a@b"), pusher_str("e"),
                                         pusher_str("d"), &s.result, &s.error),
                 0);
    pusher_result_free(&s.result);
    cr_assert_eq(pusher_api_send_to_user(s.http, pusher_str("a b"), pusher_str("e"),
                                         pusher_str("d"), &s.result, &s.error),
                 PUSHER_EUSERID);
    stop_server(&s);
    cr_assert_eq(s.server.n_requests, 1);
    cr_assert_not_null(strstr(s.server.requests[0], "\"channels\":[\"#server-to-user-a@b\"]"));
    close_scene(&s);
}

Test(api, queries_give_what_the_server_said)
{
    static const struct server_step steps[] = {OK("{\"channels\":{}}\n"),
                                               OK(" {\"occupied\":true} "),
                                               OK("{\"users\":[{\"id\":\"1\"}]}"), OK("{}")};
    struct scene s;
    open_scene(&s, steps, 4);
    cr_assert_eq(
        pusher_api_list_channels(s.http, pusher_str("presence-"), absent, &s.result, &s.error), 0);
    cr_assert_str_eq(s.result.json, "{\"channels\":{}}");
    pusher_result_free(&s.result);
    cr_assert_eq(pusher_api_get_channel(s.http, pusher_str("x"), absent, &s.result, &s.error), 0);
    cr_assert_str_eq(s.result.json, "{\"occupied\":true}");
    pusher_result_free(&s.result);
    cr_assert_eq(
        pusher_api_get_channel_users(s.http, pusher_str("presence-x"), &s.result, &s.error), 0);
    cr_assert_str_eq(s.result.json, "{\"users\":[{\"id\":\"1\"}]}");
    pusher_result_free(&s.result);
    cr_assert_eq(
        pusher_api_terminate_user_connections(s.http, pusher_str("7"), &s.result, &s.error), 0);
    stop_server(&s);
    cr_assert(begins(&s, 0, "GET /apps/3/channels?auth_key="));
    cr_assert_not_null(strstr(s.server.requests[0], "&filter_by_prefix=presence-&"));
    cr_assert(begins(&s, 1, "GET /apps/3/channels/x?"));
    cr_assert(begins(&s, 2, "GET /apps/3/channels/presence-x/users?"));
    cr_assert(begins(&s, 3, "POST /apps/3/users/7/terminate_connections?"));
    cr_assert_not_null(strstr(s.server.requests[3], "body_md5=99914b932bd37a50b983c5e7c90ae93b"));
    close_scene(&s);
}

Test(api, anything_can_be_got_and_posted)
{
    static const struct server_step steps[] = {OK("[1,2]"), OK("not \"JSON\" \xff"), OK("")};
    struct scene s;
    struct pusher_param param = {pusher_str("a"), pusher_str("b c")};
    open_scene(&s, steps, 3);
    cr_assert_eq(pusher_api_get(s.http, pusher_str("/x"), &param, 1, &s.result, &s.error), 0);
    cr_assert_str_eq(s.result.json, "[1,2]");
    pusher_result_free(&s.result);
    cr_assert_eq(pusher_api_post(s.http, pusher_str("/y"), NULL, 0, pusher_str("{\"q\":1}"),
                                 &s.result, &s.error),
                 0);
    cr_assert_str_eq(s.result.json, "\"not \\\"JSON\\\" ?\"");
    pusher_result_free(&s.result);
    struct pusher_request request = {.method = "DELETE", .path = "/apps/3/z"};
    cr_assert_eq(pusher_api_call(s.http, &request, &s.result, &s.error), 0);
    cr_assert_str_eq(s.result.json, "{}");
    stop_server(&s);
    cr_assert(begins(&s, 0, "GET /apps/3/x?a=b%20c&auth_key="));
    cr_assert(begins(&s, 1, "POST /apps/3/y?auth_key="));
    cr_assert(begins(&s, 2, "DELETE /apps/3/z?"));
    close_scene(&s);
}

Test(api, a_refusal_has_its_verdict)
{
    static const struct server_step steps[] = {
        OK("{\"error\":\"The app nope could not be found.\",\"code\":404}"),
        {"HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nConnection: close\r\n\r\n", SERVER_CLOSE, 0}};
    struct scene s;
    open_scene(&s, steps, 2);
    cr_assert_eq(pusher_api_list_channels(s.http, absent, absent, &s.result, &s.error),
                 PUSHER_EREFUSED);
    cr_assert_eq(s.result.reply.class_, PUSHER_REPLY_FORBIDDEN);
    cr_assert_str_eq(s.error.text, "the server answered 404: The app nope could not be found.");
    cr_assert_eq(pusher_api_list_channels(s.http, absent, absent, &s.result, &s.error),
                 PUSHER_EREFUSED);
    cr_assert_eq(s.result.reply.class_, PUSHER_REPLY_RETRY);
    cr_assert_eq(s.result.retry_after_ms, 3000);
    cr_assert_str_eq(s.error.text, "the server answered 429");
    stop_server(&s);
    close_scene(&s);
}

Test(api, a_server_that_is_not_there_has_no_verdict)
{
    static const struct server_step steps[] = {OK("{}")};
    struct scene s;
    struct pusher_string channel = pusher_str("c");
    struct pusher_trigger trigger = some_trigger(&channel, 1);
    open_scene(&s, steps, 1);
    server_stop(&s.server);
    cr_assert_eq(pusher_api_trigger(s.http, &trigger, &s.result, &s.error), PUSHER_EUNREACHABLE);
    cr_assert_eq(s.result.reply.status, 0);
    cr_assert_eq(s.result.retry_after_ms, -1);
    pusher_http_free(s.http);
    close_scene(&s);
}
