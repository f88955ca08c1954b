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

#define N      5
#define LEASES "{" JOB_LIST "}:leases"

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
