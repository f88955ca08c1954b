/* Outcomes that Redis has not acknowledged, and more than one daemon: the jobs wait elsewhere,
 * another comes back first, or a lease is lost while requests are out. */
#include <criterion/criterion.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"
#include "tests/system/spool_scene.h"

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
    wait_until_claimed();
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

/* Of two daemons with one directory, the other has all jobs and the answers to them; Redis is down.
 */
static void spool_all_of_one_of_two(struct proc *ret_other)
{
    open_with(DELIVERY SPOOL);
    fake_server_set_rules(&scene.fake, SLOWLY);
    scene_start_other(&scene, ret_other);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    wait_until_claimed();
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases") == 2, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS));
}

/* The one that lives shares the directory: it settles before it takes the jobs over. */
Test(two_spools, of_one_directory_are_settled_by_the_daemon_that_lives, .fini = close_scene,
     .timeout = 240)
{
    struct proc other;
    spool_all_of_one_of_two(&other);
    proc_kill(&other);
    redis_start_again(&scene.redis);
    expect_each_once(N_JOBS);
}

/* Each of the two has half of the jobs, and the answers to them; Redis is down. */
static void spool_half_of_each_of_two(struct proc *ret_other)
{
    open_with(DELIVERY SPOOL);
    fake_server_set_rules(&scene.fake, SLOWLY);
    scene_start_other(&scene, ret_other);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_n_blocked(&scene.redis) == 2, WAIT_LONG_MS));
    proc_signal(&scene.pusherd, SIGSTOP);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS / 2, 50);
    wait_until_claimed();
    proc_signal(ret_other, SIGSTOP);
    proc_signal(&scene.pusherd, SIGCONT);
    job_push_many(&scene.redis, JOB_JSON, N_JOBS / 2, N_JOBS / 2, 50);
    wait_until_claimed();
    redis_kill(&scene.redis);
    proc_signal(ret_other, SIGCONT);
    answer_all();
    cr_assert(wait_until(spool_has(N_JOBS), WAIT_LONG_MS));
}

static void let_the_group_write_the_files(void)
{
    glob_t files;
    char pattern[512];
    snprintf(pattern, sizeof(pattern), "%s/" SPOOL_DIR "/*.spool", scene.folder.path);
    cr_assert_eq(glob(pattern, 0, NULL, &files), 0);
    cr_assert_eq(files.gl_pathc, 2);
    for (size_t i = 0; i < files.gl_pathc; i++)
        cr_assert_eq(chmod(files.gl_pathv[i], 0664), 0);
    globfree(&files);
}

/* They are not believed, and stay: what they say is not settled, and the jobs are sent again. */
Test(two_spools, that_are_not_believed_keep_no_jobs_from_being_taken_over, .fini = close_scene,
     .timeout = 240)
{
    struct proc other;
    spool_half_of_each_of_two(&other);
    proc_kill(&other);
    proc_kill(&scene.pusherd);
    let_the_group_write_the_files();
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N_JOBS, 0));
    cr_expect_eq(audit_log_lines(&scene, "took over the jobs"), 2);
    cr_expect_eq(redis_int(&scene.redis, "ZCARD {pusher:jobs}:leases"), 1);
}

/* A daemon of another Redis has the same list and the same directory: it leaves the file to those
 * who can settle it. */
Test(two_spools, of_two_redis_are_settled_each_in_its_own, .fini = close_scene, .timeout = 240)
{
    struct redis elsewhere;
    struct proc other;
    open_with(DELIVERY SPOOL);
    spool_all_while_redis_is_down();
    proc_kill(&scene.pusherd);
    redis_start(&elsewhere, NULL);
    scene_point_at(&scene, elsewhere.url);
    scene_start_other(&scene, &other);
    cr_assert(wait_until(redis_int(&elsewhere, "ZCARD {pusher:jobs}:leases") == 1, WAIT_LONG_MS));
    cr_expect(spool_has(N_JOBS));
    cr_expect_eq(proc_stop(&other, SIGTERM, WAIT_LONG_MS), 0);
    redis_stop(&elsewhere);
    scene_point_at(&scene, scene.redis.url);
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
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
    spool_all_of_one_of_two(&other);
    wait_for(10500);
    proc_signal(&other, SIGSTOP);
    redis_start_again(&scene.redis);
    cr_assert(wait_until(one_is_back(), WAIT_LONG_MS));
    wait_for(500);
    proc_signal(&other, SIGCONT);
    expect_each_once(N_JOBS);
    cr_expect_eq(proc_stop(&other, SIGTERM, WAIT_LONG_MS), 0);
}

/* ---- a daemon that was not there before the outage */

/* Nobody can connect, but Redis runs on, and says so. */
static void hide_redis(void)
{
    char path[sizeof(scene.redis.socket) + 8];
    snprintf(path, sizeof(path), "%s.away", scene.redis.socket);
    cr_assert_eq(rename(scene.redis.socket, path), 0);
    redis_do(&scene.redis, "CLIENT KILL TYPE normal SKIPME yes");
}

static void show_redis(void)
{
    char path[sizeof(scene.redis.socket) + 8];
    snprintf(path, sizeof(path), "%s.away", scene.redis.socket);
    cr_assert_eq(rename(path, scene.redis.socket), 0);
}

static void kill_redis(void)
{
    redis_kill(&scene.redis);
}

/* One has all jobs and the answers to them, and lives through an outage of more than its lease; it
 * is not back yet. Nor is Redis. */
static void outlive(void (*outage)(void), struct proc *ret_other)
{
    open_with(DELIVERY);
    fake_server_set_rules(&scene.fake, SLOWLY);
    scene_start_other(&scene, ret_other);
    job_push_many(&scene.redis, JOB_JSON, 0, N_JOBS, 50);
    wait_until_claimed();
    outage();
    answer_all();
    wait_for(10500);
    proc_signal(ret_other, SIGSTOP);
}

static void expect_nothing_is_taken_from(struct proc *other)
{
    cr_assert(wait_until(one_is_back(), WAIT_LONG_MS));
    cr_expect_not(wait_within(proc_logged(&scene.pusherd, "took over the jobs"), 300));
    proc_signal(other, SIGCONT);
    expect_each_once(N_JOBS);
    cr_expect_eq(proc_stop(other, SIGTERM, WAIT_LONG_MS), 0);
}

Test(newcomer, that_is_started_while_redis_is_away_takes_no_jobs_of_the_living, .fini = close_scene,
     .timeout = 240)
{
    struct proc other;
    outlive(hide_redis, &other);
    size_t n_lost = audit_log_lines(&scene, "connection lost");
    scene_start_pusherd(&scene);
    cr_assert(wait_until(audit_log_lines(&scene, "connection lost") > n_lost, WAIT_LONG_MS));
    show_redis();
    expect_nothing_is_taken_from(&other);
}

Test(newcomer, that_is_started_when_redis_is_just_back_takes_no_jobs_of_the_living,
     .fini = close_scene, .timeout = 240)
{
    struct proc other;
    if (wait_patience() > 1) {
        cr_skip("a daemon that takes seconds to start cannot come so soon");
    }
    outlive(kill_redis, &other);
    redis_start_again(&scene.redis);
    scene_start_pusherd(&scene);
    expect_nothing_is_taken_from(&other);
}

/* ---- a lease that is lost while requests are out */

static void end_the_lease_there_is(void)
{
    redisReply *names = redis_cmd(&scene.redis, "ZRANGE {pusher:jobs}:leases 0 0");
    cr_assert_eq(names->elements, 1);
    redis_do(&scene.redis, "ZADD {pusher:jobs}:leases 1 %s", names->element[0]->str);
    freeReplyObject(names);
}

/* A daemon that connects to a Redis that was just started takes over nothing at first. */
static bool redis_is_no_news(void)
{
    redisReply *info = redis_cmd(&scene.redis, "INFO server");
    const char *at = strstr(info->str, "uptime_in_seconds:");
    bool is = at && atoi(at + strlen("uptime_in_seconds:")) >= 4;
    freeReplyObject(info);
    return is;
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
    cr_assert(wait_until(redis_is_no_news(), WAIT_LONG_MS));
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
