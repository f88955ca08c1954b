#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_keys.h"
#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_dump, .fini = fixture_remove);

/* Every key, none at its default. Secrets come from files, so that the dump reads back. */
#define FULL                                                                                       \
    "[redis]\nurl_file=redis\nca_file=ca\ncert_file=ca\nkey_file=ca\n"                             \
    "[app a]\napp_id=3\nkey=k\nsecret_file=secret\ncluster=eu\nhost=h\nport=81\nuse_tls=off\n"     \
    "encryption_master_key_base64_file=master\nproxy_file=proxy\ntimeout_ms=700\n"                 \
    "keep_alive=off\npath_prefix=/p\nsign_prefix=off\nca_file=ca\nmax_in_flight=7\n"               \
    "concurrency=fixed\nmax_events_per_batch=5\nmax_channels=50\nmax_event_bytes=1000\n"           \
    "max_channel_name=164\nmax_request_bytes=9500\n"                                               \
    "[app b]\napp_id=4\nkey=k\nsecret_file=secret\ncluster=eu\n"                                   \
    "[queue x]\nlist=l\napp=b\nweight=9\norder=none\noperations=triggerEvent\n"                    \
    "[queue y]\n"                                                                                  \
    "[results]\nmax_entries=5\nsuccesses=none\n"                                                   \
    "[delivery]\nlease_ms=20000\nmax_orphanings=2\nmax_attempts=3\nretry_base_ms=4\n"              \
    "retry_cap_ms=50\nretry_for_ms=60\nlane_hold_ms=70\ndrain_ms=80\nmax_claimed_bytes=90000\n"    \
    "max_job_bytes=2000\n[spool]\ndir=/s\nmax_bytes=70000\n[status]\nlisten=[::1]:9\n"             \
    "token_file=token\n"                                                                           \
    "[log]\nlevel=debug\nformat=json\n"

static void write_secrets(void)
{
    fixture_file("redis", 0600, "redis://:hunter2@h/4\n");
    fixture_file("secret", 0600, "hunter2\n");
    fixture_file("master", 0600, "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=\n");
    fixture_file("proxy", 0600, "http://u:hunter2@h:1\n");
    fixture_file("ca", 0600, "\n");
    fixture_file("token", 0600, "hunter2-hunter2-hunter2\n");
}

Test(config_dump, reads_back_equal)
{
    write_secrets();
    struct config *config = fixture_load(FULL, NULL, NULL);
    char *dump = fixture_dump(config);
    struct config *again = fixture_load(dump, NULL, NULL);
    char *second = fixture_dump(again);
    cr_expect_str_eq(second, dump);
    cr_expect_str_eq(again->redis.password, "hunter2");
    cr_expect_str_eq(pusher_client_base_url(again->apps[0].client), "http://h:81");
    cr_expect_str_eq(pusher_client_proxy(again->apps[0].client), "http://u:hunter2@h:1");
    cr_expect_eq(again->queues[0].app, 1);
    free(dump);
    free(second);
    config_free(config);
    config_free(again);
}

/* " = ;k" would be read as nothing and a comment. */
Test(config_dump, reads_back_a_value_that_begins_with_a_semicolon)
{
    struct config *config =
        fixture_load("[app a]\napp_id=3\nkey=;k\nsecret=s\ncluster=eu\n", NULL, NULL);
    char *dump = fixture_dump(config);
    cr_expect(strstr(dump, "\nkey =;k\n"), "%s", dump);
    free(dump);
    config_free(config);
}

static void expect_operations(const char *written, const char *wanted)
{
    char ini[512], line[512];
    snprintf(ini, sizeof ini, ONE_APP "[queue q]\npartitions=2\n%s\n", written);
    snprintf(line, sizeof line, "\noperations = %s\n", wanted);
    struct config *config = fixture_load(ini, NULL, NULL);
    char *dump = fixture_dump(config);
    cr_expect(strstr(dump, line), "%s: no %s in:\n%s", written, line, dump);
    free(dump);
    config_free(config);
}

#define PUBLISH "triggerEvent,triggerMultipleChannels,triggerBatch,sendToUser"
#define ASK     "listChannels,getChannel,getChannelUsers"
#define COMPUTE "authenticateUser,authorizeChannel"
#define REST    "terminateUserConnections,validateWebhook,createSignedQueryString,customGet"

Test(config_dump, shows_the_operations_in_their_order)
{
    expect_operations("", "all");
    expect_operations("operations = all", "all");
    expect_operations("operations = sendToUser", "sendToUser");
    expect_operations("operations = sendToUser ,\ttriggerBatch, triggerEvent,sendToUser",
                      "triggerEvent,triggerBatch,sendToUser");
    expect_operations("operations=customGet," COMPUTE
                      ",terminateUserConnections,validateWebhook,createSignedQueryString," PUBLISH
                      "," ASK,
                      PUBLISH "," ASK "," COMPUTE "," REST);
    expect_operations("operations=customPost," PUBLISH "," ASK "," COMPUTE "," REST, "all");
}

Test(config_dump, names_every_key)
{
    write_secrets();
    struct config *config = fixture_load(FULL, NULL, NULL);
    char *dump = fixture_dump(config);
    for (size_t i = 0; i < config_n_keys; i++) {
        const char *name = config_keys[i].name;
        char line[80];
        if (!name || !strcmp(name, "secret") || !strcmp(name, "url") ||
            !strcmp(name, "encryption_master_key_base64") || !strcmp(name, "token") ||
            !strcmp(name, "proxy"))
            continue;
        snprintf(line, sizeof line, "\n%s = ", name);
        cr_expect(strstr(dump, line), "no %s in:\n%s", name, dump);
    }
    free(dump);
    config_free(config);
}

Test(config_dump, reads_back_equal_from_the_environment_once_the_secret_is_put_back)
{
    struct config *config = fixture_load(
        NULL, NULL, ENVIRON("PUSHER_URL=https://k:12345678@h/apps/3", "REDIS_URL=unix:///r"));
    char *dump = fixture_dump(config);
    cr_expect(strstr(fixture_error(dump, NULL, NULL), "secret: is only a mask"));
    memcpy(strstr(dump, CONFIG_MASK), "12345678", 8);
    struct config *again = fixture_load(dump, NULL, NULL);
    cr_expect_str_eq(again->redis.path, "/r");
    cr_expect_str_eq(again->queues[0].list, "pusher:jobs");
    cr_expect_str_eq(pusher_client_base_url(again->apps[0].client), "https://h:443");
    free(dump);
    config_free(config);
    config_free(again);
}

Test(config_dump, masks_every_secret)
{
    struct config *config = fixture_load(
        "[app a]\napp_id=3\nkey=k\nsecret=hunter2\ncluster=eu\nproxy=http://u:hunter2@h:1\n"
        "encryption_master_key_base64=zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=\n"
        "[redis]\nurl=redis://u:hunter2@h\n",
        NULL, NULL);
    char *dump = fixture_dump(config);
    cr_expect_not(strstr(dump, "hunter2"), "%s", dump);
    cr_expect_not(strstr(dump, "zyrm8pvV"), "%s", dump);
    cr_expect(strstr(dump, "\nsecret = ********\n"), "%s", dump);
    cr_expect(strstr(dump, "\nencryption_master_key_base64 = ********\n"), "%s", dump);
    cr_expect(strstr(dump, "\nproxy = http://u:********@h:1\n"), "%s", dump);
    cr_expect(strstr(dump, "url = redis://u:********@h:6379/0\n"), "%s", dump);
    free(dump);
    config_free(config);
}

Test(config_dump, shows_the_port_and_the_timeout_in_force)
{
    struct config *config = fixture_load(ONE_APP "use_tls=off\n", NULL, NULL);
    char *dump = fixture_dump(config);
    cr_expect(strstr(dump, "\nport = 80\n"), "%s", dump);
    cr_expect(strstr(dump, "\ntimeout_ms = 5000\n"), "%s", dump);
    free(dump);
    config_free(config);
}
