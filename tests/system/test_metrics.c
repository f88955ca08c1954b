/* /metrics: every line is in order, the numbers are those that Redis and the server saw, nothing
 * secret is among them, and each is documented. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/exposition.h"
#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define N         3000
#define N_MIXED   400
#define N_BAD     7 /* elements that are no job */
#define N_REFUSED 5 /* events that the server does not like */

#define QUEUE       "{queue=\"pusher:jobs\"}"
#define APP         "{app=\"main\"}"
#define SETTLED(o)  "pusherd_jobs_settled_total{queue=\"pusher:jobs\",outcome=\"" o "\"}"
#define FAILED(c)   "pusherd_jobs_failed_total{queue=\"pusher:jobs\",code=\"" c "\"}"
#define REQUESTS(s) "pusherd_api_requests_total{app=\"main\",status=\"" s "\"}"
#define RETRIES(c)  "pusherd_api_retries_total{app=\"main\",cause=\"" c "\"}"
#define GATE(c)     "pusherd_app_gate_closed{app=\"main\",cause=\"" c "\"}"
#define COUNT(name) name "_count{app=\"main\"}"
#define SUM(name)   name "_sum{app=\"main\"}"

static struct scene scene;
static unsigned port;
static char ini[256];

static void open_scene(void)
{
    port = port_pick();
    snprintf(ini, sizeof(ini), "[status]\nlisten = 127.0.0.1:%u\n[delivery]\nretry_base_ms = 20\n",
             port);
    scene_open(&scene, &(struct scene_options){.ini = ini});
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(metrics, .init = open_scene, .fini = close_scene, .timeout = 120);

static bool fetch(const char *path, struct http_answer *ret_answer)
{
    char url[128];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    http_perform(&(struct http_request){.method = "GET", .url = url}, ret_answer);
    return ret_answer->status == 200;
}

static void scrape(struct exposition *ret_exposition)
{
    struct http_answer answer;
    cr_assert(fetch("/metrics", &answer), "%ld", answer.status);
    cr_expect(strstr(answer.headers, "Content-Type: text/plain; version=0.0.4; charset=utf-8"));
    exposition_read(answer.body, ret_exposition);
    http_answer_deinit(&answer);
}

static double value_of(const char *series)
{
    struct exposition exposition;
    scrape(&exposition);
    double value = exposition_value(&exposition, series);
    exposition_deinit(&exposition);
    return value;
}

static bool serves(void)
{
    struct http_answer answer;
    bool is = fetch("/healthz", &answer);
    http_answer_deinit(&answer);
    return is;
}

static void start(void)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(serves(), WAIT_LONG_MS));
}

Test(metrics, are_in_order_while_work_is_done)
{
    unsigned n_scrapes = 0;
    double last = 0;
    job_push_many(&scene.redis, JOB_JSON, 0, N, 50);
    start();
    while (last < N) {
        double now = value_of("pusherd_jobs_claimed_total" QUEUE);
        cr_assert_geq(now, last, "a counter went back");
        last = now;
        cr_assert_lt(n_scrapes++, 10000u);
    }
    cr_expect(scene_settles(&scene, N, 0));
    cr_expect_geq(n_scrapes, 2);
    cr_expect(wait_until(value_of(SETTLED("done")) == N, 5000));
}

/* Good jobs, elements that are none, and events that are refused alone; and one 503. */
static void run_mixed(void)
{
    fake_server_set_rules(&scene.fake,
                          "[{'match':{'contains':'poison'},'action':{'status':400,'body':'no\\n'}},"
                          "{'times':1,'action':{'status':503}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, N_MIXED, 20);
    for (int i = 0; i < N_BAD; i++) {
        job_push(&scene.redis, JOB_JSON, "{'channel':");
    }
    for (int i = 0; i < N_REFUSED; i++) {
        job_push(&scene.redis, JOB_JSON, "{'channel':'r-%d','event':'poison','data':'x'}", i);
    }
    start();
    cr_assert(scene_settles(&scene, N_MIXED, N_BAD + N_REFUSED));
    cr_assert(wait_until(value_of("pusherd_jobs_held" QUEUE) == 0, 5000));
}

Test(metrics, of_jobs_are_what_redis_has)
{
    struct exposition have;
    run_mixed();
    scrape(&have);
    cr_expect_eq(exposition_value(&have, "pusherd_jobs_claimed_total" QUEUE),
                 N_MIXED + N_BAD + N_REFUSED);
    cr_expect_eq(exposition_value(&have, SETTLED("done")), N_MIXED);
    cr_expect_eq(exposition_value(&have, SETTLED("failed")), N_BAD + N_REFUSED);
    cr_expect_eq(exposition_value(&have, FAILED("invalid_job")), N_BAD);
    cr_expect_eq(exposition_value(&have, FAILED("rejected")), N_REFUSED);
    cr_expect_eq(exposition_value(&have, FAILED("other")), 0);
    cr_expect_eq(exposition_value(&have, "pusherd_jobs_late_total" QUEUE), 0);
    cr_expect_eq(exposition_value(&have, "pusherd_queue_backlog_jobs" QUEUE), 0);
    cr_expect_eq(exposition_value(&have, "pusherd_oldest_job_seconds" QUEUE), 0);
    cr_expect_eq(exposition_value(&have, "pusherd_lease_held" QUEUE), 1);
    cr_expect_gt(exposition_value(&have, "pusherd_isolations_total"), 0);
    cr_expect_gt(exposition_value(&have, "pusherd_redis_script_seconds_count{script=\"settle\"}"),
                 0);
    exposition_deinit(&have);
}

static double stat_of(const char *name)
{
    return fake_server_stat(&scene.fake, name);
}

Test(metrics, of_requests_are_what_the_server_saw)
{
    struct exposition have;
    run_mixed();
    scrape(&have);
    double n_503 = stat_of("by_status.503");
    cr_expect_eq(n_503, 1);
    cr_expect_eq(exposition_value(&have, REQUESTS("2xx")), stat_of("by_status.200"));
    cr_expect_eq(exposition_value(&have, REQUESTS("4xx")), stat_of("by_status.400"));
    cr_expect_eq(exposition_value(&have, REQUESTS("5xx")), n_503);
    cr_expect_eq(exposition_value(&have, RETRIES("server_error")), n_503);
    cr_expect_eq(exposition_value(&have, "pusherd_events_delivered_total" APP),
                 fake_server_events(&scene.fake));
    cr_expect_eq(exposition_value(&have, COUNT("pusherd_api_request_seconds")),
                 stat_of("requests"));
    cr_expect_eq(exposition_value(&have, COUNT("pusherd_batch_events")), stat_of("batches"));
    cr_expect_eq(exposition_value(&have, SUM("pusherd_batch_events")),
                 exposition_value(&have, "pusherd_events_sent_total" APP));
    cr_expect_eq(exposition_value(&have, COUNT("pusherd_claim_to_send_seconds")),
                 N_MIXED + N_REFUSED);
    cr_expect_eq(exposition_value(&have, "pusherd_api_requests_in_flight" APP), 0);
    exposition_deinit(&have);
}

Test(metrics, of_operations_count_events_by_channel_and_queries_not_at_all)
{
    struct exposition have;
    job_push(&scene.redis, JOB_JSON, "{'channels':['a','b','c'],'event':'e','data':'x'}");
    job_push(&scene.redis, JOB_JSON,
             "{'events':[{'channel':'a','event':'e','data':'x'},"
             "{'channel':'b','event':'e','data':'x'}]}");
    job_push(&scene.redis, JOB_JSON, "{'op':'sendToUser','userId':'u','event':'e','data':'x'}");
    job_push(&scene.redis, JOB_JSON, "{'op':'listChannels'}");
    start();
    cr_assert(scene_settles(&scene, 4, 0));
    cr_assert(wait_until(value_of(SETTLED("done")) == 4, 5000));
    scrape(&have);
    cr_expect_eq(exposition_value(&have, "pusherd_events_sent_total" APP), 6);
    cr_expect_eq(exposition_value(&have, "pusherd_events_delivered_total" APP), 6);
    cr_expect_eq(exposition_value(&have, REQUESTS("2xx")), stat_of("requests"));
    cr_expect_eq(exposition_value(&have, SUM("pusherd_batch_events")), 3);
    exposition_deinit(&have);
}

Test(metrics, show_an_app_that_is_refused)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'status':401}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 20, 5);
    start();
    cr_assert(wait_until(value_of(GATE("refused")) == 1, WAIT_LONG_MS));
    cr_expect_eq(value_of(GATE("down")), 0);
    cr_expect_gt(value_of(RETRIES("app_refused")), 0);
    cr_expect_eq(value_of("pusherd_jobs_held" QUEUE), 20);
    cr_expect(wait_until(value_of("pusherd_oldest_job_seconds" QUEUE) > 0.2, WAIT_LONG_MS));
    fake_server_delete_rules(&scene.fake);
    cr_assert(scene_settles(&scene, 20, 0));
    cr_expect_eq(value_of(GATE("refused")), 0);
}

Test(metrics, show_that_redis_is_away)
{
    start();
    cr_assert(wait_until(value_of("pusherd_redis_connected" QUEUE) == 1, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(wait_until(value_of("pusherd_redis_connected" QUEUE) == 0, WAIT_LONG_MS));
    redis_start_again(&scene.redis);
    cr_expect(wait_until(value_of("pusherd_redis_connected" QUEUE) == 1, WAIT_LONG_MS));
}

/* ---- secrets, and documents */

static void expect_no_secret(const char *path)
{
    struct http_answer answer;
    (void)fetch(path, &answer);
    cr_expect_gt(answer.len, 0);
    cr_expect(!strstr(answer.body, FAKE_APP_SECRET), "%s: the secret", path);
    cr_expect(!strstr(answer.body, SCENE_MASTER_KEY), "%s: the master key", path);
    cr_expect(!strstr(answer.body, "0123456789012345"), "%s: the master key, decoded", path);
    http_answer_deinit(&answer);
}

/* Renewals of the lease fall due while the one before them is not answered. */
Test(metrics_idle, count_few_turns_while_redis_is_silent, .fini = close_scene, .timeout = 120)
{
    port = port_pick();
    snprintf(ini, sizeof(ini), "[status]\nlisten = 127.0.0.1:%u\n[delivery]\nlease_ms = 3100\n",
             port);
    scene_open(&scene, &(struct scene_options){.ini = ini, .app = "timeout_ms = 1000\n"});
    scene_start_pusherd(&scene);
    cr_assert(
        wait_until(redis_int(&scene.redis, "EXISTS {pusher:jobs}:leases") == 1, WAIT_LONG_MS));
    double before = value_of("pusherd_loop_turn_seconds_count");
    proc_signal(&scene.redis.proc, SIGSTOP);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "no reply in time"), WAIT_LONG_MS));
    double n = value_of("pusherd_loop_turn_seconds_count") - before;
    proc_signal(&scene.redis.proc, SIGCONT);
    cr_expect_gt(n, 0);
    cr_expect_lt(n, 500, "%.0f turns", n);
}

static bool is_past(uint64_t ms)
{
    return wait_now_ms() >= ms;
}

/* A job that is to be claimed later is due, but nothing is claimed any more. */
Test(metrics, count_few_turns_while_the_daemon_drains)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'hang':true}}]");
    scene_start_pusherd(&scene);
    cr_assert(
        wait_until(redis_int(&scene.redis, "EXISTS {pusher:jobs}:leases") == 1, WAIT_LONG_MS));
    redisReply *time = redis_cmd(&scene.redis, "TIME");
    long long due_ms = strtoll(time->element[0]->str, NULL, 10) * 1000 + 2500;
    freeReplyObject(time);
    uint64_t end_ms = wait_now_ms() + 2500 + 1000;
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'','deliverAt':%lld}",
             due_ms);
    job_push(&scene.redis, JOB_JSON, "{'channel':'b','event':'e','data':''}");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:retry") == 1, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGTERM);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "tag=stop"), WAIT_LONG_MS));
    double before = value_of("pusherd_loop_turn_seconds_count");
    cr_assert(wait_until(is_past(end_ms), WAIT_LONG_MS));
    double n = value_of("pusherd_loop_turn_seconds_count") - before;
    cr_expect_lt(n, 300, "%.0f turns", n);
    fake_server_delete_rules(&scene.fake);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
}

Test(metrics, tell_no_secret)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'private-encrypted-a','event':'e','data':'x'}");
    start();
    cr_assert(scene_settles(&scene, 1, 0));
    fake_server_set_rules(&scene.fake, "[{'action':{'status':401,'body':'Invalid signature\\n'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 20, 5);
    cr_assert(wait_until(value_of(GATE("refused")) == 1, WAIT_LONG_MS));
    expect_no_secret("/metrics");
    expect_no_secret("/readyz");
    fake_server_delete_rules(&scene.fake);
    cr_expect(scene_settles(&scene, 21, 0));
}

static char *read_document(void)
{
    char path[512];
    char *text = calloc(1, 1 << 16);
    cr_assert(getenv("DOCS"), "DOCS is not set");
    snprintf(path, sizeof(path), "%s/metrics.md", getenv("DOCS"));
    FILE *file = fopen(path, "re");
    cr_assert(file && fread(text, 1, (1 << 16) - 1, file) > 0, "%s", path);
    fclose(file);
    return text;
}

static bool is_served(const struct exposition *have, const char *name, const char *type)
{
    for (size_t i = 0; i < have->n_families; i++) {
        if (strcmp(have->families[i].name, name) == 0) {
            return strcmp(have->families[i].type, type) == 0;
        }
    }
    return false;
}

/* A row of the document: | `NAME` | TYPE | ... */
Test(metrics, are_documented_by_name_and_type)
{
    struct exposition have;
    size_t n_rows = 0;
    char *document = read_document();
    start();
    scrape(&have);
    for (char *row = document; (row = strstr(row, "\n| `pusherd_")); row++) {
        char name[96], type[16];
        cr_assert_eq(sscanf(row, "\n| `%95[a-z_]` | %15[a-z] |", name, type), 2, "%.60s", row);
        cr_expect(is_served(&have, name, type), "%s, a %s, is not served", name, type);
        n_rows++;
    }
    cr_expect_eq(n_rows, have.n_families, "%zu families, %zu rows", have.n_families, n_rows);
    exposition_deinit(&have);
    free(document);
}
