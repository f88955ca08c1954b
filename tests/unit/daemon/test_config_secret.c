/* Secrets: in files of their own, and never in a text that is shown. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_secret, .fini = fixture_remove);

#define NO_SECRET "[app main]\napp_id=3\nkey=k\ncluster=eu\n" /* four lines */
#define MASTER    "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="

Test(config_secret, is_read_from_a_file_beside_the_configuration)
{
    fixture_file("secret", 0640, "hunter2\r\n");
    fixture_file("master", 0400, MASTER "\n");
    struct config *config = fixture_load(
        NO_SECRET "secret_file=secret\nencryption_master_key_base64_file=./master\n", NULL, NULL);
    cr_expect(pusher_client_can_encrypt(config->apps[0].client));
    config_free(config);
}

Test(config_secret, is_read_from_the_credentials_of_systemd)
{
    char *credentials, *folder = strdup(fixture_file("secret", 0440, "hunter2"));
    *strrchr(folder, '/') = '\0';
    cr_assert(asprintf(&credentials, "CREDENTIALS_DIRECTORY=%s", folder) > 0);
    struct config *config = fixture_load(NO_SECRET "secret_file=${CREDENTIALS_DIRECTORY}/secret\n",
                                         NULL, ENVIRON(credentials));
    config_free(config);
    free(credentials);
    free(folder);
}

Test(config_secret, file_that_is_unfit_is_refused)
{
    static const struct {
        const char *text;
        unsigned mode;
        const char *why;
    } rows[] = {
        {"hunter2", 0602, "secret holds a secret but others may write it (mode 0602); use chmod"},
        {"hunter2", 0666, "secret holds a secret but others may write it (mode 0666); use chmod"},
        {"", 0600, "is empty"},
        {"\n\n", 0600, "is empty"},
        {"hunter 2", 0600, "holds white space"},
        {"hunter2\nhunter3\n", 0600, "holds white space"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char wanted[160];
        fixture_file("secret", rows[i].mode, rows[i].text);
        const char *text = fixture_error(NO_SECRET "secret_file=secret\n", NULL, NULL);
        snprintf(wanted, sizeof wanted, "pusherd.conf:5: [app main] secret_file: %s", rows[i].why);
        cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "got:    %s\nwanted: %s", text,
                  wanted);
        cr_expect_not(strstr(text, "hunter"), "%s", text);
    }
}

Test(config_secret, file_that_is_too_long_is_refused)
{
    char text[5001];
    memset(text, 'x', 5000);
    text[5000] = '\0';
    fixture_file("secret", 0600, text);
    cr_expect_str_eq(fixture_error(NO_SECRET "secret_file=secret\n", NULL, NULL),
                     "pusherd.conf:5: [app main] secret_file: secret is longer than 4096 bytes");
}

Test(config_secret, file_that_is_not_there_is_named)
{
    cr_expect_str_eq(fixture_error(NO_SECRET "secret_file=none\n", NULL, NULL),
                     "pusherd.conf:5: [app main] secret_file: none cannot be read: No such file or "
                     "directory");
    cr_expect_str_eq(fixture_error(ONE_APP "ca_file=none.pem\n", NULL, NULL),
                     "pusherd.conf:6: [app main] ca_file: none.pem cannot be read: No such file or "
                     "directory");
    cr_expect_str_eq(
        fixture_error(NO_SECRET "secret_file=${CREDENTIALS_DIRECTORY}/s\n", NULL, NULL),
        "pusherd.conf:5: [app main] secret_file: CREDENTIALS_DIRECTORY is not set; systemd sets it "
        "for units with LoadCredential=");
    cr_expect_str_eq(fixture_error(NO_SECRET "secret_file=$HOME/s\n", NULL, NULL),
                     "pusherd.conf:5: [app main] secret_file: of variables only "
                     "${CREDENTIALS_DIRECTORY}/ is replaced");
}

Test(config_secret, url_of_redis_may_stand_in_a_file)
{
    fixture_file("redis", 0600, "redis://:hunter2@h/4\n");
    struct config *config = fixture_load(ONE_APP "[redis]\nurl_file=redis\n", NULL, NULL);
    cr_expect_str_eq(config->redis.password, "hunter2");
    cr_expect_eq(config->redis.db, 4);
    config_free(config);
}

Test(config_secret, proxy_may_stand_in_a_file)
{
    fixture_file("proxy", 0640, "http://u:hunter2@h:3128\n");
    struct config *config = fixture_load(ONE_APP "proxy_file=proxy\n", NULL, NULL);
    cr_expect_str_eq(pusher_client_proxy(config->apps[0].client), "http://u:hunter2@h:3128");
    char *dump = fixture_dump(config);
    cr_expect(strstr(dump, "/proxy\n") && !strstr(dump, "hunter2"), "%s", dump);
    free(dump);
    config_free(config);
    cr_expect_str_eq(fixture_error(ONE_APP "proxy=http://h:1\nproxy_file=proxy\n", NULL, NULL),
                     "pusherd.conf:7: [app main] proxy_file: set twice, before in line 6");
    fixture_file("proxy", 0646, "http://u:hunter2@h:3128\n");
    cr_expect_str_eq(fixture_error(ONE_APP "proxy_file=proxy\n", NULL, NULL),
                     "pusherd.conf:6: [app main] proxy_file: proxy holds a secret but others may "
                     "write it (mode 0646); use chmod o-w");
}

Test(config_secret, never_stands_in_an_error)
{
    static const char *const inis[] = {
        "[redis]\nurl=redis://:hunter2@h:x\n",
        "[app a]\nsecret=hunter2 hunter2\n",
        "[app a]\nencryption_master_key_base64=hunter2\n",
        "[app a]\nproxy=hunter2\n",
        ONE_APP "encryption_master_key_base64=hunter2\n",
        ONE_APP "proxy=http://u:hunter2@\n",
    };
    for (size_t i = 0; i < sizeof inis / sizeof inis[0]; i++) {
        const char *text = fixture_error(inis[i], NULL, NULL);
        cr_expect(text[0] != '\0' && !strstr(text, "hunter2"), "row %zu: %s", i, text);
    }
}

/* As when a line lost its key, or two lines their end. */
Test(config_secret, that_stands_where_no_secret_should_is_not_shown)
{
    static const char *const inis[] = {
        "[app a]\nhunter2=\n",
        "[app a]\nhunter2+/8==\n",
        "[app a]\nHunter-x2=\n",
        "[app a]\nhunter_123=\n",
        "[app a]\n2_hunter=\n",
        "[app a]\nhunter__x=\n",
        "[app a]\nhunterhunterhunterxyz=\n",
        "[app a]\nhunter_hunter_hunter_hunter_hunter_hunter=\n",
        "[redis]\nredis://:hunter2@h\n",
        "[app a]\nkey=k secret=hunter2\n",
        "[app a]\nport=1\tsecret=hunter2\n",
        "[app a]\nuse_tls=on secret=hunter2\n",
        "[app a]\nsecret_file=hunter2\n",
        "[app a]\nsecret_file=/hunter2/+8=\n",
        "[redis]\nurl_file=redis://:hunter2@h\n",
        "[hunter2]\n",
        "[Hunter2x]\n",
    };
    for (size_t i = 0; i < sizeof inis / sizeof inis[0]; i++) {
        const char *text = fixture_error(inis[i], NULL, NULL);
        cr_expect(text[0] != '\0' && !strcasestr(text, "hunter"), "row %zu: %s", i, text);
    }
    const char *text = fixture_error(NULL, "{\"configuration\":[{\"name\":\"hunter2\"}]}", NULL);
    cr_expect_str_eq(text, "app.json: unknown parameter; its name is not shown, as it may be a "
                           "secret (known: appId, key, secret, cluster, useTLS, host, port, "
                           "encryptionMasterKeyBase64, proxy, timeout, keepAlive)");
}

Test(config_secret, that_may_stand_there_leaves_line_and_section_named)
{
    cr_expect_str_eq(fixture_error("[log]\nhunter2=\n", NULL, NULL),
                     "pusherd.conf:2: [log] unknown key; its name is not shown, as it may be a "
                     "secret (known: level, format)");
    cr_expect_str_eq(fixture_error("[hunter2]\n", NULL, NULL),
                     "pusherd.conf:1: not a section; its name is not shown, as it may be a secret "
                     "(known: redis, app NAME, queue NAME, results, delivery, spool, status, log)");
    cr_expect_str_eq(fixture_error(NO_SECRET "secret_file=hunter2\n", NULL, NULL),
                     "pusherd.conf:5: [app main] secret_file: the file cannot be read: No such "
                     "file or directory; its name is not shown, as it may be the secret");
}

/* So that whoever mistyped one, or took it from elsewhere, sees it at once. */
Test(config_secret, is_nothing_that_looks_like_a_key)
{
    static const char *const names[] = {
        "levle",         "max_channls", "url",
        "PUSHER_APP_ID", "appId",       "encryption_master_key_base64",
        "no-such-key",   "timeoutMs",   "NoSuchKey",
        "max_size_2",    "spool.dir"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char ini[80], wanted[80];
        snprintf(ini, sizeof ini, "[log]\n%s=x\n", names[i]);
        snprintf(wanted, sizeof wanted, "pusherd.conf:2: [log] %s: unknown key", names[i]);
        const char *text = fixture_error(ini, NULL, NULL);
        cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "%s", text);
    }
}

Test(config_secret, never_stands_in_an_error_of_the_environment_or_the_json_form)
{
    cr_expect_str_eq(fixture_error(NULL, NULL, ENVIRON("PUSHER_URL=https://k:hunter2@h:x/apps/3")),
                     "environment: PUSHER_URL: the port is not a number from 1 to 65535");
    cr_expect_str_eq(fixture_error(NULL, NULL, ENVIRON("PUSHER_URL=https://k:hunter2@h/app/3")),
                     "environment: PUSHER_URL: not of the form "
                     "http(s)://KEY:SECRET@HOST[:PORT]/apps/ID");
    const char *text = fixture_error(NULL,
                                     "{\"configuration\":[{\"name\":\"secret\",\n"
                                     "\"value\":\"hunter2\" oops}]}",
                                     NULL);
    cr_expect_str_eq(text, "app.json:2: is not valid JSON");
}

Test(config_secret, token_comes_from_a_file_or_a_variable)
{
    fixture_file("token", 0600, "0123456789abcdef\n");
    struct config *config = fixture_load(ONE_APP "[status]\ntoken_file=token\n", NULL, NULL);
    cr_expect_str_eq(config->status_token, "0123456789abcdef");
    config_free(config);
    config = fixture_load(ONE_APP, NULL, ENVIRON("PUSHERD_STATUS_TOKEN=fedcba9876543210"));
    cr_expect_str_eq(config->status_token, "fedcba9876543210");
    char *dump = fixture_dump(config);
    cr_expect_not(strstr(dump, "fedcba"), "%s", dump);
    free(dump);
    config_free(config);
}

Test(config_secret, token_that_can_be_guessed_is_refused)
{
    const char *text = fixture_error(ONE_APP "[status]\ntoken=0123456789abcde\n", NULL, NULL);
    cr_expect_str_eq(text, "pusherd.conf:7: [status] token: is shorter than 16 bytes: too easy to "
                           "guess");
}
