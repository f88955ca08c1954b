/* The operations that return something rather than publish. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fake/verify.h"
#include "tests/support/scene.h"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(operations, .init = open_scene, .fini = close_scene, .timeout = 120);

/* Runs one job, which must succeed, and gives its result as JSON: a new reference. */
static json_t *run(enum job_format format, const char *job)
{
    size_t before = outcomes_count(&scene.redis, RESULTS);
    job_push(&scene.redis, format, "%s", job);
    cr_assert(scene_settles(&scene, before + 1, 0), "%s", job);
    struct outcomes results;
    outcomes_read(&scene.redis, RESULTS, &results);
    const char *text = outcomes_get(&results, before, "result", NULL);
    json_t *result = text ? json_loads(text, JSON_DECODE_ANY, NULL) : json_null();
    outcomes_deinit(&results);
    cr_assert(result, "%s: no JSON", job);
    return result;
}

/* The same in both formats, and the result is this. */
static void expect_result(const char *job, const char *json)
{
    json_t *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
    for (enum job_format format = JOB_JSON; format <= JOB_MSGPACK; format++) {
        json_t *result = run(format, job);
        char *text = json_dumps(result, JSON_ENCODE_ANY);
        cr_expect(json_equal(result, wanted), "%s: %s", job, text);
        free(text);
        json_decref(result);
    }
    json_decref(wanted);
}

Test(operations, query_channels)
{
    json_decref(run(JOB_JSON, "{'channels':['presence-a','b'],'event':'e','data':''}"));
    expect_result("{'op':'listChannels','filterByPrefix':'presence-','info':'user_count'}",
                  "{\"channels\":{\"presence-a\":{\"user_count\":2}}}");
    expect_result("{'op':'listChannels'}", "{\"channels\":{\"presence-a\":{},\"b\":{}}}");
    expect_result("{'op':'getChannel','channelName':'b','info':'subscription_count'}",
                  "{\"occupied\":true,\"subscription_count\":3}");
    expect_result("{'op':'getChannelUsers','channelName':'presence-a'}",
                  "{\"users\":[{\"id\":\"1\"},{\"id\":\"2\"}]}");
}

static bool was_requested(const char *method, const char *path)
{
    bool found = false;
    json_t *requests = fake_server_get(&scene.fake, "requests");
    for (size_t i = 0; i < json_array_size(requests); i++) {
        const json_t *request = json_array_get(requests, i);
        found =
            found || (strcmp(json_string_value(json_object_get(request, "path")), path) == 0 &&
                      strcmp(json_string_value(json_object_get(request, "method")), method) == 0);
    }
    json_decref(requests);
    return found;
}

Test(operations, terminate_the_connections_of_a_user)
{
    json_decref(run(JOB_MSGPACK, "{'op':'terminateUserConnections','userId':'u-1'}"));
    cr_expect(was_requested("POST", "/apps/app-id/users/u-1/terminate_connections"));
    cr_expect_eq(fake_server_stat(&scene.fake, "by_status.200"), 1);
}

/* "app-key:" and the signature of a text by the scene's app. */
static void sign(const char *text, char ret_auth[128])
{
    char hex[65];
    verify_hmac(FAKE_APP_SECRET, text, hex);
    snprintf(ret_auth, 128, "%s:%s", FAKE_APP_KEY, hex);
}

static void expect_auth(const char *job, const char *signed_text, const char *data_key,
                        const char *data)
{
    char auth[128];
    sign(signed_text, auth);
    json_t *result = run(JOB_JSON, job);
    const char *have = json_string_value(json_object_get(result, "auth"));
    cr_expect(have && strcmp(have, auth) == 0, "%s: %s, not %s", job, have, auth);
    if (data_key) {
        have = json_string_value(json_object_get(result, data_key));
        cr_expect(have && strcmp(have, data) == 0, "%s: %s", job, have);
    }
    json_decref(result);
}

Test(operations, authorize_channels_and_users)
{
    expect_auth("{'op':'authorizeChannel','socketId':'1.2','channel':'private-a'}", "1.2:private-a",
                NULL, NULL);
    expect_auth("{'op':'authorizeChannel','socketId':'1.2','channel':'presence-a',"
                "'channelData':{'user_id':'7','user_info':{'b':1,'a':2}}}",
                "1.2:presence-a:{\"user_id\":\"7\",\"user_info\":{\"b\":1,\"a\":2}}",
                "channel_data", "{\"user_id\":\"7\",\"user_info\":{\"b\":1,\"a\":2}}");
    expect_auth("{'op':'authenticateUser','socketId':'1.2','userData':{'id':'7'}}",
                "1.2::user::{\"id\":\"7\"}", "user_data", "{\"id\":\"7\"}");
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 0);
}

Test(operations, give_the_shared_secret_of_an_encrypted_channel)
{
    json_t *result = run(JOB_JSON, "{'op':'authorizeChannel','socketId':'1.2',"
                                   "'channel':'private-encrypted-bla'}");
    /* computed with PyNaCl from SCENE_MASTER_KEY */
    const char *secret = json_string_value(json_object_get(result, "shared_secret"));
    cr_expect(secret && strcmp(secret, "BYBsePpRCQkGPvbWu/5j8x+MmUF5sgPH5DmNBwkTzYs=") == 0, "%s",
              secret);
    json_decref(result);
}

#define HOOK                                                                                       \
    "{\"time_ms\":1327078148132,\"events\":[{\"name\":\"channel_occupied\",\"channel\":\"a\"}]}"

static void push_webhook(const char *id, const char *signature)
{
    json_t *job = json_pack("{s:s, s:s, s:{s:s, s:s, s:s}, s:s}", "op", "validateWebhook", "id", id,
                            "headers", "x-pusher-key", FAKE_APP_KEY, "x-pusher-signature",
                            signature, "content-type", "application/json", "rawBody", HOOK);
    char *text = json_dumps(job, 0);
    job_push_bytes(&scene.redis, JOB_LIST, text, strlen(text));
    free(text);
    json_decref(job);
}

Test(operations, validate_webhooks)
{
    char signature[65];
    verify_hmac(FAKE_APP_SECRET, HOOK, signature);
    push_webhook("good", signature);
    signature[0] = signature[0] == '0' ? '1' : '0';
    push_webhook("forged", signature);
    cr_assert(scene_settles(&scene, 1, 1));

    char *text = outcomes_field(&scene.redis, RESULTS, "good", "result");
    json_t *have = text ? json_loads(text, 0, NULL) : NULL;
    json_t *wanted = json_loads("{\"valid\":true,\"time_ms\":1327078148132,\"events\":[{\"name\":"
                                "\"channel_occupied\",\"channel\":\"a\"}]}",
                                0, NULL);
    cr_expect(have && json_equal(have, wanted), "%s", text);
    char *code = outcomes_field(&scene.redis, FAILURES, "forged", "code");
    cr_expect_str_eq(code, "invalid_signature");
    json_decref(have);
    json_decref(wanted);
    free(text);
    free(code);
}

Test(operations, sign_a_query_string)
{
    json_t *result = run(JOB_JSON, "{'op':'createSignedQueryString','method':'GET',"
                                   "'path':'/apps/app-id/channels','params':{'info':'x'}}");
    char *text = json_dumps(result, JSON_ENCODE_ANY);
    cr_expect(strstr(text, "auth_key=app-key&auth_timestamp=") &&
                  strstr(text, "&info=x&auth_signature="),
              "%s", text);
    free(text);
    json_decref(result);
}

/* Runs one job, which must fail at once with this text. */
static void expect_refused(const char *job, const char *text)
{
    size_t n_results = outcomes_count(&scene.redis, RESULTS);
    size_t before = outcomes_count(&scene.redis, FAILURES);
    job_push(&scene.redis, JOB_JSON, "%s", job);
    cr_assert(scene_settles(&scene, n_results, before + 1), "%s", job);
    struct outcomes failures;
    outcomes_read(&scene.redis, FAILURES, &failures);
    cr_expect_str_eq(outcomes_get(&failures, before, "code", NULL), "invalid_job");
    cr_expect_str_eq(outcomes_get(&failures, before, "error", NULL), text);
    outcomes_deinit(&failures);
}

Test(operations, say_what_is_wrong_with_a_path)
{
    char job[2048];
    static const char *const ops[] = {"'op':'createSignedQueryString','method':'GET'",
                                      "'op':'customGet'"};
    for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        snprintf(job, sizeof(job), "{%s,'path':'/%01300d'}", ops[i], 0);
        expect_refused(job, "the path is too long or holds a NUL");
        snprintf(job, sizeof(job), "{%s,'path':'/a\\u0000'}", ops[i]);
        expect_refused(job, "the path is too long or holds a NUL");
        snprintf(job, sizeof(job), "{%s,'path':'a'}", ops[i]);
        expect_refused(job, "the path must begin with a slash");
    }
    expect_refused("{'op':'customGet','path':'/apps/other/channels'}",
                   "the path names another app: \"/apps/other\", this one is \"/apps/app-id\"");
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 0);
    expect_refused("{'op':'createSignedQueryString','path':'/a','method':'G\\u0000'}",
                   "the method must be 1 to 16 letters");
}

Test(operations, call_custom_routes)
{
    json_decref(run(JOB_JSON, "{'op':'customPost','path':'/events','body':{'name':'e','channel':"
                              "'a','data':'x'}}"));
    cr_expect(scene_event_is(&scene, 0, "a", "e", "x"));
    expect_result("{'op':'customGet','path':'/channels/a','params':{'info':'subscription_count'}}",
                  "{\"occupied\":true,\"subscription_count\":3}");
    expect_result(
        "{'op':'customGet','path':'/apps/app-id/channels/a','params':{'info':'subscription_count'}}",
        "{\"occupied\":true,\"subscription_count\":3}");
}
