/* Memory that runs out: the daemon is run again and again, and each time another allocation fails,
 * whoever asked for it. The daemon may go on, or end with a reason; then another one goes on. Each
 * job gets one outcome, and it is the right one: with the whole of its result, or of its failed
 * parts; and so does whoever waits for a reply.
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
#include "tests/torture/jobs.h"

#define ROUNDS_DEFAULT 60
#define RUN_MS         8000

static struct scene scene;
static bool successes_are_none;
static char preload[512], count_file[FOLDER_PATH_MAX + 32];
static unsigned long n_ended, n_fell, n_hung, n_said;

static void open_scene(const char *ini)
{
    static char all[128];
    snprintf(all, sizeof(all), "[log]\nlevel = debug\n%s", ini);
    scene_open(&scene, &(struct scene_options){.ini = all});
    snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", getenv("FAILMALLOC"));
    folder_path(&scene.folder, "count", count_file, sizeof(count_file));
    cr_assert(getenv("FAILMALLOC"));
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(torture, .fini = close_scene, .timeout = 36000);

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
                          "{'match':{'contains':'again'},'times':1,'action':{'status':503}},"
                          "{'match':{'path':'/channels'},'action':{'status':200,"
                          "'body':'{\\'channels\\':{\\'a\\':{\\'subscription_count\\':3}}}'}}]");
    jobs_push(&scene.redis);
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
    if (wait_until(jobs_are_over(&scene.redis, successes_are_none) || !proc_is_running(&proc),
                   number("TORTURE_RUN_MS", RUN_MS))) {
        status = proc_stop(&proc, SIGTERM, WAIT_LONG_MS);
        check_end(status, at);
        return;
    }
    fprintf(stderr, "%lu: %zu results, %zu failures: it hangs\n", at,
            outcomes_count(&scene.redis, RESULTS), outcomes_count(&scene.redis, FAILURES));
    n_hung++;
    show_log();
    proc_kill(&proc);
}

static void torture(unsigned long at)
{
    begin_round();
    run_with_failure(at);
    if (!jobs_are_over(&scene.redis, successes_are_none)) {
        scene_start_pusherd(&scene);
        cr_assert(wait_until(jobs_are_over(&scene.redis, successes_are_none), WAIT_LONG_MS),
                  "%lu: %zu results, %zu failures", at, outcomes_count(&scene.redis, RESULTS),
                  outcomes_count(&scene.redis, FAILURES));
        cr_assert_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    }
    jobs_expect(&scene.redis, successes_are_none, at);
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

static void torture_some(unsigned long n_wanted)
{
    unsigned long n = count_allocations();
    unsigned long from = number("TORTURE_FROM", 1), to = number("TORTURE_TO", n);
    unsigned long step = number("TORTURE_STEP", (to - from) / n_wanted + 1), n_rounds = 0;
    for (unsigned long at = from; at <= to; at += step) {
        torture(at);
        n_rounds++;
    }
    fprintf(stderr, "%lu allocations, %lu rounds, %lu failed, %lu ends, %lu falls, %lu hung\n", n,
            n_rounds, n_said, n_ended, n_fell, n_hung);
    cr_assert_gt(n_said, n_rounds / 2);
    cr_assert_eq(n_hung, 0);
}

Test(torture, no_job_is_lost_when_an_allocation_fails)
{
    open_scene("");
    torture_some(ROUNDS_DEFAULT);
}

Test(torture, no_result_is_lost_where_other_successes_are_only_counted)
{
    successes_are_none = true;
    open_scene("[results]\nsuccesses = none\n");
    torture_some(ROUNDS_DEFAULT / 2);
}
