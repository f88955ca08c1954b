/* Redis misbehaves while jobs are on their way: the daemon says so, and goes on by itself within
 * seconds, with every outcome once. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"
#include "tests/support/wire.h"

#define JOBS        3000
#define RECOVERY_MS 5000  /* from the end of a fault: at most a backoff of 2 s, and the login */
#define DEADLINE_MS 12000 /* to notice a connection that is only silent, and to make a new one */

static struct scene scene;
static struct wire wire;

static void open_scene(void)
{
    const char *args[] = {"--appendonly", "yes", "--appendfsync", "everysec", NULL};
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 1000\nmax_in_flight = 4\n",
                                               .ini = "[delivery]\nlease_ms = 3500\n"
                                                      "max_orphanings = 100\n",
                                               .redis_args = args});
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':20}}]");
}

static void close_scene(void)
{
    scene_close(&scene);
    if (wire.port != 0)
        wire_close(&wire);
}

TestSuite(redis_faults, .init = open_scene, .fini = close_scene, .timeout = 240);

static bool has_events(size_t n)
{
    return wait_until(fake_server_events(&scene.fake) >= n, WAIT_LONG_MS);
}

/* Not all jobs are in the daemon's hands by then: new ones have to be claimed. */
static void start_under_load(void)
{
    job_push_many(&scene.redis, JOB_MSGPACK, 0, JOBS, 100);
    scene_start_pusherd(&scene);
    cr_assert(has_events(JOBS / 10));
}

static void expect_the_rest(void)
{
    cr_assert(scene_settles(&scene, JOBS, 0));
    audit_each_once(&scene, &scene.redis, RESULTS, JOBS);
    cr_expect(proc_is_running(&scene.pusherd));
}

/* What the wire carries ends at the scene's own Redis, or nowhere. */
static void put_wire_between(const char *target)
{
    char url[64];
    wire_open(&wire, target);
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", wire.port);
    scene_point_at(&scene, url);
}

Test(redis_faults, stopped_in_order_and_started_again)
{
    start_under_load();
    redis_shut_down(&scene.redis);
    cr_assert(audit_logs(&scene, "connection lost"));
    redis_start_again(&scene.redis);
    cr_assert(audit_recovers(&scene.redis, RESULTS, "a restart", wait_now_ms(), RECOVERY_MS));
    expect_the_rest();
}

Test(redis_faults, all_connections_killed)
{
    start_under_load();
    for (size_t i = 2; i < 6; i++) {
        redis_do(&scene.redis, "CLIENT KILL TYPE normal SKIPME yes");
        cr_assert(audit_recovers(&scene.redis, RESULTS, "CLIENT KILL", wait_now_ms(), RECOVERY_MS));
        cr_assert(has_events(i * JOBS / 10));
    }
    cr_expect_geq(audit_log_lines(&scene, "connection lost"), 1u);
    expect_the_rest();
}

Test(redis_faults, scripts_flushed_under_load)
{
    start_under_load();
    for (size_t i = 2; i < 6; i++) {
        redis_do(&scene.redis, "SCRIPT FLUSH");
        cr_assert(
            audit_recovers(&scene.redis, RESULTS, "SCRIPT FLUSH", wait_now_ms(), RECOVERY_MS));
        cr_assert(has_events(i * JOBS / 10));
    }
    cr_expect_eq(audit_log_lines(&scene, "connection lost"), 0u);
    expect_the_rest();
}

/* Each command that is loaded takes a millisecond. */
Test(redis_faults, loading_its_data_for_seconds)
{
    const char *slow[] = {"--key-load-delay", "1000", "--loading-process-events-interval-bytes",
                          "1024", NULL};
    start_under_load();
    redis_kill(&scene.redis);
    memcpy(&scene.redis.args[4], slow, sizeof(slow));
    redis_start_again(&scene.redis);
    cr_assert(audit_recovers(&scene.redis, RESULTS, "LOADING", wait_now_ms(), RECOVERY_MS));
    cr_expect_geq(audit_log_lines(&scene, "error=\"LOADING"), 1u);
    expect_the_rest();
}

/* Down, it accepts connections and logins: this must not turn into a quick circle of them. */
Test(redis_faults, made_a_replica_for_a_while)
{
    start_under_load();
    redis_do(&scene.redis, "REPLICAOF 127.0.0.1 1");
    cr_assert(audit_logs(&scene, "error=\"READONLY"));
    cr_expect_not(wait_within(audit_log_lines(&scene, "tag=redis") > 30, 5000),
                  "it logs in circles");
    redis_do(&scene.redis, "REPLICAOF NO ONE");
    cr_assert(audit_recovers(&scene.redis, RESULTS, "READONLY", wait_now_ms(), RECOVERY_MS));
    expect_the_rest();
}

Test(redis_faults, a_replica_without_its_master)
{
    start_under_load();
    redis_do(&scene.redis, "CONFIG SET replica-serve-stale-data no");
    redis_do(&scene.redis, "REPLICAOF 127.0.0.1 1");
    cr_assert(audit_logs(&scene, "error=\"MASTERDOWN"));
    redis_do(&scene.redis, "REPLICAOF NO ONE");
    cr_assert(audit_recovers(&scene.redis, RESULTS, "MASTERDOWN", wait_now_ms(), RECOVERY_MS));
    expect_the_rest();
}

/* Producers are refused, so that nothing else could make room: the queue must drain. */
Test(redis_faults, full_under_load_and_while_idle)
{
    start_under_load();
    redis_do(&scene.redis, "CONFIG SET maxmemory-policy noeviction");
    redis_do(&scene.redis, "CONFIG SET maxmemory 1");
    expect_the_rest();
    cr_assert(audit_logs(&scene, "cannot wait for jobs"));
    cr_expect_geq(audit_log_lines(&scene, "OOM"), 1u);
    redis_do(&scene.redis, "CONFIG SET maxmemory 0");
    job_push_many(&scene.redis, JOB_JSON, JOBS, 1, 1);
    cr_assert(audit_recovers(&scene.redis, RESULTS, "OOM", wait_now_ms(), RECOVERY_MS));
}

Test(redis_faults, that_may_evict_jobs_is_warned_of)
{
    redis_do(&scene.redis, "CONFIG SET maxmemory 100mb");
    redis_do(&scene.redis, "CONFIG SET maxmemory-policy allkeys-lru");
    scene_start_pusherd(&scene);
    cr_assert(audit_logs(&scene, "Redis may evict keys"));
    cr_expect_eq(audit_log_lines(&scene, "maxmemory_policy=allkeys-lru"), 1u);
}

Test(redis_faults, that_evicts_nothing_is_not_warned_of)
{
    redis_do(&scene.redis, "CONFIG SET maxmemory 100mb");
    redis_do(&scene.redis, "CONFIG SET maxmemory-policy noeviction");
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    cr_expect_eq(audit_log_lines(&scene, "Redis may evict keys"), 0u);
}

Test(redis_faults, silent_under_load)
{
    put_wire_between(scene.redis.socket);
    start_under_load();
    wire_break(&wire);
    uint64_t broken_ms = wait_now_ms();
    cr_assert(audit_logs(&scene, "no reply in time"));
    cr_assert(
        audit_recovers(&scene.redis, RESULTS, "a half-open connection", broken_ms, DEADLINE_MS));
    expect_the_rest();
}

Test(redis_faults, silent_while_idle)
{
    put_wire_between(scene.redis.socket);
    scene_start_pusherd(&scene);
    job_push_many(&scene.redis, JOB_JSON, 0, 1, 1);
    cr_assert(scene_settles(&scene, 1, 0));
    wire_break(&wire);
    uint64_t broken_ms = wait_now_ms();
    job_push_many(&scene.redis, JOB_JSON, 1, 1, 1);
    cr_assert(audit_recovers(&scene.redis, RESULTS, "an idle half-open connection", broken_ms,
                             DEADLINE_MS));
    cr_assert(scene_settles(&scene, 2, 0));
}

Test(redis_faults, slow_to_reply)
{
    put_wire_between(scene.redis.socket);
    wire.delay_ms = 300;
    start_under_load();
    expect_the_rest();
    cr_expect_eq(audit_log_lines(&scene, "connection lost"), 0u);
}

/* For five seconds: connections are tried ever more rarely. */
Test(redis_faults, accepting_and_closing_at_once)
{
    put_wire_between("/nonexistent");
    scene_start_pusherd(&scene);
    cr_assert(audit_logs(&scene, "connection lost"));
    uint64_t before_us = proc_cpu_us(&scene.pusherd);
    cr_expect_not(wait_within(wire.n_accepted > 40, 5000), "more than 40 connections");
    uint64_t cpu_us = proc_cpu_us(&scene.pusherd) - before_us;
    size_t n_lines = audit_log_lines(&scene, "tag=redis");
    fprintf(stderr, "in 5 s: %u connections, %zu log lines, %u ms of CPU\n", wire.n_accepted,
            n_lines, (unsigned)(cpu_us / 1000));
    cr_expect_lt(cpu_us, 1000000u);
    cr_expect_leq(n_lines, 20u);
}
