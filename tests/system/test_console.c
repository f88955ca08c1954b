/* The console's side of the status server: who may ask what, and what comes of it. The page itself
 * is looked at in a browser, by tests/web. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/support/scene.h"

#define TOKEN    "a-token-for-this-test-only"
#define BEARER   "Authorization: Bearer " TOKEN
#define JSON     "Content-Type: application/json"
#define FAILURES "{pusher:jobs}:failures"
#define PAUSED   "{pusher:jobs}:paused"

static struct scene scene;
static unsigned port;
static char ini[256];

static void open_at(const char *host, const char *more)
{
    port = port_pick();
    snprintf(ini, sizeof(ini), "[status]\nlisten = %s:%u\n%s", host, port, more);
    scene_open(&scene, &(struct scene_options){.ini = ini});
    scene_start_pusherd(&scene);
}

static void open_scene(void)
{
    open_at("127.0.0.1", "token = " TOKEN "\n");
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(console, .init = open_scene, .fini = close_scene, .timeout = 120);
TestSuite(console_address, .fini = close_scene, .timeout = 120);

/* ---- asking */

static struct http_answer ask(const char *path, const char *body, const char *const *headers)
{
    struct http_answer answer;
    char url[256];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
    http_perform(&(struct http_request){.method = body ? "POST" : "GET",
                                        .url = url,
                                        .body = body,
                                        .body_len = body ? strlen(body) : 0,
                                        .headers = headers},
                 &answer);
    return answer;
}

#define HEADERS(...)                                                                               \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define WITH_TOKEN HEADERS(BEARER, JSON)

static long status_of(const char *path, const char *body, const char *const *headers)
{
    struct http_answer answer = ask(path, body, headers);
    http_answer_deinit(&answer);
    return answer.status;
}

static bool is_up(void)
{
    return status_of("/healthz", NULL, NULL) == 200;
}

static bool is_ready(void)
{
    return status_of("/readyz", NULL, NULL) == 200;
}

/* A new reference; the status must be this one. */
static json_t *json_of(const char *path, const char *body, const char *const *headers, long status)
{
    struct http_answer answer = ask(path, body, headers);
    json_t *root = json_loads(answer.body, 0, NULL);
    cr_assert_eq(answer.status, status, "%s: %ld, not %ld: %s", path, answer.status, status,
                 answer.body);
    cr_assert(root, "%s: not JSON: %s", path, answer.body);
    http_answer_deinit(&answer);
    return root;
}

/* The i-th of the failures that are shown: a new reference. */
static json_t *failure(size_t i)
{
    json_t *root = json_of("/api/failures?queue=pusher:jobs", NULL, NULL, 200);
    json_t *entry = json_incref(json_array_get(json_object_get(root, "failures"), i));
    json_decref(root);
    cr_assert(entry, "there is no failure %zu", i);
    return entry;
}

/* {"queue":...,"id":...} of the newest failure. */
static const char *body_of_newest(void)
{
    static char body[128];
    json_t *entry = failure(0);
    snprintf(body, sizeof(body), "{\"queue\":\"pusher:jobs\",\"id\":\"%s\"}",
             json_string_value(json_object_get(entry, "stream_id")));
    json_decref(entry);
    return body;
}

static void start_ready(void)
{
    cr_assert(wait_until(is_ready(), WAIT_LONG_MS));
}

static void add_failure(void)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'not a channel','event':'e','data':'d','id':'j'}");
    cr_assert(wait_until(redis_int(&scene.redis, "XLEN " FAILURES) > 0, WAIT_LONG_MS));
}

/* ---- who may */

Test(console, acts_only_with_the_token)
{
    static const char *const paths[] = {"/api/replay", "/api/drop", "/api/pause", "/api/resume"};
    const char *body = "{\"queue\":\"pusher:jobs\",\"id\":\"1-1\"}";
    start_ready();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        cr_expect_eq(status_of(paths[i], body, HEADERS(JSON)), 401, "%s", paths[i]);
        cr_expect_eq(status_of(paths[i], body, HEADERS(JSON, BEARER "x")), 401, "%s", paths[i]);
        cr_expect_eq(status_of(paths[i], body, HEADERS(JSON, "Authorization: Bearer")), 401);
        cr_expect_eq(status_of(paths[i], body, HEADERS(BEARER, "Content-Type: text/plain")), 415);
        cr_expect_eq(status_of(paths[i], NULL, WITH_TOKEN), 405, "%s", paths[i]);
    }
    cr_expect_eq(redis_int(&scene.redis, "EXISTS " PAUSED), 0);
    cr_expect_eq(status_of("/api/token", NULL, HEADERS(BEARER)), 200);
    cr_expect_eq(status_of("/api/token", NULL, NULL), 401);
}

Test(console_address, without_a_token_nothing_can_be_done)
{
    open_at("127.0.0.1", "");
    start_ready();
    cr_expect_eq(status_of("/api/pause", "{\"queue\":\"pusher:jobs\"}", WITH_TOKEN), 403);
    json_t *root = json_of("/api/status", NULL, NULL, 200);
    cr_expect(json_is_false(json_object_get(root, "can_act")));
    json_decref(root);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS " PAUSED), 0);
}

Test(console, refuses_names_that_lead_here_by_a_trick)
{
    static const char *const good[] = {"Host: localhost", "Host: LOCALHOST:1", "Host: 127.0.0.9:80",
                                       "Host: [::1]:9101"};
    static const char *const bad[] = {"Host: evil.example", "Host: 127.0.0.1.evil.example:9101",
                                      "Host: 10.0.0.1", "Host:", "Host: localhost.evil"};
    start_ready();
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        cr_expect_eq(status_of("/api/status", NULL, HEADERS(good[i])), 200, "%s", good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_gt(status_of("/api/status", NULL, HEADERS(bad[i])), 399, "%s", bad[i]);
        cr_expect_gt(status_of("/", NULL, HEADERS(bad[i])), 399, "%s", bad[i]);
    }
    cr_expect_eq(status_of("/metrics", NULL, HEADERS(bad[0])), 200,
                 "scrapers may say what they do");
}

Test(console, refuses_pages_of_other_sites)
{
    start_ready();
    cr_expect_eq(status_of("/api/status", NULL, HEADERS("Sec-Fetch-Site: cross-site")), 403);
    cr_expect_eq(
        status_of("/api/failures?queue=pusher:jobs", NULL, HEADERS("Sec-Fetch-Site: same-site")),
        403);
    cr_expect_eq(status_of("/api/status", NULL, HEADERS("Sec-Fetch-Site: same-origin")), 200);
    cr_expect_eq(status_of("/", NULL, HEADERS("Sec-Fetch-Site: cross-site")), 200, "a link to it");
}

Test(console_address, shows_payloads_to_strangers_with_the_token_only)
{
    open_at("0.0.0.0", "token = " TOKEN "\n");
    start_ready();
    add_failure();
    cr_expect_eq(status_of("/api/failures?queue=pusher:jobs", NULL, NULL), 401);
    cr_expect_eq(status_of("/api/failures?queue=pusher:jobs", NULL, HEADERS(BEARER)), 200);
    cr_expect_eq(status_of("/api/status", NULL, HEADERS("Host: pusherd.example")), 200);
}

Test(console, page_may_run_only_what_came_with_it)
{
    start_ready();
    struct http_answer one = ask("/", NULL, NULL), two = ask("/", NULL, NULL);
    cr_expect_eq(one.status, 200);
    cr_expect(strstr(one.headers, "Content-Type: text/html; charset=utf-8"));
    cr_expect(strstr(one.headers, "default-src 'none'; connect-src 'self'; script-src 'nonce-"));
    cr_expect(strstr(one.headers, "frame-ancestors 'none'"));
    cr_expect(strstr(one.headers, "Referrer-Policy: no-referrer"));
    cr_expect_not(strstr(one.body, "@NONCE@"));
    cr_expect(strstr(one.body, "<script nonce=\""));
    cr_expect_str_neq(one.body, two.body, "the number is the same each time");
    http_answer_deinit(&one);
    http_answer_deinit(&two);
}

/* ---- what is shown */

Test(console, shows_failures_as_they_are)
{
    start_ready();
    for (int i = 0; i < 3; i++) {
        job_push(&scene.redis, JOB_MSGPACK,
                 "{'channel':'not a channel','event':'e','data':'<b>','id':%d}", i);
    }
    cr_assert(scene_settles(&scene, 0, 3));
    json_t *entry = failure(0);
    cr_expect_str_eq(json_string_value(json_object_get(entry, "id")), "2");
    cr_expect_str_eq(json_string_value(json_object_get(entry, "code")), "invalid_channel");
    cr_expect_str_eq(json_string_value(json_object_get(entry, "format")), "msgpack");
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(entry, "job"), "data")),
                     "<b>");
    char path[160];
    snprintf(path, sizeof(path), "/api/failures?queue=pusher:jobs&count=1&before=%s",
             json_string_value(json_object_get(entry, "stream_id")));
    json_decref(entry);
    json_t *root = json_of(path, NULL, NULL, 200);
    const json_t *list = json_object_get(root, "failures");
    cr_expect_eq(json_array_size(list), 1);
    cr_expect_str_eq(json_string_value(json_object_get(json_array_get(list, 0), "id")), "1");
    json_decref(root);
}

static bool says_more(const char *path)
{
    json_t *root = json_of(path, NULL, NULL, 200);
    const json_t *more = json_object_get(root, "more");
    cr_expect(json_is_boolean(more));
    bool is = json_is_true(more);
    json_decref(root);
    return is;
}

/* An answer ends where enough was read: its length says nothing. */
Test(console, says_whether_there_are_older_failures)
{
    char *job = calloc(1, (1 << 20) + 1), path[160];
    memset(job, 'x', 1 << 20);
    start_ready();
    for (int i = 0; i < 5; i++) {
        redis_do(&scene.redis, "XADD " FAILURES " 1-%d code rejected job %s", i, job);
    }
    free(job);
    json_t *root = json_of("/api/failures?queue=pusher:jobs", NULL, NULL, 200);
    const json_t *list = json_object_get(root, "failures");
    cr_expect_eq(json_array_size(list), 4);
    cr_expect(json_is_true(json_object_get(root, "more")));
    snprintf(path, sizeof(path), "/api/failures?queue=pusher:jobs&before=%s",
             json_string_value(json_object_get(json_array_get(list, 3), "stream_id")));
    json_decref(root);
    cr_expect_not(says_more(path));
    cr_expect(says_more("/api/failures?queue=pusher:jobs&count=2"));
    cr_expect_not(says_more("/api/failures?queue=pusher:jobs&before=1-0"));
}

Test(console, answers_of_large_failures_are_small)
{
    char *data = calloc(1, 60001);
    memset(data, 'x', 60000);
    start_ready();
    for (int i = 0; i < 30; i++) {
        job_push(&scene.redis, JOB_JSON, "{'channel':'not a channel','event':'e','data':'%s'}",
                 data);
    }
    free(data);
    cr_assert(scene_settles(&scene, 0, 30));
    struct http_answer answer = ask("/api/failures?queue=pusher:jobs&count=30", NULL, NULL);
    cr_expect_eq(answer.status, 200);
    cr_expect_lt(answer.len, 30 * 4096);
    cr_expect(strstr(answer.body, "\"job_bytes\":60"));
    http_answer_deinit(&answer);
}

Test(console, says_what_is_wrong_with_a_request)
{
    char *large = calloc(1, 5001);
    memset(large, ' ', 5000);
    start_ready();
    cr_expect_eq(status_of("/api/failures", NULL, NULL), 400);
    cr_expect_eq(status_of("/api/failures?queue=none", NULL, NULL), 404);
    cr_expect_eq(status_of("/api/failures?queue=pusher:jobs&count=51", NULL, NULL), 400);
    cr_expect_eq(status_of("/api/failures?queue=pusher:jobs&count=-1", NULL, NULL), 400);
    cr_expect_eq(status_of("/api/failures?queue=pusher:jobs&before=x", NULL, NULL), 400);
    cr_expect_eq(status_of("/api/pause", "[]", WITH_TOKEN), 400);
    cr_expect_eq(status_of("/api/pause", "{\"queue\":7}", WITH_TOKEN), 400);
    cr_expect_eq(status_of("/api/pause", "{\"queue\":\"pusher:jobs\",\"app\":\"*\"}", WITH_TOKEN),
                 404);
    cr_expect_eq(status_of("/api/pause", "{\"queue\":\"pusher:jobs\",\"reason\":5}", WITH_TOKEN),
                 400);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS " PAUSED), 0);
    cr_expect_eq(status_of("/api/drop", "{\"queue\":\"pusher:jobs\"}", WITH_TOKEN), 400);
    cr_expect_eq(status_of("/api/drop", "{\"queue\":\"pusher:jobs\",\"id\":\"- +\"}", WITH_TOKEN),
                 400);
    cr_expect_eq(status_of("/api/replay", "{\"queue\":\"pusher:jobs\",\"id\":\"1-1\"}", WITH_TOKEN),
                 404);
    cr_expect_eq(status_of("/api/drop", large, WITH_TOKEN), 413);
    free(large);
}

/* ---- what is done */

Test(console, replays_and_drops_one_failure)
{
    start_ready();
    fake_server_set_rules(&scene.fake, "[{'action':{'status':400,'body':'no\\n'}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 0, 1));
    fake_server_delete_rules(&scene.fake);
    json_decref(json_of("/api/replay", body_of_newest(), WITH_TOKEN, 200));
    cr_assert(scene_settles(&scene, 1, 0));
    add_failure();
    json_decref(json_of("/api/drop", body_of_newest(), WITH_TOKEN, 200));
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(redis_int(&scene.redis, "LLEN " JOB_LIST), 0);
}

/* Of what failed in part the rest is not sent again. */
Test(console, replays_only_the_parts_that_failed)
{
    start_ready();
    job_push(&scene.redis, JOB_JSON,
             "{'events':[{'channel':'a','event':'e','data':'1'},"
             "{'channel':'not a channel','event':'e','data':'2'}]}");
    cr_assert(scene_settles(&scene, 0, 1));
    cr_expect_eq(fake_server_events(&scene.fake), 1);
    json_decref(json_of("/api/replay", body_of_newest(), WITH_TOKEN, 200));
    cr_assert(scene_settles(&scene, 0, 1)); /* it has failed again, as it must */
    cr_assert(wait_until(redis_int(&scene.redis, "XLEN " FAILURES) == 1, WAIT_LONG_MS));
    cr_expect_eq(fake_server_events(&scene.fake), 1, "what was delivered was sent again");
}

static bool state_is(const char *name, bool value)
{
    json_t *root = json_of("/api/status", NULL, NULL, 200);
    const json_t *queue = json_array_get(json_object_get(root, "queues"), 0);
    bool is = json_is_true(json_object_get(queue, name)) ||
              json_array_size(json_object_get(queue, name)) > 0;
    json_decref(root);
    return is == value;
}

Test(console, pauses_and_resumes)
{
    const char *queue = "{\"queue\":\"pusher:jobs\",\"reason\":\"a \\\"reason\\\"\"}";
    const char *app = "{\"queue\":\"pusher:jobs\",\"app\":\"main\"}";
    start_ready();
    json_decref(json_of("/api/pause", queue, WITH_TOKEN, 200));
    redisReply *reply = redis_cmd(&scene.redis, "HGET " PAUSED " *");
    cr_expect(reply->str && strstr(reply->str, "\"reason\":\"a \\\"reason\\\"\""), "%s",
              reply->str);
    freeReplyObject(reply);
    cr_expect(wait_until(state_is("paused", true), 3000), "it takes long to be heard of");
    json_decref(json_of("/api/resume", queue, WITH_TOKEN, 200));
    cr_expect(wait_until(state_is("paused", false), 3000));
    json_decref(json_of("/api/pause", app, WITH_TOKEN, 200));
    cr_expect(wait_until(state_is("apps_paused", true), 3000));
    job_push_many(&scene.redis, JOB_JSON, 0, 3, 1);
    json_decref(json_of("/api/resume", app, WITH_TOKEN, 200));
    cr_expect(scene_settles(&scene, 3, 0));
}

/* ---- Redis is away, or slow */

Test(console, says_so_when_redis_is_away)
{
    start_ready();
    redis_kill(&scene.redis);
    cr_expect(
        wait_until(status_of("/api/failures?queue=pusher:jobs", NULL, NULL) == 503, WAIT_LONG_MS));
    cr_expect_eq(status_of("/api/status", NULL, NULL), 200);
    redis_start_again(&scene.redis);
    cr_expect(wait_until(is_ready(), WAIT_LONG_MS));
    cr_expect_eq(status_of("/api/failures?queue=pusher:jobs", NULL, NULL), 200);
}

#define N_ASKING 12 /* more than may wait for Redis at a time */

static int ask_and_leave(void)
{
    const char *bytes = "GET /api/failures?queue=pusher:jobs HTTP/1.1\r\nHost: localhost\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(send(fd, bytes, strlen(bytes), MSG_NOSIGNAL), (ssize_t)strlen(bytes));
    return fd;
}

/* Redis does not answer: those that ask are let go when the connection is given up. */
Test(console, waits_for_redis_in_nobodys_way)
{
    int fds[N_ASKING];
    start_ready();
    proc_signal(&scene.redis.proc, SIGSTOP);
    for (int i = 0; i < N_ASKING; i++) {
        fds[i] = ask_and_leave();
    }
    cr_expect(is_up(), "others are not served meanwhile");
    cr_expect_eq(status_of("/api/failures?queue=pusher:jobs", NULL, NULL), 503, "too many wait");
    for (int i = 0; i < N_ASKING; i += 2) {
        close(fds[i]);
    }
    char answer[16] = "";
    cr_expect_eq(recv(fds[1], answer, 12, MSG_WAITALL), 12);
    cr_expect_str_eq(answer, "HTTP/1.1 503");
    proc_signal(&scene.redis.proc, SIGCONT);
    cr_expect(wait_until(is_ready(), WAIT_LONG_MS));
    for (int i = 1; i < N_ASKING; i += 2) {
        close(fds[i]);
    }
}

Test(console, ends_in_good_order_while_requests_wait)
{
    int fds[N_ASKING];
    start_ready();
    proc_signal(&scene.redis.proc, SIGSTOP);
    for (int i = 0; i < N_ASKING; i++) {
        fds[i] = ask_and_leave();
    }
    cr_expect(is_up());
    cr_expect_lt(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 2);
    for (int i = 0; i < N_ASKING; i++) {
        close(fds[i]);
    }
    proc_signal(&scene.redis.proc, SIGCONT);
}
