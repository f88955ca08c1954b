/* Every key, good and bad, by the table of keys and by hand where the table has nothing to say. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/config/config_keys.h"
#include "proto/job_spec.h"
#include "tests/unit/daemon/config_fixture.h"

TestSuite(config_values, .fini = fixture_remove);

/* A file whose line `*ret_line` sets the key of the table to `value`. */
static char *ini_with(const struct config_key *key, const char *value, unsigned *ret_line)
{
    char *ini;
    const char *section = config_section_name(key->section);
    int n;
    if (key->section == SECTION_APP)
        n = asprintf(&ini, "[app main]\n%s = %s\n", key->name, value);
    else if (key->section == SECTION_QUEUE)
        n = asprintf(&ini, "[queue q]\n%s = %s\n" ONE_APP, key->name, value);
    else
        n = asprintf(&ini, "[%s]\n%s = %s\n" ONE_APP, section, key->name, value);
    cr_assert(n > 0);
    *ret_line = 2;
    return ini;
}

static void expect_refused(const struct config_key *key, const char *value, const char *why)
{
    unsigned line;
    char wanted[256];
    char *ini = ini_with(key, value, &line);
    const char *name = key->section == SECTION_APP     ? " main"
                       : key->section == SECTION_QUEUE ? " q"
                                                       : "";
    snprintf(wanted, sizeof wanted, "pusherd.conf:%u: [%s%s] %s: %s", line,
             config_section_name(key->section), name, key->name, why);
    const char *text = fixture_error(ini, NULL, NULL);
    cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "got:    %s\nwanted: %s", text, wanted);
    free(ini);
}

#define each_key(key)                                                                              \
    for (const struct config_key *key = config_keys; key < config_keys + config_n_keys; key++)     \
        if (key->name)

Test(config_values, refuse_numbers_out_of_range_with_the_range)
{
    each_key(key)
    {
        char over[32], why[96];
        if (key->kind != KIND_NUMBER)
            continue;
        snprintf(over, sizeof over, "%" PRIu64, key->max + 1);
        snprintf(why, sizeof why, "%s is over %" PRIu64 " (allowed: %" PRIu64 " to %" PRIu64 ")",
                 over, key->max, key->min, key->max);
        expect_refused(key, over, why);
        expect_refused(key, "99999999999999999999999", "99999999999999999999999 is over ");
        if (key->min > 0)
            expect_refused(key, "0", "0 is under ");
    }
}

Test(config_values, refuse_what_is_no_whole_number)
{
    static const char *const bad[] = {"-1", "1.5", "5s", "0x10", "ten", "+3"};
    each_key(key)
    {
        char why[96];
        for (size_t i = 0; key->kind == KIND_NUMBER && i < sizeof bad / sizeof bad[0]; i++) {
            snprintf(why, sizeof why, "%s is not a whole number (allowed: ", bad[i]);
            expect_refused(key, bad[i], why);
        }
        if (key->kind == KIND_NUMBER) /* behind a blank may stand what is not to be shown */
            expect_refused(key, "1 000", "1 ... is not a whole number");
    }
}

Test(config_values, refuse_words_they_do_not_know)
{
    each_key(key)
    {
        if (key->kind == KIND_BOOL)
            expect_refused(key, "maybe",
                           "maybe is neither on nor off (allowed: on, off, yes, no, ");
        if (key->kind == KIND_CHOICE)
            expect_refused(key, "maybe", "maybe is not known (allowed: ");
    }
}

Test(config_values, refuse_an_empty_number_word_or_required_text)
{
    each_key(key)
    {
        if (!config_kind_is_string(key->kind) || (key->flags & (KEY_REQUIRED | KEY_FROM_FILE)))
            expect_refused(key, "", "is empty");
    }
}

Test(config_values, refuse_text_with_blanks_without_showing_secrets)
{
    each_key(key)
    {
        if (key->flags & KEY_FROM_FILE)
            continue;
        if (key->kind == KIND_TEXT)
            expect_refused(key, "a b", "\"a ...\" holds white space");
        if (key->kind == KIND_SECRET)
            expect_refused(key, "a b", "holds white space");
    }
}

Test(config_values, refuse_a_mask_where_a_secret_belongs)
{
    each_key(key)
    {
        if (key->kind == KIND_SECRET && !(key->flags & KEY_FROM_FILE))
            expect_refused(key, CONFIG_MASK, "is only a mask");
    }
    expect_refused(config_key_find(SECTION_APP, "proxy"), "http://u:********@h:1", "its password");
    expect_refused(config_key_find(SECTION_REDIS, "url"), "redis://:********@h", "the password");
}

Test(config_values, take_every_spelling_of_a_boolean)
{
    static const char *const words[] = {"off", "on", "no", "YES", "false", "True", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        char ini[256];
        snprintf(ini, sizeof ini, ONE_APP "keep_alive = %s\n", words[i]);
        struct config *config = fixture_load(ini, NULL, NULL);
        cr_expect_eq(pusher_client_keep_alive(config->apps[0].client), i % 2 == 1, "%s", words[i]);
        config_free(config);
    }
}

Test(config_values, refuse_an_address_to_listen_on_that_is_none)
{
    static const char *const bad[] = {"9000",   "host",  "host:", ":9000",
                                      "host:0", "unix:", "unix:x"};
    char why[96];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        snprintf(why, sizeof why, "%s is no address (allowed: host:port, ", bad[i]);
        expect_refused(config_key_find(SECTION_STATUS, "listen"), bad[i], why);
    }
}

Test(config_values, refuse_a_list_redis_cannot_keep_in_one_slot)
{
    expect_refused(config_key_find(SECTION_QUEUE, "list"), "a}b", "a}b cannot be a list");
}

Test(config_values, refuse_what_names_no_operation)
{
    static const struct {
        const char *value, *why;
    } rows[] = {
        {"trigger", "trigger is not the name of an operation (allowed: all, or some of "
                    "triggerEvent,triggerMultipleChannels,triggerBatch,sendToUser,listChannels,"
                    "getChannel,getChannelUsers,authenticateUser,authorizeChannel,"},
        {"triggerEvent,TriggerBatch", "TriggerBatch is not the name of an operation"},
        {"triggerEvent triggerBatch", "triggerEvent ... is not the name"},
        {"triggerEven", "triggerEven is not the name"},
        {"triggerEvents", "triggerEvents is not the name"},
        {"all,triggerEvent", "all is not the name"},
        {"triggerEvent, none ", "none is not the name"},
        {"a\xc3\xa4", "a?? is not the name"},
        {"triggerEvent,,sendToUser", "a name is missing before or behind a comma"},
        {"triggerEvent, ", "a name is missing before or behind a comma"},
        {", triggerEvent", "a name is missing before or behind a comma"},
        {",", "a name is missing before or behind a comma"},
        {"0123456789012345678901234567890123456789012345678901234567890,triggerEvent",
         "01234567890123456789012345678901234567890123... is not the name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        expect_refused(config_key_find(SECTION_QUEUE, "operations"), rows[i].value, rows[i].why);
}

Test(config_values, say_which_operations_a_queue_is_for)
{
    struct config *config = fixture_load(
        ONE_APP "[queue a]\n[queue b]\noperations=customPost, triggerEvent\n[queue c]\n"
                "operations=listChannels\npartitions=2\n",
        NULL, NULL);
    cr_assert_eq(config->n_queues, 4);
    cr_expect_eq(config->queues[0].operations, JOB_OPS_ALL);
    cr_expect_eq(config->queues[1].operations,
                 JOB_OP_BIT(JOB_OP_TRIGGER_EVENT) | JOB_OP_BIT(JOB_OP_CUSTOM_POST));
    cr_expect_eq(config->queues[2].operations, JOB_OP_BIT(JOB_OP_LIST_CHANNELS));
    cr_expect_eq(config->queues[3].operations, JOB_OP_BIT(JOB_OP_LIST_CHANNELS));
    config_free(config);
}

Test(config_values, take_each_operation_by_the_name_that_jobs_have)
{
    for (unsigned op = 1; op < JOB_OP_COUNT; op++) {
        char ini[256];
        snprintf(ini, sizeof ini, ONE_APP "[queue q]\noperations=%s\n",
                 job_op_name((enum job_op)op));
        struct config *config = fixture_load(ini, NULL, NULL);
        cr_expect_eq(config->queues[0].operations, JOB_OP_BIT(op), "%s", ini);
        config_free(config);
    }
}

Test(config_values, refuse_what_libpusher_refuses_at_the_line_of_the_key)
{
    static const struct {
        const char *key, *value;
    } rows[] = {{"app_id", "a/b"},      {"cluster", "e.u"},
                {"host", "http://h"},   {"path_prefix", "/../x"},
                {"proxy", "ftp://h:1"}, {"encryption_master_key_base64", "c2hvcnQ="}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char ini[256], wanted[96];
        bool is_id = strcmp(rows[i].key, "app_id") == 0;
        snprintf(ini, sizeof ini, "[app main]\nkey=k\nsecret=s\n%s%s=%s\n%s",
                 is_id ? "" : "app_id=3\n", rows[i].key, rows[i].value,
                 strcmp(rows[i].key, "cluster") == 0 ? "" : "cluster=eu\n");
        snprintf(wanted, sizeof wanted, "pusherd.conf:%d: [app main] %s: ", is_id ? 4 : 5,
                 rows[i].key);
        const char *text = fixture_error(ini, NULL, NULL);
        cr_expect(strncmp(text, wanted, strlen(wanted)) == 0, "%s", text);
    }
}

Test(config_values, reach_the_client)
{
    struct config *config = fixture_load(
        ONE_APP
        "host=localhost\nport=6001\nuse_tls=off\ntimeout_ms=700\nproxy=http://u:p@h:1\n"
        "encryption_master_key_base64=zyrm8pvV2C9fJcBfhyXzvxbJVN/H7QLmbe0xJi1GhPU=\n"
        "max_in_flight=7\nconcurrency=fixed\nmax_events_per_batch=5\nmax_channels=50\n"
        "max_event_bytes=1000\nmax_channel_name=164\nmax_request_bytes=9500\npath_prefix=/app\n",
        NULL, NULL);
    const struct pusher_client *client = config->apps[0].client;
    cr_expect_str_eq(pusher_client_base_url(client), "http://localhost:6001");
    cr_expect_eq(pusher_client_timeout_ms(client), 700);
    cr_expect_str_eq(pusher_client_proxy(client), "http://u:p@h:1");
    cr_expect(pusher_client_can_encrypt(client));
    cr_expect_eq(config->apps[0].max_in_flight, 7);
    cr_expect_not(config->apps[0].adaptive);
    cr_expect_eq(pusher_client_max_events_per_batch(client), 5);
    cr_expect_eq(pusher_client_max_channels(client), 50);
    cr_expect_eq(pusher_client_max_event_bytes(client), 1000);
    cr_expect_eq(pusher_client_max_channel_name(client), 164);
    cr_expect_eq(pusher_client_max_request_bytes(client), 9500);
    config_free(config);
}

Test(config_values, take_zero_for_the_default_of_port_and_timeout)
{
    struct config *config = fixture_load(ONE_APP "port=0\ntimeout_ms=0\n", NULL, NULL);
    cr_expect_eq(pusher_client_port(config->apps[0].client), 443);
    cr_expect_eq(pusher_client_timeout_ms(config->apps[0].client), 5000);
    config_free(config);
}

Test(config_values, reach_the_sections_without_names)
{
    struct config *config = fixture_load(
        ONE_APP "[redis]\nurl=unix:///r?db=3\n[results]\nmax_entries=5\nsuccesses=none\n"
                "[delivery]\nlease_ms=20000\nmax_orphanings=2\nmax_attempts=3\nretry_base_ms=4\n"
                "retry_cap_ms=50\nretry_for_ms=60\nlane_hold_ms=70\ndrain_ms=80\n"
                "max_claimed_bytes=90000\nmax_job_bytes=2000\n"
                "[status]\nlisten=unix:/s\n[log]\nlevel=debug\nformat=json\n",
        NULL, NULL);
    cr_expect(config->redis.kind == REDIS_UNIX && config->redis.db == 3);
    cr_expect_eq(config->results_max_entries, 5);
    cr_expect_not(config->results_successes);
    cr_expect_eq(config->lease_ms, 20000);
    cr_expect_eq(config->max_orphanings, 2);
    cr_expect_eq(config->max_attempts, 3);
    cr_expect(config->retry_base_ms == 4 && config->retry_cap_ms == 50);
    cr_expect(config->retry_for_ms == 60 && config->lane_hold_ms == 70 && config->drain_ms == 80);
    cr_expect(config->max_claimed_bytes == 90000 && config->max_job_bytes == 2000);
    cr_expect_str_eq(config->status_listen, "unix:/s");
    cr_expect(config->log_level == 7 && config->log_format == LOG_FORMAT_JSON);
    config_free(config);
}

Test(config_values, have_the_defaults_that_the_header_promises)
{
    struct config *config = fixture_load(ONE_APP, NULL, NULL);
    cr_expect_str_eq(pusher_client_base_url(config->apps[0].client),
                     "https://api-eu.pusher.com:443");
    cr_expect_eq(config->apps[0].max_in_flight, 32);
    cr_expect(config->apps[0].adaptive);
    cr_expect(config->redis.kind == REDIS_TCP && config->redis.port == 6379);
    cr_expect(config->results_max_entries == 100000 && config->results_successes);
    cr_expect(config->lease_ms == 15000 && config->max_orphanings == 5);
    cr_expect(config->max_attempts == 12 && config->retry_base_ms == 200);
    cr_expect(config->retry_cap_ms == 30000 && config->retry_for_ms == 600000);
    cr_expect(config->lane_hold_ms == 30000 && config->drain_ms == 10000);
    cr_expect(config->max_claimed_bytes == 16u << 20 && config->max_job_bytes == 1u << 20);
    cr_expect_eq(config->queues[0].operations, JOB_OPS_ALL);
    cr_expect_null(config->status_listen);
    cr_expect_null(config->status_token);
    cr_expect(config->log_level == 6 && config->log_format == LOG_FORMAT_TEXT);
    config_free(config);
}
