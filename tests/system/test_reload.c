/* SIGHUP: the configuration is read again, and taken whole or not at all, while jobs are under way.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/audit.h"
#include "tests/support/exposition.h"
#include "tests/support/http.h"
#include "tests/support/port.h"

#define N_CHANNELS 50
#define TAKEN      "read again and is in force"
#define REFUSED    "the configuration is refused"
#define MORE_LIST  "more:jobs"

static struct scene scene;
static struct fake_server second; /* the same app, with another secret */
static char section[1024];

static void open_scene(void)
{
    second = (struct fake_server){.port = 0};
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    fake_server_stop(&second);
    scene_close(&scene);
}

TestSuite(reload, .init = open_scene, .fini = close_scene, .timeout = 240);

/* ---- files, and signals */

static size_t n_taken(void)
{
    return audit_log_lines(&scene, TAKEN);
}

static size_t n_refused(void)
{
    return audit_log_lines(&scene, REFUSED);
}

/* Writes the configuration with these lines of [app main], and these sections. */
static void write_config(const char *app, const char *ini)
{
    scene.options.app = app;
    scene.options.ini = ini;
    scene_point_at(&scene, scene.redis.url);
}

/* The whole file anew, with another secret and server for [app main]. */
static void write_whole(const char *secret, unsigned port, const char *more)
{
    char *ini;
    cr_assert(asprintf(&ini,
                       "[redis]\nurl = %s\n[app main]\napp_id = " FAKE_APP_ID
                       "\nkey = " FAKE_APP_KEY
                       "\nsecret = %s\nhost = 127.0.0.1\nport = %u\nuse_tls = off\n%s",
                       scene.redis.url, secret, port, more) > 0);
    folder_write(&scene.folder, "pusherd.conf", ini, scene.config, sizeof(scene.config));
    free(ini);
}

static void hang_up(void)
{
    proc_signal(&scene.pusherd, SIGHUP);
}

/* The daemon takes what was written. */
static void take(const char *app, const char *ini)
{
    size_t before = n_taken();
    write_config(app, ini);
    hang_up();
    cr_assert(wait_until(n_taken() > before || n_refused() > 0, WAIT_LONG_MS));
    cr_assert_eq(n_refused(), 0, "refused");
}

/* The daemon refuses what was written, for this reason. */
static void refuse(const char *why)
{
    size_t before = n_refused();
    hang_up();
    cr_assert(wait_until(n_refused() > before, WAIT_LONG_MS));
    cr_expect(proc_logged(&scene.pusherd, why), "not for %s", why);
    cr_expect_eq(n_taken(), 0);
}

static void start(void)
{
    scene_start_pusherd(&scene);
    cr_assert(
        wait_until(redis_int(&scene.redis, "ZCARD {" JOB_LIST "}:leases") == 1, WAIT_LONG_MS));
}

static void push_one(const char *app)
{
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'x','app':'%s'}", app);
}

/* A second app of the scene's server. */
static const char *other_app(const char *more)
{
    snprintf(section, sizeof(section),
             "[queue pusher:jobs]\napp = main\n"
             "[app other]\napp_id = " FAKE_APP_ID "\nkey = " FAKE_APP_KEY
             "\nsecret = " FAKE_APP_SECRET "\nhost = 127.0.0.1\nport = %u\nuse_tls = off\n%s",
             scene.fake.port, more);
    return section;
}

/* ---- what was published */

struct seen {
    unsigned *counts;              /* by n */
    long long last[2][N_CHANNELS]; /* of either queue */
    size_t n, n_first, n_reordered;
};

static void see_event(struct seen *seen, const json_t *event)
{
    json_int_t id = -1;
    json_t *data = json_loads(json_string_value(json_object_get(event, "data")), 0, NULL);
    cr_assert(json_unpack(data, "{s:I}", "n", &id) == 0 && (size_t)id < seen->n);
    json_decref(data);
    long long *last = &seen->last[(size_t)id >= seen->n_first][(size_t)id % N_CHANNELS];
    seen->n_reordered += seen->counts[id] == 0 && id < *last;
    *last = id > *last ? id : *last;
    seen->counts[id]++;
}

static size_t see(struct seen *seen, const struct fake_server *fake)
{
    size_t n = 0, got;
    do {
        char what[64];
        snprintf(what, sizeof(what), "events?from=%zu&limit=10000", n + 1);
        json_t *events = fake_server_get(fake, what);
        got = json_array_size(events);
        for (size_t i = 0; i < got; i++) {
            see_event(seen, json_array_get(events, i));
        }
        json_decref(events);
        n += got;
    } while (got > 0);
    return n;
}

/* Each of the events 0 to n - 1 was published once, and those of a channel in order: first by the
 * scene's server, then by the second, if it runs. The first n_first came through one queue. */
static void expect_each_once_in_order(size_t n, size_t n_first)
{
    struct seen seen = {.counts = calloc(n, sizeof(unsigned)), .n = n, .n_first = n_first};
    size_t n_lost = 0, n_doubled = 0;
    memset(seen.last, -1, sizeof(seen.last));
    see(&seen, &scene.fake);
    if (second.port != 0) {
        cr_expect_gt(see(&seen, &second), 0, "nothing went to the second server");
        cr_expect_eq(fake_server_stat(&second, "bad_signatures"), 0);
    }
    for (size_t i = 0; i < n; i++) {
        n_lost += seen.counts[i] == 0;
        n_doubled += seen.counts[i] > 1;
    }
    cr_expect_eq(n_lost, 0, "%zu lost", n_lost);
    cr_expect_eq(n_doubled, 0, "%zu doubled", n_doubled);
    cr_expect_eq(seen.n_reordered, 0, "%zu reordered", seen.n_reordered);
    cr_expect_eq(fake_server_stat(&scene.fake, "bad_signatures"), 0);
    free(seen.counts);
}

static void slow_down(const struct fake_server *fake, unsigned delay_ms)
{
    char rules[128];
    snprintf(rules, sizeof(rules), "[{'action':{'delay_ms':%u,'jitter_ms':%u}}]", delay_ms,
             delay_ms);
    fake_server_set_rules(fake, rules);
}

/* ---- refused */

Test(reload, of_a_bad_file_names_the_place_and_changes_nothing)
{
    start();
    write_config("max_in_flight = none\n", other_app(""));
    refuse("pusherd.conf:11: [app main] max_in_flight: ");
    push_one("other");
    push_one("main");
    cr_assert(scene_settles(&scene, 1, 1));
}

Test(reload, of_a_file_that_is_gone_changes_nothing)
{
    start();
    cr_assert_eq(remove(scene.config), 0);
    refuse("No such file");
    push_one("main");
    cr_assert(scene_settles(&scene, 1, 0));
}

Test(reload, of_what_needs_a_restart_is_refused_whole)
{
    static const struct {
        const char *redis, *ini, *why;
    } rows[] = {
        {"redis://127.0.0.1:1", "", "[redis] url: a change of it needs a restart"},
        {NULL, "[status]\nlisten = 127.0.0.1:1\n", "[status] listen: a change of it needs"},
        {NULL, "[spool]\ndir = spool\n", "[spool] dir: a change of it needs a restart"},
    };
    start();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        scene.options.ini = other_app(rows[i].ini);
        scene_point_at(&scene, rows[i].redis ? rows[i].redis : scene.redis.url);
        refuse(rows[i].why);
    }
    push_one("other");
    push_one("main");
    cr_assert(scene_settles(&scene, 1, 1));
}

Test(reload, refuses_a_secret_that_others_may_read)
{
    char path[FOLDER_PATH_MAX + 32];
    start();
    folder_write(&scene.folder, "secret", "0123456789abcdef", path, sizeof(path));
    cr_assert_eq(chmod(path, 0644), 0);
    write_config("", "[app other]\napp_id = 1\nkey = k\nsecret_file = secret\ncluster = eu\n");
    refuse("[app other] secret_file: ");
    cr_expect_not(proc_logged(&scene.pusherd, "0123456789abcdef"));
}

Test(reload, while_it_stops_is_told_and_ignored)
{
    slow_down(&scene.fake, 500);
    start();
    push_one("main");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGTERM);
    cr_assert(audit_logs(&scene, "stopping: no more claims"));
    hang_up();
    cr_assert(audit_logs(&scene, "stopping: the configuration is not read again"));
    cr_expect_eq(proc_wait(&scene.pusherd, WAIT_LONG_MS), 0);
    cr_expect_eq(outcomes_count(&scene.redis, RESULTS), 1);
}

/* ---- apps */

Test(reload, adds_an_app)
{
    start();
    push_one("other");
    cr_assert(scene_settles(&scene, 0, 1));
    take("", other_app(""));
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 1));
}

Test(reload, moves_an_app_to_another_server_and_secret_under_load)
{
    const char *args[] = {"--app", FAKE_APP_ID ":" FAKE_APP_KEY ":another-secret", NULL};
    const size_t n = 6000;
    fake_server_start(&second, args);
    slow_down(&scene.fake, 10);
    start();
    job_push_many(&scene.redis, JOB_JSON, 0, n, N_CHANNELS);
    cr_assert(wait_until(fake_server_events(&scene.fake) > 500, WAIT_LONG_MS));
    write_whole("another-secret", second.port, "");
    hang_up();
    cr_assert(audit_logs(&scene, TAKEN));
    cr_assert(scene_settles(&scene, n, 0));
    expect_each_once_in_order(n, n);
}

Test(reload, lets_an_app_go_on_whose_secret_is_mended)
{
    write_whole("wrong", scene.fake.port, "");
    start();
    job_push_many(&scene.redis, JOB_JSON, 0, 200, N_CHANNELS);
    cr_assert(audit_logs(&scene, "the app is paused"));
    /* So often that the gate waits for seconds before the next probe. */
    double begin = fake_server_stat(&scene.fake, "bad_signatures");
    cr_assert(
        wait_until(fake_server_stat(&scene.fake, "bad_signatures") >= begin + 4, WAIT_LONG_MS));
    write_whole(FAKE_APP_SECRET, scene.fake.port, "");
    uint64_t begin_ms = wait_now_ms();
    hang_up();
    cr_assert(audit_logs(&scene, "the app goes on"));
    cr_expect_lt(wait_now_ms() - begin_ms, 2000u);
    cr_assert(scene_settles(&scene, 200, 0));
}

Test(reload, of_a_lower_limit_holds_for_what_is_claimed)
{
    slow_down(&scene.fake, 300);
    write_config("max_in_flight = 1\n", "");
    start();
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'x'}");
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    job_push(&scene.redis, JOB_JSON, "{'channel':'a','event':'e','data':'%0300d'}", 1);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    take("max_in_flight = 1\nmax_event_bytes = 100\n", "");
    cr_assert(scene_settles(&scene, 1, 1));
    struct outcomes failures;
    outcomes_read(&scene.redis, FAILURES, &failures);
    cr_expect_str_eq(outcomes_get(&failures, 0, "code", NULL), "payload_too_large");
    outcomes_deinit(&failures);
}

static size_t n_unknown(void)
{
    struct outcomes failures;
    size_t n = 0;
    outcomes_read(&scene.redis, FAILURES, &failures);
    for (size_t i = 0; i < failures.n; i++) {
        n += strcmp(outcomes_get(&failures, i, "code", NULL), "unknown_app") == 0 &&
             strcmp(outcomes_get(&failures, i, "app", NULL), "other") == 0;
    }
    outcomes_deinit(&failures);
    return n;
}

Test(reload, of_a_removed_app_fails_its_jobs_as_unknown_but_those_in_flight)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':1000}}]");
    write_config("", other_app("max_in_flight = 2\n"));
    start();
    for (int i = 0; i < 200; i++) {
        push_one("other");
    }
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 1 &&
                             redis_int(&scene.redis, "LLEN " JOB_LIST) == 0,
                         WAIT_LONG_MS));
    take("", "[queue pusher:jobs]\napp = main\n");
    size_t n_requests = (size_t)fake_server_stat(&scene.fake, "requests");
    push_one("main");
    cr_assert(scene_drains(&scene, 201));
    size_t n_sent = fake_server_events(&scene.fake);
    cr_expect_leq(n_requests, 2);
    cr_expect_eq(outcomes_count(&scene.redis, RESULTS), n_sent);
    cr_expect_eq(n_unknown(), 201 - n_sent);
    cr_expect_leq(n_sent, 21);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS {" JOB_LIST "}:parked:other"), 0);
}

Test(reload, brings_an_app_back_that_was_removed)
{
    write_config("", other_app(""));
    start();
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 0));
    take("", "[queue pusher:jobs]\napp = main\n");
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 1));
    take("", other_app(""));
    push_one("other");
    cr_assert(scene_settles(&scene, 2, 1));
}

Test(reload, of_an_app_that_comes_and_goes_under_load_leaves_each_job_one_outcome)
{
    const int n = 4000;
    slow_down(&scene.fake, 3);
    write_config("", other_app("max_in_flight = 4\n"));
    start();
    for (int i = 0; i < n; i++) {
        redisAppendCommand(scene.redis.client,
                           "RPUSH " JOB_LIST " {\"id\":\"%d\",\"channel\":\"c-%d\","
                           "\"event\":\"e\",\"data\":\"x\",\"app\":\"%s\"}",
                           i, i % N_CHANNELS, i % 2 ? "other" : "main");
    }
    for (int i = 0; i < n; i++) {
        redisReply *reply;
        cr_assert_eq(redisGetReply(scene.redis.client, (void **)&reply), REDIS_OK);
        freeReplyObject(reply);
    }
    for (int i = 0; i < 10; i++) {
        take("", i % 2 ? other_app("max_in_flight = 4\n") : "[queue pusher:jobs]\napp = main\n");
    }
    cr_assert(scene_drains(&scene, (size_t)n));
    size_t n_results = outcomes_count(&scene.redis, RESULTS);
    cr_expect_eq(n_results + outcomes_count(&scene.redis, FAILURES), (size_t)n);
    cr_expect_eq(fake_server_events(&scene.fake), n_results);
    cr_expect_eq(n_unknown(), (size_t)n - n_results);
    cr_expect_geq(n_results, (size_t)n / 2, "jobs of the other app have failed as well");
}

/* ---- queues */

Test(reload, adds_and_removes_a_queue_under_load)
{
    static const char *const one = "[queue pusher:jobs]\napp = main\n",
                             *two = "[queue pusher:jobs]\napp = main\n[queue " MORE_LIST
                                    "]\napp = main\n";
    const size_t n = 4000;
    slow_down(&scene.fake, 5);
    write_config("", one);
    start();
    job_push_many_to(&scene.redis, MORE_LIST, JOB_JSON, n, n, N_CHANNELS);
    job_push_many(&scene.redis, JOB_JSON, 0, n, N_CHANNELS);
    take("", two);
    cr_assert(
        wait_until(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") > 100, WAIT_LONG_MS));
    take("", one);
    cr_assert(audit_logs(&scene, "the queue that was removed is settled"));
    cr_expect_eq(redis_int(&scene.redis, "ZCARD {" MORE_LIST "}:leases"), 0);
    long long left = redis_int(&scene.redis, "LLEN " MORE_LIST);
    cr_expect_gt(left, 0, "nothing was left to be left alone");
    cr_expect_eq(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") + (size_t)left, n);
    cr_assert(scene_settles(&scene, n, 0));
    cr_expect_eq(redis_int(&scene.redis, "LLEN " MORE_LIST), left);
    take("", two);
    cr_assert(
        wait_until(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") == n, WAIT_LONG_MS));
    cr_expect_eq(fake_server_events(&scene.fake), 2 * n);
}

Test(reload, takes_a_queue_back_that_is_not_settled_yet)
{
    static const char *const two =
        "[queue pusher:jobs]\napp = main\n[queue " MORE_LIST "]\napp = main\n";
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':1000}}]");
    write_config("", two);
    start();
    job_push_many_to(&scene.redis, MORE_LIST, JOB_JSON, 0, 10, 10);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 1, WAIT_LONG_MS));
    take("", "[queue pusher:jobs]\napp = main\n");
    take("", two);
    job_push_many_to(&scene.redis, MORE_LIST, JOB_JSON, 10, 10, 10);
    cr_assert(
        wait_until(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") == 20, WAIT_LONG_MS));
    cr_expect_not(proc_logged(&scene.pusherd, "the queue that was removed is settled"));
}

Test(reload, works_while_redis_is_away)
{
    start();
    redis_kill(&scene.redis);
    cr_assert(audit_logs(&scene, "connection lost"));
    take("", other_app("[queue " MORE_LIST "]\napp = other\n"));
    redis_start_again(&scene.redis);
    push_one("other");
    cr_assert(scene_settles(&scene, 1, 0));
    take("", "[queue pusher:jobs]\napp = main\n");
    cr_assert(audit_logs(&scene, "the queue that was removed is settled"));
}

Test(reload, makes_jobs_anew_when_a_silent_redis_is_back)
{
    const size_t n = 4000;
    slow_down(&scene.fake, 5);
    start();
    job_push_many(&scene.redis, JOB_JSON, 0, n, N_CHANNELS);
    cr_assert(wait_until(fake_server_events(&scene.fake) > 500, WAIT_LONG_MS));
    proc_signal(&scene.redis.proc, SIGSTOP);
    take("max_event_bytes = 5000\n", "");
    proc_signal(&scene.redis.proc, SIGCONT);
    cr_assert(scene_settles(&scene, n, 0));
    expect_each_once_in_order(n, n);
}

/* ---- the rest */

Test(reload, changes_level_and_format_of_the_log)
{
    start();
    take("", "[log]\nformat = json\n");
    cr_expect(wait_until(proc_logged(&scene.pusherd, "\"tag\":\"reload\""), WAIT_LONG_MS));
    write_config("", "[log]\nlevel = error\n");
    hang_up();
    write_config("nonsense = 1\n", "");
    cr_assert(wait_until((hang_up(), n_refused() > 0), WAIT_LONG_MS));
    cr_expect_eq(n_taken(), 1, "a notice, though only errors are to be written");
}

/* A series of /metrics. */
static double metric(unsigned port, const char *series)
{
    struct exposition exposition;
    struct http_answer answer;
    char url[64];
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/metrics", port);
    http_perform(&(struct http_request){.method = "GET", .url = url}, &answer);
    cr_assert_eq(answer.status, 200);
    exposition_read(answer.body, &exposition);
    http_answer_deinit(&answer);
    double value = exposition_value(&exposition, series);
    exposition_deinit(&exposition);
    return value;
}

#define RELOADS(result) "pusherd_config_reloads_total{result=\"" result "\"}"

/* The i-th of the configurations of the storm. */
static void write_stormy(unsigned i, unsigned port)
{
    char more[1024];
    snprintf(more, sizeof(more),
             "max_in_flight = %u\nmax_event_bytes = %u\ntimeout_ms = %u\n%s"
             "[queue pusher:jobs]\napp = main\nweight = %u\n%s%s[delivery]\nlease_ms = %u\n"
             "[status]\nlisten = 127.0.0.1:%u\n[spool]\ndir = spool\n",
             4 + i % 5, 10240 - i % 3, 3000 + i % 2,
             i % 4 == 1 ? "[app other]\napp_id = 1\nkey = k\nsecret = s\ncluster = eu\n" : "",
             1 + i % 7, i % 3 == 1 ? "[queue " MORE_LIST "]\napp = main\n" : "",
             i % 3 == 2 ? "[queue third:jobs]\napp = main\norder = none\n" : "",
             9000 + 1000 * (i % 4), port);
    write_whole(FAKE_APP_SECRET, scene.fake.port, more);
}

Test(reload, fifty_times_under_load_loses_doubles_and_reorders_nothing)
{
    const size_t n = 12000, n_more = 1000;
    unsigned port = port_pick();
    fake_server_set_rules(&scene.fake,
                          "[{'probability':0.05,'action':{'status':503,'delay_ms':30}},"
                          "{'action':{'delay_ms':30,'jitter_ms':30}}]");
    write_stormy(0, port);
    start();
    job_push_many_to(&scene.redis, MORE_LIST, JOB_JSON, n, n_more, N_CHANNELS);
    job_push_many(&scene.redis, JOB_JSON, 0, n, N_CHANNELS);
    for (unsigned i = 1; i <= 50; i++) {
        write_stormy(i, port);
        hang_up();
        cr_assert(wait_until(metric(port, RELOADS("taken")) == i, WAIT_LONG_MS), "reload %u", i);
    }
    write_stormy(52, port);
    hang_up();
    cr_expect_lt(fake_server_events(&scene.fake), n, "there was no load at the end");
    slow_down(&scene.fake, 1);
    cr_assert(scene_settles(&scene, n, 0));
    cr_expect_eq(metric(port, RELOADS("refused")), 0);
    cr_assert(wait_until(outcomes_count(&scene.redis, "{" MORE_LIST "}:results") == n_more,
                         WAIT_LONG_MS));
    expect_each_once_in_order(n + n_more, n);
}
