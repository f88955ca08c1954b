/* pusherctl fsck: what is astray is found, and put back so that a daemon delivers it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/ctl.h"

#define KEY(suffix) "{" JOB_LIST "}:" suffix

/* Claim ids as the scripts make them: other forms of the number are not settled. */
#define ID1 "0000000000000001"
#define ID2 "0000000000000002"
#define ID3 "0000000000000003"
#define ID4 "0000000000000004"

static struct scene scene;

static void open_scene(void)
{
    scene_open(&scene, NULL);
}

static void close_scene(void)
{
    scene_close(&scene);
}

TestSuite(fsck, .init = open_scene, .fini = close_scene, .timeout = 120);

/* One job's bytes, with its event {"n":n}. */
static const char *job_of(int n)
{
    static char jobs[8][128];
    char *job = jobs[n % 8];
    snprintf(job, sizeof(jobs[0]),
             "{\"id\":%d,\"channel\":\"c\",\"event\":\"e\",\"data\":{\"n\":%d}}", n, n);
    return job;
}

/* How many of a kind were found; `repaired` is checked. */
static json_int_t found(const json_t *report, const char *kind, bool repaired)
{
    const json_t *queue = json_array_get(json_object_get(report, "queues"), 0), *finding;
    size_t i;
    json_array_foreach(json_object_get(queue, "findings"), i, finding)
    {
        if (strcmp(json_string_value(json_object_get(finding, "kind")), kind) != 0) {
            continue;
        }
        json_int_t n = ctl_number(finding, "found");
        cr_expect_eq(ctl_number(finding, "repaired"), repaired ? n : 0, "%s", kind);
        return n;
    }
    return 0;
}

static json_int_t count(const json_t *report, const char *what)
{
    const json_t *queue = json_array_get(json_object_get(report, "queues"), 0);
    return ctl_number(json_object_get(queue, "jobs"), what);
}

Test(fsck, counts_the_jobs_of_a_clean_queue)
{
    redis_do(&scene.redis, "RPUSH " JOB_LIST " a b c");
    redis_do(&scene.redis, "ZADD " KEY("leases") " 99999999999999 host:1");
    redis_do(&scene.redis, "HSET " KEY("inflight:host:1") " 1 0:0:0::x 2 0:0:0::y");
    redis_do(&scene.redis, "HSET " KEY("retry:jobs") " 3 0:0:0::x 4 0:0:0::y");
    redis_do(&scene.redis, "ZADD " KEY("retry") " 99999999999999 3");
    redis_do(&scene.redis, "ZADD " KEY("parked:main") " 4 4");
    redis_do(&scene.redis, "SADD " KEY("parked") " main");
    redis_do(&scene.redis, "RPUSH " KEY("reply:of-a-user") " x");
    json_t *report = ctl_json(&scene, 0, "fsck", "--repair", NULL);
    cr_expect_eq(count(report, "total"), 7);
    cr_expect_eq(count(report, "list"), 3);
    cr_expect_eq(count(report, "in_flight"), 2);
    cr_expect_eq(count(report, "retry"), 1);
    cr_expect_eq(count(report, "parked"), 1);
    json_decref(report);
}

/* Every way a job can be astray, one of each. */
static void scatter(void)
{
    redis_do(&scene.redis, "HSET " KEY("retry:jobs") " " ID1 " 0:0:0::%s", job_of(0));
    redis_do(&scene.redis, "HSET " KEY("inflight:dead") " " ID2 " 1:0:0::%s", job_of(1));
    redis_do(&scene.redis, "HSET " KEY("inflight:gone") " " ID4 " 0:0:0::%s", job_of(2));
    redis_do(&scene.redis, "HSET " KEY("retry:jobs") " " ID3 " 0:0:0::%s", job_of(3));
    redis_do(&scene.redis, "ZADD " KEY("parked:main") " 3 " ID3);
    redis_do(&scene.redis, "ZADD " KEY("retry") " 0 99");
}

static void expect_all(const json_t *report, bool repaired)
{
    cr_expect_eq(found(report, "record_without_member", repaired), 1);
    cr_expect_eq(found(report, "consumer_without_lease", repaired), 2);
    cr_expect_eq(found(report, "member_without_record", repaired), 1);
    cr_expect_eq(found(report, "parked_app_unlisted", repaired), 1);
    cr_expect_eq(found(report, "wrong_type", repaired), 0);
}

Test(fsck, finds_what_is_astray_and_changes_nothing_unasked)
{
    scatter();
    for (int i = 0; i < 2; i++) {
        json_t *report = ctl_json(&scene, 1, "fsck", NULL);
        expect_all(report, false);
        cr_expect_eq(count(report, "total"), 4);
        json_decref(report);
    }
}

Test(fsck, puts_it_back_so_that_a_daemon_delivers_it)
{
    unsigned counts[4];
    scatter();
    json_t *report = ctl_json(&scene, 0, "fsck", "--repair", NULL);
    expect_all(report, true);
    json_decref(report);
    json_decref(ctl_json(&scene, 0, "fsck", NULL));
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 4, 0));
    scene_count_published(&scene, counts, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_expect_eq(counts[i], 1u, "event %zu: %u times", i, counts[i]);
    }
    json_decref(ctl_json(&scene, 0, "fsck", NULL));
}

Test(fsck, tells_keys_of_the_wrong_type_and_leaves_them_alone)
{
    redis_do(&scene.redis, "SET " KEY("retry") " x");
    redis_do(&scene.redis, "RPUSH " KEY("inflight:odd") " x");
    redis_do(&scene.redis, "HSET " KEY("parked:main") " a b");
    redis_do(&scene.redis, "SADD " KEY("parked") " main");
    json_t *report = ctl_json(&scene, 1, "fsck", "--repair", NULL);
    cr_expect_eq(found(report, "wrong_type", false), 3);
    json_decref(report);
    cr_expect_eq(redis_int(&scene.redis, "LLEN " KEY("inflight:odd")), 1);
    cr_expect_eq(redis_int(&scene.redis, "EXISTS " KEY("leases")), 0);
}

Test(fsck, tells_records_that_cannot_be_read)
{
    redis_do(&scene.redis, "HSET " KEY("retry:jobs") " " ID1 " nonsense");
    redis_do(&scene.redis, "ZADD " KEY("retry") " 0 " ID1);
    json_t *report = ctl_json(&scene, 1, "fsck", "--repair", NULL);
    cr_expect_eq(found(report, "unreadable_record", false), 1);
    json_decref(report);
    scene_start_pusherd(&scene);
    cr_assert(scene_settles(&scene, 0, 1));
    json_decref(ctl_json(&scene, 0, "fsck", NULL));
}

/* A list whose name is a pattern: the keys of others that it matches are none of its own. */
Test(fsck, takes_the_name_of_a_list_by_the_letter)
{
    redis_do(&scene.redis, "HSET {a1}:inflight:dead 1 0:0:0::x");
    redis_do(&scene.redis, "HSET {a*}:inflight:mine 1 0:0:0::x");
    redis_do(&scene.redis, "HSET {a[1]}:inflight:mine 1 0:0:0::x");
    json_t *report = ctl_json(&scene, 1, "fsck", "--list", "a*", NULL);
    cr_expect_eq(found(report, "consumer_without_lease", false), 1);
    json_decref(report);
    report = ctl_json(&scene, 1, "fsck", "--list", "a[1]", NULL);
    cr_expect_eq(found(report, "consumer_without_lease", false), 1);
    json_decref(report);
    json_decref(ctl_json(&scene, 0, "fsck", "--list", "a?", NULL));
}

/* While a daemon works under load nothing is taken for astray, and nothing is delivered twice. */
Test(fsck, repairs_nothing_of_a_daemon_at_work)
{
    enum { N = 3000 };
    static unsigned counts[N];
    fake_server_set_rules(&scene.fake, "[{'times':10,'probability':0.05,'match':{'path':'events'},"
                                       "'action':{'status':503}}]");
    scene_start_pusherd(&scene);
    for (size_t i = 0; i < 10; i++) {
        job_push_many(&scene.redis, JOB_JSON, i * N / 10, N / 10, 50);
        json_t *report = ctl_json(&scene, 0, "fsck", "--repair", NULL);
        const json_t *queue = json_array_get(json_object_get(report, "queues"), 0);
        cr_expect_eq(json_array_size(json_object_get(queue, "findings")), 0);
        json_decref(report);
    }
    cr_assert(scene_settles(&scene, N, 0));
    scene_count_published(&scene, counts, N);
    for (size_t i = 0; i < N; i++) {
        cr_expect_eq(counts[i], 1u, "event %zu: %u times", i, counts[i]);
    }
}

static bool is_counted(size_t n)
{
    return outcomes_count(&scene.redis, RESULTS) >= n;
}

/* A daemon is killed, and its lease is lost as well: nobody would ever reap it. */
Test(fsck, brings_back_the_claims_of_a_daemon_whose_lease_was_lost)
{
    enum { N = 100 };
    fake_server_set_rules(&scene.fake, "[{'action':{'hang':true}}]");
    job_push_many(&scene.redis, JOB_JSON, 0, N, 10);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(redis_int(&scene.redis, "LLEN " JOB_LIST) == 0, WAIT_LONG_MS));
    proc_kill(&scene.pusherd);
    redis_do(&scene.redis, "DEL " KEY("leases"));
    fake_server_delete_rules(&scene.fake);
    json_t *report = ctl_json(&scene, 0, "fsck", "--repair", NULL);
    cr_expect_eq(found(report, "consumer_without_lease", true), 1);
    cr_expect_eq(count(report, "retry"), N);
    json_decref(report);
    scene_start_pusherd(&scene);
    cr_assert(wait_until(is_counted(N), WAIT_LONG_MS));
}
