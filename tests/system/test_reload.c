/* SIGHUP: the configuration is read again, and taken whole or not at all, while jobs are under way.
 * Apps and queues that change: test_reload_apps.c, test_reload_queues.c. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/audit.h"
#include "tests/support/exposition.h"
#include "tests/support/http.h"
#include "tests/support/port.h"
#include "tests/system/reload_scene.h"

TestSuite(reload, .init = open_scene, .fini = close_scene, .timeout = 240);

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

Test(reload, refuses_a_secret_that_others_may_write)
{
    char path[FOLDER_PATH_MAX + 32];
    start();
    folder_write(&scene.folder, "secret", "0123456789abcdef", path, sizeof(path));
    cr_assert_eq(chmod(path, 0646), 0);
    write_config("", "[app other]\napp_id = 1\nkey = k\nsecret_file = secret\ncluster = eu\n");
    refuse("[app other] secret_file: ");
    cr_expect_not(proc_logged(&scene.pusherd, "0123456789abcdef"));
}

/* Its configuration is a pipe, so that it is known where it is. */
Test(reload, before_it_runs_is_done_once_it_does)
{
    char aside[sizeof(scene.config) + 8], text[4096];
    snprintf(aside, sizeof(aside), "%s.aside", scene.config);
    FILE *file = fopen(scene.config, "r");
    size_t len = fread(text, 1, sizeof(text), file);
    fclose(file);
    cr_assert(rename(scene.config, aside) == 0 && mkfifo(scene.config, 0600) == 0);
    scene_start_pusherd(&scene);
    int pipe = open(scene.config, O_WRONLY);
    hang_up();
    cr_assert_eq(rename(aside, scene.config), 0);
    cr_assert_eq(write(pipe, text, len), (ssize_t)len);
    close(pipe);
    cr_assert(wait_until(n_taken() > 0, WAIT_LONG_MS));
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
             "[queue pusher:jobs]\napp = main\nweight = %u\noperations = %s\n%s%s"
             "[delivery]\nlease_ms = %u\n"
             "[status]\nlisten = 127.0.0.1:%u\n[spool]\ndir = spool\n",
             4 + i % 5, 10240 - i % 3, 3000 + i % 2,
             i % 4 == 1 ? "[app other]\napp_id = 1\nkey = k\nsecret = s\ncluster = eu\n" : "",
             1 + i % 7, i % 2 ? "all" : "triggerEvent",
             i % 3 == 1 ? "[queue " MORE_LIST "]\napp = main\n" : "",
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
