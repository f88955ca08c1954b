/* Claims whose reply nobody has read: their jobs are found again, or it is said that some may be
 * left. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "proto/scripts.h"
#include "tests/support/audit.h"
#include "tests/support/scene.h"
#include "tests/support/wire.h"

#define N       5
#define N_MANY  10000
#define LEASES  "{" JOB_LIST "}:leases"
#define UNKNOWN "jobs are claimed that are not known here"

static struct scene scene;
static struct wire wire;

static void open_scene(void)
{
    char url[64];
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 1000\n",
                                               .ini = "[delivery]\nlease_ms = 9000\n"});
    wire_open(&wire, scene.redis.socket);
    snprintf(url, sizeof(url), "redis://127.0.0.1:%u", wire.port);
    scene_point_at(&scene, url);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "EXISTS " LEASES) == 1, WAIT_LONG_MS));
}

static void close_scene(void)
{
    scene_close(&scene);
    wire_close(&wire);
}

TestSuite(claims, .init = open_scene, .fini = close_scene, .timeout = 120);

/* Jobs that are claimed, by whomever. */
static long long n_claimed(void)
{
    long long n = 0;
    redisReply *keys = redis_cmd(&scene.redis, "KEYS {" JOB_LIST "}:inflight:*");
    for (size_t i = 0; i < keys->elements; i++)
        n += redis_int(&scene.redis, "HLEN %s", keys->element[i]->str);
    freeReplyObject(keys);
    return n;
}

/* The jobs may be in the claim, or get there, when the daemon is gone. */
Test(claims, that_are_out_at_the_end_are_told_by_the_exit_status)
{
    wire_withhold(&wire, script_claim.sha1);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 1);
    cr_assert(wait_until(wire.n_withheld > 0, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 1);
    cr_expect_eq(audit_log_lines(&scene, "unsettled jobs are left to others"), 1);
    wire_withhold(&wire, NULL);
    cr_assert(wait_until(n_claimed() == N, WAIT_LONG_MS));
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(audit_each_once(&scene, &scene.redis, RESULTS, N), 0);
}

/* The old connection is given up, and the recovery over it finds nothing: the claim is not there
 * yet. The next one is withheld as well, so that it is the old one that gets the jobs. */
static void let_an_old_claim_take_all(void)
{
    wire_withhold(&wire, script_claim.sha1);
    job_push_many(&scene.redis, JOB_JSON, 0, N, 1);
    cr_assert(audit_logs(&scene, "no reply in time"));
    cr_assert(wait_until(wire.n_withheld == 2, WAIT_LONG_MS));
    wire_let_one_go(&wire);
    cr_assert(wait_until(n_claimed() == N, WAIT_LONG_MS));
    wire_withhold(&wire, NULL);
}

Test(claims, that_arrive_when_their_connection_was_given_up_are_found)
{
    let_an_old_claim_take_all();
    cr_assert(scene_settles(&scene, N, 0));
    cr_expect_eq(n_claimed(), 0);
    cr_expect_eq(audit_each_once(&scene, &scene.redis, RESULTS, N), 0);
    cr_expect_eq(audit_log_lines(&scene, UNKNOWN), 1);
}

/* A job like those of job_push_many(). */
static void claim_behind_its_back(unsigned job)
{
    redisReply *names = redis_cmd(&scene.redis, "ZRANGE " LEASES " 0 0");
    cr_assert_eq(names->elements, 1);
    redis_do(&scene.redis, "HSET {" JOB_LIST "}:inflight:%s 1800000000000001 %s%u%s%u}}",
             names->element[0]->str, "0:0:0::{\"id\":\"", job,
             "\",\"channel\":\"unknown\",\"event\":\"e\",\"data\":{\"n\":", job);
    freeReplyObject(names);
}

/* A beat would find it after seconds. */
Test(claims, that_nobody_knows_of_are_handed_back_at_the_end)
{
    claim_behind_its_back(0);
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    cr_expect_eq(n_claimed(), 0);
    cr_expect_eq(redis_int(&scene.redis, "LLEN " JOB_LIST), 1);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS " LEASES), 0);
}

/* Replies are slow, so that another claim is out whenever a beat is answered. */
Test(claims, that_are_out_are_not_taken_for_those_that_nobody_knows_of)
{
    wire.delay_ms = 200;
    job_push_many(&scene.redis, JOB_JSON, 0, N_MANY, 500);
    cr_assert(wait_until(fake_server_events(&scene.fake) > 0, WAIT_LONG_MS));
    claim_behind_its_back(N_MANY);
    cr_assert(audit_logs(&scene, UNKNOWN));
    cr_expect_gt(redis_int(&scene.redis, "LLEN " JOB_LIST), 0, "no claim was out any more");
    cr_assert(scene_settles(&scene, N_MANY + 1, 0));
    cr_expect_eq(audit_each_once(&scene, &scene.redis, RESULTS, N_MANY + 1), 0);
}
