/* A Redis Cluster: all keys of a queue are in one slot, so each queue lives on one node, and
 * pusherd finds it wherever it is sent to begin with. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/audit.h"
#include "tests/support/cluster.h"
#include "tests/support/ctl.h"
#include "tests/support/scene.h"

#define JOBS        1500
#define RECOVERY_MS 15000
#define URL_MAX     64
#define LIST_MAX    32
#define DELIVERY    "[delivery]\nlease_ms = 3500\nmax_orphanings = 100\n"

static struct scene scene;
static struct cluster cluster;
static char ini[512];

static void open_with(bool with_replica)
{
    cluster_start(&cluster, with_replica);
    snprintf(ini, sizeof(ini), DELIVERY);
}

/* pusherd will begin with this node. */
static void start_at(unsigned node)
{
    char url[URL_MAX];
    scene_open(&scene, &(struct scene_options){.app = "timeout_ms = 1000\nmax_in_flight = 2\n",
                                               .ini = ini});
    cluster_url(&cluster, node, url, sizeof(url));
    scene_point_at(&scene, url);
    fake_server_set_rules(&scene.fake, "[{'action':{'delay_ms':20}}]");
    scene_start_pusherd(&scene);
}

static void close_all(void)
{
    scene_close(&scene);
    cluster_stop(&cluster);
}

TestSuite(cluster, .fini = close_all, .timeout = 240);

static struct redis *node(unsigned i)
{
    return &cluster.nodes[i].redis;
}

/* A list on this node, and the stream of its results. */
static void list_on(unsigned owner, char ret_list[LIST_MAX], char ret_results[LIST_MAX])
{
    unsigned i = 0;
    do {
        snprintf(ret_list, LIST_MAX, "jobs-%u", i++);
    } while (cluster_owner(&cluster, ret_list) != owner);
    snprintf(ret_results, LIST_MAX, "{%s}:results", ret_list);
}

static void add_queue(const char *list, size_t first)
{
    size_t len = strlen(ini);
    snprintf(ini + len, sizeof(ini) - len, "[queue q%zu]\nlist = %s\n", first, list);
}

static bool has_results(unsigned i, const char *results, size_t n)
{
    return wait_until(outcomes_count(node(i), results) >= n, WAIT_LONG_MS);
}

static bool has_role(unsigned i, const char *role)
{
    redisReply *reply = redis_cmd(node(i), "ROLE");
    bool has = strcmp(reply->element[0]->str, role) == 0;
    freeReplyObject(reply);
    return has;
}

Test(cluster, of_which_a_node_sends_to_the_one_that_has_the_queue)
{
    open_with(false);
    unsigned owner = cluster_owner(&cluster, JOB_LIST);
    job_push_many(node(owner), JOB_JSON, 0, 50, 10);
    start_at((owner + 1) % CLUSTER_MASTERS);
    cr_assert(has_results(owner, RESULTS, 50));
    cr_expect_eq(audit_each_once(&scene, node(owner), RESULTS, 50), 0);
    cr_expect(audit_logs(&scene, "the queue lives on another node"));
    job_push_many(node(owner), JOB_JSON, 50, 50, 10);
    cr_assert(has_results(owner, RESULTS, 100), "the idle queue is woken there as well");
    cr_expect_eq(audit_log_lines(&scene, "connection lost"), 0);
}

Test(cluster, with_a_queue_on_each_node)
{
    char lists[CLUSTER_MASTERS][LIST_MAX], results[CLUSTER_MASTERS][LIST_MAX];
    open_with(false);
    for (unsigned i = 0; i < CLUSTER_MASTERS; i++) {
        list_on(i, lists[i], results[i]);
        add_queue(lists[i], i);
        job_push_many_to(node(i), lists[i], JOB_JSON, i * 100, 100, 10);
    }
    start_at(0);
    for (unsigned i = 0; i < CLUSTER_MASTERS; i++)
        cr_assert(has_results(i, results[i], 100), "the queue of node %u", i);
    cr_expect_eq(fake_server_events(&scene.fake), 300);
}

Test(cluster, is_reached_by_pusherctl_through_any_node)
{
    open_with(false);
    unsigned owner = cluster_owner(&cluster, JOB_LIST);
    start_at((owner + 1) % CLUSTER_MASTERS);
    json_t *outcome = ctl_json(&scene, 0, "trigger-event", "--queue", "--channel", "a", "--event",
                               "e", "--data", "x", NULL);
    cr_expect(json_is_true(json_object_get(outcome, "ok")));
    json_decref(outcome);
    json_decref(ctl_json(&scene, 0, "status", "--json", NULL));
    cr_expect(has_results(owner, RESULTS, 1));
}

/* An integer of a key that is on its way, at the node it goes to. */
static long long asked_int(unsigned i, const char *command)
{
    redis_do(node(i), "ASKING");
    return redis_int(node(i), command);
}

/* The list is empty, so it is made where its slot goes; the failures are moved; the rest stays. */
static void begin_to_move(unsigned from, unsigned to)
{
    start_at(from);
    job_push_many(node(from), JOB_JSON, 0, 10, 10);
    redis_do(node(from), "RPUSH " JOB_LIST " rubbish");
    cr_assert(has_results(from, RESULTS, 10));
    cr_assert(wait_until(outcomes_count(node(from), FAILURES) == 1, WAIT_LONG_MS));
    cr_expect_eq(proc_stop(&scene.pusherd, SIGTERM, WAIT_LONG_MS), 0);
    cluster_begin_move(&cluster, JOB_LIST, from, to);
    cluster_move_key(&cluster, FAILURES, from, to);
}

static void enqueue_two(void)
{
    char path[300];
    folder_path(&scene.folder, "two.jsonl", path, sizeof(path));
    FILE *file = fopen(path, "we");
    cr_assert(file);
    for (int i = 10; i < 12; i++)
        fprintf(file,
                "{\"op\":\"triggerEvent\",\"id\":\"%d\",\"channel\":\"ch-0\",\"event\":\"e\","
                "\"data\":{\"n\":%d}}\n",
                i, i);
    fclose(file);
    file = fopen(path, "re");
    cr_assert(file && dup2(fileno(file), STDIN_FILENO) == STDIN_FILENO);
    fclose(file);
    cr_assert_eq(ctl_run(&scene, NULL, "enqueue", NULL), 0);
}

Test(cluster, whose_slot_is_on_its_way_is_asked_for_by_pusherctl)
{
    open_with(false);
    unsigned from = cluster_owner(&cluster, JOB_LIST), to = (from + 1) % CLUSTER_MASTERS;
    begin_to_move(from, to);
    enqueue_two();
    cr_expect_eq(asked_int(to, "LLEN " JOB_LIST), 2);
    json_decref(ctl_json(&scene, 0, "status", "--json", NULL));
    json_decref(ctl_json(&scene, 0, "failures", "list", "--json", NULL));
    cr_expect_eq(ctl_run(&scene, NULL, "pause", "--reason", "it moves", NULL), 0);
    cr_expect_eq(asked_int(to, "HLEN {pusher:jobs}:paused"), 1);
    cr_expect_eq(ctl_run(&scene, NULL, "resume", NULL), 0);
    cr_expect_eq(ctl_run(&scene, NULL, "fsck", NULL), 69, "what it cannot see all of it counts");
    cr_expect(audit_logs(&scene, "the queue is on its way to another node, try again"));

    cluster_move_keys(&cluster, JOB_LIST, from, to);
    cluster_end_move(&cluster, JOB_LIST, from, to);
    scene_start_pusherd(&scene);
    cr_assert(has_results(to, RESULTS, 12));
    cr_expect_eq(audit_each_once(&scene, node(to), RESULTS, 12), 0);
}

/* How often this node has given this error. */
static unsigned long n_refused(unsigned i, const char *error)
{
    char name[48];
    snprintf(name, sizeof(name), "errorstat_%s:count=", error);
    redisReply *info = redis_cmd(node(i), "INFO errorstats");
    const char *line = strstr(info->str, name);
    unsigned long n = line ? strtoul(line + strlen(name), NULL, 10) : 0;
    freeReplyObject(info);
    return n;
}

/* Its script names five keys, of which one has left: neither node runs it. */
Test(cluster, whose_slot_is_on_its_way_is_waited_for_by_pusherctl)
{
    struct proc replay;
    open_with(false);
    unsigned from = cluster_owner(&cluster, JOB_LIST), to = (from + 1) % CLUSTER_MASTERS;
    begin_to_move(from, to);
    redis_do(node(to), "CONFIG RESETSTAT");
    ctl_start(&scene, &replay, "failures", "replay", "--all", "--json", NULL);
    cr_assert(wait_until(n_refused(to, "TRYAGAIN") > 0, WAIT_LONG_MS));
    cluster_move_keys(&cluster, JOB_LIST, from, to);
    cluster_end_move(&cluster, JOB_LIST, from, to);
    json_decref(ctl_finish(&replay, 0));
    cr_expect_eq(redis_int(node(to), "LLEN " JOB_LIST), 1);
    cr_expect_eq(redis_int(node(to), "XLEN " FAILURES), 0);
}

/* While the slot is on its way, Redis refuses commands that name several keys of which some are on
 * the other node or do not exist: with TRYAGAIN, or with ASK when all have left. The queue rests.
 */
Test(cluster, in_which_the_queue_moves_under_load)
{
    open_with(false);
    unsigned from = cluster_owner(&cluster, JOB_LIST), to = (from + 1) % CLUSTER_MASTERS;
    job_push_many(node(from), JOB_JSON, 0, JOBS, 40);
    start_at(from);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= JOBS / 8, WAIT_LONG_MS));
    cluster_begin_move(&cluster, JOB_LIST, from, to);
    cr_assert(audit_logs(&scene, "error=\"TRYAGAIN"));
    cluster_move_keys(&cluster, JOB_LIST, from, to);
    cr_assert(audit_logs(&scene, "error=\"ASK"));
    cr_assert(wait_until(n_refused(from, "ASK") >= 4, WAIT_LONG_MS));
    cluster_end_move(&cluster, JOB_LIST, from, to);
    uint64_t moved_ms = wait_now_ms();
    cr_assert(has_results(to, RESULTS, JOBS));
    fprintf(stderr, "all settled %u ms after the move\n", (unsigned)(wait_now_ms() - moved_ms));
    cr_expect_eq(audit_each_once(&scene, node(to), RESULTS, JOBS), 0);
    cr_expect(audit_logs(&scene, "the queue lives on another node"));
    cr_expect_leq(audit_log_lines(&scene, "the queue is on its way"), 2, "each error once");
    cr_expect_eq(audit_log_lines(&scene, "cannot wait for jobs"), 0);
}

/* Idle, it waits in a BLMOVE, which the old node ends by itself. */
Test(cluster, in_which_the_queue_moves_while_it_is_idle)
{
    open_with(false);
    unsigned from = cluster_owner(&cluster, JOB_LIST), to = (from + 1) % CLUSTER_MASTERS;
    start_at(from);
    job_push_many(node(from), JOB_JSON, 0, 10, 10);
    cr_assert(has_results(from, RESULTS, 10));
    cluster_begin_move(&cluster, JOB_LIST, from, to);
    cluster_move_keys(&cluster, JOB_LIST, from, to);
    cluster_end_move(&cluster, JOB_LIST, from, to);
    uint64_t moved_ms = wait_now_ms();
    job_push_many(node(to), JOB_JSON, 10, 10, 10);
    cr_assert(
        audit_recovers(node(to), RESULTS, "the move of the idle queue", moved_ms, RECOVERY_MS));
    cr_assert(has_results(to, RESULTS, 20));
    cr_expect_eq(audit_each_once(&scene, node(to), RESULTS, 20), 0);
}

/* A queue on either of two nodes; the jobs of the first are under way. */
static void begin_two_queues(char lists[2][LIST_MAX], char results[2][LIST_MAX])
{
    open_with(false);
    for (unsigned i = 0; i < 2; i++) {
        list_on(i, lists[i], results[i]);
        add_queue(lists[i], i);
    }
    job_push_many_to(node(0), lists[0], JOB_JSON, 0, JOBS, 40);
    start_at(1);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= JOBS / 8, WAIT_LONG_MS));
}

/* Its jobs that were claimed and not sent must not hold up the others, and are done when it is
 * back.
 */
Test(cluster, whose_dead_node_stops_only_its_own_queue)
{
    char lists[2][LIST_MAX], results[2][LIST_MAX];
    begin_two_queues(lists, results);
    redis_kill(node(0));
    cr_assert(audit_logs(&scene, "not renewed for a whole lease"));
    job_push_many_to(node(1), lists[1], JOB_JSON, JOBS, 200, 40);
    cr_assert(audit_recovers(node(1), results[1], "another queue's loss", wait_now_ms(), 2000));
    cr_assert(has_results(1, results[1], 200));
    cluster_rejoin(&cluster, 0);
    cr_assert(
        audit_recovers(node(0), results[0], "a node that was away", wait_now_ms(), RECOVERY_MS));
    cr_assert(has_results(0, results[0], JOBS));
    cr_expect_eq(outcomes_count(node(0), results[0]), JOBS);
}

/* For longer than a lease, and while its jobs are under way. */
Test(cluster, in_which_a_slow_move_stops_only_its_own_queue)
{
    char lists[2][LIST_MAX], results[2][LIST_MAX];
    begin_two_queues(lists, results);
    cluster_begin_move(&cluster, lists[0], 0, 2);
    cr_assert(audit_logs(&scene, "not renewed for a whole lease"));
    job_push_many_to(node(1), lists[1], JOB_JSON, JOBS, 200, 40);
    cr_assert(audit_recovers(node(1), results[1], "another queue's move", wait_now_ms(), 2000));
    cr_assert(has_results(1, results[1], 200));
    cluster_move_keys(&cluster, lists[0], 0, 2);
    cluster_end_move(&cluster, lists[0], 0, 2);
    cr_assert(has_results(2, results[0], JOBS));
    cr_expect_eq(audit_published_twice(&scene, JOBS + 200), 0);
}

static bool is_waited_at(unsigned i)
{
    redisReply *info = redis_cmd(node(i), "INFO clients");
    bool is_blocked = strstr(info->str, "blocked_clients:1") != NULL;
    freeReplyObject(info);
    return is_blocked;
}

/* It was pointed at the very node that dies: it has learned of the others. */
Test(cluster, fails_over_to_the_replica_of_the_node_that_dies)
{
    char list[LIST_MAX], results[LIST_MAX];
    open_with(true);
    list_on(0, list, results);
    add_queue(list, 0);
    job_push_many_to(node(0), list, JOB_JSON, 0, JOBS, 40);
    cr_assert_eq(redis_int(node(0), "WAIT 1 10000"), 1);
    start_at(0);
    cr_assert(wait_until(fake_server_events(&scene.fake) >= JOBS / 8, WAIT_LONG_MS));
    redis_kill(node(0));
    uint64_t killed_ms = wait_now_ms();
    cr_assert(wait_until(has_role(CLUSTER_MASTERS, "master"), WAIT_LONG_MS));
    fprintf(stderr, "the cluster took %u ms\n", (unsigned)(wait_now_ms() - killed_ms));
    cr_assert(audit_recovers(node(CLUSTER_MASTERS), results, "the loss of a node", killed_ms,
                             RECOVERY_MS));
    cr_assert(has_results(CLUSTER_MASTERS, results, JOBS));
    audit_each_once(&scene, node(CLUSTER_MASTERS), results, JOBS);
    cr_expect(wait_until(is_waited_at(CLUSTER_MASTERS), WAIT_LONG_MS), "it polls");
}
