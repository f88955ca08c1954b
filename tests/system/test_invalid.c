/* Jobs that must not be sent: each fails at once with its code, its bytes unaltered, and nothing
 * else suffers. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scene.h"

static struct scene scene;

/* A second app without a master key, on the same server. */
static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){
                           .ini = "[app plain]\napp_id = app-id\nkey = app-key\nsecret = "
                                  "app-secret\nhost = 127.0.0.1\nuse_tls = off\n"
                                  "[queue pusher:jobs]\napp = main\n"});
    scene_start_pusherd(&scene);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(invalid, .init = open_scene, .fini = close_scene, .timeout = 120);

/* Pushes bytes that must fail, behind and before good jobs. */
static void expect_failure(const void *bytes, size_t len, const char *code)
{
    size_t n_failures = outcomes_count(&scene.redis, FAILURES);
    size_t n_results = outcomes_count(&scene.redis, RESULTS);
    job_push_many(&scene.redis, JOB_JSON, n_results, 1, 1);
    job_push_bytes(&scene.redis, JOB_LIST, bytes, len);
    job_push_many(&scene.redis, JOB_JSON, n_results + 1, 1, 1);
    cr_assert(scene_settles(&scene, n_results + 2, n_failures + 1), "%.*s", (int)len,
              (const char *)bytes);

    struct outcomes failures;
    size_t job_len = 0;
    outcomes_read(&scene.redis, FAILURES, &failures);
    const char *job = outcomes_get(&failures, n_failures, "job", &job_len);
    cr_expect_str_eq(outcomes_get(&failures, n_failures, "code", NULL), code, "%.*s", (int)len,
                     (const char *)bytes);
    cr_expect_str_eq(outcomes_get(&failures, n_failures, "http", NULL), "0");
    cr_expect(job_len == len && memcmp(job, bytes, len) == 0, "%.*s: the job's bytes", (int)len,
              (const char *)bytes);
    cr_expect_gt(strlen(outcomes_get(&failures, n_failures, "error", NULL)), 5u);
    outcomes_deinit(&failures);
}

struct row {
    const char *job; /* ' for " */
    const char *code;
};

static void expect_failures(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char job[512];
        snprintf(job, sizeof(job), "%s", rows[i].job);
        for (char *quote = job; (quote = strchr(quote, '\'')) != NULL;) {
            *quote = '"';
        }
        expect_failure(job, strlen(job), rows[i].code);
    }
    cr_expect_eq(fake_server_events(&scene.fake), outcomes_count(&scene.redis, RESULTS));
}

#define ROWS(rows) rows, sizeof(rows) / sizeof(rows[0])

Test(invalid, job_that_cannot_be_read)
{
    static const struct row rows[] = {
        {"nonsense", "invalid_job"},
        {"{", "invalid_job"},
        {"[]", "invalid_job"},
        {"{'channel':'a','event':'e','data':'x'} ,", "invalid_job"},
        {"{}", "invalid_job"},
        {"{'op':'triggerEvent','event':'e','data':'x'}", "invalid_job"},
        {"{'op':'triggerEvent','channel':'a','data':'x'}", "invalid_job"},
        {"{'op':'triggerEvent','channel':'a','event':'e'}", "invalid_job"},
        {"{'op':'triggerEvent','channel':7,'event':'e','data':'x'}", "invalid_job"},
        {"{'op':'triggerMultipleChannels','channels':[],'event':'e','data':'x'}", "invalid_job"},
        {"{'op':7,'channel':'a','event':'e','data':'x'}", "invalid_job"},
        {"{'channel':'a','event':'e','data':'x','expiresAt':'soon'}", "invalid_job"},
    };
    expect_failures(ROWS(rows));
}

Test(invalid, job_for_something_unknown)
{
    static const struct row rows[] = {
        {"{'op':'triggerEverything','channel':'a','event':'e','data':'x'}", "unknown_op"},
        {"{'app':'nobody','channel':'a','event':'e','data':'x'}", "unknown_app"},
    };
    expect_failures(ROWS(rows));
}

Test(invalid, name)
{
    static const struct row rows[] = {
        {"{'channel':'a b','event':'e','data':'x'}", "invalid_channel"},
        {"{'channel':'','event':'e','data':'x'}", "invalid_channel"},
        {"{'channel':'a\\u000a','event':'e','data':'x'}", "invalid_channel"},
        {"{'channel':'#server-to-user-','event':'e','data':'x'}", "invalid_channel"},
        {"{'channel':'a','event':'','data':'x'}", "invalid_event"},
        {"{'channel':'a','event':'e','data':'x','socketId':'1.'}", "invalid_socket_id"},
        {"{'channel':'a','event':'e','data':'x','socketId':'1.1\\u000a'}", "invalid_socket_id"},
        {"{'op':'sendToUser','userId':'a b','event':'e','data':'x'}", "invalid_user_id"},
        {"{'op':'sendToUser','userId':'','event':'e','data':'x'}", "invalid_user_id"},
        {"{'op':'terminateUserConnections','userId':'a/b'}", "invalid_user_id"},
        {"{'op':'getChannel','channelName':'..'}", "invalid_channel"},
        {"{'channel':'a','event':'e','data':'x','info':'a&b'}", "invalid_info"},
    };
    expect_failures(ROWS(rows));
}

Test(invalid, use_of_an_encrypted_channel)
{
    static const struct row rows[] = {
        {"{'app':'plain','channel':'private-encrypted-a','event':'e','data':'x'}",
         "encryption_unavailable"},
        {"{'channels':['private-encrypted-a','b'],'event':'e','data':'x'}", "not_encryptable"},
        {"{'channels':['private-encrypted-a','private-encrypted-b'],'event':'e','data':'x'}",
         "not_encryptable"},
    };
    expect_failures(ROWS(rows));
}

static void expect_size(const char *channel, size_t len, const char *code)
{
    char *job;
    size_t before = outcomes_count(&scene.redis, RESULTS);
    int size = asprintf(&job, "{\"channel\":\"%s\",\"event\":\"e\",\"data\":\"%0*d\"}", channel,
                        (int)len, 1);
    cr_assert(size > 0);
    if (code) {
        expect_failure(job, (size_t)size, code);
    } else {
        job_push_bytes(&scene.redis, JOB_LIST, job, (size_t)size);
        cr_expect(wait_until(outcomes_count(&scene.redis, RESULTS) == before + 1, WAIT_LONG_MS));
    }
    free(job);
}

Test(invalid, size_is_counted_in_bytes_as_sent)
{
    expect_size("a", 10240, NULL);
    expect_size("a", 10241, "payload_too_large");
    expect_size("private-encrypted-a", 7619, NULL);
    expect_size("private-encrypted-a", 7620, "payload_too_large");
    expect_size("a", 2000000, "payload_too_large");
}

Test(invalid, length_of_a_name)
{
    char job[512];
    int len =
        snprintf(job, sizeof(job), "{\"channel\":\"%0201d\",\"event\":\"e\",\"data\":\"x\"}", 1);
    expect_failure(job, (size_t)len, "invalid_channel");
    len = snprintf(job, sizeof(job), "{\"channel\":\"a\",\"event\":\"%0201d\",\"data\":\"x\"}", 1);
    expect_failure(job, (size_t)len, "invalid_event");
    len = snprintf(job, sizeof(job),
                   "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\",\"id\":\"%0129d\"}", 1);
    expect_failure(job, (size_t)len, "invalid_job");
}

Test(invalid, text_that_is_not_utf8)
{
    static const char job[] = "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"\xff\"}";
    expect_failure(job, sizeof(job) - 1, "invalid_data");
}

/* {"channel":"a","event":"e","data":VALUE} in msgpack. */
static void expect_value_failure(const char *value, size_t len, const char *code)
{
    static const char head[] = "\x83\xa7"
                               "channel\xa1"
                               "a\xa5"
                               "event\xa1"
                               "e\xa4"
                               "data";
    char job[128];
    memcpy(job, head, sizeof(head) - 1);
    memcpy(job + sizeof(head) - 1, value, len);
    expect_failure(job, sizeof(head) - 1 + len, code);
}

Test(invalid, msgpack)
{
    expect_value_failure("\xd4\x05x", 3, "invalid_data");                /* fixext 1 */
    expect_value_failure("\xcb\x7f\xf8\0\0\0\0\0\0", 9, "invalid_data"); /* NaN */
    expect_value_failure("\xcb\x7f\xf0\0\0\0\0\0\0", 9, "invalid_data"); /* infinity */
    expect_value_failure("\xa1\xff", 2, "invalid_data");                 /* not UTF-8 */
    expect_value_failure("\xa1x\xc0", 3, "invalid_job");                 /* one byte too many */
    expect_value_failure("\xa2x", 2, "invalid_job");                     /* one too few */
    expect_value_failure("\xdd\x08\0\0\0", 5, "invalid_job");            /* claims gigabytes */
    expect_failure("\xc1", 1, "invalid_job");                            /* never used */
    expect_failure("", 0, "invalid_job");
}

Test(invalid, job_that_has_expired)
{
    static const char job[] =
        "{\"channel\":\"a\",\"event\":\"e\",\"data\":\"x\",\"expiresAt\":1600000000000}";
    expect_failure(job, sizeof(job) - 1, "expired");
}
