/* Secrets in files that all users may read are taken, and warned of. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_exposed, .fini = fixture_remove);

#define NO_SECRET "[app main]\napp_id=3\nkey=k\ncluster=eu\n" /* four lines */
#define MASTER    "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU="

/* The warnings of a file and a JSON form of these modes, without the folder; NULL: no JSON form. */
static struct config *load_with_modes(const char *ini, unsigned mode, const char *json,
                                      unsigned json_mode)
{
    struct config_source source = {.file = fixture_file("pusherd.conf", mode, ini)};
    struct config_error error = {""};
    struct config *config = NULL;
    if (json)
        source.app_json_file = fixture_file("app.json", json_mode, json);
    cr_assert_eq(config_load(&source, &config, &error), 0, "%s", error.text);
    for (size_t i = 0; i < config->n_warnings; i++) {
        char *text = config->warnings[i].text, *name = strstr(text, "/pusherd.conf");
        name = name ? name : strstr(text, "/app.json");
        cr_assert_not_null(name, "%s", text);
        memmove(text, name + 1, strlen(name));
    }
    return config;
}

static void expect_warning(const char *ini, const char *wanted)
{
    struct config *config = load_with_modes(ini, 0644, NULL, 0);
    cr_assert_eq(config->n_warnings, wanted ? 1 : 0, "%s: %s", ini, config->warnings[0].text);
    if (wanted)
        cr_expect_str_eq(config->warnings[0].text, wanted);
    config_free(config);
}

#define ADVICE ": chmod 640 the file, with the group of pusherd, or use "

Test(config_exposed, secret_that_all_users_may_read_is_warned_of)
{
    fixture_file("secret", 0600, "hunter2");
    fixture_file("redis", 0600, "redis://:hunter2@h");
#define KEPT NO_SECRET "secret_file=secret\n"
    expect_warning(ONE_APP, "pusherd.conf:4: [app main] secret: all users may read it here (mode "
                            "0644)" ADVICE "secret_file");
    expect_warning(KEPT "proxy=http://u:hunter2@h:1\n",
                   "pusherd.conf:6: [app main] proxy: all users may read it here (mode 0644)" ADVICE
                   "proxy_file");
    expect_warning(KEPT "[redis]\nurl=redis://:hunter2@h\n[status]\ntoken=0123456789abcdef\n",
                   "pusherd.conf:7: [redis] url: all users may read it here, and 1 more secret "
                   "(mode 0644)" ADVICE "url_file");
    expect_warning(KEPT "encryption_master_key_base64=" MASTER "\n[app b]\napp_id=3\nkey=k\n"
                        "cluster=eu\nsecret=s\nproxy=http://u:p@h:1\n",
                   "pusherd.conf:6: [app main] encryption_master_key_base64: all users may read it "
                   "here, and 2 more secrets (mode 0644)" ADVICE
                   "encryption_master_key_base64_file");
    expect_warning(KEPT "proxy=http://h:1\n[redis]\nurl_file=redis\n", NULL);
}

/* As Docker and Kubernetes mount them. */
Test(config_exposed, secret_file_that_all_users_may_read_is_taken_and_warned_of)
{
    fixture_file("secret", 0444, "hunter2");
    fixture_file("redis", 0644, "redis://:hunter2@h");
    struct config *config =
        load_with_modes(NO_SECRET "secret_file=secret\n[redis]\nurl_file=redis\n"
                                  "[app b]\napp_id=3\nkey=k\ncluster=eu\n"
                                  "secret_file=secret\n",
                        0644, NULL, 0);
    cr_expect_str_eq(config->redis.password, "hunter2");
    cr_assert_eq(config->n_warnings, 1);
    cr_expect_str_eq(config->warnings[0].text,
                     "pusherd.conf:5: [app main] secret_file: all users may read the file, and 2 "
                     "more such files (mode 0444): chmod 640 it, with the group of pusherd");
    config_free(config);
}

Test(config_exposed, secret_that_others_may_not_read_is_not_warned_of)
{
    struct config *config = load_with_modes(ONE_APP, 0640, NULL, 0);
    cr_expect_eq(config->n_warnings, 0);
    config_free(config);
    config = fixture_load(NULL, NULL, ENVIRON("PUSHER_URL=https://k:hunter2@h/apps/3"));
    cr_expect_eq(config->n_warnings, 0);
    config_free(config);
}

Test(config_exposed, secret_of_the_json_form_is_warned_of_too)
{
    struct config *config = load_with_modes(
        "[status]\ntoken=0123456789abcdef\n", 0604,
        "{\"configuration\":[{\"name\":\"appId\",\"value\":3},{\"name\":\"key\",\"value\":\"k\"},"
        "{\"name\":\"secret\",\"value\":\"s\"},{\"name\":\"cluster\",\"value\":\"eu\"}]}",
        0666);
    cr_assert_eq(config->n_warnings, 2);
    cr_expect_str_eq(config->warnings[0].text,
                     "pusherd.conf:2: [status] token: all users may read it here (mode 0604)" ADVICE
                     "token_file");
    cr_expect_str_eq(
        config->warnings[1].text,
        "app.json: secret: all users may read it here (mode 0666): chmod 640 the file, "
        "with the group of pusherd");
    config_free(config);
}
