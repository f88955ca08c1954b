/* enqueue, status and --queue: the built program against a Redis of its own. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/daemon/ctl_fixture.h"

static void begin(void)
{
    fixture_redis();
}

TestSuite(ctl_redis, .init = begin, .fini = fixture_end, .timeout = 60);

static struct run run;

#define expect(wanted_status, wanted_out)                                                          \
    do {                                                                                           \
        cr_expect_eq(run.status, wanted_status, "status %d: %s", run.status, run.err);             \
        cr_expect_str_eq(run.out, wanted_out);                                                     \
    } while (0)

#define expect_error(text) cr_expect(strstr(run.err, text), "%s", run.err)

Test(ctl_redis, enqueues_the_bytes_of_each_line)
{
    fixture_run(&run, "{\"a\": 1.0}\n\n \t\r\n{\"b\":18446744073709551616} \r\n{\"c\":3}",
                "enqueue", NULL);
    expect(0, "{\"enqueued\":3}\n");
    cr_expect_str_eq(fixture_redis_string("LINDEX pusher:jobs 0"), "{\"a\": 1.0}");
    cr_expect_str_eq(fixture_redis_string("LINDEX pusher:jobs 1"),
                     "{\"b\":18446744073709551616} \r");
    cr_expect_str_eq(fixture_redis_string("LINDEX pusher:jobs 2"), "{\"c\":3}");
}

Test(ctl_redis, enqueues_msgpack)
{
    fixture_run(&run, "{\"a\":\"b\"}\n", "enqueue", "--format", "msgpack", "--list", "l", NULL);
    expect(0, "{\"enqueued\":1}\n");
    cr_expect_str_eq(fixture_redis_string("LINDEX l 0"), "\x81\xa1\x61\xa1\x62");
    cr_expect_eq(fixture_redis_integer("STRLEN none"), 0);
}

Test(ctl_redis, keeps_the_order_of_many_jobs)
{
    char *input = malloc(2000000), last[32];
    size_t used = 0;
    for (int i = 0; i < 50000; i++)
        used += (size_t)sprintf(input + used, "{\"id\":%d,\"channel\":\"c\"}\n", i);
    fixture_run(&run, input, "enqueue", NULL);
    expect(0, "{\"enqueued\":50000}\n");
    cr_expect_eq(fixture_redis_integer("LLEN pusher:jobs"), 50000);
    for (int i = 0; i < 50000; i += 4999) {
        snprintf(last, sizeof last, "{\"id\":%d,\"channel\":\"c\"}", i);
        cr_expect_str_eq(fixture_redis_string("LINDEX pusher:jobs %d", i), last);
    }
    free(input);
}

Test(ctl_redis, stops_at_a_bad_line_and_says_how_many_were_enqueued)
{
    fixture_run(&run, "{\"a\":1}\n\n{\"b\":}\n{\"c\":3}\n", "enqueue", NULL);
    expect(1, "{\"enqueued\":1}\n");
    expect_error("pusherctl: line 3: byte 6: ");
    cr_expect_eq(fixture_redis_integer("LLEN pusher:jobs"), 1);
}

Test(ctl_redis, tells_which_lines_redis_refused)
{
    char *input = malloc(2000000);
    size_t used = 0;
    for (int i = 0; i < 12000; i++)
        used += (size_t)sprintf(input + used, "{\"id\":%d,\"data\":\"%0100d\"}\n", i, 0);
    fixture_redis_string("CONFIG SET maxmemory 1900000");
    fixture_run(&run, input, "enqueue", NULL);
    cr_expect_eq(run.status, 1);
    expect_error(" are not on the list: OOM command not allowed");
    fixture_redis_string("CONFIG SET maxmemory 0");
    long long n = fixture_redis_integer("LLEN pusher:jobs");
    char wanted[64];
    snprintf(wanted, sizeof wanted, "{\"enqueued\":%lld}\n", n);
    cr_expect_str_eq(run.out, wanted);
    free(input);
}

Test(ctl_redis, refuses_a_list_of_another_type)
{
    fixture_redis_string("SET pusher:jobs x");
    fixture_run(&run, "{\"a\":1}\n", "enqueue", NULL);
    expect(1, "{\"enqueued\":0}\n");
    expect_error("lines 1 to 1 are not on the list: WRONGTYPE");
}

Test(ctl_redis, refuses_formats_and_lists_it_does_not_know)
{
    fixture_run(&run, "", "enqueue", "--format", "xml", NULL);
    expect(64, "");
    fixture_run(&run, "", "enqueue", "--list", "a}b", NULL);
    expect(64, "");
    const char *file = fixture_path("conf", "[queue a]\n[queue b]\n");
    fixture_run(&run, "", "enqueue", "--config", file, NULL);
    expect(64, "");
    expect_error("choose a list with --list");
}

Test(ctl_redis, fails_with_69_when_redis_cannot_be_reached)
{
    fixture_run(&run, "{}", "enqueue", "--redis", "unix:///none.sock", NULL);
    expect(69, "");
    expect_error("Redis at /none.sock: No such file or directory");
    fixture_run(&run, NULL, "status", "--redis", "redis://127.0.0.1:1", NULL);
    expect(69, "");
    fixture_redis_string("CONFIG SET requirepass hunter2");
    fixture_run(&run, NULL, "status", NULL);
    expect(69, "");
    expect_error("NOAUTH");
}

Test(ctl_redis, authenticates_and_selects_the_database)
{
    char url[256];
    fixture_redis_string("CONFIG SET requirepass hunter2");
    fixture_redis_string("SELECT 3");
    snprintf(url, sizeof url, "unix://:hunter2@%s?db=3", fixture_redis_socket());
    fixture_run(&run, "{}", "enqueue", "--redis", url, NULL);
    expect(0, "{\"enqueued\":1}\n");
    cr_expect_eq(fixture_redis_integer("LLEN pusher:jobs"), 1);
    fixture_redis_string("ACL SETUSER u on >p%%w ~* +@all");
    snprintf(url, sizeof url, "unix://u:p%%25w@%s?db=3", fixture_redis_socket());
    fixture_run(&run, "{}", "enqueue", "--redis", url, NULL);
    expect(0, "{\"enqueued\":1}\n");
    snprintf(url, sizeof url, "unix://u:wrong@%s", fixture_redis_socket());
    fixture_run(&run, "{}", "enqueue", "--redis", url, NULL);
    expect(69, "");
    expect_error("WRONGPASS");
}

/* Two claims of one consumer, a retry that is due in a minute, and three outcomes. */
static void fill_queue(const char *list, const char *prefix)
{
    fixture_redis_integer("RPUSH %s a b c", list);
    fixture_redis_integer("HSET %s:inflight:host:1 1 x 2 y", prefix);
    fixture_redis_integer("ZADD %s:leases 99999999999999 host:1 1000 gone", prefix);
    fixture_redis_integer("ZADD %s:retry 99999999999999 3", prefix);
    fixture_redis_string("XADD %s:results * id 1", prefix);
    fixture_redis_string("XADD %s:failures * id 2", prefix);
    fixture_redis_string("XADD %s:failures * id 3", prefix);
    fixture_redis_integer("HSET %s:paused * x", prefix);
}

static long long number(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    cr_expect(json_is_integer(value), "no number %s", name);
    return json_integer_value(value);
}

Test(ctl_redis, shows_the_state_of_a_queue)
{
    fill_queue("pusher:jobs", "{pusher:jobs}");
    fixture_run(&run, NULL, "status", NULL);
    cr_assert_eq(run.status, 0, "%s", run.err);
    json_t *root = json_loads(run.out, 0, NULL);
    const json_t *queue = json_array_get(json_object_get(root, "queues"), 0);
    cr_expect_str_eq(json_string_value(json_object_get(queue, "list")), "pusher:jobs");
    cr_expect_eq(number(queue, "backlog"), 3);
    cr_expect_eq(number(queue, "in_flight"), 2);
    cr_expect_eq(number(queue, "waiting"), 1);
    cr_expect_gt(number(queue, "next_due_ms"), 1000000);
    cr_expect_eq(number(queue, "results"), 1);
    cr_expect_eq(number(queue, "failures"), 2);
    cr_expect(json_is_true(json_object_get(queue, "paused")));
    const json_t *consumers = json_object_get(queue, "consumers");
    cr_assert_eq(json_array_size(consumers), 2);
    cr_expect_lt(number(json_array_get(consumers, 0), "lease_ms"), 0);
    cr_expect_eq(number(json_array_get(consumers, 1), "in_flight"), 2);
    json_decref(root);
}

Test(ctl_redis, shows_every_queue_of_the_configuration_or_the_one_list)
{
    const char *file = fixture_path("conf", "[queue a]\n[queue b]\nlist={t}:l\n");
    fixture_redis_integer("RPUSH {t}:l x");
    fixture_run(&run, NULL, "status", "--config", file, NULL);
    cr_expect(strstr(run.out, "{\"name\":\"a\",\"list\":\"a\",\"backlog\":0,"), "%s", run.out);
    cr_expect(strstr(run.out, "{\"name\":\"b\",\"list\":\"{t}:l\",\"backlog\":1,"), "%s", run.out);
    fixture_run(&run, NULL, "status", "--config", file, "--list", "other", NULL);
    cr_expect(strstr(run.out, "{\"queues\":[{\"name\":\"other\",") == run.out, "%s", run.out);
}

#define UNIT_CONFIG                                                                                \
    "[app main]\napp_id=3\nkey=k\ncluster=eu\nsecret_file=${CREDENTIALS_DIRECTORY}/s\n"            \
    "[status]\ntoken_file=${CREDENTIALS_DIRECTORY}/t\n"

Test(ctl_redis, needs_no_secret_of_the_daemon_to_look_after_its_queue)
{
    static const char *const commands[][2] = {
        {"status"},           {"fsck"},    {"pause"}, {"resume"}, {"failures", "list"}, {"results"},
        {"top", "--count=1"}, {"enqueue"},
    };
    char file[128];
    strcpy(file, fixture_path("conf", UNIT_CONFIG));
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        fixture_run(&run, "", "--config", file, commands[i][0], commands[i][1], NULL);
        cr_expect_eq(run.status, 0, "%s: %d: %s", commands[i][0], run.status, run.err);
    }
    fixture_run(&run, NULL, "--config", file, "pause", "--app", "main", NULL);
    cr_expect_eq(run.status, 0, "%s", run.err);
    fixture_run(&run, NULL, "--config", file, "pause", "--app", "mian", NULL);
    expect(78, "");
    fixture_run(&run, NULL, "--config", file, "list-channels", NULL);
    expect(78, "");
    expect_error("[app main] secret_file: CREDENTIALS_DIRECTORY is not set");
}

Test(ctl_redis, needs_no_file_with_the_url_where_one_is_given)
{
    char url[128];
    const char *file = fixture_path("conf", "[redis]\nurl_file=${CREDENTIALS_DIRECTORY}/u\n");
    snprintf(url, sizeof url, "unix://%s", fixture_redis_socket());
    fixture_run(&run, NULL, "--config", file, "--redis", url, "status", NULL);
    cr_expect_eq(run.status, 0, "%s", run.err);
    fixture_run(&run, NULL, "--config", file, "status", NULL);
    expect(78, "");
    expect_error("[redis] url_file: CREDENTIALS_DIRECTORY is not set");
}

Test(ctl_redis, sends_an_operation_through_the_queue_and_prints_its_outcome)
{
    static const char outcome[] = "{\"id\":\"1\",\"ok\":true,\"http\":200}";
    fixture_worker("pusher:jobs", outcome);
    fixture_run(&run, NULL, "trigger-event", "--channel", "c", "--event", "e", "--data", "d",
                "--app", "main", "--queue", NULL);
    json_t *job = json_loads(fixture_worker_job(), 0, NULL);
    expect(0, "{\"id\":\"1\",\"ok\":true,\"http\":200}\n");
    cr_expect_str_eq(json_string_value(json_object_get(job, "op")), "triggerEvent");
    cr_expect_str_eq(json_string_value(json_object_get(job, "app")), "main");
    cr_expect_str_eq(json_string_value(json_object_get(job, "data")), "d");
    const char *reply_to = json_string_value(json_object_get(job, "replyTo"));
    cr_expect(strncmp(reply_to, "{pusher:jobs}:reply:", 20) == 0, "%s", reply_to);
    json_decref(job);
}

/* As it stands in the outcome: what the API has answered, byte by byte. */
Test(ctl_redis, takes_any_result_of_an_operation_that_succeeded)
{
    static char nested[2048];
    memset(nested, '[', 1000);
    memset(nested + 1000, ']', 1000);
    const char *const results[] = {"\"a\\u0000b\"", "12345678901234567890", "1e400", nested};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++) {
        char outcome[4096], printed[sizeof outcome + 1];
        snprintf(outcome, sizeof outcome, "{\"id\":null,\"ok\":true,\"result\":%s}", results[i]);
        snprintf(printed, sizeof printed, "%s\n", outcome);
        fixture_worker("pusher:jobs", outcome);
        fixture_run(&run, NULL, "list-channels", "--queue", NULL);
        fixture_worker_job();
        expect(0, printed);
    }
}

Test(ctl_redis, fails_with_1_when_the_outcome_is_a_failure)
{
    fixture_worker("{t}:l", "{\"ok\":false,\"code\":\"rejected\"}");
    fixture_run(&run, NULL, "list-channels", "--queue", "--list", "{t}:l", NULL);
    cr_expect(strstr(fixture_worker_job(), "\"replyTo\":\"{t}:l:reply:"));
    expect(1, "{\"ok\":false,\"code\":\"rejected\"}\n");
    fixture_worker("{t}:l", "{\"result\":{\"ok\":true}}");
    fixture_run(&run, NULL, "list-channels", "--queue", "--list", "{t}:l", NULL);
    fixture_worker_job();
    expect(1, "{\"result\":{\"ok\":true}}\n");
}

Test(ctl_redis, gives_up_waiting_for_an_outcome)
{
    fixture_run(&run, NULL, "list-channels", "--queue", "--wait", "1", NULL);
    expect(1, "");
    expect_error("no outcome within 1 s");
    cr_expect_eq(fixture_redis_integer("LLEN pusher:jobs"), 1);
}
