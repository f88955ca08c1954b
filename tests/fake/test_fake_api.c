/* What the fake answers as hosted Pusher, and as soketi. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "signed_request.h"

static struct fake_server fake;

static void start(void)
{
    fake_server_start(&fake, NULL);
}

static void start_soketi(void)
{
    const char *args[] = {"--flavor", "soketi", NULL};
    fake_server_start(&fake, args);
}

static void stop(void)
{
    fake_server_stop(&fake);
}

TestSuite(fake_api, .init = start, .fini = stop);
TestSuite(fake_soketi, .init = start_soketi, .fini = stop);

/* POSTs to `route` and expects this status and the beginning of this answer. */
static void expect_post(const char *route, const char *body, long status, const char *text)
{
    char *answer;
    long got = signed_post(&fake, route, body, &answer);
    cr_expect_eq(got, status, "%s: %ld, not %ld: %s", body, got, status, answer);
    cr_expect_eq(strncmp(answer, text, strlen(text)), 0, "%s: %s", body, answer);
    free(answer);
}

static void expect_get(const char *route, const char *params, long status, const char *text)
{
    char *answer;
    long got = signed_get(&fake, route, params, &answer);
    cr_expect_eq(got, status, "%s: %ld, not %ld: %s", route, got, status, answer);
    cr_expect_str_eq(answer, text);
    free(answer);
}

static void expect_member(const json_t *event, const char *key, const char *text)
{
    const char *have = json_string_value(json_object_get(event, key));
    cr_expect(text ? have && strcmp(have, text) == 0 : have == NULL, "%s: %s", key, have);
}

static void expect_event(size_t seq, const char *channel, const char *name, const char *data,
                         const char *socket_id)
{
    json_t *events = fake_server_get(&fake, "events");
    const json_t *event = json_array_get(events, seq - 1);
    expect_member(event, "channel", channel);
    expect_member(event, "name", name);
    expect_member(event, "data", data);
    expect_member(event, "socket_id", socket_id);
    json_decref(events);
}

Test(fake_api, publishes_a_trigger_on_each_channel)
{
    expect_post("/events",
                "{'name':'e','channels':['a','#server-to-user-7'],'data':'d','socket_id':'1.2'}",
                200, "{}");
    cr_expect_eq(fake_server_events(&fake), 2);
    expect_event(1, "a", "e", "d", "1.2");
    expect_event(2, "#server-to-user-7", "e", "d", "1.2");
}

Test(fake_api, publishes_a_batch_in_order)
{
    expect_post("/batch_events",
                "{'batch':[{'name':'e','channel':'a','data':'1'},"
                "{'name':'f','channel':'b','data':'2'}]}",
                200, "{}");
    expect_event(1, "a", "e", "1", NULL);
    expect_event(2, "b", "f", "2", NULL);
    cr_expect_eq(fake_server_stat(&fake, "batches"), 1);
    cr_expect_eq(fake_server_stat(&fake, "mean_batch"), 2);
    cr_expect_eq(fake_server_stat(&fake, "by_batch_size.2"), 1);
}

Test(fake_api, gives_info_where_it_is_asked_for)
{
    expect_post("/events",
                "{'name':'e','channel':'presence-a','data':'d','info':'user_count,"
                "subscription_count'}",
                200, "{\"channels\":{\"presence-a\":{\"user_count\":2,\"subscription_count\":3}}}");
    expect_post("/batch_events",
                "{'batch':[{'name':'e','channel':'a','data':'1'},"
                "{'name':'f','channel':'b','data':'2','info':'subscription_count'}]}",
                200, "{\"batch\":[{},{\"subscription_count\":3}]}");
    expect_post("/events", "{'name':'e','channel':'a','data':'d','info':'user_count'}", 400,
                "Cannot retrieve the user count unless the channel is a presence channel\n");
    cr_expect_eq(fake_server_events(&fake), 3);
}

Test(fake_api, refuses_bodies_that_hosted_pusher_refuses)
{
    static const char *const bodies[][2] = {
        {"nonsense", "The body is not a JSON object"},
        {"[]", "The body is not a JSON object"},
        {"{'batch':{}}", "Expected request parameter batch to be an array\n"},
        {"{'batch':[1]}", "Expected an event to be an object\n"},
        {"{'batch':[{'name':'e','data':'1','channels':['a']}]}",
         "Missing required parameter: channel\n"},
        {"{'batch':[{'name':'e','channel':'a'}]}", "Missing required parameter: data\n"},
        {"{'batch':[{'name':'e','channel':'a','data':{}}]}",
         "Expected request parameter data to be a string\n"},
        {"{'batch':[{'name':'e','channel':'a b','data':''}]}", "Invalid channel name: a b\n"},
        {"{'batch':[{'name':'','channel':'a','data':''}]}", "Event name must have 1 to 200"},
        {"{'batch':[{'name':'e','channel':'a','data':'','socket_id':'1.'}]}",
         "Invalid socket_id: 1.\n"},
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        expect_post("/batch_events", bodies[i][0], 400, bodies[i][1]);
    }
    cr_expect_eq(fake_server_events(&fake), 0);
}

/* {"batch":[..n events with len bytes of data..]} */
static char *make_batch(size_t n, size_t len)
{
    char *body;
    size_t size;
    FILE *out = open_memstream(&body, &size);
    fputs("{'batch':[", out);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s{'name':'e','channel':'a','data':'%0*d'}", i ? "," : "", (int)len, 1);
    }
    fputs("]}", out);
    fclose(out);
    return body;
}

static void expect_batch(size_t n, size_t len, long status, const char *text)
{
    char *body = make_batch(n, len);
    expect_post("/batch_events", body, status, text);
    free(body);
}

Test(fake_api, holds_the_limits_of_hosted_pusher)
{
    expect_batch(10, 10240, 200, "{}");
    expect_batch(11, 1, 400, "Batch too large (11 > 10)\n");
    expect_batch(2, 10241, 413,
                 "The data content of this event exceeds the allowed maximum (10240 bytes). See "
                 "https://pusher.com/docs/channels/server_api/http-api#publishing-events for more "
                 "info\n");
    cr_expect_eq(fake_server_events(&fake), 10);
}

static void expect_n_channels(int n, long status)
{
    char *body;
    size_t size;
    FILE *out = open_memstream(&body, &size);
    fputs("{'name':'e','data':'d','channels':['c0'", out);
    for (int i = 1; i < n; i++) {
        fprintf(out, ",'c%d'", i);
    }
    fputs("]}", out);
    fclose(out);
    expect_post("/events", body, status, status == 200 ? "{}" : "Too many channels (101 > 100)\n");
    free(body);
}

Test(fake_api, takes_100_channels_and_no_more)
{
    expect_n_channels(100, 200);
    expect_n_channels(101, 400);
}

Test(fake_api, answers_queries_with_its_made_up_facts)
{
    expect_post("/events", "{'name':'e','channels':['presence-a','b'],'data':'d'}", 200, "{}");
    expect_get("/channels", "&filter_by_prefix=presence-&info=user_count", 200,
               "{\"channels\":{\"presence-a\":{\"user_count\":2}}}");
    expect_get("/channels", "&info=user_count", 400,
               "user_count may only be requested for presence channels - please supply "
               "filter_by_prefix begining with presence-\n");
    expect_get("/channels/b", "&info=subscription_count,cache", 200,
               "{\"subscription_count\":3,\"occupied\":true,\"cache\":null}");
    expect_get("/channels/c", NULL, 200, "{\"occupied\":false}");
    expect_get("/channels/presence-a/users", NULL, 200,
               "{\"users\":[{\"id\":\"1\"},{\"id\":\"2\"}]}");
    expect_get("/channels/b/users", NULL, 400,
               "Users can only be retrieved for presence channels\n");
}

Test(fake_api, knows_the_other_routes_and_no_more)
{
    expect_post("/users/7/terminate_connections", "{}", 200, "{}");
    expect_post("/users//terminate_connections", "{}", 404, "404 NOT FOUND\n");
    expect_post("/users/7/events", "{}", 404, "404 NOT FOUND\n");
    expect_get("/events", NULL, 404, "404 NOT FOUND\n");
}

Test(fake_api, refuses_and_counts_a_bad_signature)
{
    struct http_answer answer;
    struct signed_request request = {
        .method = "POST", .route = "/events", .body = "{}", .secret = "other"};
    signed_perform(&fake, &request, &answer);
    cr_expect_eq(answer.status, 401);
    cr_expect(strstr(answer.body, "Invalid signature: you should have sent HmacSHA256Hex(\"POST"));
    cr_expect_eq(fake_server_stat(&fake, "bad_signatures"), 1);
    cr_expect_eq(fake_server_stat(&fake, "by_status.401"), 1);
    http_answer_deinit(&answer);
}

Test(fake_api, refuses_an_old_timestamp_and_an_unknown_app)
{
    struct http_answer answer;
    struct signed_request request = {
        .method = "POST", .route = "/events", .body = "{}", .age_s = 601};
    signed_perform(&fake, &request, &answer);
    cr_expect_eq(answer.status, 401);
    cr_expect_eq(strncmp(answer.body, "Timestamp expired: Given timestamp (", 36), 0);
    http_answer_deinit(&answer);

    char url[128];
    snprintf(url, sizeof(url), "%s/apps/nope/events", fake.url);
    http_perform(&(struct http_request){.method = "POST", .url = url, .body = "", .body_len = 0},
                 &answer);
    cr_expect_eq(answer.status, 404);
    http_answer_deinit(&answer);
}

Test(fake_soketi, answers_every_error_with_200)
{
    expect_post("/events", "{'name':'e','channel':'a','data':''}", 200,
                "{\"error\":\"The received data is incorrect\",\"code\":400}");
    char *body = make_batch(11, 1);
    expect_post("/batch_events", body, 200,
                "{\"error\":\"Cannot batch-send more than 10 messages at once\",\"code\":400}");
    free(body);
    cr_expect_eq(fake_server_events(&fake), 0);
}

Test(fake_soketi, says_ok_ignores_the_clock_and_closes)
{
    struct http_answer answer;
    struct signed_request request = {.method = "POST",
                                     .route = "/events",
                                     .body = "{\"name\":\"e\",\"channel\":\"a b\",\"data\":\"d\"}",
                                     .age_s = 10000};
    signed_perform(&fake, &request, &answer);
    cr_expect_eq(answer.status, 200);
    cr_expect_str_eq(answer.body, "{\"ok\":true}");
    cr_expect(strcasestr(answer.headers, "Connection: close"));
    http_answer_deinit(&answer);
}
