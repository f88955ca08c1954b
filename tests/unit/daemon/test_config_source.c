/* The environment, the JSON form of an app, and what wins over what. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_source, .fini = fixture_remove);

#define APP_ENV                                                                                    \
    "PUSHER_APP_ID=3", "PUSHER_APP_KEY=k", "PUSHER_APP_SECRET=s", "PUSHER_APP_CLUSTER=eu"

Test(config_source, environment_alone_is_enough)
{
    struct config *config = fixture_load(
        NULL, NULL,
        ENVIRON(
            APP_ENV, "PUSHER_SCHEME=http", "PUSHER_PORT=81", "PUSHER_TIMEOUT_MS=900",
            "PUSHER_KEEP_ALIVE=off", "PUSHER_PROXY=http://h:1", "REDIS_URL=redis://r/2",
            "PUSHERD_QUEUE=jobs", "PUSHERD_STATUS_LISTEN=127.0.0.1:9", "PUSHERD_LOG_LEVEL=warn",
            "PUSHER_ENCRYPTION_MASTER_KEY_BASE64=zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="));
    const struct pusher_client *client = config->apps[0].client;
    cr_expect_str_eq(config->apps[0].name, "default");
    cr_expect_str_eq(pusher_client_base_url(client), "http://api-eu.pusher.com:81");
    cr_expect_eq(pusher_client_timeout_ms(client), 900);
    cr_expect_not(pusher_client_keep_alive(client));
    cr_expect_str_eq(pusher_client_proxy(client), "http://h:1");
    cr_expect(pusher_client_can_encrypt(client));
    cr_expect(strcmp(config->redis.host, "r") == 0 && config->redis.db == 2);
    cr_expect(config->n_queues == 1 && strcmp(config->queues[0].list, "jobs") == 0);
    cr_expect_eq(config->queues[0].app, 0);
    cr_expect_str_eq(config->status_listen, "127.0.0.1:9");
    cr_expect_eq(config->log_level, 4);
    config_free(config);
}

Test(config_source, without_queues_is_the_list_pusher_jobs)
{
    struct config *config = fixture_load(NULL, NULL, ENVIRON(APP_ENV, "PUSHERD_QUEUE="));
    cr_expect_str_eq(config->queues[0].list, "pusher:jobs");
    config_free(config);
}

Test(config_source, pusher_url_gives_a_whole_app)
{
    struct config *config =
        fixture_load(NULL, NULL, ENVIRON("PUSHER_URL=http://k:s%2Ft@localhost:6001/apps/77"));
    const struct pusher_client *client = config->apps[0].client;
    cr_expect_str_eq(pusher_client_app_id(client), "77");
    cr_expect_str_eq(pusher_client_key(client), "k");
    cr_expect_str_eq(pusher_client_base_url(client), "http://localhost:6001");
    config_free(config);
}

Test(config_source, variables_win_over_pusher_url)
{
    struct config *config = fixture_load(NULL, NULL,
                                         ENVIRON("PUSHER_URL=http://k:s@localhost:6001/apps/77",
                                                 "PUSHER_APP_ID=78", "PUSHER_APP_CLUSTER=eu"));
    const struct pusher_client *client = config->apps[0].client;
    cr_expect_str_eq(pusher_client_app_id(client), "78");
    cr_expect_str_eq(pusher_client_base_url(client), "https://api-eu.pusher.com:443");
    config_free(config);
}

Test(config_source, bad_variables_are_named)
{
    static const struct {
        const char *variable, *error;
    } rows[] = {
        {"PUSHER_PORT=70000",
         "environment: PUSHER_PORT: 70000 is over 65535 (allowed: 0 to 65535)"},
        {"PUSHER_SCHEME=ws", "environment: PUSHER_SCHEME: ws is not known (allowed: http, https)"},
        {"PUSHER_TIMEOUT_MS=1s", "environment: PUSHER_TIMEOUT_MS: 1s is not a whole"},
        {"PUSHER_KEEP_ALIVE=maybe", "environment: PUSHER_KEEP_ALIVE: maybe is neither"},
        {"REDIS_URL=redis:", "environment: REDIS_URL: not a URL"},
        {"PUSHERD_QUEUE=a}b", "environment: PUSHERD_QUEUE: a}b cannot be a list"},
        {"PUSHERD_QUEUE=caf\xe9", "environment: PUSHERD_QUEUE: not UTF-8"},
        {"PUSHERD_STATUS_LISTEN=x", "environment: PUSHERD_STATUS_LISTEN: x is no address"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = fixture_error(NULL, NULL, ENVIRON(APP_ENV, rows[i].variable));
        cr_expect(strncmp(text, rows[i].error, strlen(rows[i].error)) == 0, "%s", text);
    }
}

Test(config_source, missing_variables_are_named)
{
    cr_expect_str_eq(fixture_error(NULL, NULL, ENVIRON("PUSHER_APP_ID=3", "PUSHER_APP_KEY=k")),
                     "environment: PUSHER_APP_SECRET: missing, and required for an app");
    const char *text = fixture_error(NULL, NULL, NULL);
    cr_expect(strncmp(text, "environment: no app: ", 21) == 0, "%s", text);
}

Test(config_source, file_wins_over_the_environment_key_by_key)
{
    struct config *config =
        fixture_load("[app default]\napp_id=5\n[redis]\nurl=redis://file\n"
                     "[log]\nlevel=error\n[queue q]\n",
                     NULL,
                     ENVIRON(APP_ENV, "REDIS_URL=redis://env", "PUSHERD_LOG_LEVEL=debug",
                             "PUSHERD_QUEUE=other", "PUSHERD_LOG_FORMAT=json"));
    cr_assert_eq(config->n_apps, 1);
    cr_expect_str_eq(pusher_client_app_id(config->apps[0].client), "5");
    cr_expect_str_eq(pusher_client_key(config->apps[0].client), "k");
    cr_expect_str_eq(config->redis.host, "file");
    cr_expect(config->log_level == 3 && config->log_format == LOG_FORMAT_JSON);
    cr_expect(config->n_queues == 1 && strcmp(config->queues[0].list, "q") == 0);
    config_free(config);
}

Test(config_source, server_is_never_mixed_from_two_sources)
{
    struct config *config = fixture_load(
        "[app default]\ncluster=mt1\n", NULL,
        ENVIRON(APP_ENV, "PUSHER_HOST=localhost", "PUSHER_PORT=6001", "PUSHER_SCHEME=http"));
    cr_expect_str_eq(pusher_client_base_url(config->apps[0].client),
                     "https://api-mt1.pusher.com:443");
    config_free(config);
}

Test(config_source, environment_adds_no_app_where_the_file_has_its_own)
{
    struct config *config = fixture_load(ONE_APP, NULL, ENVIRON(APP_ENV));
    cr_assert_eq(config->n_apps, 1);
    cr_expect_str_eq(config->apps[0].name, "main");
    config_free(config);
}

#define JSON(parameters) "{\"provider\":\"Pusher\",\"configuration\":[" parameters "]}"
#define P(name, value)   "{\"name\":\"" name "\",\"value\":" value "}"
#define JSON_APP                                                                                   \
    P("appId", "\"9\"") "," P("key", "\"jk\"") "," P("secret", "\"js\"") "," P("cluster", "\"ap1\"")

Test(config_source, json_form_gives_the_eleven_parameters)
{
    struct config *config = fixture_load(
        NULL,
        JSON(P("appId", "9") "," P("key", "\"jk\"") "," P("secret", "\"js\"") "," P("host", "\"localhost\"") "," P(
            "port",
            "6001") "," P("useTLS",
                          "false") "," P("timeout",
                                         "\"700\"") "," P("keepAlive",
                                                          "false") "," P("proxy",
                                                                         "\"http://h:1\"") "," P("encryptionMasterKeyBase64",
                                                                                                 "\"zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=\"")),
        NULL);
    const struct pusher_client *client = config->apps[0].client;
    cr_expect_str_eq(config->apps[0].name, "default");
    cr_expect_str_eq(pusher_client_app_id(client), "9");
    cr_expect_str_eq(pusher_client_base_url(client), "http://localhost:6001");
    cr_expect_eq(pusher_client_timeout_ms(client), 700);
    cr_expect_not(pusher_client_keep_alive(client));
    cr_expect_str_eq(pusher_client_proxy(client), "http://h:1");
    cr_expect(pusher_client_can_encrypt(client));
    config_free(config);
}

Test(config_source, json_form_takes_empty_and_zero_for_not_set)
{
    struct config *config = fixture_load(
        NULL,
        JSON(JSON_APP "," P("useTLS", "0") "," P("host", "\"\"") "," P("port", "0") "," P(
            "encryptionMasterKeyBase64",
            "\"\"") "," P("proxy", "null") "," P("timeout", "0") "," P("keepAlive", "\"\"")),
        NULL);
    const struct pusher_client *client = config->apps[0].client;
    cr_expect_str_eq(pusher_client_base_url(client), "https://api-ap1.pusher.com:443");
    cr_expect_eq(pusher_client_timeout_ms(client), 5000);
    cr_expect(pusher_client_keep_alive(client) && !pusher_client_can_encrypt(client));
    config_free(config);
}

Test(config_source, json_form_replaces_the_default_app_whole)
{
    struct config *config = fixture_load(ONE_APP "[app default]\nproxy=http://file:1\n",
                                         JSON(JSON_APP), ENVIRON(APP_ENV, "PUSHER_TIMEOUT_MS=900"));
    cr_assert_eq(config->n_apps, 2);
    const struct pusher_client *client = config->apps[config_find_app(config, "default", 7)].client;
    cr_expect_str_eq(pusher_client_app_id(client), "9");
    cr_expect_null(pusher_client_proxy(client));
    cr_expect_eq(pusher_client_timeout_ms(client), 5000);
    config_free(config);
}

Test(config_source, json_form_that_is_wrong_is_refused_by_parameter)
{
    static const struct {
        const char *json, *error;
    } rows[] = {
        {"[1,\n2", "app.json:2: is not valid JSON"},
        {"[]", "app.json: configuration: must be an array of {\"name\":..,\"value\":..}"},
        {"{\"provider\":\"Ably\",\"configuration\":[]}", "app.json: provider: only \"Pusher\""},
        {JSON("3"), "app.json: configuration: each element must be"},
        {JSON(P("nope", "1")), "app.json: nope: unknown parameter (known: appId, key, "},
        {JSON(P("port", "70000")), "app.json: port: 70000 is over 65535"},
        {JSON(P("port", "[]")), "app.json: port: the value is neither a string"},
        {JSON(P("port", "1.5")), "app.json: port: the value is neither a string"},
        {JSON(P("useTLS", "\"maybe\"")), "app.json: useTLS: maybe is neither on nor off"},
        {JSON(P("port", "1") "," P("port", "2")), "app.json: port: set twice"},
        {JSON(P("appId", "\"3\"")), "app.json: key: missing"},
        {JSON(""), "app.json: appId: missing"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *text = fixture_error(NULL, rows[i].json, NULL);
        cr_expect(strncmp(text, rows[i].error, strlen(rows[i].error)) == 0, "%s\n%s", text,
                  rows[i].error);
    }
}
