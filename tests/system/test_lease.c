/* The lease of one of two queues cannot be renewed: what is claimed of it is sent by then or not at
 * all, and the other queue goes on. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/audit.h"
#include "tests/support/scene.h"

#define N           40
#define RECOVERY_MS 2000
#define RESTED      "not renewed for a whole lease"

static struct scene scene;

static void open_with(const char *app, const char *ini)
{
    static const char *const args[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};
    scene_open(&scene, &(struct scene_options){.app = app, .ini = ini, .redis_args = args});
}

static void open_scene(void)
{
    open_with("timeout_ms = 900\nmax_events_per_batch = 1\n",
              "[queue a]\n[queue b]\n[delivery]\nlease_ms = 3000\n");
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(lease, .init = open_scene, .fini = close_scene, .timeout = 120);

static bool has_leases(void)
{
    return redis_int(&scene.redis, "EXISTS {a}:leases {b}:leases") == 2;
}

static void expect_b_goes_on(size_t first)
{
    job_push_many_to(&scene.redis, "b", JOB_JSON, first, 10, 10);
    cr_assert(wait_until(outcomes_count(&scene.redis, "{b}:results") == 10, RECOVERY_MS));
}

Test(lease, that_a_wrong_list_keeps_from_renewal_stops_no_other_queue)
{
    scene_start_pusherd(&scene);
    cr_assert(wait_until(has_leases(), WAIT_LONG_MS));
    redis_do(&scene.redis, "SET a x");
    cr_assert(audit_logs(&scene, RESTED));
    expect_b_goes_on(0);
    redis_do(&scene.redis, "DEL a");
    job_push_many_to(&scene.redis, "a", JOB_JSON, 10, 10, 10);
    cr_assert(wait_until(outcomes_count(&scene.redis, "{a}:results") == 10, WAIT_LONG_MS));
    cr_expect_eq(audit_log_lines(&scene, RESTED), 1);
    cr_expect_eq(audit_published_twice(&scene, 20), 0);
}

/* Its jobs are sent one after the other, so that most of them are still to be sent when the lease
 * has run out; they are in the claim, which can be read. */
static void claim_and_lose_the_lease(void)
{
    fake_server_set_rules(&scene.fake, "[{'match':{'contains':'ch-0'},'action':{'delay_ms':600}}]");
    job_push_many_to(&scene.redis, "a", JOB_JSON, 0, N, 1);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(has_leases() && fake_server_events(&scene.fake) > 0, WAIT_LONG_MS));
    redis_do(&scene.redis, "RENAME {a}:leases {a}:kept");
    redis_do(&scene.redis, "SET {a}:leases x");
    cr_assert(audit_logs(&scene, RESTED));
    cr_assert(
        wait_until(fake_server_events(&scene.fake) == outcomes_count(&scene.redis, "{a}:results"),
                   RECOVERY_MS));
}

Test(lease, that_has_run_out_has_nothing_sent_before_it_is_renewed)
{
    claim_and_lose_the_lease();
    size_t n_sent = fake_server_events(&scene.fake);
    cr_expect_not(wait_within(fake_server_events(&scene.fake) > n_sent, 1500));
    redis_do(&scene.redis, "RENAME {a}:kept {a}:leases");
    cr_assert(wait_until(outcomes_count(&scene.redis, "{a}:results") == N, WAIT_LONG_MS));
    cr_expect_eq(audit_each_once(&scene, &scene.redis, "{a}:results", N), 0);
}

Test(lease, that_has_run_out_keeps_nothing_from_being_handed_back)
{
    claim_and_lose_the_lease();
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    cr_expect_eq((size_t)redis_int(&scene.redis, "LLEN a"), N - fake_server_events(&scene.fake));
}

/* What could not be sent stands in the claim of a daemon that ends without having seen Redis again.
 */
Test(lease, that_has_run_out_without_redis_is_told_by_the_exit_status)
{
    fake_server_set_rules(&scene.fake, "[{'action':{'status':503,'delay_ms':300}}]");
    job_push_many_to(&scene.redis, "a", JOB_JSON, 0, N, N);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") > 0, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(audit_logs(&scene, RESTED));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 1);
    cr_expect_eq(audit_log_lines(&scene, "unsettled jobs are left to others"), 1);
    redis_start_again(&scene.redis);
    fake_server_delete_rules(&scene.fake);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(outcomes_count(&scene.redis, "{a}:results") == N, WAIT_LONG_MS));
}

/* Requests of others would have to end before its lease does only if one of them could be its own.
 */
Test(short_lease, of_an_idle_queue_that_runs_out_holds_nobody_up, .fini = close_scene,
     .timeout = 120)
{
    open_with("timeout_ms = 5900\n", "[queue a]\n[queue b]\n[delivery]\nlease_ms = 8000\n");
    scene_start_pusherd(&scene);
    cr_assert(wait_until(has_leases(), WAIT_LONG_MS));
    redis_do(&scene.redis, "SET a x");
    for (size_t n = 0; !proc_logged(&scene.pusherd, RESTED); n++) {
        job_push_many_to(&scene.redis, "b", JOB_JSON, n, 1, 1);
        cr_assert(wait_until(outcomes_count(&scene.redis, "{b}:results") == n + 1, RECOVERY_MS));
    }
    redis_do(&scene.redis, "DEL a");
}

/* Nothing was claimed, so nothing is left behind. */
Test(lease, that_has_run_out_without_redis_is_nothing_to_an_idle_daemon)
{
    scene_start_pusherd(&scene);
    job_push_many_to(&scene.redis, "a", JOB_JSON, 0, 1, 1);
    job_push_many_to(&scene.redis, "b", JOB_JSON, 1, 1, 1);
    cr_assert(wait_until(outcomes_count(&scene.redis, "{a}:results") == 1, WAIT_LONG_MS));
    cr_assert(wait_until(outcomes_count(&scene.redis, "{b}:results") == 1, WAIT_LONG_MS));
    redis_kill(&scene.redis); /* after these, no claim is out */
    cr_assert(audit_logs(&scene, RESTED));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    redis_start_again(&scene.redis);
}

/* Of two events of a channel the first is answered when the second could not end before the lease
 * does. */
Test(short_lease, is_outlasted_by_no_request, .fini = close_scene, .timeout = 120)
{
    open_with("timeout_ms = 5900\n", "[queue a]\n[queue b]\n[delivery]\nlease_ms = 8000\n");
    fake_server_set_rules(&scene.fake, "[{'times':1,'action':{'delay_ms':3000}}]");
    job_push_many_to(&scene.redis, "a", JOB_JSON, 0, 1, 1);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(fake_server_stat(&scene.fake, "requests") == 1, WAIT_LONG_MS));
    job_push_many_to(&scene.redis, "a", JOB_JSON, 1, 1, 1);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN a") == 0, WAIT_LONG_MS));
    redis_kill(&scene.redis);
    cr_assert(audit_logs(&scene, RESTED));
    cr_expect_eq(fake_server_events(&scene.fake), 1);
    redis_start_again(&scene.redis);
    cr_assert(wait_until(outcomes_count(&scene.redis, "{a}:results") == 2, WAIT_LONG_MS));
    cr_expect_eq(audit_each_once(&scene, &scene.redis, "{a}:results", 2), 0);
}
