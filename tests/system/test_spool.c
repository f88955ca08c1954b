/* The spool: what Pusher has answered while Redis was away is not sent again, whatever becomes of
 * the daemon; and each job has one outcome. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/scene.h"

#define N_JOBS    200
#define SPOOL_DIR "spool"
#define DELIVERY  "[delivery]\nlease_ms = 9000\nmax_orphanings = 100\n"
#define SPOOL     "[spool]\ndir = " SPOOL_DIR "\n"
#define SLOWLY    "[{'action':{'delay_ms':1500}}]"
#define QUICKLY   "[{'action':{'delay_ms':5}}]"

static struct scene scene;

static void open_with(const char *ini)
{
    static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 4000\nmax_in_flight = 8\n",
                                               .ini = ini,
                                               .redis_args = args});
}

static void open_scene(void)
{
    open_with(DELIVERY SPOOL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(spool, .init = open_scene, .fini = close_scene, .timeout = 240);
TestSuite(no_spool, .fini = close_scene, .timeout = 240);
TestSuite(full_spool, .fini = close_scene, .timeout = 240);

/* ---- what is in the files: frames of a length, 16 bytes of checksum, and that many bytes */

static size_t count_frames(FILE *file)
{
    unsigned char head[20];
    size_t n = 0;
    while (fread(head, 1, sizeof(head), file) == sizeof(head)) {
        long len = head[0] | head[1] << 8 | head[2] << 16 | head[3] << 24;
        if (fseek(file, len, SEEK_CUR) != 0) {
            break;
        }
        n++;
    }
    return n;
}

/* Outcomes in all files, without the heads; *ret_files counts these. */
static size_t n_spooled(size_t *ret_files)
{
    char path[512];
    size_t n = 0;
    folder_path(&scene.folder, SPOOL_DIR, path, sizeof(path));
    DIR *dir = opendir(path);
    *ret_files = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        snprintf(path, sizeof(path), "%s/" SPOOL_DIR "/%s", scene.folder.path, entry->d_name);
        FILE *file = strstr(entry->d_name, ".spool") ? fopen(path, "re") : NULL;
        if (file) {
            size_t n_frames = count_frames(file);
            n += n_frames > 0 ? n_frames - 1 : 0;
            *ret_files += 1;
            fclose(file);
        }
    }
    if (dir) {
        closedir(dir);
    }
    return n;
}

static bool spool_has(size_t n)
{
    size_t files;
    return n_spooled(&files) >= n;
}

static bool spool_is_empty(void)
{
    size_t files;
    return n_spooled(&files) == 0 && files == 0;
}

/* ---- what came of the jobs */

static void expect_one_outcome_each(size_t n)
{
    struct outcomes results;
    unsigned *seen = calloc(n, sizeof(unsigned));
    outcomes_read(&scene.redis, RESULTS, &results);
    for (size_t i = 0; i < results.n; i++) {
        seen[strtoul(outcomes_get(&results, i, "id", NULL), NULL, 10)]++;
    }
    for (size_t i = 0; i < n; i++) {
        cr_expect_eq(seen[i], 1, "%u results of job %zu", seen[i], i);
    }
    outcomes_deinit(&results);
    free(seen);
}

static size_t n_sent_twice(size_t n)
{
    unsigned *counts = calloc(n, sizeof(unsigned));
    size_t twice = 0;
    scene_count_published(&scene, counts, n);
    for (size_t i = 0; i < n; i++) {
        cr_expect_geq(counts[i], 1u, "event %zu is lost", i);
        twice += counts[i] > 1;
    }
    free(counts);
    return twice;
}

static void expect_each_once(size_t n)
{
    cr_assert(scene_settles(&scene, n, 0));
    expect_one_outcome_each(n);
    cr_expect_eq(n_sent_twice(n), 0, "%zu events were sent twice", n_sent_twice(n));
    cr_expect(wait_until(spool_is_empty(), WAIT_LONG_MS), "files are left in the spool");
}

/* ---- how it comes about */

/* All jobs are claimed and the first requests are out, unanswered, when Redis goes away; all are
 * answered while it is. */
static void claim_all(void)
{
    fake_server_set_rules(&scene.fake, SLOWLY);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    cr_assert(wait_until(fake_server_events(&scene.fake) > 0, WAIT_LONG_MS));
    cr_assert_eq(outcomes_count(&scene.redis, RESULTS), 0);
}

static void answer_all(void)
{
    fake_server_set_rules(&scene.fake, QUICKLY);
    cr_assert(wait_until(fake_server_events(&scene.fake) == N_JOBS, WAIT_LONG_MS));
}

static void spool_all_while_redis_is_down(void)
{
    claim_all();
    redis_kill(&scene.redis);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS), "not all outcomes are in the spool");
}

static void wait_for(uint64_t ms)
{
    uint64_t end_ms = wait_now_ms() + ms;
    cr_assert(wait_until(wait_now_ms() >= end_ms, ms + 1000));
}

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
                   .redis_args = (const char *const[]){"--appendonly", "yes", NULL}});
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

/* ---- two daemons */

static void start_with(const char *spool_dir, struct proc *ret_proc)
{
    char variable[512];
    const char *args[] = {"--config", scene.config, NULL};
    const char *env[] = {variable, NULL};
    snprintf(variable, sizeof(variable), "PUSHERD_SPOOL_DIR=%s%s%s",
             spool_dir ? scene.folder.path : "off", spool_dir ? "/" : "",
             spool_dir ? spool_dir : "");
    scene_start_pusherd_with(&scene, args, env, ret_proc);
}

/* The jobs of the dead daemon have been taken over and wait to be claimed by one that has no spool,
 * on a queue that is paused: they are settled where they wait. */
Test(two_spools, are_settled_where_the_jobs_wait_to_be_claimed_again, .fini = close_scene,
     .timeout = 240)
{
    struct proc other;
    open_with(DELIVERY);
    fake_server_set_rules(&scene.fake, SLOWLY);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    start_with(SPOOL_DIR, &scene.pusherd);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS));
    proc_kill(&scene.pusherd);
    redis_start_again(&scene.redis);
    redis_do(&scene.redis, "HSET {pusher:jobs}:paused * {}");
    start_with(NULL, &other);
    cr_assert(
        wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:retry") == N_JOBS, WAIT_LONG_MS));
    start_with(SPOOL_DIR, &scene.pusherd);
    cr_assert(scene_settles(&scene, N_JOBS, 0));
    cr_expect_eq(redis_int(&scene.redis, "HLEN {pusher:jobs}:retry:jobs"), 0);
    redis_do(&scene.redis, "DEL {pusher:jobs}:paused");
    cr_expect_eq(proc_stop(&other, SIGTERM, WAIT_LONG_MS), 0);
    expect_each_once(N_JOBS);
}

/* The one that lives shares the directory: it settles before it takes the jobs over. */
Test(two_spools, of_one_directory_are_settled_by_the_daemon_that_lives, .fini = close_scene,
     .timeout = 240)
{
    struct proc other;
    open_with(DELIVERY SPOOL);
    fake_server_set_rules(&scene.fake, SLOWLY);
    scene_start_other(&scene, &other);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases") == 2, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS));
    proc_kill(&other);
    redis_start_again(&scene.redis);
    expect_each_once(N_JOBS);
}

static bool one_is_back(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return redis_int(&scene.redis, "ZCOUNT {pusher:jobs}:leases %lld +inf",
                     (long long)now.tv_sec * 1000) == 1;
}

/* Both live through the outage, which is longer than their leases; the one that has the jobs is
 * the last to be back. The other does not take them before it must have been. */
Test(two_spools, of_daemons_that_both_come_back_lead_to_nothing_twice, .fini = close_scene,
     .timeout = 240)
{
    struct proc other;
    open_with(DELIVERY SPOOL);
    fake_server_set_rules(&scene.fake, SLOWLY);
    scene_start_other(&scene, &other);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases") == 2, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS));
    wait_for(10500);
    proc_signal(&other, SIGSTOP);
    redis_start_again(&scene.redis);
    cr_assert(wait_until(one_is_back(), WAIT_LONG_MS));
    wait_for(500);
    proc_signal(&other, SIGCONT);
    expect_each_once(N_JOBS);
    cr_expect_eq(proc_stop(&other, SIGTERM, WAIT_LONG_MS), 0);
}

/* ---- a lease that is lost while requests are out */

static void end_the_lease_there_is(void)
{
    redisReply *names = redis_cmd(&scene.redis, "ZRANGE {pusher:jobs}:leases 0 0");
    cr_assert_eq(names->elements, 1);
    redis_do(&scene.redis, "ZADD {pusher:jobs}:leases 1 %s", names->element[0]->str);
    freeReplyObject(names);
}

/* And stays so for a while: a request that was just sent is not at the server yet. */
static bool all_that_was_sent_is_settled(void)
{
    static uint64_t since_ms;
    if (outcomes_count(&scene.redis, RESULTS) != fake_server_events(&scene.fake)) {
        since_ms = 0;
        return false;
    }
    if (since_ms == 0) {
        since_ms = wait_now_ms();
    }
    return wait_now_ms() - since_ms >= 500;
}

/* The answers come when the jobs are somebody else's, who has not claimed them yet. */
Test(lost_lease, takes_nothing_from_what_is_answered_after_it, .fini = close_scene, .timeout = 240)
{
    struct proc other;
    open_with(DELIVERY);
    claim_all();
    redis_do(&scene.redis, "HSET {pusher:jobs}:paused * {}");
    end_the_lease_there_is();
    scene_start_other(&scene, &other);
    cr_assert(wait_until(proc_logged(&scene.pusherd, "took over the jobs"), WAIT_LONG_MS));
    cr_assert(wait_until(proc_logged(&scene.pusherd, "the lease was lost"), WAIT_LONG_MS));
    cr_assert(wait_until(all_that_was_sent_is_settled(), WAIT_LONG_MS));
    cr_expect_lt(outcomes_count(&scene.redis, RESULTS), N_JOBS, "the lease was lost too late");
    redis_do(&scene.redis, "DEL {pusher:jobs}:paused");
    fake_server_delete_rules(&scene.fake);
    expect_each_once(N_JOBS);
    cr_expect_eq(proc_stop(&other, SIGTERM, WAIT_LONG_MS), 0);
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
    expect_one_outcome_each(N_JOBS);
    cr_expect_gt(n_sent_twice(N_JOBS), 0, "nothing would be gained by a spool");
}

/* 64 KiB hold a part of the outcomes; those are not sent again, the others are. */
Test(full_spool, keeps_what_fits_and_says_so)
{
    size_t files, n;
    open_with(DELIVERY SPOOL "max_bytes = 65536\n");
    fake_server_set_rules(&scene.fake, SLOWLY);
    job_push_many(&scene.redis, JOB_JSON, 0, 900, 50);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
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
    expect_one_outcome_each(900);
    cr_expect_leq(n_sent_twice(900), 900 - n);
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
    expect_one_outcome_each(N_JOBS);
    cr_expect_eq(n_sent_twice(N_JOBS), 1);
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
