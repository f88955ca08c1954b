/* docs/configuration.md says what the table of keys says, and its examples are good. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_keys.h"
#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_docs, .fini = fixture_remove);

static char docs[65536];

static void read_docs(void)
{
    FILE *in = fopen(DOCS "/configuration.md", "r");
    cr_assert_not_null(in);
    size_t n = fread(docs, 1, sizeof docs - 1, in);
    fclose(in);
    cr_assert(n > 1000 && n < sizeof docs - 1);
    docs[n] = '\0';
}

/* The row of a key, from its section's heading on, copied; fails if there is none. */
static const char *row_of(const struct config_key *key)
{
    static char row[1024];
    char heading[64], start[64];
    snprintf(heading, sizeof heading, "### `[%s%s]`", config_section_name(key->section),
             config_section_is_named(key->section) ? " NAME" : "");
    snprintf(start, sizeof start, "\n| `%s` | ", key->name);
    const char *section = strstr(docs, heading);
    cr_assert(section, "no heading %s", heading);
    const char *at = strstr(section, start);
    const char *next = strstr(section + 4, "\n### ");
    cr_assert(at && (!next || at < next), "[%s] has no row for %s", heading, key->name);
    snprintf(row, sizeof row, "%.*s", (int)strcspn(at + 1, "\n"), at + 1);
    return row;
}

#define each_key(key)                                                                              \
    for (const struct config_key *key = config_keys; key < config_keys + config_n_keys; key++)     \
        if (key->name)

Test(config_docs, have_every_key_with_its_default, .init = read_docs)
{
    each_key(key)
    {
        char wanted[128];
        const char *row = row_of(key);
        snprintf(wanted, sizeof wanted, "| `%s` | `%s` |", key->name, key->initial);
        if (key->initial && !(key->flags & KEY_FROM_FILE))
            cr_expect(strstr(row, wanted) == row, "%s\nwants %s", row, wanted);
    }
}

Test(config_docs, have_every_range_and_word, .init = read_docs)
{
    each_key(key)
    {
        char wanted[128];
        const char *row = row_of(key);
        snprintf(wanted, sizeof wanted, "| %" PRIu64 " to %" PRIu64 "%s%s |", key->min, key->max,
                 key->unit ? " " : "", key->unit ? key->unit : "");
        if (key->kind == KIND_NUMBER)
            cr_expect(strstr(row, wanted), "%s\nwants %s", row, wanted);
        for (const struct config_choice *choice = key->choices; choice && choice->word; choice++) {
            snprintf(wanted, sizeof wanted, "`%s`", choice->word);
            cr_expect(strstr(row, wanted), "%s\nwants %s", row, wanted);
        }
    }
}

Test(config_docs, have_every_variable_and_parameter, .init = read_docs)
{
    for (size_t i = 0; i < config_n_keys; i++) {
        char wanted[128];
        snprintf(wanted, sizeof wanted, "`%s`", config_keys[i].env);
        cr_expect(!config_keys[i].env || strstr(strstr(docs, "\n## The environment"), wanted), "%s",
                  wanted);
        snprintf(wanted, sizeof wanted, "{\"name\": \"%s\", ", config_keys[i].json);
        cr_expect(!config_keys[i].json || strstr(docs, wanted), "%s", wanted);
    }
}

/* The text of the n-th block of that language, in a static buffer. */
static const char *block(const char *language, int n)
{
    static char text[8192];
    char fence[32];
    const char *at = docs;
    snprintf(fence, sizeof fence, "\n```%s\n", language);
    for (; n >= 0; n--) {
        at = strstr(at, fence);
        cr_assert(at, "too few blocks of %s", language);
        at += strlen(fence);
    }
    snprintf(text, sizeof text, "%.*s", (int)(strstr(at, "\n```") - at + 1), at);
    return text;
}

Test(config_docs, show_examples_that_load, .init = read_docs)
{
    static const char *const secrets[] = {"main.secret", "main-secret", "intern-secret"};
    char credentials[160] = "CREDENTIALS_DIRECTORY=";
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        fixture_file(secrets[i], 0600, "hunter2\n");
    fixture_file("main-master-key", 0600, "zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=\n");
    strcat(credentials, fixture_file("redis-url", 0600, "redis://:hunter2@h\n"));
    *strrchr(credentials, '/') = '\0';
    struct config *config = fixture_load(block("ini", 0), NULL, NULL);
    cr_expect_str_eq(config->queues[0].list, "pusher:jobs");
    config_free(config);
    config = fixture_load(block("ini", 1), NULL, ENVIRON(credentials));
    cr_expect(config->n_apps == 2 && config->n_queues == 3);
    cr_expect_str_eq(pusher_client_base_url(config->apps[1].client), "http://soketi.internal:6001");
    config_free(config);
}

Test(config_docs, show_a_json_form_that_loads, .init = read_docs)
{
    struct config *config = fixture_load(NULL, block("json", 0), NULL);
    cr_expect_str_eq(pusher_client_app_id(config->apps[0].client), "3");
    config_free(config);
}
