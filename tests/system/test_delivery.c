/* Each operation that publishes arrives, in both formats, and is reported with the fields that
 * consumers of the results rely on. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

TestSuite(delivery, .init = open_scene, .fini = close_scene, .timeout = 120);

static void expect_field(const char *stream, const char *id, const char *field, const char *value)
{
    char *have = outcomes_field(&scene.redis, stream, id, field);
    cr_expect(value ? have && strcmp(have, value) == 0 : !have, "%s of %s: %s, not %s", field, id,
              have, value);
    free(have);
}

Test(delivery, of_a_trigger_event_in_both_formats)
{
    for (enum job_format format = JOB_JSON; format <= JOB_MSGPACK; format++) {
        job_push(&scene.redis, format,
                 "{'op':'triggerEvent','id':'%d','channel':'a','event':'e','data':{'x':1},"
                 "'socketId':'12.34'}",
                 (int)format);
        cr_assert(scene_settles(&scene, (size_t)format + 1, 0));
        cr_expect(scene_event_is(&scene, (size_t)format, "a", "e", "{\"x\":1}"));
        json_t *event = scene_event(&scene, (size_t)format);
        cr_expect_str_eq(json_string_value(json_object_get(event, "socket_id")), "12.34");
        json_decref(event);
    }
}

Test(delivery, is_reported_with_the_fields_of_a_result)
{
    job_push(&scene.redis, JOB_JSON,
             "{'op':'triggerEvent','id':'r','channel':'a','event':'e','data':'text'}");
    cr_assert(scene_settles(&scene, 1, 0));
    expect_field(RESULTS, "r", "op", "triggerEvent");
    expect_field(RESULTS, "r", "app", "main");
    expect_field(RESULTS, "r", "http", "200");
    expect_field(RESULTS, "r", "attempts", "1");
    expect_field(RESULTS, "r", "result", NULL);
    char *ms = outcomes_field(&scene.redis, RESULTS, "r", "ms");
    cr_expect(ms && ms[0] && strspn(ms, "0123456789") == strlen(ms), "ms: %s", ms);
    free(ms);
}

Test(delivery, of_jobs_without_op_or_id)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'1'}");
    job_push(&scene.redis, JOB_MSGPACK, "{'channels':['b','c'],'event':'e','data':'2'}");
    job_push(&scene.redis, JOB_JSON, "{'events':[{'channel':'d','event':'e','data':'3'}]}");
    cr_assert(scene_settles(&scene, 3, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 4);
    struct outcomes results;
    outcomes_read(&scene.redis, RESULTS, &results);
    for (size_t i = 0; i < results.n; i++) {
        const char *id = outcomes_get(&results, i, "id", NULL);
        cr_expect(id && id[0]);
    }
    outcomes_deinit(&results);
}

Test(delivery, of_an_integer_id_keeps_its_digits)
{
    job_push(&scene.redis, JOB_JSON, "{'id':9007199254740993,'channel':'a','event':'e','data':''}");
    job_push(&scene.redis, JOB_MSGPACK, "{'id':-5,'channel':'a','event':'e','data':''}");
    cr_assert(scene_settles(&scene, 2, 0));
    expect_field(RESULTS, "9007199254740993", "http", "200");
    expect_field(RESULTS, "-5", "http", "200");
}

/* 'c-0','c-1',.. */
static char *channel_list(size_t n)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s'c-%zu'", i ? "," : "", i);
    }
    fclose(out);
    return text;
}

Test(delivery, of_250_channels_is_split_and_is_one_result)
{
    char *channels = channel_list(250);
    for (enum job_format format = JOB_JSON; format <= JOB_MSGPACK; format++) {
        job_push(
            &scene.redis, format,
            "{'op':'triggerMultipleChannels','id':'%d','channels':[%s],'event':'e','data':[1]}",
            (int)format, channels);
    }
    cr_assert(scene_settles(&scene, 2, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 500);
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 6);
    free(channels);
}

/* On a server that takes 1000 bytes: 40 channels of 28 bytes are more. */
static void open_small(void)
{
    scene_open(&scene, &(struct scene_options){.app = "max_request_bytes = 1000"});
    scene_start_pusherd(&scene);
}

Test(delivery_small, of_channels_that_fit_no_request_is_split, .init = open_small,
     .fini = close_scene, .timeout = 120)
{
    char channels[2048] = "";
    for (size_t i = 0; i < 40; i++) {
        snprintf(channels + strlen(channels), sizeof(channels) - strlen(channels), "%s'%028zu'",
                 i ? "," : "", i);
    }
    job_push(&scene.redis, JOB_JSON,
             "{'id':'c','channels':[%s],'event':'e','data':'x','info':'subscription_count'}",
             channels);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 2);
    cr_assert_eq(fake_server_events(&scene.fake), 40);
    char *text = outcomes_field(&scene.redis, RESULTS, "c", "result");
    json_t *result = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    cr_expect_eq(json_object_size(json_object_get(result, "channels")), 40, "%s", text);
    unsigned seen[40] = {0}; /* the two requests go out together */
    for (size_t i = 0; i < 40; i++) {
        json_t *event = scene_event(&scene, i);
        seen[strtoul(json_string_value(json_object_get(event, "channel")), NULL, 10) % 40]++;
        json_decref(event);
    }
    for (size_t i = 0; i < 40; i++) {
        cr_expect_eq(seen[i], 1, "channel %zu: %u times", i, seen[i]);
    }
    json_decref(result);
    free(text);
}

/* {'channel':'ch','event':'e','data':{'n':0}},.. */
static char *event_list(size_t n, const char *more)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s{'channel':'ch','event':'e','data':{'n':%zu}%s}", i ? "," : "", i, more);
    }
    fclose(out);
    return text;
}

Test(delivery, of_a_batch_of_25_is_split_and_keeps_order)
{
    char *events = event_list(25, "");
    job_push(&scene.redis, JOB_MSGPACK, "{'op':'triggerBatch','id':'b','events':[%s]}", events);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_assert_eq(fake_server_events(&scene.fake), 25);
    for (size_t i = 0; i < 25; i++) {
        char data[32];
        snprintf(data, sizeof(data), "{\"n\":%zu}", i);
        cr_expect(scene_event_is(&scene, i, "ch", "e", data), "event %zu", i);
    }
    free(events);
}

Test(delivery, to_a_user)
{
    job_push(&scene.redis, JOB_JSON,
             "{'op':'sendToUser','id':'1','userId':'u-1','event':'e','data':'x'}");
    job_push(&scene.redis, JOB_MSGPACK,
             "{'op':'sendToUser','id':'2','userId':'0','event':'e','data':'x'}");
    cr_assert(scene_settles(&scene, 2, 0));
    cr_expect_eq(fake_server_events(&scene.fake), 2);
    struct outcomes results;
    outcomes_read(&scene.redis, RESULTS, &results);
    outcomes_deinit(&results);
    json_t *one = scene_event(&scene, 0);
    json_t *two = scene_event(&scene, 1);
    const char *a = json_string_value(json_object_get(one, "channel"));
    const char *b = json_string_value(json_object_get(two, "channel"));
    cr_expect((strcmp(a, "#server-to-user-u-1") == 0 && strcmp(b, "#server-to-user-0") == 0) ||
                  (strcmp(b, "#server-to-user-u-1") == 0 && strcmp(a, "#server-to-user-0") == 0),
              "%s %s", a, b);
    json_decref(one);
    json_decref(two);
}

Test(delivery, keeps_the_bytes_of_json_data)
{
    static const char data[] =
        "{\"z\":1.10,\"a\":12345678901234567890,\"e\":1E5,\"t\":[true,null]}";
    char job[256];
    int len = snprintf(job, sizeof(job), "{\"channel\":\"a\",\"event\":\"e\",\"data\":%s}", data);
    job_push_bytes(&scene.redis, JOB_LIST, job, (size_t)len);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect(scene_event_is(&scene, 0, "a", "e", data));
}

Test(delivery, keeps_every_character_of_a_string)
{
    static const char job[] = "{\"channel\":\"a\",\"event\":\"e \\u00e4\",\"data\":"
                              "\"\\u0001\\u0000\\\"\\\\/\\u2028\\ud83d\\ude00 \xf0\x9f\x98\x80\"}";
    static const char data[] = "\x01\0\"\\/\xe2\x80\xa8\xf0\x9f\x98\x80 \xf0\x9f\x98\x80";
    job_push_bytes(&scene.redis, JOB_LIST, job, strlen(job));
    cr_assert(scene_settles(&scene, 1, 0));
    json_t *event = scene_event(&scene, 0);
    const json_t *text = json_object_get(event, "data");
    cr_assert_eq(json_string_length(text), sizeof(data) - 1);
    cr_expect_arr_eq(json_string_value(text), data, sizeof(data) - 1);
    cr_expect_str_eq(json_string_value(json_object_get(event, "name")), "e \xc3\xa4");
    json_decref(event);
}

static void expect_result(const char *id, const char *json)
{
    char *text = outcomes_field(&scene.redis, RESULTS, id, "result");
    json_t *have = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    json_t *wanted = json_loads(json, JSON_DECODE_ANY, NULL);
    cr_expect(have && json_equal(have, wanted), "result of %s: %s", id, text);
    json_decref(have);
    json_decref(wanted);
    free(text);
}

Test(delivery, with_info_returns_it)
{
    job_push(&scene.redis, JOB_JSON,
             "{'id':'1','channel':'presence-a','event':'e','data':'','info':'user_count'}");
    job_push(&scene.redis, JOB_MSGPACK,
             "{'id':'2','channels':['presence-a','presence-b'],'event':'e','data':'',"
             "'info':'user_count,subscription_count'}");
    cr_assert(scene_settles(&scene, 2, 0));
    expect_result("1", "{\"channels\":{\"presence-a\":{\"user_count\":2}}}");
    expect_result("2", "{\"channels\":{\"presence-a\":{\"user_count\":2,\"subscription_count\":3},"
                       "\"presence-b\":{\"user_count\":2,\"subscription_count\":3}}}");
}

static void open_wide(void)
{
    static const char *const args[] = {"--max-channels", "1000", NULL};
    scene_open(&scene, &(struct scene_options){.app = "max_channels = 1000", .fake_args = args});
    scene_start_pusherd(&scene);
}

/* The answer has more than 64 KiB. */
Test(delivery_wide, of_1000_channels_with_info_returns_all_of_it, .init = open_wide,
     .fini = close_scene, .timeout = 120)
{
    char *channels = calloc(1000, sizeof(",'presence-channel-0123456789'")), *at = channels;
    for (size_t i = 0; i < 1000; i++) {
        at += sprintf(at, "%s'presence-channel-%010zu'", i ? "," : "", i);
    }
    job_push(&scene.redis, JOB_JSON,
             "{'id':'c','channels':[%s],'event':'e','data':'x','info':'user_count,"
             "subscription_count'}",
             channels);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(fake_server_stat(&scene.fake, "requests"), 1);
    char *text = outcomes_field(&scene.redis, RESULTS, "c", "result");
    json_t *result = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    cr_expect_eq(json_object_size(json_object_get(result, "channels")), 1000, "%s", text);
    cr_expect_gt(strlen(text), 64 << 10);
    json_decref(result);
    free(text);
    free(channels);
}

Test(delivery, of_a_split_batch_with_info_returns_it_in_order)
{
    char *events = event_list(11, ",'info':'subscription_count'");
    job_push(&scene.redis, JOB_JSON,
             "{'op':'triggerBatch','id':'b','events':[{'channel':'a','event':'e','data':''},%s]}",
             events);
    cr_assert(scene_settles(&scene, 1, 0));
    char *text = outcomes_field(&scene.redis, RESULTS, "b", "result");
    json_t *result = text ? json_loads(text, 0, NULL) : NULL;
    json_t *batch = json_object_get(result, "batch");
    cr_expect_eq(json_array_size(batch), 12, "%s", text);
    cr_expect_eq(json_object_size(json_array_get(batch, 0)), 0);
    for (size_t i = 1; i < 12; i++) {
        const json_t *count = json_object_get(json_array_get(batch, i), "subscription_count");
        cr_expect_eq(json_integer_value(count), 3, "%zu: %s", i, text);
    }
    json_decref(result);
    free(text);
    free(events);
}

/* Opens {"nonce","ciphertext"} as a client does; malloc'ed text, or NULL. */
static char *decrypt(const char *channel, const char *data)
{
    unsigned char master[32], secret[32], nonce[24], cipher[512], plain[512] = {0};
    size_t nonce_len = 0, cipher_len = 0;
    const char *nonce_text, *cipher_text;
    crypto_hash_sha256_state state;
    json_t *sealed = json_loads(data, 0, NULL);
    if (json_unpack(sealed, "{s:s, s:s !}", "nonce", &nonce_text, "ciphertext", &cipher_text)) {
        json_decref(sealed);
        return NULL;
    }
    sodium_base642bin(master, 32, SCENE_MASTER_KEY, strlen(SCENE_MASTER_KEY), NULL, NULL, NULL,
                      sodium_base64_VARIANT_ORIGINAL);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, (const unsigned char *)channel, strlen(channel));
    crypto_hash_sha256_update(&state, master, 32);
    crypto_hash_sha256_final(&state, secret);
    int bad = sodium_base642bin(nonce, 24, nonce_text, strlen(nonce_text), NULL, &nonce_len, NULL,
                                sodium_base64_VARIANT_ORIGINAL) ||
              sodium_base642bin(cipher, 512, cipher_text, strlen(cipher_text), NULL, &cipher_len,
                                NULL, sodium_base64_VARIANT_ORIGINAL) ||
              nonce_len != 24 ||
              crypto_secretbox_open_easy(plain, cipher, cipher_len, nonce, secret);
    json_decref(sealed);
    return bad ? NULL : strdup((char *)plain);
}

Test(delivery, to_an_encrypted_channel_is_readable_with_its_key_alone)
{
    cr_assert_geq(sodium_init(), 0);
    job_push(&scene.redis, JOB_JSON,
             "{'channel':'private-encrypted-a','event':'e','data':{'secret':'word'}}");
    job_push(&scene.redis, JOB_MSGPACK,
             "{'events':[{'channel':'private-encrypted-a','event':'e','data':{'secret':'word'}}]}");
    cr_assert(scene_settles(&scene, 2, 0));
    for (size_t i = 0; i < 2; i++) {
        json_t *event = scene_event(&scene, i);
        const char *data = json_string_value(json_object_get(event, "data"));
        char *plain = decrypt("private-encrypted-a", data);
        cr_expect(!strstr(data, "word"));
        cr_expect(plain && strcmp(plain, "{\"secret\":\"word\"}") == 0, "%s: %s", data, plain);
        free(plain);
        json_decref(event);
    }
}
