/* Memory that runs out: the daemon is run again and again, and each time another allocation fails,
 * whoever asked for it. The daemon may go on, or end with a reason; then another one goes on. Each
 * job gets one outcome, and it is the right one.
 *
 *   TORTURE_FROM, TORTURE_TO, TORTURE_STEP     which allocations; default: some, to the last
 *   TORTURE_FOR                                how many fail in a row; default 1
 *   TORTURE_RUN_MS                             after which it is said to hang; default 8000
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"

#define ROUNDS_DEFAULT 60
#define RUN_MS         8000
#define N_GOOD         12

static struct scene scene;
static char preload[512], count_file[FOLDER_PATH_MAX + 32];
static unsigned long n_ended, n_fell, n_hung, n_said;

static void open_scene(void)
{
    scene_open(&scene, &(struct scene_options){.ini = "[log]\nlevel = debug\n"});
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", getenv("FAILMALLOC"));
    folder_path(&scene.folder, "count", count_file, sizeof(count_file));
    cr_assert(getenv("FAILMALLOC"));
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(torture, .init = open_scene, .fini = close_scene, .timeout = 36000);

/* Every kind of job, each with an id that begins with what is to become of it. */
static void push_jobs(void)
{
    static const char *const jobs[] = {
        "{'id':'good-a','channel':'a','event':'e','data':{'n':1},'replyTo':'replies'}",
        "{'id':'good-b','channel':'private-encrypted-b','event':'e','data':'x'}",
        "{'id':'good-c','channels':['a','b','c'],'event':'e','data':'x'}",
        "{'id':'good-d','events':[{'channel':'a','event':'e','data':'x'},"
        "{'channel':'b','event':'e','data':[1]}],'orderKey':'k'}",
        "{'id':'good-e','op':'sendToUser','userId':'u','event':'e','data':'x'}",
        "{'id':'good-f','op':'listChannels','info':'subscription_count'}",
        "{'id':'good-g','op':'getChannel','channelName':'a'}",
        "{'id':'good-h','op':'authorizeChannel','socketId':'1.2','channel':'private-a'}",
        "{'id':'good-i','op':'createSignedQueryString','method':'GET','path':'/x'}",
        "{'id':'good-j','op':'customGet','path':'/channels','params':{'a':'b'}}",
        "{'id':'good-k','channel':'a','event':'again','data':'x'}",
        "{'id':'good-l','channel':'presence-a','event':'e','data':'x','info':'user_count'}",
        "{'id':'bad-a','channel':'a b','event':'e','data':'x'}",
        "{'id':'bad-b','channel':'a','event':'poison','data':'x','replyTo':'replies'}",
        "{'id':'bad-c','events':[{'channel':'a','event':'e','data':'x'},7]}",
        "{'id':'bad-d','op':'nothing'}",
    };
    for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++) {
        job_push(&scene.redis, i % 2 ? JOB_MSGPACK : JOB_JSON, "%s", jobs[i]);
    }
}
#define N_JOBS 16

static void forget_log(void)
{
    n_said += audit_log_lines(&scene, "failmalloc: allocation");
    cr_assert_eq(truncate(scene.log, 0), 0);
}

static void begin_round(void)
{
    redis_do(&scene.redis, "FLUSHALL");
    fake_server_reset(&scene.fake);
    fake_server_set_rules(&scene.fake,
                          "[{'match':{'contains':'poison'},'action':{'status':400,'body':'no'}},"
                          "{'match':{'contains':'again'},'times':1,'action':{'status':503}}]");
    push_jobs();
}

static size_t n_outcomes(void)
{
    return outcomes_count(&scene.redis, RESULTS) + outcomes_count(&scene.redis, FAILURES);
}

static void expect_of(const char *stream, const char *begins, size_t n, unsigned long at)
{
    struct outcomes outcomes;
    outcomes_read(&scene.redis, stream, &outcomes);
    for (size_t i = 0; i < outcomes.n; i++) {
        const char *id = outcomes_get(&outcomes, i, "id", NULL);
        const char *error = outcomes_get(&outcomes, i, "error", NULL);
        cr_assert_eq(strncmp(id, begins, strlen(begins)), 0, "%lu: %s is in %s: %s", at, id, stream,
                     error ? error : "");
        cr_assert_eq(outcomes_find(&outcomes, id), i, "%lu: %s", at, id);
    }
    cr_assert_eq(outcomes.n, n, "%lu: %s has %zu", at, stream, outcomes.n);
    outcomes_deinit(&outcomes);
}

/* A REQUIRE() ends it as well. Libraries fall where they do not look (libcurl 7.88, OpenSSL 3.0);
 * that must lose no job either, but is not the daemon's fault. */
static void check_end(int status, unsigned long at)
{
    cr_assert_eq(audit_log_lines(&scene, "bin/pusherd\n"), 0, "%lu: pusherd fell", at);
    n_fell += status > 128 && status != 128 + SIGABRT;
    n_ended += status != 0;
}

static void show_log(void)
{
    char line[1024];
    FILE *file = fopen(scene.log, "re");
    while (file && fgets(line, sizeof(line), file)) {
        fputs(line, stderr);
    }
    if (file) {
        fclose(file);
    }
}

static unsigned long number(const char *variable, unsigned long otherwise)
{
    const char *text = getenv(variable);
    return text ? strtoul(text, NULL, 10) : otherwise;
}

static void run_with_failure(unsigned long at)
{
    char fail_at[48], fail_for[48], count[sizeof(count_file) + 16];
    const char *n = getenv("TORTURE_FOR");
    const char *args[] = {"--config", scene.config, NULL};
    const char *env[] = {preload, count, fail_at, fail_for, NULL};
    struct proc proc;
    int status;

    snprintf(fail_at, sizeof(fail_at), "FAIL_AT=%lu", at);
    snprintf(fail_for, sizeof(fail_for), "FAIL_FOR=%s", n ? n : "1");
    snprintf(count, sizeof(count), "FAIL_COUNT=%s", count_file);
    scene_start_pusherd_with(&scene, args, env, &proc);
    if (wait_until(n_outcomes() == N_JOBS || !proc_is_running(&proc),
                   number("TORTURE_RUN_MS", RUN_MS))) {
        status = proc_stop(&proc, SIGTERM, WAIT_LONG_MS);
        check_end(status, at);
        return;
    }
    fprintf(stderr, "%lu: %zu of %d outcomes: it hangs\n", at, n_outcomes(), N_JOBS);
    n_hung++;
    show_log();
    proc_kill(&proc);
}

static void torture(unsigned long at)
{
    begin_round();
    run_with_failure(at);
    if (n_outcomes() != N_JOBS) {
        scene_start_pusherd(&scene);
        cr_assert(wait_until(n_outcomes() == N_JOBS, WAIT_LONG_MS), "%lu: %zu outcomes", at,
                  n_outcomes());
        cr_assert_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    }
    expect_of(FAILURES, "bad-", N_JOBS - N_GOOD, at);
    expect_of(RESULTS, "good-", N_GOOD, at);
    forget_log();
}

static unsigned long count_allocations(void)
{
    unsigned long n = 0;
    begin_round();
    run_with_failure(0);
    FILE *file = fopen(count_file, "re");
    cr_assert(file && fscanf(file, "%lu", &n) == 1 && n > 100);
    fclose(file);
    return n;
}

Test(torture, no_job_is_lost_when_an_allocation_fails)
{
    unsigned long n = count_allocations();
    unsigned long from = number("TORTURE_FROM", 1), to = number("TORTURE_TO", n);
    unsigned long step = number("TORTURE_STEP", (to - from) / ROUNDS_DEFAULT + 1), n_rounds = 0;
    for (unsigned long at = from; at <= to; at += step) {
        torture(at);
        n_rounds++;
    }
    fprintf(stderr, "%lu allocations, %lu rounds, %lu failed, %lu ends, %lu falls, %lu hung\n", n,
            n_rounds, n_said, n_ended, n_fell, n_hung);
    cr_assert_gt(n_said, n_rounds / 2);
    cr_assert_eq(n_hung, 0);
}
