/* The spool: what Pusher has answered while Redis was away is not sent again, whatever becomes of
 * the daemon; and each job has one outcome. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"
#include "tests/system/spool_scene.h"

TestSuite(spool, .init = open_scene, .fini = close_scene, .timeout = 240);
TestSuite(no_spool, .fini = close_scene, .timeout = 240);
TestSuite(full_spool, .fini = close_scene, .timeout = 240);

/* ---- one daemon */

Test(spool, keeps_what_was_answered_while_redis_was_down_over_a_kill)
{
    spool_all_while_redis_is_down();
    proc_kill(&scene.pusherd);
    redis_start_again(&scene.redis);
    cr_assert_eq(outcomes_count(&scene.redis, RESULTS), 0);
    scene_start_pusherd(&scene);
    expect_each_once(N_JOBS);
}

/* Frozen, Redis takes what is written to it, but answers nothing. */
Test(spool, keeps_what_was_answered_while_redis_was_frozen_over_a_kill)
{
    claim_all();
    proc_signal(&scene.redis.proc, SIGSTOP);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS), "not all outcomes are in the spool");
    proc_kill(&scene.pusherd);
    proc_signal(&scene.redis.proc, SIGCONT);
    scene_start_pusherd(&scene);
    expect_each_once(N_JOBS);
}

/* What the journal has is in memory as well: it is settled from there, and the file goes. */
Test(spool, is_settled_by_the_daemon_that_lives_on)
{
    spool_all_while_redis_is_down();
    redis_start_again(&scene.redis);
    expect_each_once(N_JOBS);
    cr_expect(proc_logged(&scene.pusherd, "the spool is settled"));
    job_push_many(&scene.redis, JOB_JSON, N_JOBS, 10, 10);
    expect_each_once(N_JOBS + 10);
}

Test(spool, outlives_the_lease_of_a_daemon_that_lives_on)
{
    spool_all_while_redis_is_down();
    wait_for(10000);
    redis_start_again(&scene.redis);
    expect_each_once(N_JOBS);
}

Test(spool, is_written_by_a_daemon_that_is_told_to_stop)
{
    claim_all();
    redis_kill(&scene.redis);
    answer_all();
    proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS);
    cr_expect(spool_has(N_JOBS));
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    expect_each_once(N_JOBS);
}

Test(spool, is_not_touched_while_redis_is_well)
{
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_JOBS, 0));
    cr_expect(!proc_logged(&scene.pusherd, "tag=spool"));
    cr_expect(spool_is_empty());
}

/* Three events of four in as many requests are delivered; the fourth is not answered. */
static void deliver_three_of_four(void)
{
    fake_server_set_rules(&scene.fake, "[{'match':{'contains':'stuck'},'action':{'hang':true}},"
                                       "{'match':{'path':'events'},'action':{'delay_ms':1000}}]");
    job_push(&scene.redis, JOB_JSON,
             "{'id':'j','op':'triggerBatch','events':["
             "{'channel':'a','event':'e','data':'0'},"
             "{'channel':'b','event':'e','data':'1'},{'channel':'c','event':'e','data':'2'},"
             "{'channel':'d','event':'stuck','data':'3'}]}");
}

static size_t n_events_named(const char *name)
{
    json_t *events = fake_server_get(&scene.fake, "events?from=1&limit=100"), *event;
    size_t n = 0, i;
    json_array_foreach(events, i, event)
    {
        n += strcmp(json_string_value(json_object_get(event, "name")), name) == 0;
    }
    json_decref(events);
    return n;
}

/* One event a request, so that parts of one job end apart. */
Test(spool_parts, of_a_job_that_is_not_done_are_not_sent_again, .fini = close_scene, .timeout = 240)
{
    scene_open(&scene,
               &(struct scene_options){
                   .app = "timeout_ms = 4000\nmax_in_flight = 8\nmax_events_per_batch = 1\n",
                   .ini = DELIVERY SPOOL,
                   .redis_args = (const char *const[]){"--appendonly", "yes", "--appendfsync",
                                                       "always", NULL}});
    deliver_three_of_four();
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 4, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(wait_until(spool_has(1), WAIT_LONG_MS));
    wait_for(1500); /* for the slow ones; the one that hangs takes 4 s */
    proc_kill(&scene.pusherd);
    redis_start_again(&scene.redis);
    fake_server_delete_rules(&scene.fake);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(n_events_named("e"), 3);
    cr_expect_eq(n_events_named("stuck"), 1);
}

/* With a second queue, its jobs that are not sent are let go after a lease: what was delivered of
 * them in the meantime is told to Redis before they are asked for again. */
Test(spool_parts, of_a_job_that_was_let_go_are_not_sent_again, .fini = close_scene, .timeout = 240)
{
    scene_open(
        &scene,
        &(struct scene_options){
            .app = "timeout_ms = 1000\nmax_in_flight = 8\nmax_events_per_batch = 1\n",
            .ini = "[queue pusher:jobs]\n[queue second]\n[delivery]\nlease_ms = 3100\n" SPOOL,
            .redis_args =
                (const char *const[]){"--appendonly", "yes", "--appendfsync", "always", NULL}});
    deliver_three_of_four();
    fake_server_set_rules(&scene.fake, "[{'match':{'contains':'stuck'},'times':1,"
                                       "'action':{'status':503,'headers':{'Retry-After':'5'}}},"
                                       "{'match':{'path':'events'},'action':{'delay_ms':700}}]");
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") >= 4, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(
        wait_until(proc_logged(&scene.pusherd, "not renewed for a whole lease"), WAIT_LONG_MS));
    redis_start_again(&scene.redis);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(n_events_named("e"), 3);
    cr_expect_eq(n_events_named("stuck"), 1);
}

/* ---- without one, and with one that is full */

Test(no_spool, loses_nothing_and_reports_nothing_twice)
{
    open_with(DELIVERY);
    claim_all();
    redis_kill(&scene.redis);
    answer_all();
    proc_kill(&scene.pusherd);
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_JOBS, 0));
    cr_expect_gt(audit_each_once(&scene, &scene.redis, RESULTS, N_JOBS), 0,
                 "nothing would be gained by a spool");
}

/* 64 KiB hold a part of the outcomes; those are not sent again, the others are. */
Test(full_spool, keeps_what_fits_and_says_so)
{
    size_t files, n;
    open_with(DELIVERY SPOOL "max_bytes = 65536\n");
    fake_server_set_rules(&scene.fake, SLOWLY);
    job_push_many(&scene.redis, JOB_JSON, 0, 900, 50);
    scene_start_pusherd(&scene);
    wait_until_claimed();
    redis_kill(&scene.redis);
    fake_server_set_rules(&scene.fake, QUICKLY);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "the spool is full"), WAIT_LONG_MS));
    cr_assert(wait_until(fake_server_events(&scene.fake) == 900, WAIT_LONG_MS));
    cr_assert(wait_until(spool_has(400), WAIT_LONG_MS));
    n = n_spooled(&files);
    proc_kill(&scene.pusherd);
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 900, 0));
    cr_expect_leq(audit_each_once(&scene, &scene.redis, RESULTS, 900), 900 - n);
}

/* A disk that is full stops nothing. */
Test(full_spool, that_cannot_be_written_is_no_reason_to_stop)
{
    char path[512];
    open_with(DELIVERY SPOOL);
    claim_all();
    folder_path(&scene.folder, SPOOL_DIR, path, sizeof(path));
    cr_assert_eq(rmdir(path), 0);
    redis_kill(&scene.redis);
    answer_all();
    cr_assert(wait_until(proc_logged(&scene.pusherd, "the spool cannot be written"), WAIT_LONG_MS));
    redis_start_again(&scene.redis);
    expect_each_once(N_JOBS);
}

Test(spool, that_is_damaged_gives_what_is_whole)
{
    char command[512];
    spool_all_while_redis_is_down();
    proc_kill(&scene.pusherd);
    snprintf(command, sizeof(command), "truncate -s -30 %s/" SPOOL_DIR "/*.spool",
             scene.folder.path);
    cr_assert_eq(system(command), 0);
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_JOBS, 0));
    cr_expect_eq(audit_each_once(&scene, &scene.redis, RESULTS, N_JOBS), 1);
}

/* What others may have written is left alone, and the log says so; jobs go on meanwhile. */
Test(spool, that_others_can_write_is_not_believed)
{
    char command[512];
    spool_all_while_redis_is_down();
    proc_kill(&scene.pusherd);
    snprintf(command, sizeof(command), "chmod 666 %s/" SPOOL_DIR "/*.spool", scene.folder.path);
    cr_assert_eq(system(command), 0);
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_JOBS, 0));
    size_t files, n = n_spooled(&files);
    cr_expect_eq(files, 1);
    cr_expect_eq(n, N_JOBS);
    cr_expect(proc_logged(&scene.pusherd, ".spool"));
    cr_expect(proc_logged(&scene.pusherd, "can be written to by its group or by others"));
    cr_expect(proc_logged(&scene.pusherd, "a file is not believed, and left where it is"));
}

/* ---- the configuration */

static int check_config(const char *action, const char *variable)
{
    const char *args[] = {"--config", scene.config, action, NULL};
    const char *env[] = {variable, NULL};
    return scene_run_pusherd(&scene, args, env);
}

Test(spool_config, is_refused_where_it_cannot_be_used, .fini = close_scene)
{
    open_with("");
    cr_expect_eq(check_config("--check-config", "PUSHERD_SPOOL_DIR=/dev/null"), 78);
    cr_expect_eq(check_config("--check-config", "STATE_DIRECTORY=/dev/null:/tmp"), 78);
    cr_expect_eq(check_config("--check-config", "PUSHERD_SPOOL_DIR=off"), 0);
    scene.pusherd = (struct proc){.out = -1};
    snprintf(scene.pusherd.log, sizeof(scene.pusherd.log), "%s", scene.log);
    cr_expect(proc_logged(&scene.pusherd, "[spool] dir: /dev/null is not a directory"));
    cr_expect(proc_logged(&scene.pusherd, "[spool] dir: /dev/null/spool cannot be used: Not a "));
}

Test(spool_config, is_refused_where_others_can_write_to_the_directory, .fini = close_scene)
{
    char path[256], variable[300];
    open_with("");
    folder_path(&scene.folder, SPOOL_DIR, path, sizeof(path));
    cr_assert_eq(mkdir(path, 0700), 0);
    snprintf(variable, sizeof(variable), "PUSHERD_SPOOL_DIR=%s", path);
    cr_expect_eq(check_config("--check-config", variable), 0);
    cr_assert_eq(chmod(path, 0777), 0);
    cr_expect_eq(check_config("--check-config", variable), 78);
    cr_expect_eq(check_config(NULL, variable), 78);
    scene.pusherd = (struct proc){.out = -1};
    snprintf(scene.pusherd.log, sizeof(scene.pusherd.log), "%s", scene.log);
    cr_expect(
        proc_logged(&scene.pusherd, SPOOL_DIR " can be written to by its group or by others"));
}
