/* The INI file as such: lines, sections, and what must fit together across them. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_keys.h"
#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_file, .fini = fixture_remove);

struct row {
    const char *ini, *error; /* the error's text begins so */
};

static void check_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *text = fixture_error(rows[i].ini, NULL, NULL);
        cr_expect(strncmp(text, rows[i].error, strlen(rows[i].error)) == 0 && text[0] != '\0',
                  "got:    %s\nwanted: %s", text, rows[i].error);
    }
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

Test(config_file, names_the_line_of_a_broken_one)
{
    static const struct row rows[] = {
        {"\n# x\nhello\n", "pusherd.conf:3: neither a [section], nor key = value, nor a comment"},
        {"a = 1\n", "pusherd.conf:1: a key before the first [section]"},
        {"[log]\nhello\nlevel = loud\n", "pusherd.conf:2: neither"},
        {"[log]\nlevel = loud\nhello\n", "pusherd.conf:2: [log] level: loud is not known"},
        {"[log\n", "pusherd.conf:1: a section without its ']'"},
        {"[log] level = info\n", "pusherd.conf:1: text behind the ']'"},
        {"[log]\nlevel = in\x01"
         "fo\n",
         "pusherd.conf:2: a control character in the line"},
        {"[log]\nlevel=f\xfcr ; f\xfcr\n", "pusherd.conf:2: the line is not UTF-8"},
        {"[queue caf\xe9]\n", "pusherd.conf:1: the line is not UTF-8"},
    };
    CHECK_ROWS(rows);
}

Test(config_file, refuses_sections_it_does_not_know)
{
    static const struct row rows[] = {
        {"[foo]\n", "pusherd.conf:1: [foo] is not a section (known: redis, app NAME, queue NAME, "},
        {"[]\n", "pusherd.conf:1: [] is not a section"},
        {"[App main]\n", "pusherd.conf:1: [App] is not a section"},
        {"[log main]\n", "pusherd.conf:1: [log] takes no name"},
        {"[app]\n", "pusherd.conf:1: [app] needs a name: [app NAME]"},
        {"[queue ]\n", "pusherd.conf:1: [queue] needs a name: [queue NAME]"},
        {"[app a b]\n", "pusherd.conf:1: [app a b] has a bad name"},
    };
    CHECK_ROWS(rows);
}

Test(config_file, lists_all_sections_where_one_is_not_known)
{
    const char *known = strstr(fixture_error("[foo]\n", NULL, NULL), "(known: ");
    cr_assert(known);
    for (int i = 0; i < SECTION_COUNT; i++) {
        const char *name = config_section_name((enum config_section)i);
        cr_expect(strstr(known, name), "[%s] is not in %s", name, known);
    }
}

Test(config_file, refuses_the_same_thing_said_twice)
{
    static const struct row rows[] = {
        {"[log]\n[log]\n", "pusherd.conf:2: [log] stands twice, before in line 1"},
        {ONE_APP "[app main]\n", "pusherd.conf:6: [app main] stands twice, before in line 1"},
        {ONE_APP "app_id=4\n", "pusherd.conf:6: [app main] app_id: set twice, before in line 2"},
        {ONE_APP "secret_file=x\n", "pusherd.conf:6: [app main] secret_file: set twice, before in "
                                    "line 4"},
    };
    CHECK_ROWS(rows);
}

Test(config_file, refuses_unknown_keys_and_lists_the_known)
{
    static const struct row rows[] = {
        {"[log]\nlevle = info\n",
         "pusherd.conf:2: [log] levle: unknown key (known: level, format)"},
        {"[app main]\nlist = x\n", "pusherd.conf:2: [app main] list: unknown key (known: app_id, "},
        {"[queue q]\nPUSHER_SCHEME = http\n",
         "pusherd.conf:2: [queue q] PUSHER_SCHEME: unknown key (known: list, app, weight, order, "
         "partitions, dedupe_ms, operations)"},
    };
    CHECK_ROWS(rows);
}

Test(config_file, refuses_an_app_that_lacks_something)
{
    static const struct row rows[] = {
        {"[app a]\nkey=k\nsecret=s\ncluster=eu\n", "pusherd.conf:1: [app a] app_id: missing"},
        {"[app a]\napp_id=3\nsecret=s\ncluster=eu\n", "pusherd.conf:1: [app a] key: missing"},
        {"[app a]\napp_id=3\nkey=k\ncluster=eu\n", "pusherd.conf:1: [app a] secret: missing"},
        {"[app a]\napp_id=3\nkey=k\nsecret=s\n", "pusherd.conf:1: [app a] cluster: missing"},
        {"[log]\n", "pusherd.conf: no app: give an [app NAME] section"},
    };
    CHECK_ROWS(rows);
}

Test(config_file, refuses_what_does_not_fit_together)
{
    static const struct row rows[] = {
        {ONE_APP "[delivery]\nlease_ms=7000\n",
         "pusherd.conf:7: [delivery] lease_ms: must exceed the timeout_ms of app main, 5000, by "
         "more than 2000"},
        {ONE_APP "timeout_ms=13000\n",
         "pusherd.conf:6: [app main] timeout_ms: 13000 needs a [delivery] lease_ms over 15000"},
        {ONE_APP "[delivery]\nretry_base_ms=40000\n",
         "pusherd.conf:7: [delivery] retry_base_ms: 40000 is over retry_cap_ms, 30000"},
        {ONE_APP "[delivery]\nmax_job_bytes=20000000\n",
         "pusherd.conf:7: [delivery] max_job_bytes: 20000000 is over max_claimed_bytes, 16777216"},
        {ONE_APP "[queue q]\napp=other\n",
         "pusherd.conf:7: [queue q] app: there is no [app other]"},
        {ONE_APP "[queue a]\nlist=x\n[queue b]\nlist=x\n",
         "pusherd.conf:9: [queue b] list: x is the list of queue a already"},
        {ONE_APP "[queue a]\n[queue b]\nlist={a}:retry\n",
         "pusherd.conf:8: [queue b] list: {a}:retry and the list of queue a clash"},
        {ONE_APP "[queue a]\npartitions=2\n[queue a:0]\nlist=y\n",
         "pusherd.conf:8: [queue a:0] there is a queue a:0 already: partitions of a queue are "
         "named NAME:0, NAME:1, ..."},
        {ONE_APP "[queue a:1]\nlist=y\n[queue a]\npartitions=2\n",
         "pusherd.conf:8: [queue a] there is a queue a:1 already"},
        {ONE_APP "[queue {x]\n[queue x}]\n",
         "pusherd.conf:7: [queue x}] list: x} cannot be a list"},
    };
    CHECK_ROWS(rows);
}

Test(config_file, that_cannot_be_read_is_named)
{
    struct config_source source = {.file = "/nonexistent/pusherd.conf"};
    struct config *config;
    struct config_error error;
    cr_assert_eq(config_load(&source, &config, &error), -1);
    cr_assert_str_eq(error.text,
                     "/nonexistent/pusherd.conf: cannot be read: No such file or directory");
    source.file = "/tmp";
    cr_assert_eq(config_load(&source, &config, &error), -1);
    cr_assert_str_eq(error.text, "/tmp: cannot be read: Is a directory");
}

Test(config_file, takes_comments_blanks_marks_and_foreign_line_ends)
{
    struct config *config =
        fixture_load("\xef\xbb\xbf# a\n ; caf\xe9\r\n[app main] ; c\r\n\tapp_id: 3\r\n"
                     "  key = k#1 ; d\nsecret=s;t\ncluster=eu",
                     NULL, NULL);
    cr_expect_str_eq(pusher_client_key(config->apps[0].client), "k#1");
    cr_expect_str_eq(pusher_client_host(config->apps[0].client), "api-eu.pusher.com");
    config_free(config);
}

Test(config_file, takes_long_lines_and_refuses_longer_ones)
{
    char ini[8192] = ONE_APP "[redis]\nurl = sentinel://";
    size_t used = strlen(ini);
    for (int i = 0; i < 15; i++)
        used +=
            (size_t)sprintf(ini + used, "redis-sentinel-%02d.redis.svc.cluster.local:26379,", i);
    strcpy(ini + used, "last/m\n");
    struct config *config = fixture_load(ini, NULL, NULL);
    cr_expect(strlen(config->redis.host) > 600 && strstr(config->redis.host, ",last:26379"));
    config_free(config);
    memset(ini + used, 'x', 4096);
    strcpy(ini + used + 4096, "/m\n");
    cr_expect(strncmp(fixture_error(ini, NULL, NULL), "pusherd.conf:7: the line is longer than",
                      39) == 0);
}

Test(config_file, keeps_long_names_of_queues_whole)
{
    char ini[512], name[201];
    memset(name, 'q', 200);
    name[200] = '\0';
    snprintf(ini, sizeof ini, ONE_APP "[queue %s]\nweight=3\n", name);
    struct config *config = fixture_load(ini, NULL, NULL);
    cr_expect_str_eq(config->queues[0].list, name);
    cr_expect_eq(config->queues[0].weight, 3);
    config_free(config);
}

Test(config_file, makes_a_queue_of_a_section_without_keys)
{
    struct config *config =
        fixture_load(ONE_APP "[queue orders]\n[queue mail]\norder=none\n", NULL, NULL);
    cr_assert_eq(config->n_queues, 2);
    cr_expect_str_eq(config->queues[0].list, "orders");
    cr_expect(config->queues[0].weight == 1 && config->queues[0].ordered);
    cr_expect_str_eq(config->queues[1].name, "mail");
    cr_expect_not(config->queues[1].ordered);
    config_free(config);
}

#define APP(name) "[app " name "]\napp_id=3\nkey=k\nsecret=s\ncluster=eu\n"

Test(config_file, gives_a_queue_the_only_app_or_the_one_named_default)
{
    static const struct {
        const char *ini;
        size_t app;
    } rows[] = {
        {APP("a") "[queue q]\n", 0},
        {APP("a") APP("default") "[queue q]\n", 1},
        {APP("a") APP("b") "[queue q]\n", SIZE_MAX},
        {APP("a") APP("b") "[queue q]\napp=b\n", 1},
        {APP("a") APP("default") "[queue q]\napp=a\n", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config *config = fixture_load(rows[i].ini, NULL, NULL);
        cr_expect_eq(config->queues[0].app, rows[i].app, "row %zu", i);
        config_free(config);
    }
}

Test(config_file, finds_apps_by_name)
{
    struct config *config = fixture_load(APP("a") APP("ab"), NULL, NULL);
    cr_expect_eq(config_find_app(config, "ab", 2), 1);
    cr_expect_eq(config_find_app(config, "ab", 1), 0);
    cr_expect_eq(config_find_app(config, "b", 1), SIZE_MAX);
    config_free(config);
}

Test(config_file, may_lack_apps_where_they_are_optional)
{
    struct config_source source = {.file = fixture_file("pusherd.conf", 0600, "[log]\n"),
                                   .apps_optional = true};
    struct config *config;
    struct config_error error;
    cr_assert_eq(config_load(&source, &config, &error), 0, "%s", error.text);
    cr_expect_eq(config->n_apps, 0);
    cr_expect_eq(config->queues[0].app, SIZE_MAX);
    config_free(config);
}

static const char unit_config[] = "[app main]\napp_id=3\nkey=k\ncluster=eu\n"
                                  "secret_file=${CREDENTIALS_DIRECTORY}/s\n"
                                  "encryption_master_key_base64_file=/nowhere/k\n"
                                  "ca_file=${CREDENTIALS_DIRECTORY}/ca\n"
                                  "[app other]\napp_id=4\nkey=k\nsecret=s\ncluster=eu\n"
                                  "[status]\ntoken_file=${CREDENTIALS_DIRECTORY}/t\n";

Test(config_file, is_read_for_redis_alone_without_what_pusherd_alone_may_read)
{
    struct config_source source = {.file = fixture_file("pusherd.conf", 0600, unit_config),
                                   .redis_only = true};
    struct config *config;
    struct config_error error;
    cr_assert_eq(config_load(&source, &config, &error), 0, "%s", error.text);
    cr_expect_eq(config_find_app(config, "main", 4), 0);
    cr_expect_eq(config_find_app(config, "other", 5), 1);
    cr_expect(!config->apps[0].client && !config->apps[1].client && !config->status_token);
    config_free(config);
}

Test(config_file, is_checked_for_redis_alone_as_far_as_it_is_read)
{
    static const struct {
        const char *ini, *error;
    } rows[] = {
        {"[app a]\napp_id=3\nkey=k\ncluster=eu\n", "1: [app a] secret: missing"},
        {"[app a]\nsecret=s\nsecret_file=/s\n", "3: [app a] secret_file: set twice"},
        {"[app a]\nport=x\n", "2: [app a] port: x is not a whole number"},
        {"[redis]\nurl_file=${CREDENTIALS_DIRECTORY}/u\n", "2: [redis] url_file: CREDENTIALS_"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct config_source source = {.file = fixture_file("pusherd.conf", 0600, rows[i].ini),
                                       .redis_only = true};
        struct config *config;
        struct config_error error = {""};
        cr_expect_neq(config_load(&source, &config, &error), 0, "row %zu", i);
        cr_expect(strstr(error.text, rows[i].error), "%s", error.text);
    }
}

Test(config_file, has_a_bounded_number_of_apps)
{
    char *ini = malloc(100000);
    size_t used = 0;
    for (int i = 0; i < CONFIG_MAX_APPS + 1; i++)
        used += (size_t)sprintf(ini + used, "[app a%d]\n", i);
    cr_expect_str_eq(fixture_error(ini, NULL, NULL),
                     "pusherd.conf:1025: more than 1024 [app NAME] sections");
    free(ini);
}
