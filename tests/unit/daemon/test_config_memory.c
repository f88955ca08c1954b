/* What a configuration leaves in memory: nothing of its secrets, once it is freed. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/memory.h"
#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_memory, .fini = fixture_remove);

#define S MEMORY_SECRET

static char where[4096];

/* Has a child write the file, as this process must not have the secret. */
static const char *write_file(const char *name, const char *text)
{
    const char *path = fixture_file(name, 0600, "");
    int status;
    pid_t child = fork();
    if (child == 0) {
        char *copy = strdup(text);
        memory_fill(copy);
        int fd = open(path, O_WRONLY | O_TRUNC);
        _exit(write(fd, copy, strlen(copy)) == (ssize_t)strlen(copy) ? 0 : 1);
    }
    cr_assert(waitpid(child, &status, 0) == child && status == 0);
    return path;
}

static void expect_nothing_left(const struct config_source *source)
{
    struct config *config = NULL;
    struct config_error error = {""};
    cr_assert_eq(config_load(source, &config, &error), 0, "%s", error.text);
    cr_expect_gt(memory_find(where, sizeof where), 0u, "the search finds nothing");
    config_free(config);
    cr_expect_eq(memory_find(where, sizeof where), 0u, "%s", where);
}

Test(config_memory, has_nothing_left_of_the_secrets_of_a_file)
{
    const struct config_source source = {
        .file = write_file("pusherd.conf",
                           "[redis]\nurl=redis://:" S "@h\n[app a]\napp_id=3\nkey=k\n"
                           "cluster=eu\nsecret=" S "\nproxy=http://u:" S "@h:1\n"
                           "encryption_master_key_base64=" S "c=\n[status]\ntoken=" S "\n")};
    expect_nothing_left(&source);
}

Test(config_memory, has_nothing_left_of_secrets_in_files_of_their_own)
{
    write_file("secret", S "\n");
    write_file("proxy", "http://u:" S "@h:1\n");
    write_file("redis", "redis://:" S "@h\n");
    const struct config_source source = {
        .file = write_file("pusherd.conf",
                           "[redis]\nurl_file=redis\n[app a]\napp_id=3\nkey=k\ncluster=eu\n"
                           "secret_file=secret\nproxy_file=proxy\n[status]\ntoken_file=secret\n")};
    expect_nothing_left(&source);
}

#define P(name, value) "{\"name\":\"" name "\",\"value\":\"" value "\"}"

Test(config_memory, has_nothing_left_of_the_secrets_of_a_json_form)
{
    const struct config_source source = {
        .app_json_file = write_file(
            "app.json",
            "{\"configuration\":[" P("appId", "3") "," P("key", "k") "," P("cluster", "eu") "," P(
                "secret", S) "," P("proxy", "http://u:" S "@h:1") "]}")};
    expect_nothing_left(&source);
}

/* Wherever the secret stands, and whatever is wrong. */
Test(config_memory, has_nothing_left_of_what_is_refused)
{
    static const char *const inis[] = {"[app a]\n" S "=\n", "[app a]\nsecret=" S "\nx=1\n",
                                       "[" S "]\n", "[app a]\nsecret=" S " x\n",
                                       "[redis]\nurl=redis://" S ":" S "@h:x\n"};
    struct config *config = NULL;
    struct config_error error = {""};
    for (size_t i = 0; i < sizeof inis / sizeof inis[0]; i++) {
        const struct config_source source = {.file = write_file("pusherd.conf", inis[i])};
        cr_assert_eq(config_load(&source, &config, &error), -1);
        cr_expect_eq(memory_find(where, sizeof where), 0u, "row %zu: %s", i, where);
    }
    const struct config_source source = {
        .app_json_file = write_file("app.json", "{\"configuration\":[" P(S, S) ",")};
    cr_assert_eq(config_load(&source, &config, &error), -1);
    cr_expect_eq(memory_find(where, sizeof where), 0u, "%s", where);
}
